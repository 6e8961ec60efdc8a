/* Convolutions and matrix products (kernels/gemm.cl): pointwise ones over rows as they lie, general ones over gathered
 * rows. Packed: panels, a row of zeros for pixels in the padding, then output_order if there is one. */
#include <string.h>

#include "stage/pack.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, s->window.kernel_h, s->window.kernel_w};
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  size_t order = s->output_order ? (size_t)s->output.c : 0;
  return panels_floats(&reader, s->groups, v) + (size_t)reader.inputs + order;
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  panels_pack(&reader, s->groups, v, packed);
  float *zeros = packed + panels_floats(&reader, s->groups, v);
  memset(zeros, 0, (size_t)reader.inputs * sizeof *packed);
  if (s->output_order) memcpy(zeros + reader.inputs, s->output_order, (size_t)s->output.c * sizeof *s->output_order);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  params->mode = s->output_order != NULL;
  split_product(v, limits, params);
}

const stage_class pointwise_class = {"pointwise", 1, NULL, packed_floats, pack, prepare};
const stage_class conv_class = {"conv", 1, NULL, packed_floats, pack, prepare};
