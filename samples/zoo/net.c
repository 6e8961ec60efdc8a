#include "net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights ---- */

/* SplitMix64: small, and the same everywhere. */
static uint64_t next_random(net *n) {
  uint64_t z = n->random += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void fill_uniform(net *n, float *data, int64_t count, double low, double high) {
  if (n->blank) return;
  float from = (float)low, step = (float)((high - low) / 16777216.0);
  for (int64_t i = 0; data && i < count; i += 2) {
    uint64_t bits = next_random(n);
    data[i] = from + step * (float)(bits >> 40);
    if (i + 1 < count) data[i + 1] = from + step * (float)(bits >> 8 & 0xffffff);
  }
}

void begin_layer(net *n, layer_kind kind) {
  static const char *const names[] = {"conv", "batch_norm", "matmul", "deform_conv"};
  snprintf(n->layer, sizeof n->layer, "%s%d", names[kind], ++n->layer_counts[kind]);
}

static int record(net *n, const char *part, int rank, const int64_t *dims, float *data) {
  zoo_arrays *all = n->arrays;
  if (all->count % 64 == 0) {
    zoo_array *grown = realloc(all->items, ((size_t)all->count + 64) * sizeof *grown);
    if (!grown) return 0;
    all->items = grown;
  }
  zoo_array *array = &all->items[all->count++];
  *array = (zoo_array){.rank = rank, .data = data};
  snprintf(array->name, sizeof array->name, "%s.%s", n->layer, part);
  memcpy(array->dims, dims, (size_t)rank * sizeof *dims);
  return 1;
}

sepcl_value weights(net *n, const char *part, int rank, const int64_t *dims, float **data) {
  *data = NULL;
  if (sepcl_graph_status(n->graph)) return SEPCL_NO_VALUE;
  int64_t count = 1;
  for (int i = 0; i < rank && count > 0; i++) count = dims[i] > INT32_MAX / count ? -1 : count * dims[i];
  if (count <= 0) {
    sepcl_graph_refuse(n->graph, SEPCL_INVALID_SHAPE, "an option asks for a layer with no weights, or with too many");
    return SEPCL_NO_VALUE;
  }
  float *made = calloc((size_t)count, sizeof *made); /* pages that nobody fills cost nothing */
  if (!made || !record(n, part, rank, dims, made) || sepcl_graph_keep(n->graph, made, free)) {
    free(made);
    sepcl_graph_refuse(n->graph, SEPCL_OUT_OF_MEMORY, "out of memory for weights");
    return SEPCL_NO_VALUE;
  }
  *data = made;
  return sepcl_graph_constant_borrowed(n->graph, rank, dims, made);
}

static sepcl_value uniform(net *n, const char *part, int64_t count, double low, double high) {
  float *data;
  sepcl_value value = weights(n, part, 1, &count, &data);
  fill_uniform(n, data, count, low, high);
  return value;
}

/* He's rule: activations keep their variance from layer to layer. */
static sepcl_value scaled(net *n, int rank, const int64_t *dims, double gain) {
  float *data;
  sepcl_value value = weights(n, "weight", rank, dims, &data);
  int64_t fan_in = 1;
  for (int i = 1; i < rank; i++) fan_in *= dims[i];
  double limit = sqrt(3.0 * gain / (double)(fan_in > 0 ? fan_in : 1));
  fill_uniform(n, data, dims[0] * fan_in, -limit, limit);
  return value;
}

/* ---- shapes ---- */

static int dimension(net *n, sepcl_value x, int axis) {
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  if (sepcl_graph_value_shape(n->graph, x, &rank, dims) || axis >= rank) return 1;
  return (int)dims[axis];
}

int channels_of(net *n, sepcl_value x) { return dimension(n, x, 3); }
int height_of(net *n, sepcl_value x) { return dimension(n, x, 1); }

sepcl_value picture(net *n, int channels) {
  int resolution = option_int(n, "resolution"), height = option_int(n, "height"), width = option_int(n, "width");
  int64_t dims[] = {option_int(n, "batch"), height ? height : resolution, width ? width : resolution, channels};
  return sepcl_graph_input(n->graph, "input", 4, dims);
}

/* ---- convolutions ---- */

static int or_one(int value) { return value ? value : 1; }

/* TensorFlow's padding keeps ceil(size / stride) pixels. */
static void tf_pad(int size, int kernel, int stride, int32_t *before, int32_t *after) {
  int total = ((size + stride - 1) / stride - 1) * stride + kernel - size;
  if (total < 0) total = 0;
  *before = total / 2;
  *after = total - total / 2;
}

static sepcl_window window_of(net *n, sepcl_value x, int kernel, const how *h) {
  int stride = or_one(h->stride), dilation = or_one(h->dilation), pad = h->pad ? h->pad : kernel / 2 * dilation;
  if (h->valid) pad = 0;
  sepcl_window w = {kernel, kernel, stride, stride, dilation, dilation, pad, pad, pad, pad};
  if (h->tf_same) {
    tf_pad(dimension(n, x, 1), kernel, stride, &w.pad_top, &w.pad_bottom);
    tf_pad(dimension(n, x, 2), kernel, stride, &w.pad_left, &w.pad_right);
  }
  return w;
}

static float gain_of(const how *h) { return h->gain > 0.0f ? h->gain : h->act ? 2.0f : 1.0f; }

static sepcl_value plain_conv(net *n, sepcl_value x, int outputs, int kernel, const how *h) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window = window_of(n, x, kernel, h);
  a.outputs = outputs;
  a.groups = or_one(h->groups);
  int64_t dims[] = {outputs, channels_of(n, x) / a.groups, kernel, kernel};
  begin_layer(n, CONV_LAYER);
  sepcl_value w = scaled(n, 4, dims, gain_of(h));
  sepcl_value bias = h->bias ? uniform(n, "bias", outputs, -0.17, 0.17) : SEPCL_NO_VALUE;
  return sepcl_graph_conv(n->graph, x, w, bias, &a);
}

