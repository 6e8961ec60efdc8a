/* Graph nodes -> ONNX nodes. */
#include <string.h>

#include "model/writer.h"

/* The order that a value's own tensor has. */
static layout layout_of(const writer *w, sepcl_value value) {
  const written *v = &w->values[value];
  return v->name ? v->layout : layout_native(graph_node(w->graph, value)->rank);
}

/* ONNX axis of a stored one. */
static int32_t onnx_axis(const layout *l, int32_t stored) {
  int32_t axis = 0;
  while (l->perm[axis] != stored) axis++;
  return axis;
}

static layout channels_innermost(int32_t rank) { return rank < 3 ? layout_native(rank) : layout_channels_last(rank); }

/* A list of one number per stored axis, in ONNX's order. */
static void to_onnx(const layout *l, int32_t rank, const int64_t *stored, int64_t *out) {
  for (int32_t i = 0; i < rank; i++) out[i] = stored[l->perm[i]];
}

static sepcl_status write_parameters(writer *w, const node *n, int32_t count, const char **names) {
  shape s = {1, {node_channels(graph_node(w->graph, n->inputs[0]))}};
  for (int32_t i = 0; i < count; i++) TRY(write_floats(w, &s, graph_node(w->graph, n->inputs[1 + i])->data, &names[i]));
  return SEPCL_OK;
}

static sepcl_status write_batch_norm(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  const char *x, *p[4], *out;
  layout l = channels_innermost(n->rank);
  Onnx__NodeProto *proto = NULL;
  if (n->rank < 2) return failure(SEPCL_UNSUPPORTED, "ONNX has no batch norm of one dimension");
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_parameters(w, n, 4, p));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "BatchNormalization", (const char *[]){x, p[0], p[1], p[2], p[3], NULL}, out, &proto));
  return write_float(w, proto, "epsilon", n->epsilon);
}

/* Scale or shift where the graph has none: ONNX asks for both. */
static sepcl_status write_affine(writer *w, sepcl_value value, const shape *s, float fallback, const char **name) {
  const node *n = graph_node(w->graph, value);
  void *block;
  if (n && shape_elements(s) == node_elements(n)) return write_floats(w, s, n->data, name);
  TRY(model_memory_take(w->memory, &block, (size_t)shape_elements(s), sizeof(float)));
  float *data = block;
  for (int64_t i = 0; i < shape_elements(s); i++) data[i] = n ? n->data[i % node_elements(n)] : fallback;
  return write_floats(w, s, data, name);
}

static sepcl_status write_norm(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  bool instance = n->norm.kind == SEPCL_INSTANCE_NORM;
  layout l = instance ? layout_channels_last(4) : layout_native(n->rank);
  shape s = {.rank = n->rank - n->norm.axis};
  const char *x, *scale, *shift, *out;
  Onnx__NodeProto *proto = NULL;
  if (instance)
    s = (shape){1, {node_channels(n)}};
  else
    memcpy(s.dims, n->dims + n->norm.axis, (size_t)s.rank * sizeof *s.dims);
  for (int32_t i = 1; i <= 2; i++)
    if (n->inputs[i] != SEPCL_NO_VALUE && graph_node(w->graph, n->inputs[i])->kind != NODE_CONSTANT)
      return failure(SEPCL_UNSUPPORTED, "a computed scale or shift");
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_affine(w, n->inputs[1], &s, 1.0f, &scale));
  TRY(write_affine(w, n->inputs[2], &s, 0.0f, &shift));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, instance ? "InstanceNormalization" : "LayerNormalization", (const char *[]){x, scale, shift, NULL},
                 out, &proto));
  if (!instance) TRY(write_int(w, proto, "axis", n->norm.axis));
  return write_float(w, proto, "epsilon", n->norm.epsilon);
}

static sepcl_status write_lrn(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = channels_innermost(n->rank);
  const char *x, *out;
  Onnx__NodeProto *proto = NULL;
  if (n->rank < 2) return failure(SEPCL_UNSUPPORTED, "ONNX has no LRN of one dimension");
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "LRN", (const char *[]){x, NULL}, out, &proto));
  TRY(write_int(w, proto, "size", n->norm.window));
  TRY(write_float(w, proto, "alpha", n->norm.alpha));
  TRY(write_float(w, proto, "beta", n->norm.beta));
  return write_float(w, proto, "bias", n->norm.bias);
}

