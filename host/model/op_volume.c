/* [N][C][D][H][W]: convolutions and pools over volumes, made of those over images. A convolution is a sum over the
 * kernel's planes of image convolutions, with depth as a part of the batch; a pool is a pool over H and W and then one
 * over D. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

/* One axis of the node's window: the i-th of three. */
typedef struct depth_axis {
  int64_t kernel, stride, dilation, before, after;
} depth_axis;

static sepcl_status read_list(const call *c, const char *name, int32_t length, int64_t low, int64_t out[6]) {
  const int64_t *values;
  int32_t count;
  TRY(call_ints(c, name, &values, &count));
  if (count < 0) return SEPCL_OK;
  bool fits = count == length;
  for (int32_t i = 0; fits && i < count; i++) fits = values[i] >= low && values[i] <= INT32_MAX / 4;
  if (!fits) return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' does not fit 3 spatial axes", name);
  for (int32_t i = 0; i < count; i++) out[i] = values[i];
  return SEPCL_OK;
}

/* Splits the node's window over x into depth and the image's part. */
static sepcl_status read_volume_window(const call *c, const tensor *x, const int64_t kernel[3], depth_axis *depth,
                                       sepcl_window *w) {
  int64_t stride[6] = {1, 1, 1}, dilation[6] = {1, 1, 1}, pads[6] = {0};
  const char *mode;
  TRY(read_list(c, "strides", 3, 1, stride));
  TRY(read_list(c, "dilations", 3, 1, dilation));
  TRY(read_list(c, "pads", 6, 0, pads));
  TRY(call_text(c, "auto_pad", "NOTSET", &mode));
  bool upper = !strcmp(mode, "SAME_UPPER"), same = upper || !strcmp(mode, "SAME_LOWER");
  if (!strcmp(mode, "VALID")) memset(pads, 0, sizeof pads);
  for (int32_t i = 0; same && i < 3; i++) {
    int64_t both[2];
    pad_same(x->shape.dims[2 + i], dilation[i] * (kernel[i] - 1) + 1, stride[i], upper, both);
    pads[i] = both[0], pads[3 + i] = both[1];
    if (both[1] > INT32_MAX || both[0] > INT32_MAX)
      return refuse(c, SEPCL_OVERFLOW, "a padding of %lld", (long long)both[1]);
  }
  if (!same && strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0)
    return refuse(c, SEPCL_BAD_MODEL, "attribute 'auto_pad' is '%s'", mode);
  *depth = (depth_axis){kernel[0], stride[0], dilation[0], pads[0], pads[3]};
  *w = (sepcl_window){(int32_t)kernel[1],   (int32_t)kernel[2],   (int32_t)stride[1], (int32_t)stride[2],
                      (int32_t)dilation[1], (int32_t)dilation[2], (int32_t)pads[1],   (int32_t)pads[2],
                      (int32_t)pads[4],     (int32_t)pads[5]};
  return SEPCL_OK;
}

/* [N][C][D][H][W] -> [N D][C][H][W] */
static sepcl_status as_planes(const call *c, tensor *t, tensor *out) {
  static const int32_t depth_second[5] = {0, 2, 1, 3, 4};
  tensor moved;
  const int64_t *d = t->shape.dims;
  shape s = {4, {d[0] * d[2], d[1], d[3], d[4]}};
  TRY(view_transpose(c, t, depth_second, &moved));
  return view_reshape(c, &moved, &s, out);
}

/* The way back. */
static sepcl_status as_volume(const call *c, tensor *t, int64_t batch, tensor *out) {
  static const int32_t depth_third[5] = {0, 2, 1, 3, 4};
  tensor split;
  const int64_t *d = t->shape.dims;
  shape s = {5, {batch, d[0] / batch, d[1], d[2], d[3]}};
  TRY(view_reshape(c, t, &s, &split));
  return view_transpose(c, &split, depth_third, out);
}

static sepcl_status padded_depth(const call *c, tensor *x, const depth_axis *depth, tensor *out) {
  int64_t before[SEPCL_MAX_RANK] = {0}, after[SEPCL_MAX_RANK] = {0};
  sepcl_value value;
  *out = *x;
  if (!depth->before && !depth->after) return SEPCL_OK;
  before[x->layout.perm[2]] = depth->before;
  after[x->layout.perm[2]] = depth->after;
  TRY(tensor_value_kept(c, x, &value));
  value = sepcl_graph_pad(c->reader->graph, value, SEPCL_PAD_CONSTANT, before, after, 0.0f);
  return tensor_of_value(c, out, value, &x->layout);
}

/* Every `stride`-th plane from `first` on, `count` of them. */
static sepcl_status depth_planes(const call *c, tensor *x, int64_t first, int64_t stride, int64_t count, tensor *out) {
  int64_t starts[SEPCL_MAX_RANK] = {0}, counts[SEPCL_MAX_RANK], steps[SEPCL_MAX_RANK];
  sepcl_value value;
  int32_t axis = x->layout.perm[2];
  shape stored = layout_stored(&x->shape, &x->layout);
  for (int32_t i = 0; i < 5; i++) counts[i] = stored.dims[i], steps[i] = 1;
  starts[axis] = first, counts[axis] = count, steps[axis] = stride;
  TRY(tensor_value_kept(c, x, &value));
  value = sepcl_graph_slice(c->reader->graph, value, starts, counts, steps);
  return tensor_of_value(c, out, value, &x->layout);
}