sepcl_value zoo_conv(net *n, sepcl_value x, int outputs, int kernel, how h) {
  return activation(n, plain_conv(n, x, outputs, kernel, &h), h.act);
}

sepcl_value zoo_conv_bn(net *n, sepcl_value x, int outputs, int kernel, how h) {
  x = plain_conv(n, x, outputs, kernel, &h);
  return activation(n, batch_norm(n, x, h.last ? 0.25f : 1.0f), h.act);
}

sepcl_value zoo_depthwise(net *n, sepcl_value x, int kernel, how h) {
  h.groups = channels_of(n, x);
  return zoo_conv(n, x, h.groups, kernel, h);
}

sepcl_value zoo_depthwise_bn(net *n, sepcl_value x, int kernel, how h) {
  h.groups = channels_of(n, x);
  return zoo_conv_bn(n, x, h.groups, kernel, h);
}

/* Near the identity, but not at it: a mistake in any of the four parameters shows. */
sepcl_value batch_norm(net *n, sepcl_value x, float gamma) {
  int c = channels_of(n, x);
  sepcl_value parameters[4];
  begin_layer(n, NORM_LAYER);
  parameters[0] = uniform(n, "weight", c, 0.8 * gamma, 1.2 * gamma);
  parameters[1] = uniform(n, "bias", c, -0.17, 0.17);
  parameters[2] = uniform(n, "running_mean", c, -0.17, 0.17);
  parameters[3] = uniform(n, "running_var", c, 0.8, 1.2);
  return sepcl_graph_batch_norm(n->graph, x, parameters, 1e-5f);
}

/* ---- the rest ---- */

sepcl_value activation(net *n, sepcl_value x, int function) {
  sepcl_activation a = {(sepcl_function)function, 0.0f, 0.0f};
  if (function == SEPCL_HARD_SIGMOID) a.a = 1.0f / 6.0f, a.b = 0.5f;
  return function == SEPCL_NONE ? x : sepcl_graph_activation(n->graph, x, a);
}

sepcl_value add(net *n, sepcl_value a, sepcl_value b) { return sepcl_graph_binary(n->graph, SEPCL_ADD, a, b); }

sepcl_value zoo_concat(net *n, const sepcl_value *values, int count) {
  return sepcl_graph_concat(n->graph, values, count, 3);
}

sepcl_value slice_channels(net *n, sepcl_value x, int first, int count) {
  int64_t starts[] = {0, 0, 0, first}, counts[] = {dimension(n, x, 0), dimension(n, x, 1), dimension(n, x, 2), count};
  return sepcl_graph_slice(n->graph, x, starts, counts, NULL);
}

sepcl_value shuffle(net *n, sepcl_value x, int groups) {
  int64_t image[] = {dimension(n, x, 0), dimension(n, x, 1), dimension(n, x, 2), channels_of(n, x)};
  int64_t split[] = {image[0], image[1], image[2], groups, image[3] / groups};
  x = sepcl_graph_reshape(n->graph, x, 5, split);
  x = sepcl_graph_transpose(n->graph, x, (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(n->graph, x, 4, image);
}

static sepcl_value pool(net *n, sepcl_value x, sepcl_pool_kind kind, window w) {
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  a.kind = kind;
  a.window = (sepcl_window){w.kernel, w.kernel, w.stride, w.stride, 1, 1, w.pad, w.pad, w.pad, w.pad};
  a.ceil_mode = w.ceil;
  return sepcl_graph_pool(n->graph, x, &a);
}

sepcl_value max_pool(net *n, sepcl_value x, window w) { return pool(n, x, SEPCL_MAX_POOL, w); }

sepcl_value average_pool(net *n, sepcl_value x, window w) { return pool(n, x, SEPCL_AVERAGE_POOL_WITH_PADDING, w); }

sepcl_value squeeze_excite(net *n, sepcl_value x, int squeezed, int gate) {
  sepcl_value s = sepcl_graph_global_average_pool(n->graph, x);
  s = conv(n, s, squeezed, 1, .bias = 1, .act = RELU);
  s = conv(n, s, channels_of(n, x), 1, .bias = 1, .act = gate, .gain = 1.0f);
  return sepcl_graph_binary(n->graph, SEPCL_MUL, x, s);
}

sepcl_value flatten(net *n, sepcl_value x) {
  int64_t features = (int64_t)dimension(n, x, 1) * dimension(n, x, 2) * dimension(n, x, 3);
  return sepcl_graph_reshape(n->graph, x, 2, (int64_t[]){dimension(n, x, 0), features});
}

sepcl_value dense(net *n, sepcl_value x, int outputs, int act) {
  begin_layer(n, DENSE_LAYER);
  sepcl_value w = scaled(n, 2, (int64_t[]){outputs, dimension(n, x, 1)}, act ? 2.0 : 1.0);
  sepcl_value bias = uniform(n, "bias", outputs, -0.17, 0.17);
  return activation(n, sepcl_graph_matmul(n->graph, x, w, bias, 1), act);
}

sepcl_value softmax(net *n, sepcl_value x) {
  return option_int(n, "softmax") ? sepcl_graph_softmax(n->graph, x, -1) : x;
}

sepcl_value classify(net *n, sepcl_value x) {
  x = flatten(n, sepcl_graph_global_average_pool(n->graph, x));
  return softmax(n, dense(n, x, option_int(n, "classes"), NONE));
}
