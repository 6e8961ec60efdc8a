/* Pools and reductions. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

static sepcl_status read_pool_kernel(const call *c, int32_t spatial, sepcl_window *w) {
  const int64_t *values;
  int32_t count;
  TRY(call_ints(c, "kernel_shape", &values, &count));
  bool fits = count == spatial;
  for (int32_t i = 0; fits && i < count; i++) fits = values[i] >= 1 && values[i] <= INT32_MAX / 4;
  if (!fits) return refuse(c, SEPCL_BAD_MODEL, "attribute 'kernel_shape' does not fit %d spatial axes", spatial);
  w->kernel_h = spatial == 2 ? (int32_t)values[0] : 1;
  w->kernel_w = (int32_t)values[count - 1];
  return SEPCL_OK;
}

/* Which pool it is, and how it counts. */
static sepcl_status read_pool_kind(const call *c, sepcl_pool_attributes *a) {
  static const int32_t flag[2] = {0, 1};
  int32_t with_padding;
  int64_t unused;
  TRY(call_int32(c, "ceil_mode", 0, flag, &a->ceil_mode));
  TRY(call_int32(c, "count_include_pad", 0, flag, &with_padding));
  TRY(call_int(c, "storage_order", 0, &unused)); /* of the indices, which sepcl does not compute */
  if (!strcmp(c->node->op_type, "MaxPool"))
    a->kind = SEPCL_MAX_POOL;
  else
    a->kind = with_padding ? SEPCL_AVERAGE_POOL_WITH_PADDING : SEPCL_AVERAGE_POOL;
  return SEPCL_OK;
}

/* Where even the only window reaches past the end, by less than its stride, ONNX's formula gives no output when it is
 * rounded down. ONNX Runtime rounds towards zero: one output, of the pixels that are there. */
static void reach_end(int64_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t before, int32_t *after) {
  int64_t missing = (int64_t)dilation * (kernel - 1) + 1 - input - before - *after;
  if (missing > 0 && missing < stride) *after += (int32_t)missing;
}

void pool_reaches_end(int64_t height, int64_t width, sepcl_pool_attributes *a) {
  sepcl_window *w = &a->window;
  const bool padded = w->pad_top || w->pad_left || w->pad_bottom || w->pad_right;
  if (a->ceil_mode) return; /* rounds up anyway */
  if (a->kind == SEPCL_AVERAGE_POOL_WITH_PADDING) {
    if (padded) return; /* what lies behind the padding does not count: no pool of the graph's does both */
    a->kind = SEPCL_AVERAGE_POOL;
  }
  reach_end(height, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, &w->pad_bottom);
  reach_end(width, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, &w->pad_right);
}

sepcl_status op_pool(call *c) {
  tensor *x = call_input(c, 0), line;
  int32_t spatial;
  layout l = layout_channels_last(4);
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  sepcl_value value;
  TRY(read_pool_kind(c, &a));
  if (x->shape.rank == 5) return pool_volume(c, &a);
  TRY(as_image(c, &x, &line, &spatial));
  TRY(read_pool_kernel(c, spatial, &a.window));
  TRY(read_window(c, &x->shape, spatial, &a.window));
  pool_reaches_end(x->shape.dims[2], x->shape.dims[3], &a);
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return give_image(c, sepcl_graph_pool(c->reader->graph, value, &a), spatial);
}

sepcl_status emit_reduce(const call *c, tensor *t, sepcl_reduction kind, uint32_t axes, tensor *out) {
  layout images = layout_channels_last(4);
  bool is_global = kind == SEPCL_REDUCE_MEAN && t->shape.rank == 4 && axes == (1u << 2 | 1u << 3);
  sepcl_value value;
  uint32_t stored = 0;
  if (is_global) {
    TRY(tensor_value(c, t, &images, &value));
    sepcl_graph_name_next(c->reader->graph, call_name(c));
    return tensor_of_value(c, out, sepcl_graph_global_average_pool(c->reader->graph, value), &images);
  }
  TRY(tensor_value_kept(c, t, &value));
  for (int32_t i = 0; i < t->shape.rank; i++)
    if (axes >> i & 1) stored |= 1u << t->layout.perm[i];
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return tensor_of_value(c, out, sepcl_graph_reduce(c->reader->graph, value, kind, stored, 1), &t->layout);
}

