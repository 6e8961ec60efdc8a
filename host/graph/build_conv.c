/* Convolutions: plain, grouped, depthwise, transposed, deformable. */
#include <stdio.h>

#include "error.h"
#include "graph/build.h"

typedef struct conv_shape {
  int64_t input, outputs, groups, kernel;
} conv_shape;

static sepcl_status check_groups(const conv_shape *s) {
  if (s->groups <= 0) return failure(SEPCL_INVALID_ARGUMENT, "groups is %lld, not positive", (long long)s->groups);
  if (s->outputs <= 0) return failure(SEPCL_INVALID_ARGUMENT, "outputs is %lld, not positive", (long long)s->outputs);
  if (s->input % s->groups)
    return failure(SEPCL_INVALID_SHAPE, "%lld groups do not divide the input's %lld channels", (long long)s->groups,
                   (long long)s->input);
  if (s->outputs % s->groups)
    return failure(SEPCL_INVALID_SHAPE, "%lld groups do not divide the %lld outputs", (long long)s->groups,
                   (long long)s->outputs);
  return SEPCL_OK;
}

/* Kernel and channels fit 31 bits each but their product need not fit 63. */
static sepcl_status check_weights(const sepcl_graph *graph, const node *n, const conv_shape *s, int32_t bias_input) {
  int64_t per_output = s->input / s->groups;
  if (s->kernel > INT32_MAX / per_output || s->outputs > INT32_MAX / (s->kernel * per_output))
    return failure(SEPCL_OVERFLOW, "the weights have 2^31 elements or more");
  TRY(check_parameter(graph, n, 1, "the weights' constant", s->outputs * s->kernel * per_output));
  return check_parameter(graph, n, bias_input, "the bias", s->outputs);
}

static sepcl_status check_layout(sepcl_weight_layout layout, const conv_shape *s) {
  if (layout < SEPCL_OIHW || layout > SEPCL_HWC)
    return failure(SEPCL_INVALID_ARGUMENT, "weight layout %d is unknown", (int)layout);
  if (layout == SEPCL_HWC && s->groups != s->input)
    return failure(SEPCL_INVALID_ARGUMENT, "the weight layout HWC is for depthwise convolutions only");
  return SEPCL_OK;
}

/* "depthwise 3x3": what the tables of the papers sort layers by. */
static void label(node *n, const char *what, const sepcl_window *w) {
  snprintf(n->label, sizeof n->label, "%s %dx%d", what, w->kernel_h, w->kernel_w);
}

static sepcl_status window_output(int64_t *oh, int64_t *ow, const node *x, const sepcl_window *w) {
  window_axis h = window_axis_h(w, x->dims[1]), v = window_axis_w(w, x->dims[2]);
  *oh = window_positions(&h, false);
  *ow = window_positions(&v, false);
  if (*oh > 0 && *ow > 0) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "the kernel %dx%d (dilation %dx%d) does not fit into %lldx%lld padded pixels",
                 w->kernel_h, w->kernel_w, w->dilation_h, w->dilation_w,
                 (long long)(x->dims[1] + w->pad_top + w->pad_bottom),
                 (long long)(x->dims[2] + w->pad_left + w->pad_right));
}

static sepcl_status conv_rule(const sepcl_graph *graph, node *n, const sepcl_conv_attributes *given, int32_t bias) {
  n->conv = (sepcl_conv_attributes)SEPCL_CONV_ATTRIBUTES_INIT;
  TRY(read_attributes(&n->conv, sizeof n->conv, given));
  const sepcl_conv_attributes *a = &n->conv;
  const node *x = input_of(graph, n, 0);
  TRY(check_rank4(x));
  TRY(check_window(&a->window));
  conv_shape s = {x->dims[3], a->outputs, a->groups, (int64_t)a->window.kernel_h * a->window.kernel_w};
  TRY(check_groups(&s));
  TRY(check_layout(a->layout, &s));
  TRY(check_weights(graph, n, &s, bias));
  int64_t oh, ow;
  TRY(window_output(&oh, &ow, x, &a->window));
  TRY(set_shape(n, 4, (int64_t[]){x->dims[0], oh, ow, a->outputs}));
  label(n, s.groups == 1 ? "conv" : s.groups == s.input ? "depthwise" : "group conv", &a->window);
  return SEPCL_OK;
}

sepcl_value sepcl_graph_conv(sepcl_graph *graph, sepcl_value x, sepcl_value weights, sepcl_value bias,
                             const sepcl_conv_attributes *attributes) {
  node *n = graph_begin(graph, NODE_CONV, (sepcl_value[]){x, weights, bias}, 3, 2);
  return n ? graph_finish(graph, conv_rule(graph, n, attributes, 2)) : SEPCL_NO_VALUE;
}

