/* Deformable convolutions (ONNX DeformConv, opset 19). Reads of the stage: input, output, window, groups, extra[0]
 * (offset groups), activation, has_scale (there is a mask); one weight set as for convolutions. Operands: x, w, r the
 * offsets [N][OH][OW][2 G KH KW], s the mask [N][OH][OW][G KH KW], y. No residual, no scale. */
#include "stage/pack.h"
#include "stage/split.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, s->window.kernel_h, s->window.kernel_w};
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->groups < 1 || s->input.c % s->groups || s->output.c % s->groups)
    return "the groups do not divide the channels";
  if (s->extra[0] < 1 || s->input.c % s->extra[0]) return "the offset groups do not divide the channels";
  return s->input.n == s->output.n ? NULL : "input and output differ in batch";
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  return panels_floats(&reader, s->groups, v);
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  panels_pack(&reader, s->groups, v, packed);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  const int32_t taps = s->extra[0] * s->window.kernel_h * s->window.kernel_w;
  params->u.window.split[0] = s->extra[0];
  params->r_pitch = 2 * taps;
  params->s_pitch = taps;
  int64_t panels = (s->output.c / s->groups + v->vec - 1) / v->vec;
  int64_t units = (int64_t)s->output.n * s->output.h * s->output.w * s->groups * panels;
  int64_t inputs = (int64_t)s->window.kernel_h * s->window.kernel_w * (s->input.c / s->groups);
  split_units(params, units, units * (1 + 2 * inputs), v, limits);
}

const stage_class deform_conv_class = {"deform_conv", 1, refuses, packed_floats, pack, prepare};
