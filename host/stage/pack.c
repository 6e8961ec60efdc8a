#include "stage/pack.h"
#include "stage/split.h"

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

/* A panel's columns; each is an output's, or of a last vector past them zeros. */
static void pack(const weight_reader *reader, int32_t groups, const variant *v, bool overlapping, float *packed) {
  const size_t outputs = (size_t)(reader->outputs / groups), chain = taps_of(reader) + 1, nr = (size_t)v->nr;
  const size_t vec = (size_t)v->vec, columns = round_up(outputs, vec), last_vector = columns - vec;
  const size_t back = overlapping && outputs >= vec ? columns - outputs : 0; /* by how much that vector overlaps */
  memset(packed, 0, panels_floats(reader, groups, v) * sizeof *packed);
  for (int32_t g = 0; g < groups; g++, packed += chain * columns)
    for (size_t column = 0; column < columns; column++) {
      const size_t o = column < last_vector ? column : column - back;
      const size_t first = column / nr * nr, left = columns - first;
      if (o == outputs) break;
      pack_column(reader, g * (int32_t)outputs + (int32_t)o, left < nr ? left : nr,
                  packed + first * chain + column % nr);
    }
}

void panels_pack(const weight_reader *reader, int32_t groups, const variant *v, float *packed) {
  pack(reader, groups, v, false, packed);
}

void panels_pack_overlapping(const weight_reader *reader, int32_t groups, const variant *v, float *packed) {
  pack(reader, groups, v, v->family == FAMILY_ROW, packed);
}

/* A task is about 10 microseconds of one core, by its arithmetic (to begin and end a tile takes as long as so many
 * steps) or by the weights that it reads; what of the weights should stay in a core's second-level cache while rows go
 * by; tiles that take as long as a panel from beyond it; tiles that a panel is worth bringing to the nearest cache for.
 */
enum {
  TASK_MACS = 1000000,
  TILE_STEPS = 32,
  TASK_BYTES = 128 * 1024,
  RESIDENT_BYTES = 512 * 1024,
  FETCH_TILES = 2,
  NEAR_TILES = 4
};

/* What is to be cut: `repeats` products of rows x taps and taps x outputs. */
typedef struct product {
  int64_t rows, taps, outputs;
  int32_t repeats, tiles, panels;
} product;

static int64_t product_tasks(const product *m, const device_limits *limits) {
  const int64_t macs = m->rows * (m->taps + TILE_STEPS) * m->outputs * m->repeats;
  const int64_t bytes = m->taps * m->outputs * m->repeats * (int64_t)sizeof(float);
  const int64_t by_macs = wanted_tasks(macs, TASK_MACS, limits), by_bytes = wanted_tasks(bytes, TASK_BYTES, limits);
  return by_macs > by_bytes ? by_macs : by_bytes;
}

static int32_t clamp(int64_t value, int32_t most) { return (int32_t)(value < 1 ? 1 : value > most ? most : value); }

/* A core's cache keeps all weights of a product while its rows go by. */
static bool is_resident(const product *m) { return m->outputs * m->taps * (int64_t)sizeof(float) <= RESIDENT_BYTES; }

/* Tiles that a unit makes of `panels`, `tiles` each, in their time: of a panel that its cache cannot keep two tiles
 * take no longer than its weights. */
static int64_t unit_tiles(const product *m, int64_t panels, int64_t tiles) {
  return panels * (is_resident(m) || tiles > FETCH_TILES ? tiles : FETCH_TILES);
}

/* Into how many parts to cut the rows. A unit keeps rows of its own, in the order of tasks the same part of them in
 * every stage, so that it finds in its cache what it wrote; in one part for all panels where the weights of all would
 * not stay there too. Of rows too few to share evenly every unit reads all, and only its own weights. */
static int32_t rows_cut(const product *m, int64_t wanted, int32_t units) {
  const int64_t by_rows = unit_tiles(m, m->panels, ceil_div(m->tiles, units));
  const int64_t by_panels = unit_tiles(m, ceil_div(m->panels, units), m->tiles);
  const int64_t needed = wanted < units ? wanted : units;
  int64_t parts = wanted;
  if (10 * by_panels <= 9 * by_rows)
    parts = 1;
  else if (!is_resident(m) || m->tiles < wanted * NEAR_TILES)
    parts = units;
  if (parts * m->panels < needed) parts = ceil_div(needed, m->panels);
  return clamp(parts, m->tiles);
}

void split_product(const variant *v, const device_limits *limits, stage_params *params) {
  window_params *g = &params->u.window;
  const int32_t images = params->has_scale ? g->n : 1, outputs = g->oc / g->groups;
  const int32_t rows = (params->has_scale ? 1 : g->n) * g->oh * g->ow;
  const product m = {rows,
                     (int64_t)g->kh * g->kw * (g->c / g->groups),
                     outputs,
                     images * g->groups,
                     ceil_div(rows, v->mr),
                     ceil_div(outputs, v->nr)};
  const int64_t wanted = ceil_div(product_tasks(&m, limits), m.repeats);
  int32_t row_tasks, panel_tasks;
  if (limits->panel_tasks) {
    panel_tasks = clamp(limits->panel_tasks, m.panels);
    row_tasks = clamp(ceil_div(wanted, panel_tasks), m.tiles);
  } else {
    row_tasks = rows_cut(&m, wanted, (int32_t)limits->compute_units);
    panel_tasks = clamp(ceil_div(wanted, row_tasks), m.panels);
  }
  g->split[0] = v->mr;
  g->split[1] = row_tasks;
  g->split[2] = m.tiles;
  g->split[3] = panel_tasks;
  g->split[4] = rows;
  g->split[5] = m.panels;
  params->tasks = g->split[1] * g->split[3] * m.repeats;
}
