/* Checks and shape arithmetic that several builders need. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "graph/build.h"

int64_t node_elements(const node *n) {
  int64_t elements = 1;
  for (int32_t i = 0; i < n->rank; i++) elements *= n->dims[i];
  return elements;
}

int64_t node_channels(const node *n) { return n->rank > 0 ? n->dims[n->rank - 1] : 1; }

sepcl_shape node_shape4(const node *n) {
  return (sepcl_shape){(int32_t)n->dims[0], (int32_t)n->dims[1], (int32_t)n->dims[2], (int32_t)n->dims[3]};
}

const char *shape_text(char text[SHAPE_TEXT], int32_t rank, const int64_t *dims) {
  size_t at = 0;
  snprintf(text, SHAPE_TEXT, "scalar");
  for (int32_t i = 0; i < rank && i < SEPCL_MAX_RANK && at < SHAPE_TEXT; i++)
    at += (size_t)snprintf(text + at, SHAPE_TEXT - at, i ? "x%lld" : "%lld", (long long)dims[i]);
  return text;
}

sepcl_status set_shape(node *n, int32_t rank, const int64_t *dims) {
  if (rank < 0 || rank > SEPCL_MAX_RANK)
    return failure(SEPCL_INVALID_SHAPE, "rank %d is outside 0 to %d", rank, SEPCL_MAX_RANK);
  if (rank > 0 && !dims) return failure(SEPCL_INVALID_ARGUMENT, "the dimensions are NULL");
  char text[SHAPE_TEXT];
  int64_t elements = 1;
  for (int32_t i = 0; i < rank; i++)
    if (dims[i] <= 0)
      return failure(SEPCL_INVALID_SHAPE, "dimension %d of the shape %s is not positive", i,
                     shape_text(text, rank, dims));
  for (int32_t i = 0; i < rank; i++) {
    if (dims[i] > INT32_MAX / elements)
      return failure(SEPCL_OVERFLOW, "the shape %s has 2^31 elements or more", shape_text(text, rank, dims));
    elements *= dims[i];
  }
  n->rank = rank;
  if (rank) memmove(n->dims, dims, (size_t)rank * sizeof *dims);
  return SEPCL_OK;
}

sepcl_status set_shape_of(node *n, const node *like) { return set_shape(n, like->rank, like->dims); }

const node *input_of(const sepcl_graph *graph, const node *n, int32_t index) {
  return index < n->input_count ? graph_node(graph, n->inputs[index]) : NULL;
}

sepcl_status check_parameter(const sepcl_graph *graph, const node *n, int32_t index, const char *what,
                             int64_t elements) {
  const node *parameter = input_of(graph, n, index);
  if (!parameter) return SEPCL_OK;
  if (parameter->kind != NODE_CONSTANT)
    return failure(SEPCL_UNSUPPORTED, "%s is computed ('%s'), not a constant", what, parameter->name);
  if (node_elements(parameter) == elements) return SEPCL_OK;
  char text[SHAPE_TEXT];
  return failure(SEPCL_INVALID_SHAPE, "%s has %lld elements (%s) instead of %lld", what,
                 (long long)node_elements(parameter), shape_text(text, parameter->rank, parameter->dims),
                 (long long)elements);
}

sepcl_status check_rank4(const node *x) {
  char text[SHAPE_TEXT];
  if (x->rank == 4) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "the input's shape is %s, not [N][H][W][C]", shape_text(text, x->rank, x->dims));
}

sepcl_status resolve_axis(int32_t *axis, int32_t rank) {
  if (*axis < -rank || *axis >= rank)
    return failure(SEPCL_INVALID_ARGUMENT, "axis %d does not exist in a value of rank %d", *axis, rank);
  if (*axis < 0) *axis += rank;
  return SEPCL_OK;
}

sepcl_status read_attributes(void *to, size_t size, const void *from) {
  if (!from) return failure(SEPCL_INVALID_ARGUMENT, "the attributes are NULL");
  uint32_t given;
  memcpy(&given, from, sizeof given);
  if (given < sizeof given || given > size)
    return failure(SEPCL_INVALID_ARGUMENT, "the attributes' size is %u, not %zu: use the struct's _INIT", given, size);
  memcpy(to, from, given);
  memcpy(to, &(uint32_t){(uint32_t)size}, sizeof given);
  return SEPCL_OK;
}

sepcl_status broadcast_shape(const node *a, const node *b, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]) {
  *rank = a->rank > b->rank ? a->rank : b->rank;
  for (int32_t i = 1; i <= *rank; i++) {
    int64_t from_a = i <= a->rank ? a->dims[a->rank - i] : 1, from_b = i <= b->rank ? b->dims[b->rank - i] : 1;
    char first[SHAPE_TEXT], second[SHAPE_TEXT];
    if (from_a != from_b && from_a != 1 && from_b != 1)
      return failure(SEPCL_INVALID_SHAPE, "the shapes %s and %s do not broadcast", shape_text(first, a->rank, a->dims),
                     shape_text(second, b->rank, b->dims));
    dims[*rank - i] = from_a == 1 ? from_b : from_a;
  }
  return SEPCL_OK;
}

/* ---- windows ---- */

sepcl_status check_window(const sepcl_window *w) {
  if (w->kernel_h <= 0 || w->kernel_w <= 0)
    return failure(SEPCL_INVALID_SHAPE, "the kernel %dx%d is not positive", w->kernel_h, w->kernel_w);
  if (w->stride_h <= 0 || w->stride_w <= 0)
    return failure(SEPCL_INVALID_ARGUMENT, "the stride %dx%d is not positive", w->stride_h, w->stride_w);
  if (w->dilation_h <= 0 || w->dilation_w <= 0)
    return failure(SEPCL_INVALID_ARGUMENT, "the dilation %dx%d is not positive", w->dilation_h, w->dilation_w);
  if (w->pad_top < 0 || w->pad_left < 0 || w->pad_bottom < 0 || w->pad_right < 0)
    return failure(SEPCL_INVALID_ARGUMENT, "the padding %d,%d,%d,%d is negative", w->pad_top, w->pad_left,
                   w->pad_bottom, w->pad_right);
  return SEPCL_OK;
}

window_axis window_axis_h(const sepcl_window *w, int64_t input) {
  return (window_axis){input, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, w->pad_bottom};
}

window_axis window_axis_w(const sepcl_window *w, int64_t input) {
  return (window_axis){input, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, w->pad_right};
}

int64_t window_positions(const window_axis *a, bool ceil) {
  int64_t span = a->input + a->before + a->after - (a->dilation * (a->kernel - 1) + 1);
  if (span < 0) return ceil && span > -a->stride ? 1 : 0; /* one window, larger than the input */
  int64_t positions = span / a->stride + 1;
  if (!ceil || span % a->stride == 0) return positions;
  /* The window that overhangs counts only if it starts inside the input or the padding before it. */
  return positions * a->stride < a->input + a->before ? positions + 1 : positions;
}
