/* Transposed convolutions. Reads of the stage: input, output, window, groups, activation; one weight set, in the
 * layouts of sepcl_conv_transpose_attributes. Operands: x, w, y. No residual, no scale. */
#include <string.h>

#include "stage/pack.h"
#include "stage/split.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, s->window.kernel_h, s->window.kernel_w};
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->has_residual || s->has_scale) return "it takes neither residual nor scale";
  if (s->groups < 1 || s->input.c % s->groups || s->output.c % s->groups)
    return "the groups do not divide the channels";
  return s->input.n == s->output.n ? NULL : "input and output differ in batch";
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  return panels_floats(&reader, s->groups, v);
}

/* ONNX's [C][outputs / groups][H][W] is read here, TensorFlow Lite's [outputs][H][W][C / groups] by weight_at. */
static float weight_of(const stage *s, const weight_reader *reader, int32_t o, int32_t tap, int32_t i) {
  const int32_t kw = reader->kernel_w, taps = reader->kernel_h * kw, outputs = s->output.c / s->groups;
  const sepcl_weights *set = reader->set;
  const double factor = weight_factor(reader, o);
  if (set->layout == SEPCL_OHWI) return weight_at(reader, factor, o, tap / kw, tap % kw, i);
  const size_t channel = (size_t)(o / outputs) * (size_t)reader->inputs + (size_t)i;
  const size_t at = (channel * (size_t)outputs + (size_t)(o % outputs)) * (size_t)taps + (size_t)tap;
  return set->variance ? (float)((double)set->weights[at] * factor) : set->weights[at];
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  const int32_t outputs = s->output.c / s->groups, nr = v->vec, panels = (outputs + nr - 1) / nr;
  const int32_t taps = reader.kernel_h * reader.kernel_w;
  const size_t panel = (size_t)nr * ((size_t)taps * (size_t)reader.inputs + 1);
  memset(packed, 0, packed_floats(s, v) * sizeof *packed);
  for (int32_t o = 0; o < s->output.c; o++) {
    const int32_t column = o % outputs;
    float *to = packed + ((size_t)(o / outputs) * (size_t)panels + (size_t)(column / nr)) * panel + column % nr;
    *to = weight_bias(&reader, weight_factor(&reader, o), o);
    for (int32_t tap = 0; tap < taps; tap++)
      for (int32_t i = 0; i < reader.inputs; i++) *(to += nr) = weight_of(s, &reader, o, tap, i);
  }
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  int64_t pixels = (int64_t)s->output.n * s->output.h * s->output.w;
  int64_t inputs = (int64_t)s->window.kernel_h * s->window.kernel_w * (s->input.c / s->groups);
  split_units(params, pixels, pixels * s->output.c * (1 + inputs / 8), v, limits);
}

const stage_class conv_transpose_class = {"conv_transpose", 1, refuses, packed_floats, pack, prepare};