/* Plane k of the weights, [O][I][D][H][W], as a constant of the graph. */
static sepcl_status weight_plane(const call *c, tensor *weights, int64_t k, sepcl_value *out) {
  int64_t starts[5] = {0, 0, k, 0, 0}, counts[5], steps[5] = {1, 1, 1, 1, 1};
  tensor plane, flat;
  layout native = layout_native(4);
  for (int32_t i = 0; i < 5; i++) counts[i] = i == 2 ? 1 : weights->shape.dims[i];
  TRY(known_slice(c, weights, starts, counts, steps, &plane));
  TRY(view_remove_axis(c, &plane, 2, &flat));
  return tensor_value(c, &flat, &native, out);
}

static sepcl_status check_volume_weights(const call *c, const tensor *x, const tensor *weights, int32_t groups) {
  if (!weights->floats)
    return refuse(c, SEPCL_UNSUPPORTED, "the weights ('%s') must be constant and float", weights->name);
  if (weights->shape.rank != 5) return refuse(c, SEPCL_INVALID_SHAPE, "weights of %d dimensions", weights->shape.rank);
  for (int32_t i = 0; i < 5; i++)
    if (weights->shape.dims[i] < 1 || weights->shape.dims[i] > INT32_MAX / 4)
      return refuse(c, SEPCL_INVALID_SHAPE, "weights of %lld along axis %d", (long long)weights->shape.dims[i], i);
  if (x->shape.dims[1] % groups || weights->shape.dims[1] != x->shape.dims[1] / groups)
    return refuse(c, SEPCL_INVALID_SHAPE, "weights for %lld channels and %d groups on an input of %lld channels",
                  (long long)weights->shape.dims[1], groups, (long long)x->shape.dims[1]);
  return SEPCL_OK;
}

/* One plane of the kernel: x's planes under it, as a batch, through an image convolution. */
static sepcl_status conv_plane(const call *c, tensor *x, const depth_axis *depth, int64_t k,
                               const sepcl_conv_attributes *a, tensor *out) {
  int64_t span = depth->dilation * (depth->kernel - 1) + 1, count = (x->shape.dims[2] - span) / depth->stride + 1;
  sepcl_value weights, bias = SEPCL_NO_VALUE, value;
  tensor under, planes;
  layout l = layout_channels_last(4);
  TRY(depth_planes(c, x, k * depth->dilation, depth->stride, count, &under));
  TRY(as_planes(c, &under, &planes));
  TRY(weight_plane(c, call_input(c, 1), k, &weights));
  if (k == 0) TRY(constant_input(c, 2, "the bias", &bias));
  TRY(tensor_value(c, &planes, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return tensor_of_value(c, out, sepcl_graph_conv(c->reader->graph, value, weights, bias, a), &l);
}

sepcl_status conv_volume(call *c) {
  static const int32_t positive[2] = {1, INT32_MAX};
  tensor *x = call_input(c, 0), *weights = call_input(c, 1), padded, sum, term, total, out;
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  depth_axis depth;
  TRY(call_int32(c, "group", 1, positive, &a.groups));
  TRY(check_volume_weights(c, x, weights, a.groups));
  TRY(read_volume_window(c, x, weights->shape.dims + 2, &depth, &a.window));
  a.outputs = (int32_t)weights->shape.dims[0];
  TRY(padded_depth(c, x, &depth, &padded));
  if (padded.shape.dims[2] < depth.dilation * (depth.kernel - 1) + 1)
    return refuse(c, SEPCL_INVALID_SHAPE, "the kernel does not fit into the depth of %lld",
                  (long long)padded.shape.dims[2]);
  TRY(conv_plane(c, &padded, &depth, 0, &a, &sum));
  for (int64_t k = 1; k < depth.kernel; k++) {
    TRY(conv_plane(c, &padded, &depth, k, &a, &term));
    TRY(emit_binary(c, SEPCL_ADD, &sum, &term, &total));
    sum = total;
  }
  TRY(as_volume(c, &sum, x->shape.dims[0], &out));
  return call_give(c, 0, &out);
}

static sepcl_status pool_planes(const call *c, tensor *t, const sepcl_pool_attributes *a, tensor *out) {
  layout l = layout_channels_last(4);
  sepcl_pool_attributes reaching = *a;
  sepcl_value value;
  pool_reaches_end(t->shape.dims[2], t->shape.dims[3], &reaching);
  TRY(tensor_value(c, t, &l, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return tensor_of_value(c, out, sepcl_graph_pool(c->reader->graph, value, &reaching), &l);
}

/* `a` holds the kind and the rounding already. */
sepcl_status pool_volume(call *c, const sepcl_pool_attributes *a) {
  tensor *x = call_input(c, 0), planes, pooled, volume, columns, result, out;
  int64_t kernel[6] = {0};
  sepcl_pool_attributes image = *a, line = *a;
  depth_axis depth;
  TRY(read_list(c, "kernel_shape", 3, 1, kernel));
  if (!kernel[0]) return refuse(c, SEPCL_BAD_MODEL, "attribute 'kernel_shape' is missing");
  TRY(read_volume_window(c, x, kernel, &depth, &image.window));
  line.window = (sepcl_window){(int32_t)depth.kernel, 1, (int32_t)depth.stride, 1, (int32_t)depth.dilation, 1,
                               (int32_t)depth.before, 0, (int32_t)depth.after,  0};
  TRY(as_planes(c, x, &planes));
  TRY(pool_planes(c, &planes, &image, &pooled));
  TRY(as_volume(c, &pooled, x->shape.dims[0], &volume));
  shape s = {
      4,
      {volume.shape.dims[0], volume.shape.dims[1], volume.shape.dims[2], volume.shape.dims[3] * volume.shape.dims[4]}};
  TRY(view_reshape(c, &volume, &s, &columns));
  TRY(pool_planes(c, &columns, &line, &result));
  shape back = volume.shape;
  back.dims[2] = result.shape.dims[2];
  TRY(view_reshape(c, &result, &back, &out));
  return call_give(c, 0, &out);
}
