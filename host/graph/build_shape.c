/* Nodes that move values and compute nothing: concat, slice, pad, reshape, transpose, expand, gather. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/build.h"

static sepcl_status concat_rule(const sepcl_graph *graph, node *n, int32_t axis) {
  const node *first = input_of(graph, n, 0);
  n->axis = axis;
  TRY(resolve_axis(&n->axis, first->rank));
  int64_t dims[SEPCL_MAX_RANK];
  memcpy(dims, first->dims, sizeof dims);
  for (int32_t i = 1; i < n->input_count; i++) {
    const node *next = input_of(graph, n, i);
    bool fits = next->rank == first->rank;
    for (int32_t k = 0; fits && k < first->rank; k++) fits = k == n->axis || next->dims[k] == first->dims[k];
    char one[SHAPE_TEXT], other[SHAPE_TEXT];
    if (!fits)
      return failure(SEPCL_INVALID_SHAPE, "the shapes %s and %s differ in more than axis %d",
                     shape_text(one, first->rank, first->dims), shape_text(other, next->rank, next->dims), n->axis);
    dims[n->axis] += next->dims[n->axis]; /* at most 2^31 values of less than 2^31 */
  }
  return set_shape(n, first->rank, dims);
}

sepcl_value sepcl_graph_concat(sepcl_graph *graph, const sepcl_value *values, int32_t count, int32_t axis) {
  node *n = count > 0 ? graph_begin(graph, NODE_CONCAT, values, count, 1) : graph_begin(graph, NODE_CONCAT, NULL, 1, 1);
  for (int32_t i = 1; n && i < n->input_count; i++)
    if (n->inputs[i] == SEPCL_NO_VALUE)
      return graph_finish(graph, failure(SEPCL_INVALID_ARGUMENT, "operand %d is no value of the graph", i));
  return n ? graph_finish(graph, concat_rule(graph, n, axis)) : SEPCL_NO_VALUE;
}

static sepcl_status slice_rule(const sepcl_graph *graph, node *n, const int64_t *starts, const int64_t *counts,
                               const int64_t *steps) {
  const node *x = input_of(graph, n, 0);
  if (x->rank > 0 && (!starts || !counts)) return failure(SEPCL_INVALID_ARGUMENT, "starts or counts is NULL");
  for (int32_t i = 0; i < x->rank; i++) {
    int64_t step = steps ? steps[i] : 1, dim = x->dims[i];
    if (step == 0) return failure(SEPCL_INVALID_ARGUMENT, "the step of axis %d is 0", i);
    bool inside = starts[i] >= 0 && starts[i] < dim && counts[i] > 0 && counts[i] <= dim;
    /* count - 1 steps must stay inside; compared by division, since a step may be anything. */
    int64_t room = step > 0 ? dim - 1 - starts[i] : starts[i];
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    if (inside && counts[i] > 1) inside = stride <= (uint64_t)room / (uint64_t)(counts[i] - 1);
    if (!inside)
      return failure(SEPCL_INVALID_SHAPE, "%lld elements from %lld on in steps of %lld leave axis %d of %lld",
                     (long long)counts[i], (long long)starts[i], (long long)step, i, (long long)dim);
    n->starts[i] = starts[i];
    n->steps[i] = counts[i] > 1 ? step : 1;
  }
  return set_shape(n, x->rank, counts);
}

sepcl_value sepcl_graph_slice(sepcl_graph *graph, sepcl_value x, const int64_t *starts, const int64_t *counts,
                              const int64_t *steps) {
  node *n = graph_begin(graph, NODE_SLICE, &x, 1, 1);
  return n ? graph_finish(graph, slice_rule(graph, n, starts, counts, steps)) : SEPCL_NO_VALUE;
}

static sepcl_status pad_rule(const sepcl_graph *graph, node *n, const int64_t *before, const int64_t *after) {
  const node *x = input_of(graph, n, 0);
  if (n->mode < SEPCL_PAD_CONSTANT || n->mode > SEPCL_PAD_EDGE)
    return failure(SEPCL_INVALID_ARGUMENT, "pad mode %d is unknown", n->mode);
  if (x->rank > 0 && (!before || !after)) return failure(SEPCL_INVALID_ARGUMENT, "before or after is NULL");
  int64_t dims[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < x->rank; i++) {
    int64_t limit = n->mode == SEPCL_PAD_REFLECT ? x->dims[i] - 1 : INT32_MAX;
    if (before[i] > limit || after[i] > limit || before[i] < -INT32_MAX || after[i] < -INT32_MAX)
      return failure(SEPCL_INVALID_SHAPE, "the amounts %lld and %lld do not fit axis %d of %lld", (long long)before[i],
                     (long long)after[i], i, (long long)x->dims[i]);
    /* Cropping from both ends must leave something of the input itself: edges and reflections are read from it. */
    int64_t left = x->dims[i] + (before[i] < 0 ? before[i] : 0) + (after[i] < 0 ? after[i] : 0);
    if (left <= 0)
      return failure(SEPCL_INVALID_SHAPE, "the amounts %lld and %lld crop all of axis %d", (long long)before[i],
                     (long long)after[i], i);
    n->before[i] = before[i];
    n->after[i] = after[i];
    dims[i] = x->dims[i] + before[i] + after[i];
  }
  return set_shape(n, x->rank, dims);
}