static sepcl_status write_binary(writer *w, sepcl_value value) {
  static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu"};
  const node *n = graph_node(w->graph, value), *a = graph_node(w->graph, n->inputs[0]);
  const node *b = graph_node(w->graph, n->inputs[1]);
  layout l = layout_native(n->rank);
  const char *first, *second, *out;
  if (a->rank == n->rank && a->kind != NODE_CONSTANT)
    l = layout_of(w, n->inputs[0]);
  else if (b->rank == n->rank && b->kind != NODE_CONSTANT)
    l = layout_of(w, n->inputs[1]);
  TRY(write_value_wide(w, n->inputs[0], n->rank, &l, &first));
  TRY(write_value_wide(w, n->inputs[1], n->rank, &l, &second));
  TRY(write_result(w, value, &l, &out));
  return write_node(w, names[n->mode], (const char *[]){first, second, NULL}, out, NULL);
}

static sepcl_status write_pool(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_channels_last(4);
  const char *x, *out;
  bool max = n->pool.kind == SEPCL_MAX_POOL;
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, max ? "MaxPool" : "AveragePool", (const char *[]){x, NULL}, out, &proto));
  TRY(write_window(w, proto, &n->pool.window));
  if (n->pool.ceil_mode) TRY(write_int(w, proto, "ceil_mode", 1));
  if (n->pool.kind == SEPCL_AVERAGE_POOL_WITH_PADDING) TRY(write_int(w, proto, "count_include_pad", 1));
  return SEPCL_OK;
}

static sepcl_status write_reduce(writer *w, sepcl_value value) {
  static const char *const names[] = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"};
  const node *n = graph_node(w->graph, value), *from = graph_node(w->graph, n->inputs[0]);
  bool keep = n->rank == from->rank, global = keep && n->mode == SEPCL_REDUCE_MEAN && n->rank == 4 && n->axes == 6;
  layout l = global ? layout_channels_last(4) : keep ? layout_of(w, n->inputs[0]) : layout_native(from->rank);
  const char *x, *out, *list = NULL;
  int64_t axes[SEPCL_MAX_RANK];
  int32_t count = 0;
  Onnx__NodeProto *proto = NULL;
  layout result = keep ? l : layout_native(n->rank);
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_result(w, value, &result, &out));
  if (global) return write_node(w, "GlobalAveragePool", (const char *[]){x, NULL}, out, NULL);
  for (int32_t i = 0; i < from->rank; i++)
    if (n->axes >> l.perm[i] & 1) axes[count++] = i;
  if (count == 0) return write_node(w, "Identity", (const char *[]){x, NULL}, out, NULL);
  if (n->mode == SEPCL_REDUCE_SUM || w->opset >= 18) TRY(write_integers(w, axes, count, &list));
  TRY(write_node(w, names[n->mode], (const char *[]){x, list, NULL}, out, &proto));
  if (!list) TRY(write_ints(w, proto, "axes", axes, (size_t)count));
  return write_int(w, proto, "keepdims", keep);
}

/* [M][K] x [K][N] or [N][K], with an addend: Gemm. */
static sepcl_status write_gemm(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value), *addend = graph_node(w->graph, n->inputs[2]);
  layout l = layout_native(2), own = layout_native(addend ? addend->rank : 0);
  const char *a, *b, *c = NULL, *out;
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &a));
  TRY(write_value(w, n->inputs[1], &l, &b));
  if (addend) TRY(write_value(w, n->inputs[2], &own, &c));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Gemm", (const char *[]){a, b, c, NULL}, out, &proto));
  return n->mode ? write_int(w, proto, "transB", 1) : SEPCL_OK;
}

