/* Softmax over the innermost axis. Reads of the stage: rank, dims, x_stride, y_stride, x_first, y_first. Operands: x,
 * y; y may be x. No activation. */
#include "stage/strided.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  bool fits = s->x_first >= 0 && s->x_first <= INT32_MAX && s->y_first >= 0 && s->y_first <= INT32_MAX;
  return s->rank >= 1 && fits ? NULL : "the first element is out of range";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  params->u.strided.extra[0] = (params_int)s->x_first;
  params->u.strided.extra[1] = (params_int)s->y_first;
  split_units(params, axes_elements(s, 0, s->rank - 1), 8 * axes_elements(s, 0, s->rank), v, limits);
}

const stage_class softmax_class = {"softmax", 0, refuses, NULL, NULL, prepare};