sepcl_value sepcl_graph_pad(sepcl_graph *graph, sepcl_value x, sepcl_pad_mode mode, const int64_t *before,
                            const int64_t *after, float constant) {
  node *n = graph_begin(graph, NODE_PAD, &x, 1, 1);
  if (!n) return SEPCL_NO_VALUE;
  n->mode = mode;
  n->value = constant;
  return graph_finish(graph, pad_rule(graph, n, before, after));
}

static sepcl_status reshape_rule(const sepcl_graph *graph, node *n, int32_t rank, const int64_t *dims) {
  const node *x = input_of(graph, n, 0);
  TRY(set_shape(n, rank, dims));
  char from[SHAPE_TEXT], to[SHAPE_TEXT];
  if (node_elements(n) == node_elements(x)) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "the shapes %s and %s have different numbers of elements",
                 shape_text(from, x->rank, x->dims), shape_text(to, rank, dims));
}

sepcl_value sepcl_graph_reshape(sepcl_graph *graph, sepcl_value x, int32_t rank, const int64_t *dims) {
  node *n = graph_begin(graph, NODE_RESHAPE, &x, 1, 1);
  return n ? graph_finish(graph, reshape_rule(graph, n, rank, dims)) : SEPCL_NO_VALUE;
}

static sepcl_status transpose_rule(const sepcl_graph *graph, node *n, const int32_t *permutation) {
  const node *x = input_of(graph, n, 0);
  if (x->rank > 0 && !permutation) return failure(SEPCL_INVALID_ARGUMENT, "the permutation is NULL");
  uint32_t seen = 0;
  int64_t dims[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < x->rank; i++) {
    int32_t from = permutation[i];
    if (from < 0 || from >= x->rank || seen >> from & 1)
      return failure(SEPCL_INVALID_ARGUMENT, "entry %d (%d) makes the list no permutation of %d axes", i, from,
                     x->rank);
    seen |= 1u << from;
    n->permutation[i] = from;
    dims[i] = x->dims[from];
  }
  return set_shape(n, x->rank, dims);
}

sepcl_value sepcl_graph_transpose(sepcl_graph *graph, sepcl_value x, const int32_t *permutation) {
  node *n = graph_begin(graph, NODE_TRANSPOSE, &x, 1, 1);
  return n ? graph_finish(graph, transpose_rule(graph, n, permutation)) : SEPCL_NO_VALUE;
}

static sepcl_status expand_rule(const sepcl_graph *graph, node *n, int32_t rank, const int64_t *dims) {
  const node *x = input_of(graph, n, 0);
  TRY(set_shape(n, rank, dims));
  bool fits = x->rank <= rank;
  for (int32_t i = 1; fits && i <= x->rank; i++) {
    int64_t dim = x->dims[x->rank - i];
    fits = dim == 1 || dim == dims[rank - i];
  }
  char from[SHAPE_TEXT], to[SHAPE_TEXT];
  if (fits) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "the shape %s does not broadcast to %s", shape_text(from, x->rank, x->dims),
                 shape_text(to, rank, dims));
}

sepcl_value sepcl_graph_expand(sepcl_graph *graph, sepcl_value x, int32_t rank, const int64_t *dims) {
  node *n = graph_begin(graph, NODE_EXPAND, &x, 1, 1);
  return n ? graph_finish(graph, expand_rule(graph, n, rank, dims)) : SEPCL_NO_VALUE;
}

static sepcl_status gather_rule(const sepcl_graph *graph, node *n, const int64_t *indices, int64_t count) {
  const node *x = input_of(graph, n, 0);
  TRY(resolve_axis(&n->axis, x->rank));
  if (count <= 0 || !indices) return failure(SEPCL_INVALID_ARGUMENT, "there are no indices");
  for (int64_t i = 0; i < count; i++)
    if (indices[i] < 0 || indices[i] >= x->dims[n->axis])
      return failure(SEPCL_INVALID_ARGUMENT, "index %lld is outside axis %d of %lld", (long long)indices[i], n->axis,
                     (long long)x->dims[n->axis]);
  int64_t dims[SEPCL_MAX_RANK];
  memcpy(dims, x->dims, sizeof dims);
  dims[n->axis] = count;
  TRY(set_shape(n, x->rank, dims));
  n->indices = malloc((size_t)count * sizeof *indices); /* count fits 31 bits: it is a dimension */
  if (!n->indices) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for %lld indices", (long long)count);
  memcpy(n->indices, indices, (size_t)count * sizeof *indices);
  return SEPCL_OK;
}

sepcl_value sepcl_graph_gather(sepcl_graph *graph, sepcl_value x, int32_t axis, const int64_t *indices, int64_t count) {
  node *n = graph_begin(graph, NODE_GATHER, &x, 1, 1);
  if (!n) return SEPCL_NO_VALUE;
  n->axis = axis;
  return graph_finish(graph, gather_rule(graph, n, indices, count));
}
