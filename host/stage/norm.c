/* Normalisations. Reads of the stage: input (the output has its shape), mode (sepcl_norm_kind), activation,
 *   layer     over c: higher ranks arrive with the normalised axes in c; extra_float[0] epsilon
 *   instance  over h and w of each channel; extra_float[0] epsilon
 *   LRN       extra[0] the window; extra_float: 0 alpha, 1 beta, 2 bias
 * Operands: x, y; r the scale [c] if has_residual, s the shift [c] if has_scale (layer and instance). */
#include "stage/split.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->mode < SEPCL_LAYER_NORM || s->mode > SEPCL_LRN) return "the normalisation is unknown";
  return s->mode != SEPCL_LRN || s->extra[0] > 0 ? NULL : "the window is not positive";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  int64_t pixels = (int64_t)s->input.h * s->input.w, images = s->input.n;
  params->u.window.split[0] = s->extra[0];
  if (s->mode == SEPCL_LRN)
    params->extra_float[0] = s->extra_float[0] / (float)s->extra[0];
  else
    params->extra_float[1] = 1.0f / (float)(s->mode == SEPCL_LAYER_NORM ? s->input.c : pixels);
  int64_t vectors = (s->input.c + v->vec - 1) / v->vec;
  split_units(params, s->mode == SEPCL_INSTANCE_NORM ? images * vectors : images * pixels,
              4 * images * pixels * s->input.c, v, limits);
}

const stage_class norm_class = {"norm", 0, refuses, NULL, NULL, prepare};