/* All spatial axes at once: [N][C][..] keeps its rank. */
static sepcl_status global_pool(call *c, sepcl_reduction kind) {
  tensor *x = call_input(c, 0), flat, pooled, out;
  shape s = {.rank = x->shape.rank};
  if (x->shape.rank < 3) return refuse(c, SEPCL_INVALID_SHAPE, "an input of %d dimensions", x->shape.rank);
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = i < 2 ? x->shape.dims[i] : 1;
  bool is_image = x->shape.rank == 4;
  shape image = {.rank = 4, .dims = {x->shape.dims[0], x->shape.dims[1], 1, 1}};
  for (int32_t i = 2; i < x->shape.rank; i++) image.dims[is_image ? i : 3] *= x->shape.dims[i];
  TRY(view_reshape(c, x, &image, &flat));
  TRY(emit_reduce(c, &flat, kind, 1u << 2 | 1u << 3, &pooled));
  TRY(view_reshape(c, &pooled, &s, &out));
  return call_give(c, 0, &out);
}

sepcl_status op_global_average_pool(call *c) { return global_pool(c, SEPCL_REDUCE_MEAN); }
sepcl_status op_global_max_pool(call *c) { return global_pool(c, SEPCL_REDUCE_MAX); }

/* ---- reductions ---- */

typedef struct reduction_row {
  const char *name;
  sepcl_reduction kind;
  int32_t axes_input_since; /* the opset in which the axes became an input */
} reduction_row;

/* Products are of known numbers only. */
static const reduction_row reductions[] = {
    {"ReduceMean", SEPCL_REDUCE_MEAN, 18},     {"ReduceSum", SEPCL_REDUCE_SUM, 13}, {"ReduceMax", SEPCL_REDUCE_MAX, 18},
    {"ReduceMin", SEPCL_REDUCE_MIN, 18},       {"ReduceL1", SEPCL_REDUCE_SUM, 18},  {"ReduceL2", SEPCL_REDUCE_SUM, 18},
    {"ReduceSumSquare", SEPCL_REDUCE_SUM, 18}, {"ReduceProd", SEPCL_REDUCE_SUM, 18}};

static const reduction_row *find_reduction(const call *c) {
  const reduction_row *row = reductions;
  while (strcmp(row->name, c->node->op_type) != 0) row++;
  return row;
}

sepcl_status reduced_axes(const call *c, const tensor *x, uint32_t *axes) {
  static const int32_t flag[2] = {0, 1};
  const int64_t *values;
  int32_t count, empty_is_none;
  bool as_input = c->reader->opset >= find_reduction(c)->axes_input_since;
  TRY(call_int32(c, "noop_with_empty_axes", 0, flag, &empty_is_none));
  TRY(call_known_ints(c, "axes", as_input ? 1 : -1, &values, &count));
  *axes = 0;
  for (int32_t i = 0; i < count; i++) {
    int32_t axis;
    TRY(call_axis(c, values[i], x->shape.rank, false, &axis));
    *axes |= 1u << axis;
  }
  if (count <= 0 && !empty_is_none) *axes = (1u << x->shape.rank) - 1;
  return SEPCL_OK;
}

/* The norms are made of a sum and of functions before and behind it. */
static sepcl_status before_sum(const call *c, tensor *x, tensor *out) {
  const char *name = c->node->op_type;
  *out = *x;
  if (!strcmp(name, "ReduceL1")) return emit_function(c, x, (sepcl_activation){SEPCL_ABS, 0, 0}, out);
  if (!strcmp(name, "ReduceL2") || !strcmp(name, "ReduceSumSquare")) return emit_binary(c, SEPCL_MUL, x, x, out);
  return SEPCL_OK;
}

sepcl_status op_reduce(call *c) {
  static const int32_t flag[2] = {0, 1};
  tensor *x = call_input(c, 0), prepared, reduced, out;
  uint32_t axes;
  int32_t keep_dims;
  TRY(reduced_axes(c, x, &axes));
  TRY(call_int32(c, "keepdims", 1, flag, &keep_dims));
  TRY(before_sum(c, x, &prepared));
  reduced = prepared;
  if (axes) TRY(emit_reduce(c, &prepared, find_reduction(c)->kind, axes, &reduced));
  if (!strcmp(c->node->op_type, "ReduceL2")) {
    tensor squared = reduced;
    TRY(emit_function(c, &squared, (sepcl_activation){SEPCL_SQRT, 0, 0}, &reduced));
  }
  if (keep_dims) return call_give(c, 0, &reduced);
  shape s = {0};
  for (int32_t i = 0; i < x->shape.rank; i++)
    if (!(axes >> i & 1)) s.dims[s.rank++] = x->shape.dims[i];
  TRY(view_reshape(c, &reduced, &s, &out));
  return call_give(c, 0, &out);
}
