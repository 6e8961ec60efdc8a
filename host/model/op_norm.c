/* Normalisations and softmax. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

/* [N][C] as it is, anything longer with its channels innermost. */
static layout channels_innermost(int32_t rank) { return rank < 3 ? layout_native(rank) : layout_channels_last(rank); }

static sepcl_status check_channels(const call *c, const tensor *x, int32_t from, int32_t to) {
  if (x->shape.rank < 2) return refuse(c, SEPCL_INVALID_SHAPE, "an input of %d dimensions", x->shape.rank);
  for (int32_t i = from; i <= to; i++)
    if (call_input(c, i)->shape.rank != 1 || call_input(c, i)->shape.dims[0] != x->shape.dims[1])
      return refuse(c, SEPCL_INVALID_SHAPE, "parameter '%s' is not one number for each of %lld channels",
                    call_input(c, i)->name, (long long)x->shape.dims[1]);
  return SEPCL_OK;
}

/* Parameters that are computed, such as layer norms that TensorFlow spells as a batch norm: plain arithmetic. */
static sepcl_status computed_batch_norm(call *c, float epsilon) {
  tensor *x = call_input(c, 0), p[4], small, sum, root, centred, unit, scaled, out;
  shape s = {.rank = x->shape.rank - 1, .dims = {x->shape.dims[1]}};
  for (int32_t i = 1; i < s.rank; i++) s.dims[i] = 1;
  for (int32_t i = 0; i < 4; i++) TRY(view_reshape(c, call_input(c, 1 + i), &s, &p[i]));
  TRY(known_scalar(c, epsilon, &small));
  TRY(emit_binary(c, SEPCL_ADD, &p[3], &small, &sum));
  TRY(emit_function(c, &sum, (sepcl_activation){SEPCL_SQRT, 0, 0}, &root));
  TRY(emit_binary(c, SEPCL_SUB, x, &p[2], &centred));
  TRY(emit_binary(c, SEPCL_DIV, &centred, &root, &unit));
  TRY(emit_binary(c, SEPCL_MUL, &unit, &p[0], &scaled));
  TRY(emit_binary(c, SEPCL_ADD, &scaled, &p[1], &out));
  return call_give(c, 0, &out);
}

sepcl_status op_batch_norm(call *c) {
  tensor *x = call_input(c, 0);
  static const int32_t off[2] = {0, 0}, on[2] = {1, 1}, flag[2] = {0, 1};
  int32_t unused;
  float epsilon, momentum;
  sepcl_value value, parameters[4];
  layout l = channels_innermost(x->shape.rank);
  TRY(call_int32(c, "training_mode", 0, off, &unused));
  if (c->node->n_output > 1 && *c->node->output[1]) /* before opset 14 that is what says so */
    return refuse(c, SEPCL_UNSUPPORTED, "it is in training mode: it gives statistics ('%s')", c->node->output[1]);
  TRY(call_int32(c, "spatial", 1, on, &unused));
  TRY(call_int32(c, "is_test", 1, flag, &unused));
  TRY(call_float(c, "epsilon", 1e-5f, &epsilon));
  TRY(call_float(c, "momentum", 0.9f, &momentum));
  TRY(check_channels(c, x, 1, 4));
  for (int32_t i = 1; i <= 4; i++)
    if (!tensor_is_known(call_input(c, i))) return computed_batch_norm(c, epsilon);
  for (int32_t i = 0; i < 4; i++) TRY(constant_input(c, 1 + i, "a parameter of the normalisation", &parameters[i]));
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return call_give_value(c, 0, sepcl_graph_batch_norm(c->reader->graph, value, parameters, epsilon), &l);
}

