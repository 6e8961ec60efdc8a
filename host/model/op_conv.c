/* Conv, ConvTranspose, DeformConv. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

sepcl_status as_image(const call *c, tensor **x, tensor *line, int32_t *spatial) {
  *spatial = (*x)->shape.rank - 2;
  if (*spatial < 1 || *spatial > 2)
    return refuse(c, SEPCL_UNSUPPORTED, "an input of %d dimensions: of 1 or 2 spatial axes only", (*x)->shape.rank);
  if (*spatial == 2) return SEPCL_OK;
  TRY(view_insert_axis(c, *x, 2, line));
  *x = line;
  return SEPCL_OK;
}

sepcl_status give_image(call *c, sepcl_value value, int32_t spatial) {
  tensor image, line;
  layout l = layout_channels_last(4);
  TRY(tensor_of_value(c, &image, value, &l));
  if (spatial == 2) return call_give(c, 0, &image);
  TRY(view_remove_axis(c, &image, 2, &line));
  return call_give(c, 0, &line);
}

sepcl_status constant_input(const call *c, int32_t index, const char *what, sepcl_value *out) {
  tensor *t = call_input(c, index);
  layout native;
  *out = SEPCL_NO_VALUE;
  if (!t) return SEPCL_OK;
  if (!t->floats) return refuse(c, SEPCL_UNSUPPORTED, "%s ('%s') must be constant and float", what, t->name);
  native = layout_native(t->shape.rank);
  return tensor_value(c, t, &native, out);
}

/* Per spatial axis, filled from the node's lists; a missing list leaves the default. */
static sepcl_status read_axes(const call *c, const char *name, int32_t spatial, int64_t out[2]) {
  const int64_t *values;
  int32_t count;
  TRY(call_ints(c, name, &values, &count));
  if (count < 0) return SEPCL_OK;
  if (count != spatial)
    return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' has %d entries for %d spatial axes", name, count, spatial);
  for (int32_t i = 0; i < count; i++) {
    if (values[i] < 1 || values[i] > INT32_MAX / 4)
      return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' has the entry %lld", name, (long long)values[i]);
    out[2 - spatial + i] = values[i];
  }
  return SEPCL_OK;
}

static sepcl_status read_pads(const call *c, int32_t spatial, int64_t pads[4]) {
  const int64_t *values;
  int32_t count;
  TRY(call_ints(c, "pads", &values, &count));
  if (count < 0) return SEPCL_OK;
  if (count != 2 * spatial)
    return refuse(c, SEPCL_BAD_MODEL, "attribute 'pads' has %d entries for %d spatial axes", count, spatial);
  for (int32_t i = 0; i < count; i++) {
    if (values[i] < 0 || values[i] > INT32_MAX / 4)
      return refuse(c, SEPCL_BAD_MODEL, "attribute 'pads' has the entry %lld", (long long)values[i]);
    pads[i < spatial ? 2 - spatial + i : 4 - spatial + i - spatial] = values[i];
  }
  return SEPCL_OK;
}

void pad_same(int64_t input, int64_t kernel, int64_t stride, bool upper, int64_t pads[2]) {
  int64_t outputs = (input + stride - 1) / stride;
  int64_t total = (outputs - 1) * stride + kernel - input;
  if (total < 0) total = 0;
  pads[0] = upper ? total / 2 : total - total / 2;
  pads[1] = total - pads[0];
}

sepcl_status read_window(const call *c, const shape *x, int32_t spatial, sepcl_window *w) {
  int64_t stride[2] = {1, 1}, dilation[2] = {1, 1}, pads[4] = {0};
  const char *mode;
  TRY(read_axes(c, "strides", spatial, stride));
  TRY(read_axes(c, "dilations", spatial, dilation));
  TRY(read_pads(c, spatial, pads));
  TRY(call_text(c, "auto_pad", "NOTSET", &mode));
  if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER")) {
    int64_t h[2], v[2];
    bool upper = !strcmp(mode, "SAME_UPPER");
    pad_same(x->dims[2], dilation[0] * (w->kernel_h - 1) + 1, stride[0], upper, h);
    pad_same(x->dims[3], dilation[1] * (w->kernel_w - 1) + 1, stride[1], upper, v);
    pads[0] = h[0], pads[1] = v[0], pads[2] = h[1], pads[3] = v[1];
  } else if (!strcmp(mode, "VALID")) {
    memset(pads, 0, sizeof pads);
  } else if (strcmp(mode, "NOTSET") != 0) {
    return refuse(c, SEPCL_BAD_MODEL, "attribute 'auto_pad' is '%s'", mode);
  }
  for (int32_t i = 0; i < 4; i++)
    if (pads[i] > INT32_MAX) return refuse(c, SEPCL_OVERFLOW, "a padding of %lld", (long long)pads[i]);
  w->stride_h = (int32_t)stride[0], w->stride_w = (int32_t)stride[1];
  w->dilation_h = (int32_t)dilation[0], w->dilation_w = (int32_t)dilation[1];
  w->pad_top = (int32_t)pads[0], w->pad_left = (int32_t)pads[1];
  w->pad_bottom = (int32_t)pads[2], w->pad_right = (int32_t)pads[3];
  return SEPCL_OK;
}

