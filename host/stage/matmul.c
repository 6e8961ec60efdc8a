/* Products of two activations: y = activation(c + x times r), each sum starting at c (0 without one), k ascending.
 *
 * Reads of the stage: rank (2 to 5), dims [.., M, N] of y; x_stride, r_stride and y_stride along those axes, of which
 * x_stride of N and r_stride of M are not looked at; extra[0]: K, extra[1]: x's stride along k, extra[2]: r's stride
 * along k; has_scale: operand s is c, with the stride extra[3 + i] along axis i; activation. Strides of 0 broadcast. */
#include "stage/strided.h"

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)v;
  (void)limits;
  if (s->rank < 2 || s->rank > 5) return "products have 2 to 5 axes";
  return s->extra[0] >= 1 ? NULL : "K is not positive";
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  int64_t batch = axes_elements(s, 0, s->rank - 2), m = s->dims[s->rank - 2], n = s->dims[s->rank - 1];
  int64_t units = batch * ceil_div64(m, v->mr) * ceil_div64(n, v->vec);
  split_units(params, units, units * s->extra[0], v, limits);
}

const stage_class matmul_class = {"matmul", 0, refuses, NULL, NULL, prepare};