static sepcl_status transpose_rule(const sepcl_graph *graph, node *n, const sepcl_conv_transpose_attributes *given) {
  n->conv_transpose = (sepcl_conv_transpose_attributes)SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  TRY(read_attributes(&n->conv_transpose, sizeof n->conv_transpose, given));
  const sepcl_conv_transpose_attributes *a = &n->conv_transpose;
  const sepcl_window *w = &a->window;
  const node *x = input_of(graph, n, 0);
  TRY(check_rank4(x));
  TRY(check_window(w));
  conv_shape s = {x->dims[3], a->outputs, a->groups, (int64_t)w->kernel_h * w->kernel_w};
  TRY(check_groups(&s));
  if (a->layout != SEPCL_OIHW && a->layout != SEPCL_OHWI)
    return failure(SEPCL_INVALID_ARGUMENT, "weight layout %d is not one of transposed convolutions", (int)a->layout);
  if (a->output_pad_h < 0 || a->output_pad_w < 0)
    return failure(SEPCL_INVALID_ARGUMENT, "the output padding %dx%d is negative", a->output_pad_h, a->output_pad_w);
  TRY(check_weights(graph, n, &s, 2));
  /* Each factor is below 2^31, so that the products fit 63 bits; set_shape refuses what is too large. */
  int64_t oh = (x->dims[1] - 1) * w->stride_h - w->pad_top - w->pad_bottom +
               (int64_t)w->dilation_h * (w->kernel_h - 1) + 1 + a->output_pad_h;
  int64_t ow = (x->dims[2] - 1) * w->stride_w - w->pad_left - w->pad_right +
               (int64_t)w->dilation_w * (w->kernel_w - 1) + 1 + a->output_pad_w;
  TRY(set_shape(n, 4, (int64_t[]){x->dims[0], oh, ow, a->outputs}));
  label(n, "conv transpose", w);
  return SEPCL_OK;
}

sepcl_value sepcl_graph_conv_transpose(sepcl_graph *graph, sepcl_value x, sepcl_value weights, sepcl_value bias,
                                       const sepcl_conv_transpose_attributes *attributes) {
  node *n = graph_begin(graph, NODE_CONV_TRANSPOSE, (sepcl_value[]){x, weights, bias}, 3, 2);
  return n ? graph_finish(graph, transpose_rule(graph, n, attributes)) : SEPCL_NO_VALUE;
}

static sepcl_status check_sampling(const sepcl_graph *graph, const node *n, int32_t index, int64_t channels) {
  const node *value = input_of(graph, n, index);
  const char *what = index == 2 ? "the offsets" : "the mask";
  if (!value) return SEPCL_OK;
  char text[SHAPE_TEXT], wanted_text[SHAPE_TEXT];
  int64_t wanted[4] = {n->dims[0], n->dims[1], n->dims[2], channels};
  bool fits = value->rank == 4;
  for (int32_t i = 0; fits && i < 4; i++) fits = value->dims[i] == wanted[i];
  if (fits) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE, "%s have the shape %s instead of %s", what,
                 shape_text(text, value->rank, value->dims), shape_text(wanted_text, 4, wanted));
}

static sepcl_status deform_rule(const sepcl_graph *graph, node *n, int32_t offset_groups,
                                const sepcl_conv_attributes *given) {
  TRY(conv_rule(graph, n, given, 3));
  const node *x = input_of(graph, n, 0);
  if (offset_groups <= 0 || x->dims[3] % offset_groups)
    return failure(SEPCL_INVALID_ARGUMENT, "%d offset groups do not divide the input's %lld channels", offset_groups,
                   (long long)x->dims[3]);
  /* The weights' check bounds the kernel's taps by 2^31, the channels bound the groups: 63 bits are enough. */
  int64_t taps = (int64_t)n->conv.window.kernel_h * n->conv.window.kernel_w * offset_groups;
  TRY(check_sampling(graph, n, 2, 2 * taps));
  TRY(check_sampling(graph, n, 4, taps));
  n->mode = offset_groups;
  label(n, "deform conv", &n->conv.window);
  return SEPCL_OK;
}

sepcl_value sepcl_graph_deform_conv(sepcl_graph *graph, const sepcl_value inputs[5], int32_t offset_groups,
                                    const sepcl_conv_attributes *attributes) {
  node *n = graph_begin(graph, NODE_DEFORM_CONV, inputs, 5, 3);
  return n ? graph_finish(graph, deform_rule(graph, n, offset_groups, attributes)) : SEPCL_NO_VALUE;
}
