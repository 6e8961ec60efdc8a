#include "stage/pack.h"

#include <math.h>
#include <string.h>

double weight_factor(const weight_reader *reader, int32_t o) {
  const sepcl_weights *set = reader->set;
  if (!set->variance) return 1.0;
  return (set->gamma ? (double)set->gamma[o] : 1.0) / sqrt((double)set->variance[o] + (double)set->epsilon);
}

float weight_at(const weight_reader *reader, double factor, int32_t o, int32_t ky, int32_t kx, int32_t i) {
  const size_t kh = (size_t)reader->kernel_h, kw = (size_t)reader->kernel_w, n = (size_t)reader->inputs;
  const size_t tap = (size_t)ky * kw + (size_t)kx;
  size_t at = 0;
  switch (reader->set->layout) {
    case SEPCL_OIHW: at = ((size_t)o * n + (size_t)i) * kh * kw + tap; break;
    case SEPCL_OHWI: at = ((size_t)o * kh * kw + tap) * n + (size_t)i; break;
    case SEPCL_HWIO: at = (tap * n + (size_t)i) * (size_t)reader->outputs + (size_t)o; break;
    case SEPCL_HWC: at = tap * (size_t)reader->outputs + (size_t)o; break;
  }
  float w = reader->set->weights ? reader->set->weights[at] : 1.0f;
  return reader->set->variance ? (float)((double)w * factor) : w;
}

float weight_bias(const weight_reader *reader, double factor, int32_t o) {
  const sepcl_weights *set = reader->set;
  double bias = set->bias ? (double)set->bias[o] : 0.0;
  if (set->variance)
    bias = (bias - (set->mean ? (double)set->mean[o] : 0.0)) * factor + (set->beta ? (double)set->beta[o] : 0.0);
  return (float)bias + 0.0f;
}

static size_t taps_of(const weight_reader *reader) {
  return (size_t)reader->kernel_h * (size_t)reader->kernel_w * (size_t)reader->inputs;
}

static size_t round_up(size_t a, size_t to) { return (a + to - 1) / to * to; }

size_t panels_floats(const weight_reader *reader, int32_t groups, const variant *v) {
  const size_t outputs = (size_t)(reader->outputs / groups);
  return (size_t)groups * round_up(outputs, (size_t)v->vec) * (taps_of(reader) + 1);
}

/* One output's column in its panel, `width` outputs wide. */
static void pack_column(const weight_reader *reader, int32_t o, size_t width, float *column) {
  double factor = weight_factor(reader, o);
  *column = weight_bias(reader, factor, o);
  for (int32_t ky = 0; ky < reader->kernel_h; ky++)
    for (int32_t kx = 0; kx < reader->kernel_w; kx++)
      for (int32_t i = 0; i < reader->inputs; i++) *(column += width) = weight_at(reader, factor, o, ky, kx, i);
}

void panels_pack(const weight_reader *reader, int32_t groups, const variant *v, float *packed) {
  const size_t outputs = (size_t)(reader->outputs / groups), chain = taps_of(reader) + 1, nr = (size_t)v->nr;
  memset(packed, 0, panels_floats(reader, groups, v) * sizeof *packed);
  for (int32_t g = 0; g < groups; g++, packed += chain * round_up(outputs, (size_t)v->vec))
    for (size_t o = 0; o < outputs; o++) {
      const size_t first = o / nr * nr, left = round_up(outputs - first, (size_t)v->vec);
      pack_column(reader, g * (int32_t)outputs + (int32_t)o, left < nr ? left : nr, packed + first * chain + o % nr);
    }
}

static int32_t ceil_div(int64_t a, int64_t b) { return (int32_t)((a + b - 1) / b); }

/* About what one core does in 5 microseconds, and what of the weights should stay in its second-level cache. */
enum { TASK_MACS = 500000, RESIDENT_BYTES = 512 * 1024, MAX_TASKS_PER_UNIT = 32 };

void split_product(const variant *v, const device_limits *limits, stage_params *params) {
  window_params *g = &params->u.window;
  const int32_t images = params->has_scale ? g->n : 1, units = (int32_t)limits->compute_units;
  const int32_t rows = (params->has_scale ? 1 : g->n) * g->oh * g->ow;
  const int64_t taps = (int64_t)g->kh * g->kw * (g->c / g->groups);
  const int32_t panels = ceil_div(g->oc / g->groups, v->nr), tiles = ceil_div(rows, v->mr);
  const int64_t macs = (int64_t)rows * images * g->oc * taps;
  int64_t wanted = macs / TASK_MACS + 1;
  if (wanted > (int64_t)units * MAX_TASKS_PER_UNIT) wanted = (int64_t)units * MAX_TASKS_PER_UNIT;
  if (wanted > units) wanted = (wanted + units - 1) / units * units;
  const int32_t repeats = images * g->groups;
  int32_t panel_tasks = ceil_div(panels * taps * v->nr * 4, RESIDENT_BYTES);
  if (panel_tasks > panels) panel_tasks = panels;
  int32_t row_tasks = ceil_div(wanted, (int64_t)repeats * panel_tasks);
  if (row_tasks > tiles) row_tasks = tiles;
  if ((int64_t)row_tasks * panel_tasks * repeats < wanted) panel_tasks = ceil_div(wanted, (int64_t)row_tasks * repeats);
  if (panel_tasks > panels) panel_tasks = panels;
  const int32_t panels_each = ceil_div(panels, panel_tasks), tiles_each = ceil_div(tiles, row_tasks);
  g->split[0] = tiles_each * v->mr;
  g->split[1] = ceil_div(tiles, tiles_each);
  g->split[2] = panels_each;
  g->split[3] = ceil_div(panels, panels_each);
  g->split[4] = rows;
  g->split[5] = panels;
  params->tasks = g->split[1] * g->split[3] * repeats;
}