sepcl_status op_instance_norm(call *c) {
  tensor *x = call_input(c, 0), image, out;
  sepcl_norm_attributes a = SEPCL_NORM_ATTRIBUTES_INIT;
  layout l = layout_channels_last(4);
  sepcl_value value, scale, shift;
  a.kind = SEPCL_INSTANCE_NORM;
  if (x->shape.rank < 3) return refuse(c, SEPCL_INVALID_SHAPE, "an input of %d dimensions", x->shape.rank);
  TRY(call_float(c, "epsilon", 1e-5f, &a.epsilon));
  TRY(check_channels(c, x, 1, 2));
  bool is_image = x->shape.rank == 4;
  shape s = {.rank = 4, .dims = {x->shape.dims[0], x->shape.dims[1], 1, 1}};
  for (int32_t i = 2; i < x->shape.rank; i++) s.dims[is_image ? i : 3] *= x->shape.dims[i];
  TRY(constant_input(c, 1, "the scale", &scale));
  TRY(constant_input(c, 2, "the shift", &shift));
  TRY(view_reshape(c, x, &s, &image));
  TRY(tensor_value(c, &image, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  TRY(tensor_of_value(c, &image, sepcl_graph_norm(c->reader->graph, value, scale, shift, &a), &l));
  TRY(view_reshape(c, &image, &x->shape, &out));
  return call_give(c, 0, &out);
}

sepcl_status op_lrn(call *c) {
  tensor *x = call_input(c, 0);
  static const int32_t sizes[2] = {1, INT32_MAX};
  sepcl_norm_attributes a = SEPCL_NORM_ATTRIBUTES_INIT;
  layout l = channels_innermost(x->shape.rank);
  sepcl_value value;
  a.kind = SEPCL_LRN;
  TRY(call_int32(c, "size", 0, sizes, &a.window));
  TRY(call_float(c, "alpha", 1e-4f, &a.alpha));
  TRY(call_float(c, "beta", 0.75f, &a.beta));
  TRY(call_float(c, "bias", 1.0f, &a.bias));
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return call_give_value(c, 0, sepcl_graph_norm(c->reader->graph, value, SEPCL_NO_VALUE, SEPCL_NO_VALUE, &a), &l);
}

/* The axes from `axis` on innermost, in ONNX's order; the others stay in their stored order. */
static layout tail_innermost(const tensor *x, int32_t axis) {
  layout l = {{0}};
  int32_t rank = x->shape.rank;
  for (int32_t i = 0; i < rank; i++) {
    l.perm[i] = i;
    if (i >= axis) continue;
    l.perm[i] = 0;
    for (int32_t j = 0; j < axis; j++) l.perm[i] += x->layout.perm[j] < x->layout.perm[i];
  }
  return l;
}

/* The outputs that training asks for: mean and 1 / sqrt(variance + epsilon). */
static sepcl_status layer_statistics(call *c, tensor *x, int32_t axis, float epsilon) {
  tensor mean, centred, squared, variance, small, shifted, deviation, inverse;
  uint32_t axes = ((1u << x->shape.rank) - 1) & ~((1u << axis) - 1);
  if (c->node->n_output < 2) return SEPCL_OK;
  TRY(emit_reduce(c, x, SEPCL_REDUCE_MEAN, axes, &mean));
  TRY(call_give(c, 1, &mean));
  if (c->node->n_output < 3) return SEPCL_OK;
  TRY(emit_binary(c, SEPCL_SUB, x, &mean, &centred));
  TRY(emit_binary(c, SEPCL_MUL, &centred, &centred, &squared));
  TRY(emit_reduce(c, &squared, SEPCL_REDUCE_MEAN, axes, &variance));
  TRY(known_scalar(c, epsilon, &small));
  TRY(emit_binary(c, SEPCL_ADD, &variance, &small, &shifted));
  TRY(emit_function(c, &shifted, (sepcl_activation){SEPCL_SQRT, 0, 0}, &deviation));
  TRY(emit_function(c, &deviation, (sepcl_activation){SEPCL_RECIPROCAL, 0, 0}, &inverse));
  return call_give(c, 2, &inverse);
}

sepcl_status op_layer_norm(call *c) {
  tensor *x = call_input(c, 0);
  sepcl_norm_attributes a = SEPCL_NORM_ATTRIBUTES_INIT;
  int64_t axis, stash;
  layout l;
  sepcl_value value, scale, shift;
  TRY(call_int(c, "axis", -1, &axis));
  TRY(call_int(c, "stash_type", 1, &stash));
  TRY(call_float(c, "epsilon", 1e-5f, &a.epsilon));
  TRY(call_axis(c, axis, x->shape.rank, false, &a.axis));
  l = tail_innermost(x, a.axis);
  TRY(constant_input(c, 1, "the scale", &scale));
  TRY(constant_input(c, 2, "the shift", &shift));
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  TRY(call_give_value(c, 0, sepcl_graph_norm(c->reader->graph, value, scale, shift, &a), &l));
  return layer_statistics(c, x, a.axis, a.epsilon);
}

/* Each group of channels is normalised as a whole; scale and shift are per channel, up to opset 20 per group. */
sepcl_status op_group_norm(call *c) {
  tensor *x = call_input(c, 0), rows, parts, p[2], scaled, shifted, out;
  static const int32_t positive[2] = {1, INT32_MAX};
  sepcl_norm_attributes a = SEPCL_NORM_ATTRIBUTES_INIT;
  int64_t stash;
  int32_t groups;
  layout l = layout_native(2);
  sepcl_value value;
  TRY(call_int32(c, "num_groups", 0, positive, &groups));
  TRY(call_float(c, "epsilon", 1e-5f, &a.epsilon));
  TRY(call_int(c, "stash_type", 1, &stash));
  if (x->shape.rank < 3 || x->shape.dims[1] % groups)
    return refuse(c, SEPCL_INVALID_SHAPE, "%d groups of an input of %d dimensions", groups, x->shape.rank);
  const int64_t count = c->reader->opset < 21 ? groups : x->shape.dims[1], images = x->shape.dims[0];
  const shape grouped = {2, {images * groups, shape_elements(&x->shape) / (images * groups)}};
  const shape parted = {3, {images, count, shape_elements(&x->shape) / (images * count)}}, column = {2, {count, 1}};
  for (int32_t i = 0; i < 2; i++) TRY(view_reshape(c, call_input(c, 1 + i), &column, &p[i]));
  a.axis = 1;
  TRY(view_reshape(c, x, &grouped, &rows));
  TRY(tensor_value(c, &rows, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_norm(c->reader->graph, value, SEPCL_NO_VALUE, SEPCL_NO_VALUE, &a);
  TRY(tensor_of_value(c, &rows, value, &l));
  TRY(view_reshape(c, &rows, &parted, &parts));
  TRY(emit_binary(c, SEPCL_MUL, &parts, &p[0], &scaled));
  TRY(emit_binary(c, SEPCL_ADD, &scaled, &p[1], &shifted));
  TRY(view_reshape(c, &shifted, &x->shape, &out));
  return call_give(c, 0, &out);
}

/* Up to opset 12 softmax is over all axes from `axis` on, together. *view is x, or x with those merged. */
static sepcl_status softmax_view(const call *c, tensor *view, int32_t *axis) {
  tensor *x = call_input(c, 0);
  int64_t given;
  int32_t wide = 0;
  *view = *x;
  TRY(call_int(c, "axis", c->reader->opset < 13 ? 1 : -1, &given));
  TRY(call_axis(c, given, x->shape.rank, c->reader->opset < 13, axis));
  if (c->reader->opset >= 13) return SEPCL_OK;
  shape s = {.rank = 2, .dims = {1, 1}};
  for (int32_t i = 0; i < x->shape.rank; i++) {
    s.dims[i >= *axis] *= x->shape.dims[i];
    wide += i >= *axis && x->shape.dims[i] != 1;
  }
  for (int32_t i = *axis; i < x->shape.rank && wide == 1; i++)
    if (x->shape.dims[i] != 1) {
      *axis = i;
      return SEPCL_OK;
    }
  *axis = 1;
  return view_reshape(c, x, &s, view);
}

sepcl_status op_softmax(call *c) {
  tensor x, y, out;
  int32_t axis;
  sepcl_value value;
  TRY(softmax_view(c, &x, &axis));
  TRY(tensor_value_kept(c, &x, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_softmax(c->reader->graph, value, x.layout.perm[axis]);
  TRY(tensor_of_value(c, &y, value, &x.layout));
  TRY(view_reshape(c, &y, &call_input(c, 0)->shape, &out));
  return call_give(c, 0, &out);
}

/* x - max - log(sum(exp(x - max))): the logarithm of a softmax that underflowed would be lost. */
sepcl_status op_log_softmax(call *c) {
  tensor x, most, centred, powers, total, logarithm, y, out;
  int32_t axis;
  TRY(softmax_view(c, &x, &axis));
  TRY(emit_reduce(c, &x, SEPCL_REDUCE_MAX, 1u << axis, &most));
  TRY(emit_binary(c, SEPCL_SUB, &x, &most, &centred));
  TRY(emit_function(c, &centred, (sepcl_activation){SEPCL_EXP, 0, 0}, &powers));
  TRY(emit_reduce(c, &powers, SEPCL_REDUCE_SUM, 1u << axis, &total));
  TRY(emit_function(c, &total, (sepcl_activation){SEPCL_LOG, 0, 0}, &logarithm));
  TRY(emit_binary(c, SEPCL_SUB, &centred, &logarithm, &y));
  TRY(view_reshape(c, &y, &call_input(c, 0)->shape, &out));
  return call_give(c, 0, &out);
}
