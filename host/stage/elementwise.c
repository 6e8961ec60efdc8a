/* y = activation(x), activation(x OP r) or activation(x * s OP r), over axes with strides; 0 broadcasts.
 *
 * Reads of the stage: rank, dims, x_stride, r_stride, y_stride, mode (sepcl_binary, or -1: no OP), activation;
 * has_scale: x is first multiplied by operand s, whose stride along axis i is extra[i], and the product rounded.
 * Squeeze-excite and residual in one stage: mode SEPCL_ADD, has_scale. Operands: x, r if mode >= 0, s if has_scale, y;
 * y may be x where both have the same strides. */
#include "stage/strided.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  return s->rank >= 1 && s->mode >= -1 && s->mode < SEPCL_BINARY_COUNT ? NULL : "the operation is unknown";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  const int64_t chunk = v->local == 1 ? 4096 : v->vec; /* as in elementwise.cl */
  int64_t rows = axes_elements(s, 0, s->rank - 1), inner = s->dims[s->rank - 1];
  int64_t operands = 2 + (s->mode >= 0) + s->has_scale;
  split_units(params, rows * ceil_div64(inner, chunk), rows * inner * operands, v, limits);
}

const stage_class elementwise_class = {"elementwise", 0, refuses, NULL, NULL, prepare};
