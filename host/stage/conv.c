/* General convolutions: the matrix product of gemm.cl over gathered rows. */
#include <string.h>

#include "stage/pack.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, s->window.kernel_h, s->window.kernel_w};
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  return panels_floats(&reader, s->groups, v) + (size_t)reader.inputs;
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  panels_pack(&reader, s->groups, v, packed);
  /* The row of zeros that stands for pixels in the padding. */
  memset(packed + panels_floats(&reader, s->groups, v), 0, (size_t)reader.inputs * sizeof *packed);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  (void)s;
  split_product(v, limits, params);
}

const stage_class conv_class = {"conv", 1, NULL, packed_floats, pack, prepare};
