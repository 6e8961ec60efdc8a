/* Window pools. Reads of the stage: input, output, window, mode (sepcl_pool_kind), activation. Operands: x, y. */
#include "stage/split.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->mode < SEPCL_MAX_POOL || s->mode > SEPCL_AVERAGE_POOL_WITH_PADDING) return "the kind of pool is unknown";
  return s->input.n == s->output.n && s->input.c == s->output.c ? NULL : "input and output differ in batch or channels";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  int64_t pixels = (int64_t)s->output.n * s->output.h * s->output.w;
  int64_t taps = (int64_t)s->window.kernel_h * s->window.kernel_w;
  split_units(params, pixels, pixels * s->output.c * (1 + (taps < 64 ? taps : 64)) / 2, v, limits);
}

const stage_class pool_class = {"pool", 0, refuses, NULL, NULL, prepare};
