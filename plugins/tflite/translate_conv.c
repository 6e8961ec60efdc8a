/* Convolutions, fully connected layers and pools. */
#include <stdio.h>

#include "tflite/translate.h"

/* One axis of a window as the host gives it. */
typedef struct axis {
  int64_t input;
  int kernel, stride, dilation;
} axis;

static bool check_axis(translator *t, const axis *a) {
  bool fits = a->kernel > 0 && a->stride > 0 && a->dilation > 0 && a->kernel < 1 << 15 && a->dilation < 1 << 15;
  if (!fits) refuse(t, "a window of %d taps, stride %d, dilation %d", a->kernel, a->stride, a->dilation);
  return fits;
}

static void split_padding(int64_t total, int32_t *before, int32_t *after) {
  if (total < 0) total = 0;
  *before = (int32_t)(total / 2);
  *after = (int32_t)(total - total / 2);
}

/* SAME: as many positions as strides that begin inside the input; the odd pixel of padding comes after. */
static bool pad_same(translator *t, int padding, const axis axes[2], sepcl_window *w) {
  int64_t total[2] = {0, 0};
  if (padding != TFL_SAME && padding != TFL_VALID) {
    refuse(t, "padding %d is unknown", padding);
    return false;
  }
  for (int i = 0; i < 2; i++) {
    const axis *a = &axes[i];
    if (!check_axis(t, a)) return false;
    int64_t positions = (a->input + a->stride - 1) / a->stride;
    if (padding == TFL_SAME)
      total[i] = (positions - 1) * a->stride + (int64_t)(a->kernel - 1) * a->dilation + 1 - a->input;
  }
  *w = (sepcl_window){
      axes[0].kernel, axes[1].kernel, axes[0].stride, axes[1].stride, axes[0].dilation, axes[1].dilation, 0, 0, 0, 0};
  split_padding(total[0], &w->pad_top, &w->pad_bottom);
  split_padding(total[1], &w->pad_left, &w->pad_right);
  return true;
}

/* ---- convolutions ---- */

typedef struct conv_operands {
  sepcl_value x, weights, bias;
  int64_t image[SEPCL_MAX_RANK], kernel[SEPCL_MAX_RANK];
  int64_t out[SEPCL_MAX_RANK]; /* a transposed convolution's output */
  int32_t out_rank;
} conv_operands;

static bool conv_constants(translator *t, int first, conv_operands *o) {
  if (!is_constant(t, input_tensor(t, first))) {
    refuse(t, "its weights are no constant");
    return false;
  }
  o->weights = operand(t, first);
  return image_of(t, o->weights, o->kernel);
}

static bool read_conv(translator *t, conv_operands *o) {
  o->x = operand(t, 0);
  o->bias = optional_operand(t, 2);
  return conv_constants(t, 1, o) && image_of(t, o->x, o->image);
}

void translate_conv(translator *t) {
  const tfl_conv *p = t->options;
  conv_operands o;
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  if (!read_conv(t, &o)) return;
  axis axes[2] = {{o.image[1], (int)o.kernel[1], p->stride_h, p->dilation_h},
                  {o.image[2], (int)o.kernel[2], p->stride_w, p->dilation_w}};
  if (!pad_same(t, p->padding, axes, &a.window)) return;
  a.layout = SEPCL_OHWI;
  a.outputs = (int32_t)o.kernel[0];
  a.groups = (int32_t)(o.image[3] / o.kernel[3]); /* the builder refuses what does not divide */
  set_activated(t, sepcl_graph_conv(t->graph, o.x, o.weights, o.bias, &a), p->activation);
}

void translate_depthwise(translator *t) {
  const tfl_depthwise *p = t->options;
  conv_operands o;
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  if (!read_conv(t, &o)) return;
  axis axes[2] = {{o.image[1], (int)o.kernel[1], p->stride_h, p->dilation_h},
                  {o.image[2], (int)o.kernel[2], p->stride_w, p->dilation_w}};
  if (!pad_same(t, p->padding, axes, &a.window)) return;
  a.layout = SEPCL_HWC;
  a.outputs = (int32_t)o.kernel[3];
  a.groups = (int32_t)o.image[3];
  set_activated(t, sepcl_graph_conv(t->graph, o.x, o.weights, o.bias, &a), p->activation);
}

/* ---- transposed convolutions ---- */

