#include "select/cost.h"

#include <math.h>

#include "stage/tile_cost.h"

/* What kinds of stages reach of the peak where nothing but arithmetic holds them up, and how many chain steps the start
 * and end of a register tile cost: by measurement on two AVX-512 cores (docs/measurements). Kinds that are not here
 * move bytes. `streams`: of the nearest cache's rate where all operands are read once. */
static const struct {
  double share, tile_steps, streams;
} habits[STAGE_KIND_COUNT] = {
    [STAGE_POINTWISE] = {0.85, 12.0, 0.5},         [STAGE_CONV] = {0.75, 16.0, 0.5},
    [STAGE_DEPTHWISE] = {0.30, 0.0, 0.5},          [STAGE_SEPARABLE] = {0.60, 16.0, 0.5},
    [STAGE_INVERTED_RESIDUAL] = {0.45, 16.0, 0.5}, [STAGE_MATMUL] = {0.60, 12.0, 0.5},
    [STAGE_CONV_TRANSPOSE] = {0.20, 0.0, 0.5},     [STAGE_DEFORM_CONV] = {0.10, 0.0, 0.5},
};
static const double MIDDLE_CACHE = 16.0;  /* its size over that of the nearest ones together */
static const double OTHERS_STREAM = 0.25; /* pools, elementwise and the like, of the nearest cache's rate */

device_rates rates_of_limits(const device_limits *limits) {
  const double units = limits->compute_units ? limits->compute_units : 1, width = limits->vector_width;
  const double macs = units * 2.5e9 * 2.0 * (width > 1 ? width : 1);
  return (device_rates){.macs = macs,
                        .far_bytes = units * 6e9,
                        .near_bytes = units * 60e9,
                        .cache_bytes = units * (1 << 20),
                        .launch = 5e-6};
}

static double shape_floats(const sepcl_shape *s) { return (double)s->n * s->h * s->w * s->c; }

double stage_bytes(const bound_stage *b) {
  const stage *s = &b->s;
  double output = shape_floats(&s->output), input = shape_floats(&s->input);
  if (s->rank) {
    output = 1.0;
    for (int32_t i = 0; i < s->rank; i++) output *= (double)s->dims[i];
    input = output;
  }
  return sizeof(float) * ((double)b->packed_floats + input + output * (s->has_residual ? 2.0 : 1.0));
}

static double larger(double a, double b) { return a > b ? a : b; }

static double ceil_to(double value, double unit) {
  const double whole = (double)(int64_t)((value + unit - 1.0) / unit);
  return whole * unit;
}

/* Multiply-adds of a product of the row family, whole register tiles: of the largest task, and of all. */
static double row_product(const bound_stage *b, double *task) {
  const window_params *g = &b->params.u.window;
  const variant *v = b->v;
  const double groups = g->groups > 0 ? g->groups : 1, outputs = g->oc / groups;
  const double steps = (double)g->kh * g->kw * (g->c / groups) + habits[b->s.kind].tile_steps;
  const double rows = (double)g->n * g->oh * g->ow;
  const double columns = outputs < v->nr ? ceil_to(outputs, v->vec) : ceil_to(outputs, v->nr);
  const double own_rows = ceil_to(rows / g->split[1], v->mr),
               own_panels = ceil_to((double)g->split[5] / g->split[3], 1.0);
  const double own_columns = own_panels * v->nr < columns ? own_panels * v->nr : columns;
  *task = own_rows * own_columns * steps;
  return ceil_to(rows, v->mr) * columns * groups * steps;
}

/* A vector narrower than the device's leaves a part of every unit idle. */
static double vector_share(const variant *v, const device_limits *limits) {
  const double width = limits->vector_width ? limits->vector_width : 1;
  return v->family == FAMILY_TILE || v->vec >= width ? 1.0 : v->vec / width;
}

/* Multiply-adds of the busiest unit, the padding of tiles included. */
static double busiest_macs(const bound_stage *b, double units, const device_limits *limits) {
  const double tasks = b->params.tasks > 0 ? b->params.tasks : 1, rounds = ceil_to(tasks, units) / units;
  const double tiled = tile_cost(b, limits);
  if (tiled > 0.0) return tiled;
  const bool product = b->s.kind == STAGE_POINTWISE || b->s.kind == STAGE_CONV;
  if (!product || b->v->family == FAMILY_TILE) return (double)stage_macs(&b->s) * rounds / tasks;
  double task = 0.0;
  const double all = row_product(b, &task);
  return larger(all / units, task);
}

/* Between the nearest caches and memory lies one more, whose rate is between theirs. */
static double bytes_rate(const device_rates *rates, double bytes, double streams) {
  const double near = rates->near_bytes * streams;
  if (bytes <= rates->cache_bytes) return near;
  if (bytes > MIDDLE_CACHE * rates->cache_bytes || near < rates->far_bytes) return rates->far_bytes;
  return sqrt(near * rates->far_bytes);
}

double stage_seconds(const bound_stage *b, const device_rates *rates, const device_limits *limits, bool launched) {
  const double units = limits->compute_units ? limits->compute_units : 1;
  const double share = habits[b->s.kind].share, bytes = stage_bytes(b);
  const double streams = share > 0.0 ? habits[b->s.kind].streams : OTHERS_STREAM;
  const double busy = b->params.tasks > 0 && b->params.tasks < units ? b->params.tasks / units : 1.0;
  double seconds = bytes / bytes_rate(rates, bytes, streams) / busy;
  if (share > 0.0) {
    const double rate = rates->macs / units * share * vector_share(b->v, limits);
    seconds = larger(seconds, busiest_macs(b, units, limits) / rate);
  }
  return seconds + (launched ? rates->launch : 0.0);
}
