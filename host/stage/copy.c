/* Copies of all kinds. Reads of the stage: rank, dims (of what is written), x_stride, y_stride, and by mode:
 *   STAGE_COPY_PLAIN     x_first, y_first: the first element in x and y (strides may be negative)
 *   STAGE_COPY_CONSTANT, STAGE_COPY_REFLECT, STAGE_COPY_EDGE
 *                        pads (1 + sepcl_pad_mode): r_stride[i] is how many elements come before axis i of x (negative:
 *                        so many are cropped), extra[i] x's size along axis i, extra_float[0] the constant; firsts
 * unused STAGE_COPY_GATHER    extra[2]: the axis along which index i reads x at the 32-bit integer r[i]; firsts as
 * above Operands: x, y, and r for gathers. No activation. */
#include "stage/copy.h"

#include "stage/strided.h"

static const char *refuses_pad(const stage *s) {
  for (int32_t i = 0; i < s->rank; i++) {
    int64_t before = s->r_stride[i], size = s->extra[i], after = s->dims[i] - before - size;
    if (size < 1) return "an axis of the input is empty";
    if (s->mode == STAGE_COPY_REFLECT && (before >= size || after >= size)) return "a reflection is too wide";
    if (before < -INT32_MAX / 2 || before > INT32_MAX / 2) return "a padding is too wide";
  }
  return NULL;
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->rank < 1 || s->mode < STAGE_COPY_PLAIN || s->mode > STAGE_COPY_GATHER) return "the kind of copy is unknown";
  if (s->mode == STAGE_COPY_GATHER && (s->extra[2] < 0 || s->extra[2] >= s->rank)) return "the axis does not exist";
  if (s->mode != STAGE_COPY_PLAIN && s->mode != STAGE_COPY_GATHER) return refuses_pad(s);
  bool fits = s->x_first >= 0 && s->x_first <= INT32_MAX && s->y_first >= 0 && s->y_first <= INT32_MAX;
  return fits ? NULL : "the first element is out of range";
}

/* Worth tiles: y is dense along the last axis, x along the one before it. */
static bool is_transpose(const stage *s) {
  if (s->mode != STAGE_COPY_PLAIN || s->rank < 2) return false;
  int32_t last = s->rank - 1;
  return s->y_stride[last] == 1 && s->x_stride[last] != 1 && s->x_stride[last - 1] == 1 && s->dims[last - 1] >= 8;
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  enum { TILE = 64 }; /* as in copy.cl */
  const int64_t chunk = v->local == 1 ? 4096 : v->vec;
  int64_t elements = axes_elements(s, 0, s->rank), last = s->dims[s->rank - 1];
  int64_t units = elements / last;
  if (s->mode == STAGE_COPY_PLAIN || s->mode == STAGE_COPY_GATHER) {
    params->u.strided.extra[0] = (params_int)s->x_first;
    params->u.strided.extra[1] = (params_int)s->y_first;
    bool tiles = is_transpose(s);
    if (s->mode == STAGE_COPY_PLAIN) params->u.strided.extra[2] = tiles;
    units = tiles ? axes_elements(s, 0, s->rank - 2) * ceil_div64(s->dims[s->rank - 2], TILE)
                  : units * ceil_div64(last, chunk);
  }
  split_units(params, units, 2 * elements, v, limits);
}

const stage_class copy_class = {"copy", 0, refuses, NULL, NULL, prepare};