/* The weights' kernel size; attribute 'kernel_shape', where given, must agree. */
static sepcl_status read_kernel(const call *c, const tensor *weights, int32_t spatial, sepcl_window *w) {
  int64_t given[2] = {1, 1}, kernel[2] = {1, 1};
  if (weights->shape.rank != spatial + 2)
    return refuse(c, SEPCL_INVALID_SHAPE, "weights of %d dimensions for an input of %d", weights->shape.rank,
                  spatial + 2);
  for (int32_t i = 0; i < spatial; i++) given[2 - spatial + i] = kernel[2 - spatial + i] = weights->shape.dims[2 + i];
  TRY(read_axes(c, "kernel_shape", spatial, given));
  if (memcmp(given, kernel, sizeof given) != 0)
    return refuse(c, SEPCL_INVALID_SHAPE, "attribute 'kernel_shape' is not the weights' kernel size");
  if (kernel[0] > INT32_MAX / 4 || kernel[1] > INT32_MAX / 4)
    return refuse(c, SEPCL_OVERFLOW, "a kernel of %lldx%lld", (long long)kernel[0], (long long)kernel[1]);
  w->kernel_h = (int32_t)kernel[0], w->kernel_w = (int32_t)kernel[1];
  return SEPCL_OK;
}

static const int32_t positive[2] = {1, INT32_MAX};

static sepcl_status check_outputs(const call *c, int64_t outputs) {
  return outputs > 0 && outputs <= INT32_MAX ? SEPCL_OK
                                             : refuse(c, SEPCL_INVALID_SHAPE, "%lld outputs", (long long)outputs);
}

/* The weights are [outputs][channels / groups][H][W]. */
static sepcl_status read_conv(const call *c, const tensor *x, int32_t spatial, sepcl_conv_attributes *a) {
  const tensor *weights = call_input(c, 1);
  TRY(read_kernel(c, weights, spatial, &a->window));
  TRY(read_window(c, &x->shape, spatial, &a->window));
  TRY(call_int32(c, "group", 1, positive, &a->groups));
  TRY(check_outputs(c, weights->shape.dims[0]));
  a->outputs = (int32_t)weights->shape.dims[0];
  if (x->shape.dims[1] % a->groups || weights->shape.dims[1] != x->shape.dims[1] / a->groups)
    return refuse(c, SEPCL_INVALID_SHAPE, "weights for %lld channels and %d groups on an input of %lld channels",
                  (long long)weights->shape.dims[1], a->groups, (long long)x->shape.dims[1]);
  return SEPCL_OK;
}

sepcl_status op_conv(call *c) {
  tensor *x = call_input(c, 0), line;
  int32_t spatial;
  layout l = layout_channels_last(4);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  sepcl_value value, weights, bias;
  if (x->shape.rank == 5) return conv_volume(c);
  TRY(as_image(c, &x, &line, &spatial));
  TRY(read_conv(c, x, spatial, &a));
  TRY(constant_input(c, 1, "the weights", &weights));
  TRY(constant_input(c, 2, "the bias", &bias));
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return give_image(c, sepcl_graph_conv(c->reader->graph, value, weights, bias, &a), spatial);
}

/* The padding that makes the output as large as asked for along one axis. */
static void pad_to_output(int64_t total, bool upper, int32_t *before, int32_t *after, int32_t *output_pad) {
  if (total < 0) {
    *output_pad += (int32_t)-total;
    total = 0;
  }
  *before = (int32_t)(upper ? total / 2 : total - total / 2);
  *after = (int32_t)(total - *before);
}

/* 'output_shape', or SAME, decides the padding. */
static sepcl_status read_output_shape(const call *c, const shape *x, int32_t spatial,
                                      sepcl_conv_transpose_attributes *a) {
  int64_t wanted[2] = {1, 1}, total[2];
  sepcl_window *w = &a->window;
  const char *mode;
  TRY(call_text(c, "auto_pad", "NOTSET", &mode));
  bool same = !strncmp(mode, "SAME_", 5), upper = !strcmp(mode, "SAME_UPPER");
  if (!same && !call_has_attribute(c, "output_shape")) return SEPCL_OK;
  if (same) wanted[0] = x->dims[2] * w->stride_h, wanted[1] = x->dims[3] * w->stride_w;
  const int64_t *given;
  int32_t count;
  TRY(call_ints(c, "output_shape", &given, &count));
  if (count == spatial + 2) /* some writers give all axes */
    for (int32_t i = 0; i < spatial; i++)
      wanted[2 - spatial + i] = given[2 + i] < 0 || given[2 + i] > INT32_MAX ? INT32_MAX : given[2 + i];
  else
    TRY(read_axes(c, "output_shape", spatial, wanted));
  total[0] = (x->dims[2] - 1) * w->stride_h + (int64_t)w->dilation_h * (w->kernel_h - 1) + 1 + a->output_pad_h;
  total[1] = (x->dims[3] - 1) * w->stride_w + (int64_t)w->dilation_w * (w->kernel_w - 1) + 1 + a->output_pad_w;
  for (int32_t i = 0; i < 2; i++) {
    total[i] -= wanted[i];
    if (total[i] > INT32_MAX / 4 || total[i] < -INT32_MAX / 4)
      return refuse(c, SEPCL_OVERFLOW, "an output of %lld pixels", (long long)wanted[i]);
  }
  pad_to_output(total[0], upper, &w->pad_top, &w->pad_bottom, &a->output_pad_h);
  pad_to_output(total[1], upper, &w->pad_left, &w->pad_right, &a->output_pad_w);
  return SEPCL_OK;
}

