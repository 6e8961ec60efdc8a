/* Convolutions and the windows of pools. */
#include "model/writer.h"

sepcl_status write_window(writer *w, Onnx__NodeProto *n, const sepcl_window *window) {
  const int64_t kernel[2] = {window->kernel_h, window->kernel_w}, strides[2] = {window->stride_h, window->stride_w};
  const int64_t dilations[2] = {window->dilation_h, window->dilation_w};
  const int64_t pads[4] = {window->pad_top, window->pad_left, window->pad_bottom, window->pad_right};
  TRY(write_ints(w, n, "kernel_shape", kernel, 2));
  TRY(write_ints(w, n, "strides", strides, 2));
  if (dilations[0] != 1 || dilations[1] != 1) TRY(write_ints(w, n, "dilations", dilations, 2));
  return write_ints(w, n, "pads", pads, 4);
}

typedef struct weight_shape {
  int64_t outputs, height, width, inputs; /* inputs: of one group */
} weight_shape;

/* Where weight (o, i, y, x) lies in `layout`. */
static int64_t weight_at(sepcl_weight_layout layout, const weight_shape *s, const int64_t oiyx[4]) {
  int64_t o = oiyx[0], i = oiyx[1], y = oiyx[2], x = oiyx[3];
  switch (layout) {
    case SEPCL_OHWI: return ((o * s->height + y) * s->width + x) * s->inputs + i;
    case SEPCL_HWIO: return ((y * s->width + x) * s->inputs + i) * s->outputs + o;
    case SEPCL_HWC: return (y * s->width + x) * s->outputs + o;
    default: return ((o * s->inputs + i) * s->height + y) * s->width + x;
  }
}

/* [O][I][H][W], the order of ONNX; weights that lie so already are not copied. */
static sepcl_status write_weights(writer *w, const float *data, sepcl_weight_layout layout, const weight_shape *s,
                                  const char **name) {
  shape oihw = {4, {s->outputs, s->inputs, s->height, s->width}};
  void *block;
  if (layout == SEPCL_OIHW) return write_floats(w, &oihw, data, name);
  TRY(model_memory_take(w->memory, &block, (size_t)shape_elements(&oihw), sizeof *data));
  float *to = block;
  int64_t at[4];
  for (at[0] = 0; at[0] < s->outputs; at[0]++)
    for (at[1] = 0; at[1] < s->inputs; at[1]++)
      for (at[2] = 0; at[2] < s->height; at[2]++)
        for (at[3] = 0; at[3] < s->width; at[3]++) *to++ = data[weight_at(layout, s, at)];
  return write_floats(w, &oihw, block, name);
}

/* A bias may be stored in any shape of so many elements. */
static sepcl_status write_bias(writer *w, sepcl_value value, int64_t outputs, const char **name) {
  const node *n = graph_node(w->graph, value);
  shape s = {1, {outputs}};
  *name = NULL;
  return n ? write_floats(w, &s, n->data, name) : SEPCL_OK;
}

static weight_shape shape_of_weights(const writer *w, const node *n, const sepcl_conv_attributes *a) {
  int64_t channels = graph_node(w->graph, n->inputs[0])->dims[3];
  return (weight_shape){a->outputs, a->window.kernel_h, a->window.kernel_w, channels / a->groups};
}

sepcl_status write_conv(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  const char *x, *weights, *bias, *out;
  layout l = layout_channels_last(4);
  weight_shape s = shape_of_weights(w, n, &n->conv);
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_weights(w, graph_node(w->graph, n->inputs[1])->data, n->conv.layout, &s, &weights));
  TRY(write_bias(w, n->inputs[2], s.outputs, &bias));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "Conv", (const char *[]){x, weights, bias, NULL}, out, &proto));
  TRY(write_int(w, proto, "group", n->conv.groups));
  return write_window(w, proto, &n->conv.window);
}

/* ONNX: [C][outputs of one group][H][W]; OHWI is [outputs][H][W][C of one group]. */
static sepcl_status write_transpose_weights(writer *w, const node *n, const char **name) {
  const sepcl_conv_transpose_attributes *a = &n->conv_transpose;
  const float *data = graph_node(w->graph, n->inputs[1])->data;
  int64_t channels = graph_node(w->graph, n->inputs[0])->dims[3], groups = a->groups;
  int64_t h = a->window.kernel_h, v = a->window.kernel_w, outputs = a->outputs / groups, inputs = channels / groups;
  shape s = {4, {channels, outputs, h, v}};
  void *block;
  if (a->layout == SEPCL_OIHW) return write_floats(w, &s, data, name);
  TRY(model_memory_take(w->memory, &block, (size_t)shape_elements(&s), sizeof *data));
  float *to = block;
  for (int64_t c = 0; c < channels; c++)
    for (int64_t o = 0; o < outputs; o++)
      for (int64_t k = 0; k < h * v; k++) *to++ = data[((c / inputs * outputs + o) * h * v + k) * inputs + c % inputs];
  return write_floats(w, &s, block, name);
}

sepcl_status write_conv_transpose(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  const sepcl_conv_transpose_attributes *a = &n->conv_transpose;
  const int64_t output_padding[2] = {a->output_pad_h, a->output_pad_w};
  const char *x, *weights, *bias, *out;
  layout l = layout_channels_last(4);
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_transpose_weights(w, n, &weights));
  TRY(write_bias(w, n->inputs[2], a->outputs, &bias));
  TRY(write_result(w, value, &l, &out));
  TRY(write_node(w, "ConvTranspose", (const char *[]){x, weights, bias, NULL}, out, &proto));
  TRY(write_int(w, proto, "group", a->groups));
  if (output_padding[0] || output_padding[1]) TRY(write_ints(w, proto, "output_padding", output_padding, 2));
  return write_window(w, proto, &a->window);
}

sepcl_status write_deform_conv(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  const char *x, *weights, *offsets, *bias, *mask = NULL, *out;
  layout l = layout_channels_last(4);
  weight_shape s = shape_of_weights(w, n, &n->conv);
  Onnx__NodeProto *proto = NULL;
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_weights(w, graph_node(w->graph, n->inputs[1])->data, n->conv.layout, &s, &weights));
  TRY(write_value(w, n->inputs[2], &l, &offsets));
  TRY(write_bias(w, n->inputs[3], s.outputs, &bias));
  if (n->inputs[4] != SEPCL_NO_VALUE) TRY(write_value(w, n->inputs[4], &l, &mask));
  TRY(write_result(w, value, &l, &out));
  if (!bias && mask) bias = "";
  TRY(write_node(w, "DeformConv", (const char *[]){x, weights, offsets, bias, mask, NULL}, out, &proto));
  TRY(write_int(w, proto, "group", n->conv.groups));
  TRY(write_int(w, proto, "offset_group", n->mode));
  return write_window(w, proto, &n->conv.window);
}
