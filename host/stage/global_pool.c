/* Pools over all pixels. Reads of the stage: input, mode (sepcl_reduction), activation. The output is [N][1][1][C].
 * Operands: x, y. */
#include "stage/split.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  return s->mode >= SEPCL_REDUCE_MEAN && s->mode <= SEPCL_REDUCE_MIN ? NULL : "the reduction is unknown";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  int64_t pixels = (int64_t)s->input.h * s->input.w;
  params->extra_float[0] = 1.0f / (float)pixels;
  const int32_t channels = variant_macro(v, "WIDE") * v->vec; /* of a unit */
  split_units(params, (int64_t)s->input.n * ceil_div(s->input.c, channels), pixels * s->input.n * s->input.c, v,
              limits);
}

const stage_class global_pool_class = {"global_pool", 0, refuses, NULL, NULL, prepare};
