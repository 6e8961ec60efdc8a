/* Sums, means, maxima and minima over any axes. Reads of the stage: rank, dims (of x), x_stride, y_stride, mode
 * (sepcl_reduction), activation; extra[i] is 1 for an axis to reduce, and y_stride[i] is not looked at there. At least
 * one axis is reduced. Operands: x, y. */
#include "stage/strided.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->mode < SEPCL_REDUCE_MEAN || s->mode > SEPCL_REDUCE_MIN) return "the reduction is unknown";
  return s->rank >= 1 ? NULL : "there is no axis";
}

static void add_axis(strided_params *g, const stage *s, int32_t axis) {
  g->dims[g->rank] = (params_int)s->dims[axis];
  g->x_stride[g->rank] = (params_int)s->x_stride[axis];
  g->y_stride[g->rank++] = (params_int)s->y_stride[axis];
}

/* The kept axes first, then the reduced ones, each in their order. */
static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  strided_params *g = &params->u.strided;
  *g = (strided_params){0};
  int64_t outputs = 1, elements = 1;
  for (int32_t i = 0; i < s->rank; i++) {
    if (s->extra[i]) continue;
    outputs *= s->dims[i];
    add_axis(g, s, i);
  }
  const int32_t kept = g->rank;
  for (int32_t i = 0; i < s->rank; i++) {
    if (!s->extra[i]) continue;
    elements *= s->dims[i];
    add_axis(g, s, i);
  }
  const bool vectors = kept && g->x_stride[kept - 1] == 1 && g->y_stride[kept - 1] == 1;
  g->extra[0] = kept;
  g->extra[1] = vectors;
  params->extra_float[0] = 1.0f / (float)elements;
  int64_t inner = kept ? g->dims[kept - 1] : 1;
  int64_t units = vectors ? outputs / inner * ceil_div64(inner, v->vec) : outputs;
  split_units(params, units, outputs * elements, v, limits);
}

const stage_class reduce_class = {"reduce", 0, refuses, NULL, NULL, prepare};
