#include "stage/tile_cost.h"

/* The built-in tuning table: classes of devices by what they report, from the particular to the general, each with its
 * defaults. The first row that a device fits serves, so that the last of each kind is the default for all others. What
 * a row says is the price of reading a float, in multiply-adds of one item: from local memory, and from global memory
 * by the whole work-group. These are priors from data sheets' balances, not measurements: `sepcl tune` measures, and
 * what it finds goes before them. Which variants a device can have at all (work-group size, local memory, subgroups,
 * images, halves) stage.c asks before it compares costs. */
static const device_class classes[] = {
    /* name                                  gpu   group      units       local is  local  global */
    {"GPU without memory for local memory", true, UINT64_MAX, UINT32_MAX, true, 8.0, 24.0}, /* such as Arm's Mali */
    {"GPU of small work-groups", true, 128, UINT32_MAX, false, 1.0, 24.0}, /* the smallest mobile ones */
    {"GPU of few units", true, UINT64_MAX, 16, false, 1.0, 24.0},          /* memory is mostly the host's */
    {"GPU", true, UINT64_MAX, UINT32_MAX, false, 1.0, 12.0},
    {"device", false, UINT64_MAX, UINT32_MAX, false, 1.0, 16.0},
};

const device_class *device_class_of(const device_limits *limits) {
  const device_class *c = classes;
  while (c->gpu != limits->gpu || limits->max_work_group > c->most_work_group ||
         limits->compute_units > c->most_units || (c->local_is_global && !limits->local_is_global))
    c++;
  return c;
}

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
  const device_class *c = device_class_of(limits);
  /* Items of a subgroup hand each other inputs in registers. Without memory of its own local memory is a copy that
   * costs as much to read as what it was made of: then all reads of an item count alike, and who copies pays for that.
   */
  const uint32_t lanes = variant_macro(v, "SUBGROUP") ? (uint32_t)variant_macro(v, "SUBGROUP") : 1;
  const bool copies = variant_macro(v, "SHARED") != 0;
  const double reads = (rows / lanes + columns) / (rows * columns);
  const double local = lanes > 1 && !c->local_is_global ? 0.0 : c->local_read * reads;
  const double global = c->local_is_global && !copies ? 0.0 : c->global_read * (1.0 / v->mr + 1.0 / v->nr);
  const uint32_t units = limits->compute_units ? limits->compute_units : 1;
  const double rounds = (double)(((uint32_t)b->params.tasks + units - 1) / units);
  return rounds * tile_work(b) * (1.0 + local + global);
}
