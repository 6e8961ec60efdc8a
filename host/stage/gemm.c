/* Convolutions and matrix products (kernels/gemm.cl): pointwise ones over rows as they lie, general ones over gathered
 * rows. Packed: panels, a row of zeros for pixels in the padding, then output_order and input_order if there are any.
 */
#include <string.h>

#include "stage/pack.h"
#include "stage/split.h"

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c / s->groups, s->window.kernel_h, s->window.kernel_w};
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = reader_of(s, NULL);
  size_t orders = (s->output_order ? (size_t)s->output.c : 0) + (s->input_order ? (size_t)s->input.c : 0);
  return panels_floats(&reader, s->groups, v) + (size_t)reader.inputs + orders;
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  panels_pack_overlapping(&reader, s->groups, v, packed);
  float *zeros = packed + panels_floats(&reader, s->groups, v);
  memset(zeros, 0, (size_t)reader.inputs * sizeof *packed);
  float *orders = zeros + reader.inputs;
  if (s->output_order) memcpy(orders, s->output_order, (size_t)s->output.c * sizeof *s->output_order);
  if (s->output_order) orders += s->output.c;
  if (s->input_order) memcpy(orders, s->input_order, (size_t)s->input.c * sizeof *s->input_order);
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)limits;
  if (variant_macro(v, "LIGHT_HALVES") && (s->halves & HALF_Y) && !is_light(s->activation))
    return "its activation of halves needs too many registers beside so many sums";
  return NULL;
}

/* A task is one tile (kernels/gemm_local.cl). */
static void split_tiles(const variant *v, stage_params *params) {
  window_params *g = &params->u.window;
  const int32_t images = params->has_scale ? g->n : 1, rows = g->n / images * g->oh * g->ow;
  g->split[1] = ceil_div(rows, v->mr);
  g->split[3] = ceil_div(g->oc / g->groups, v->nr);
  g->split[4] = rows;
  params->tasks = g->split[1] * g->split[3] * images * g->groups;
}

/* Whether kernels/gemm_row.cl makes a row variant's product of one row: where its panels are enough for all units. */
static bool is_single_row(const stage *s, const variant *v, const device_limits *limits) {
  if (v->vec == 1) return false; /* neither vectors nor panels: scalar kernels, and CLBlast's product */
  return s->kind == STAGE_POINTWISE && s->output.n * s->output.h * s->output.w == 1 && !s->has_scale &&
         !s->input_order && s->output.c / s->groups >= (int64_t)ROW_VECTORS * v->vec * limits->compute_units;
}

static void take_single_row(const variant *v, stage_params *params) {
  window_params *g = &params->u.window;
  const int32_t parts = ceil_div(g->split[5], ROW_VECTORS * v->vec / v->nr);
  params->mode |= SINGLE_ROW;
  if (g->split[3] > parts) g->split[3] = parts;
  params->tasks = g->split[3] * g->groups;
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  params->mode = (s->output_order ? ORDERED_OUTPUTS : 0) | (s->input_order ? ORDERED_INPUTS : 0);
  if (v->family == FAMILY_TILE) {
    split_tiles(v, params);
    return;
  }
  split_product(v, limits, params);
  if (is_single_row(s, v, limits)) take_single_row(v, params);
}

const stage_class pointwise_class = {"pointwise", 1, refuses, packed_floats, pack, prepare};
const stage_class conv_class = {"conv", 1, refuses, packed_floats, pack, prepare};