static sepcl_status write_matmul(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value), *first = graph_node(w->graph, n->inputs[0]);
  const node *second = graph_node(w->graph, n->inputs[1]);
  layout la = layout_native(first->rank), lb = layout_native(second->rank), l = layout_native(n->rank);
  const char *a, *b, *out;
  if (first->rank == 2 && second->rank == 2) return write_gemm(w, value);
  if (n->inputs[2] != SEPCL_NO_VALUE)
    return failure(SEPCL_UNSUPPORTED, "ONNX has no product of more than two dimensions that starts from an addend");
  if (n->mode) lb.perm[second->rank - 1] = second->rank - 2, lb.perm[second->rank - 2] = second->rank - 1;
  TRY(write_value(w, n->inputs[0], &la, &a));
  TRY(write_value(w, n->inputs[1], &lb, &b));
  TRY(write_result(w, value, &l, &out));
  return write_node(w, "MatMul", (const char *[]){a, b, NULL}, out, NULL);
}

static sepcl_status write_concat(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_native(n->rank);
  const char *out;
  void *block;
  Onnx__NodeProto *proto = NULL;
  for (int32_t i = n->input_count - 1; i >= 0; i--)
    if (graph_node(w->graph, n->inputs[i])->kind != NODE_CONSTANT) l = layout_of(w, n->inputs[i]);
  TRY(model_memory_take(w->memory, &block, (size_t)n->input_count + 1, sizeof(char *)));
  const char **names = block;
  for (int32_t i = 0; i < n->input_count; i++) TRY(write_value(w, n->inputs[i], &l, &names[i]));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Concat", names, out, &proto));
  return write_int(w, proto, "axis", onnx_axis(&l, n->axis));
}

static sepcl_status write_slice(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_of(w, n->inputs[0]);
  const char *x, *lists[4], *out;
  int64_t stored_ends[SEPCL_MAX_RANK], starts[SEPCL_MAX_RANK], ends[SEPCL_MAX_RANK], axes[SEPCL_MAX_RANK];
  int64_t steps[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < n->rank; i++) {
    int64_t step = n->steps[i] ? n->steps[i] : 1, last = n->starts[i] + (n->dims[i] - 1) * step;
    stored_ends[i] = step > 0 ? last + 1 : last > 0 ? last - 1 : INT64_MIN / 2;
    axes[i] = i;
  }
  to_onnx(&l, n->rank, n->starts, starts);
  to_onnx(&l, n->rank, stored_ends, ends);
  to_onnx(&l, n->rank, n->steps, steps);
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_integers(w, starts, n->rank, &lists[0]));
  TRY(write_integers(w, ends, n->rank, &lists[1]));
  TRY(write_integers(w, axes, n->rank, &lists[2]));
  TRY(write_integers(w, steps, n->rank, &lists[3]));
  TRY(write_result(w, value, &l, &out));
  return write_node(w, "Slice", (const char *[]){x, lists[0], lists[1], lists[2], lists[3], NULL}, out, NULL);
}

static sepcl_status write_pad(writer *w, sepcl_value value) {
  static const char *const modes[] = {"constant", "reflect", "edge"};
  const node *n = graph_node(w->graph, value);
  layout l = layout_of(w, n->inputs[0]);
  const char *x, *amounts, *constant, *out;
  int64_t pads[2 * SEPCL_MAX_RANK];
  Onnx__NodeProto *proto = NULL;
  to_onnx(&l, n->rank, n->before, pads);
  to_onnx(&l, n->rank, n->after, pads + n->rank);
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_integers(w, pads, 2 * n->rank, &amounts));
  TRY(write_scalar(w, n->value, &constant));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Pad", (const char *[]){x, amounts, constant, NULL}, out, &proto));
  return write_text(w, proto, "mode", modes[n->mode]);
}

/* Reshape or Expand: both take the new shape. */
static sepcl_status write_with_shape(writer *w, sepcl_value value, const char *operation) {
  const node *n = graph_node(w->graph, value);
  layout from = layout_native(graph_node(w->graph, n->inputs[0])->rank), l = layout_native(n->rank);
  const char *x, *dims, *out;
  TRY(write_value(w, n->inputs[0], &from, &x));
  TRY(write_integers(w, n->dims, n->rank, &dims));
  TRY(write_result(w, value, &l, &out));
  return write_node(w, operation, (const char *[]){x, dims, NULL}, out, NULL);
}