static sepcl_status read_output_padding(const call *c, int32_t spatial, sepcl_conv_transpose_attributes *a) {
  const int64_t *values;
  int32_t count;
  TRY(call_ints(c, "output_padding", &values, &count));
  if (count < 0) return SEPCL_OK;
  bool fits = count == spatial;
  for (int32_t i = 0; fits && i < count; i++) fits = values[i] >= 0 && values[i] <= INT32_MAX / 4;
  if (!fits) return refuse(c, SEPCL_BAD_MODEL, "attribute 'output_padding' does not fit the spatial axes");
  a->output_pad_h = spatial == 2 ? (int32_t)values[0] : 0;
  a->output_pad_w = (int32_t)values[count - 1];
  return SEPCL_OK;
}

/* The weights are [channels][outputs / groups][H][W]. */
static sepcl_status read_conv_transpose(const call *c, const tensor *x, int32_t spatial,
                                        sepcl_conv_transpose_attributes *a) {
  const tensor *weights = call_input(c, 1);
  int64_t outputs;
  TRY(read_kernel(c, weights, spatial, &a->window));
  TRY(read_window(c, &x->shape, spatial, &a->window));
  TRY(call_int32(c, "group", 1, positive, &a->groups));
  TRY(read_output_padding(c, spatial, a));
  TRY(read_output_shape(c, &x->shape, spatial, a));
  if (weights->shape.dims[0] != x->shape.dims[1])
    return refuse(c, SEPCL_INVALID_SHAPE, "weights for %lld channels on an input of %lld",
                  (long long)weights->shape.dims[0], (long long)x->shape.dims[1]);
  if (__builtin_mul_overflow(weights->shape.dims[1], (int64_t)a->groups, &outputs)) outputs = 0;
  TRY(check_outputs(c, outputs));
  a->outputs = (int32_t)outputs;
  return SEPCL_OK;
}

sepcl_status op_conv_transpose(call *c) {
  tensor *x = call_input(c, 0), line;
  int32_t spatial;
  layout l = layout_channels_last(4);
  sepcl_conv_transpose_attributes a = SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  sepcl_value value, weights, bias;
  TRY(as_image(c, &x, &line, &spatial));
  TRY(read_conv_transpose(c, x, spatial, &a));
  TRY(constant_input(c, 1, "the weights", &weights));
  TRY(constant_input(c, 2, "the bias", &bias));
  TRY(tensor_value(c, x, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return give_image(c, sepcl_graph_conv_transpose(c->reader->graph, value, weights, bias, &a), spatial);
}

/* ONNX: x, weights, offsets, bias, mask. */
sepcl_status op_deform_conv(call *c) {
  tensor *x = call_input(c, 0), *offsets = call_input(c, 2), *mask = call_input(c, 4);
  layout l = layout_channels_last(4);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  sepcl_value inputs[5] = {SEPCL_NO_VALUE, SEPCL_NO_VALUE, SEPCL_NO_VALUE, SEPCL_NO_VALUE, SEPCL_NO_VALUE};
  int32_t offset_groups;
  if (x->shape.rank != 4 || offsets->shape.rank != 4 || (mask && mask->shape.rank != 4))
    return refuse(c, SEPCL_UNSUPPORTED, "input, offsets and mask must have 4 dimensions");
  TRY(read_conv(c, x, 2, &a));
  TRY(call_int32(c, "offset_group", 1, positive, &offset_groups));
  TRY(constant_input(c, 1, "the weights", &inputs[1]));
  TRY(constant_input(c, 3, "the bias", &inputs[3]));
  TRY(tensor_value(c, x, &l, &inputs[0]));
  TRY(tensor_value(c, offsets, &l, &inputs[2]));
  if (mask) TRY(tensor_value(c, mask, &l, &inputs[4]));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return give_image(c, sepcl_graph_deform_conv(c->reader->graph, inputs, offset_groups, &a), 2);
}
