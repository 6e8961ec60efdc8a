/* 1x1 convolutions and matrix products (kernels/gemm.cl). */
#include "stage/pack.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, 1, 1};
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  return panels_floats(&reader, s->groups, v);
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  panels_pack(&reader, s->groups, v, packed);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  (void)s;
  split_product(v, limits, params);
}

const stage_class pointwise_class = {"pointwise", 1, NULL, packed_floats, pack, prepare};
