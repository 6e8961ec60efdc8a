/* Resizing of images. Reads of the stage: input, output, mode (sepcl_resize_mode), extra[0] (sepcl_coordinates),
 * extra[1] (sepcl_nearest), extra_float[0], [1]: output / input of height and width as the model gives it, 0: from the
 * sizes; activation. Operands: x, y. */
#include "stage/split.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->mode != SEPCL_NEAREST && s->mode != SEPCL_LINEAR) return "the mode of resizing is unknown";
  if (s->extra[0] < SEPCL_HALF_PIXEL || s->extra[0] > SEPCL_TF_HALF_PIXEL_FOR_NN) return "the coordinates are unknown";
  if (s->extra[1] < SEPCL_ROUND_PREFER_FLOOR || s->extra[1] > SEPCL_NEAREST_CEIL) return "the rounding is unknown";
  if (!(s->extra_float[0] >= 0.0f) || !(s->extra_float[1] >= 0.0f)) return "a scale is negative";
  return s->input.n == s->output.n && s->input.c == s->output.c ? NULL : "input and output differ in batch or channels";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  params->u.window.split[0] = s->extra[0];
  params->u.window.split[1] = s->extra[1];
  /* Given, but no other than that of the sizes: the sizes are exact. */
  if (params->extra_float[0] == (float)s->output.h / (float)s->input.h) params->extra_float[0] = 0.0f;
  if (params->extra_float[1] == (float)s->output.w / (float)s->input.w) params->extra_float[1] = 0.0f;
  int64_t pixels = (int64_t)s->output.n * s->output.h * s->output.w;
  split_units(params, pixels, pixels * s->output.c * 3 + pixels * 64, v, limits);
}

const stage_class resize_class = {"resize", 0, refuses, NULL, NULL, prepare};
