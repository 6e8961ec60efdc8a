/* Matrix products, fully connected layers among them. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "graph/build.h"

/* c broadcasts to the product, but may not widen it. */
static sepcl_status check_addend(const node *n, const node *c) {
  bool fits = c->rank <= n->rank;
  for (int32_t i = 1; fits && i <= c->rank; i++) {
    int64_t dim = c->dims[c->rank - i];
    fits = dim == 1 || dim == n->dims[n->rank - i];
  }
  char text[SHAPE_TEXT], wanted[SHAPE_TEXT];
  if (fits) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "the addend's shape %s does not broadcast to the product's, %s",
                 shape_text(text, c->rank, c->dims), shape_text(wanted, n->rank, n->dims));
}

static sepcl_status matmul_rule(const sepcl_graph *graph, node *n, bool transpose_b) {
  const node *a = input_of(graph, n, 0), *b = input_of(graph, n, 1), *c = input_of(graph, n, 2);
  char first[SHAPE_TEXT], second[SHAPE_TEXT];
  if (a->rank < 2 || b->rank < 2)
    return failure(SEPCL_INVALID_SHAPE, "the shapes %s and %s are not both matrices",
                   shape_text(first, a->rank, a->dims), shape_text(second, b->rank, b->dims));
  int64_t rows = a->dims[a->rank - 2], inner = a->dims[a->rank - 1];
  int64_t b_inner = b->dims[b->rank - (transpose_b ? 1 : 2)], columns = b->dims[b->rank - (transpose_b ? 2 : 1)];
  if (inner != b_inner)
    return failure(SEPCL_INVALID_SHAPE, "the inner dimensions of %s and %s%s differ",
                   shape_text(first, a->rank, a->dims), shape_text(second, b->rank, b->dims),
                   transpose_b ? " (transposed)" : "");
  /* The leading axes broadcast on their own. */
  node outer_a = {.rank = a->rank - 2}, outer_b = {.rank = b->rank - 2};
  memcpy(outer_a.dims, a->dims, sizeof a->dims);
  memcpy(outer_b.dims, b->dims, sizeof b->dims);
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  TRY(broadcast_shape(&outer_a, &outer_b, &rank, dims));
  dims[rank++] = rows;
  dims[rank++] = columns;
  TRY(set_shape(n, rank, dims));
  if (c) TRY(check_addend(n, c));
  n->mode = transpose_b;
  if (b->kind == NODE_CONSTANT) snprintf(n->label, sizeof n->label, "fc");
  return SEPCL_OK;
}

sepcl_value sepcl_graph_matmul(sepcl_graph *graph, sepcl_value a, sepcl_value b, sepcl_value c, int32_t transpose_b) {
  node *n = graph_begin(graph, NODE_MATMUL, (sepcl_value[]){a, b, c}, 3, 2);
  return n ? graph_finish(graph, matmul_rule(graph, n, transpose_b != 0)) : SEPCL_NO_VALUE;
}
