#include "stage/tile_cost.h"

/* What reading a float costs, in multiply-adds of one item: from local memory, and from global memory by the whole
 * work-group. The first row that fits serves; the last fits any device. The figures are priors from data sheets'
 * balances, not measurements: `sepcl tune` measures, and what it finds goes before them. */
static const struct {
  bool gpu;
  uint32_t most_units;
  double local_read, global_read;
} priors[] = {
    {true, 16, 1.0, 24.0},         /* integrated and mobile GPUs: memory is shared with the host */
    {true, UINT32_MAX, 1.0, 12.0}, /* discrete ones */
    {false, UINT32_MAX, 1.0, 16.0},
};

double tile_region(const bound_stage *b) {
  const window_params *g = &b->params.u.window;
  return ((g->split[0] - 1.0) * g->sh + (g->kh - 1.0) * g->dh + 1) *
         ((g->split[1] - 1.0) * g->sw + (g->kw - 1.0) * g->dw + 1);
}

double tile_work(const bound_stage *b) {
  const window_params *g = &b->params.u.window;
  const double tile = (double)b->v->mr * b->v->nr, taps = (double)g->kh * g->kw;
  switch (b->s.kind) {
    case STAGE_SEPARABLE: return (tile + b->v->mr * taps) * g->c;
    case STAGE_INVERTED_RESIDUAL: return (tile + b->v->mr * taps + tile_region(b) * g->c) * g->expanded;
    default: return tile * taps * (g->c / g->groups);
  }
}

double tile_cost(const bound_stage *b, const device_limits *limits) {
  const variant *v = b->v;
  const double rows = variant_macro(v, "TR"), columns = 4.0 * variant_macro(v, "TV");
  if (!rows || !columns || b->s.kind > STAGE_INVERTED_RESIDUAL) return 0.0;
  size_t i = 0;
  while (priors[i].gpu != limits->gpu || limits->compute_units > priors[i].most_units) i++;
  const bool shares_registers = variant_macro(v, "SUBGROUP") != 0;
  const double local = shares_registers ? 0.0 : priors[i].local_read * (rows + columns) / (rows * columns);
  const double global = priors[i].global_read * (1.0 / v->mr + 1.0 / v->nr);
  const uint32_t units = limits->compute_units ? limits->compute_units : 1;
  const double rounds = (double)(((uint32_t)b->params.tasks + units - 1) / units);
  return rounds * tile_work(b) * (1.0 + local + global);
}