/* The padding and what it leaves open, so that `input` pixels become `output`. */
static bool transposed_padding(translator *t, const axis *a, int64_t output, bool same, int32_t pads[3]) {
  if (!check_axis(t, a)) return false;
  int64_t full = (a->input - 1) * a->stride + a->kernel;
  pads[0] = pads[1] = 0;
  if (same) split_padding(full - output, &pads[0], &pads[1]);
  int64_t open = output - (full - pads[0] - pads[1]);
  pads[2] = (int32_t)open;
  if (open >= 0 && open < a->stride) return true;
  refuse(t, "its output has %lld pixels where the input gives %lld", (long long)output, (long long)full);
  return false;
}

static void transposed(translator *t, const conv_operands *o, const tfl_transpose_conv *p, int activation) {
  sepcl_conv_transpose_attributes a = SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  axis axes[2] = {{o->image[1], (int)o->kernel[1], p->stride_h, 1}, {o->image[2], (int)o->kernel[2], p->stride_w, 1}};
  int32_t h[3], w[3];
  if (o->out_rank != 4 || o->kernel[3] != o->image[3] || (p->padding != TFL_SAME && p->padding != TFL_VALID)) {
    refuse(t, "its shapes or padding do not fit each other");
    return;
  }
  if (!transposed_padding(t, &axes[0], o->out[1], p->padding == TFL_SAME, h) ||
      !transposed_padding(t, &axes[1], o->out[2], p->padding == TFL_SAME, w))
    return;
  a.window = (sepcl_window){axes[0].kernel, axes[1].kernel, p->stride_h, p->stride_w, 1, 1, h[0], w[0], h[1], w[1]};
  a.output_pad_h = h[2];
  a.output_pad_w = w[2];
  a.outputs = (int32_t)o->kernel[0];
  a.layout = SEPCL_OHWI;
  set_activated(t, sepcl_graph_conv_transpose(t->graph, o->x, o->weights, o->bias, &a), activation);
}

/* output shape, weights, x, bias; options of operators before version 4 end before the activation. */
void translate_transpose_conv(translator *t) {
  const tfl_transpose_conv *p = t->options;
  conv_operands o;
  o.out_rank = integers(t, 0, o.out, SEPCL_MAX_RANK);
  if (o.out_rank < 0 || !conv_constants(t, 1, &o)) return;
  o.x = operand(t, 2);
  o.bias = optional_operand(t, 3);
  if (image_of(t, o.x, o.image)) transposed(t, &o, p, p->activation);
}

/* MediaPipe's operator: x, weights, bias; its options are padding, stride_w, stride_h. */
void translate_transpose_conv_bias(translator *t) {
  conv_operands o;
  if (read_conv(t, &o) && output_shape(t, &o.out_rank, o.out)) transposed(t, &o, t->options, TFL_ACT_NONE);
}

/* ---- fully connected ---- */

void translate_fully_connected(translator *t) {
  const tfl_fully_connected *p = t->options;
  sepcl_value x = operand(t, 0), weights = operand(t, 1), bias = optional_operand(t, 2);
  int32_t rank, weights_rank, out_rank;
  int64_t dims[SEPCL_MAX_RANK], matrix[SEPCL_MAX_RANK], out[SEPCL_MAX_RANK], elements = 1;
  if (!shape_of(t, x, &rank, dims) || !shape_of(t, weights, &weights_rank, matrix)) return;
  if (!output_shape(t, &out_rank, out)) return;
  for (int32_t i = 0; i < rank; i++) elements *= dims[i];
  if (p->weights_format != 0 || weights_rank != 2 || elements % matrix[1]) {
    refuse(t, "its weights are shuffled or do not fit its input");
    return;
  }
  int64_t rows[2] = {elements / matrix[1], matrix[1]};
  sepcl_value y = sepcl_graph_reshape(t->graph, x, 2, rows);
  y = sepcl_graph_matmul(t->graph, y, weights, bias, 1);
  set_activated(t, sepcl_graph_reshape(t->graph, y, out_rank, out), p->activation);
}

/* ---- pools ---- */

static void pool(translator *t, sepcl_pool_kind kind) {
  const tfl_pool *p = t->options;
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  int64_t image[SEPCL_MAX_RANK];
  sepcl_value x = operand(t, 0);
  if (!image_of(t, x, image)) return;
  axis axes[2] = {{image[1], p->filter_h, p->stride_h, 1}, {image[2], p->filter_w, p->stride_w, 1}};
  if (!pad_same(t, p->padding, axes, &a.window)) return;
  a.kind = kind;
  set_activated(t, sepcl_graph_pool(t->graph, x, &a), p->activation);
}

void translate_average_pool(translator *t) { pool(t, SEPCL_AVERAGE_POOL); }
void translate_max_pool(translator *t) { pool(t, SEPCL_MAX_POOL); }