/* Nothing is written: the value is the input's tensor, its axes called otherwise. */
static sepcl_status write_moved(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_of(w, n->inputs[0]);
  written *v = &w->values[value];
  TRY(write_value(w, n->inputs[0], &l, &v->name));
  for (int32_t i = 0; i < n->rank; i++)
    for (int32_t j = 0; j < n->rank; j++)
      if (n->permutation[j] == l.perm[i]) v->layout.perm[i] = j;
  return SEPCL_OK;
}

static sepcl_status write_gather(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_of(w, n->inputs[0]);
  const char *x, *indices, *out;
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_integers(w, n->indices, (int32_t)n->dims[n->axis], &indices));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Gather", (const char *[]){x, indices, NULL}, out, &proto));
  return write_int(w, proto, "axis", onnx_axis(&l, n->axis));
}

static sepcl_status write_softmax(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  layout l = layout_of(w, n->inputs[0]);
  const char *x, *out;
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Softmax", (const char *[]){x, NULL}, out, &proto));
  return write_int(w, proto, "axis", onnx_axis(&l, n->axis));
}

static sepcl_status write_resize(writer *w, sepcl_value value) {
  static const char *const rules[] = {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                      "tf_half_pixel_for_nn"};
  static const char *const rounding[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  const node *n = graph_node(w->graph, value);
  const sepcl_resize_attributes *a = &n->resize;
  layout l = layout_channels_last(4);
  bool scaled = a->scale_h > 0 && a->scale_w > 0;
  const float values[4] = {1.0f, 1.0f, a->scale_h, a->scale_w};
  const int64_t dims[4] = {n->dims[0], n->dims[3], n->dims[1], n->dims[2]};
  shape four = {1, {4}};
  const char *x, *scales = "", *sizes = NULL, *out;
  void *block;
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(model_memory_take(w->memory, &block, 4, sizeof(float)));
  memcpy(block, values, sizeof values);
  if (scaled)
    TRY(write_floats(w, &four, block, &scales));
  else
    TRY(write_integers(w, dims, 4, &sizes));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Resize", (const char *[]){x, "", scales, sizes, NULL}, out, &proto));
  TRY(write_text(w, proto, "mode", a->mode == SEPCL_LINEAR ? "linear" : "nearest"));
  TRY(write_text(w, proto, "coordinate_transformation_mode", rules[a->coordinates]));
  return a->mode == SEPCL_NEAREST ? write_text(w, proto, "nearest_mode", rounding[a->nearest]) : SEPCL_OK;
}

sepcl_status write_graph_node(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  switch (n->kind) {
    case NODE_INPUT:
      w->values[value] = (written){.name = n->name, .layout = layout_native(n->rank)};
      for (int32_t i = 0; i < w->graph->input_count; i++)
        if (w->graph->inputs[i].value == value) w->values[value].name = w->graph->inputs[i].name;
      return SEPCL_OK;
    case NODE_CONSTANT: return SEPCL_OK; /* written where it is asked for */
    case NODE_CONV: return write_conv(w, value);
    case NODE_CONV_TRANSPOSE: return write_conv_transpose(w, value);
    case NODE_DEFORM_CONV: return write_deform_conv(w, value);
    case NODE_BATCH_NORM: return write_batch_norm(w, value);
    case NODE_NORM: return n->norm.kind == SEPCL_LRN ? write_lrn(w, value) : write_norm(w, value);
    case NODE_ACTIVATION: return write_activation(w, value);
    case NODE_BINARY: return write_binary(w, value);
    case NODE_POOL: return write_pool(w, value);
    case NODE_REDUCE: return write_reduce(w, value);
    case NODE_MATMUL: return write_matmul(w, value);
    case NODE_CONCAT: return write_concat(w, value);
    case NODE_SLICE: return write_slice(w, value);
    case NODE_PAD: return write_pad(w, value);
    case NODE_RESHAPE: return write_with_shape(w, value, "Reshape");
    case NODE_TRANSPOSE: return write_moved(w, value);
    case NODE_EXPAND: return write_with_shape(w, value, "Expand");
    case NODE_GATHER: return write_gather(w, value);
    case NODE_SOFTMAX: return write_softmax(w, value);
    case NODE_RESIZE: return write_resize(w, value);
    default: return failure(SEPCL_UNSUPPORTED, "it was made by a pass");
  }
}
