/* Depthwise + pointwise in one kernel (kernels/separable.cl). */
#include <string.h>

#include "stage/pack.h"
#include "stage/split.h"

enum { MAX_TAPS = 128 }; /* kernels/separable.cl's list of pointers */

/* Of a larger image a strip should stay near the core; a small one is best a single strip, which reads all weights
 * once. */
enum { NEAR_FLOATS = 16384, SINGLE_PIXELS = 64 };

static int32_t strip_pixels(const stage *s, const variant *v) {
  const int32_t pixel = s->input.c + v->vec, fitting = variant_macro(v, "STRIP") / pixel;
  const int64_t pixels = (int64_t)s->output.n * s->output.h * s->output.w;
  if (pixels <= fitting && pixels <= SINGLE_PIXELS) return (int32_t)pixels;
  const int32_t most = NEAR_FLOATS / pixel > 0 && NEAR_FLOATS / pixel < fitting ? NEAR_FLOATS / pixel : fitting;
  return most >= 12 ? (most < 48 ? most / 12 * 12 : 48) : most >= 6 ? 6 : most;
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)limits;
  if (s->input.c < v->vec) return "fewer channels than a vector has";
  if (v->family == FAMILY_TILE) return NULL;
  if (s->window.kernel_h * s->window.kernel_w > MAX_TAPS) return "its depthwise kernel has too many taps";
  return strip_pixels(s, v) ? NULL : "a pixel's channels do not fit its private memory";
}

static weight_reader pointwise_reader(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, s->input.c, 1, 1};
}

static size_t depthwise_floats(const stage *s) {
  return ((size_t)s->window.kernel_h * (size_t)s->window.kernel_w + 2) * (size_t)s->input.c;
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader reader = pointwise_reader(s, NULL);
  return depthwise_floats(s) + panels_floats(&reader, 1, v);
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader depthwise = {&sets[0], s->input.c, 1, s->window.kernel_h, s->window.kernel_w};
  weight_reader pointwise = pointwise_reader(s, &sets[1]);
  const size_t c = (size_t)s->input.c;
  for (int32_t o = 0; o < s->input.c; o++) {
    double factor = weight_factor(&depthwise, o);
    float *to = packed + o;
    *to = weight_bias(&depthwise, factor, o);
    for (int32_t ky = 0; ky < depthwise.kernel_h; ky++)
      for (int32_t kx = 0; kx < depthwise.kernel_w; kx++) *(to += c) = weight_at(&depthwise, factor, o, ky, kx, 0);
  }
  memset(packed + depthwise_floats(s) - c, 0, c * sizeof *packed);
  panels_pack_overlapping(&pointwise, 1, v, packed + depthwise_floats(s));
}

/* About 5 microseconds of one core. */
enum { TASK_MACS = 500000 };

/* A task is one tile (kernels/separable_local.cl). */
static void prepare_tiles(const variant *v, stage_params *params) {
  window_params *g = &params->u.window;
  g->split[1] = ceil_div((int64_t)g->n * g->oh * g->ow, v->mr);
  g->split[3] = ceil_div(g->oc, v->nr);
  params->tasks = g->split[1] * g->split[3];
}

static void prepare_strips(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  window_params *g = &params->u.window;
  const int32_t pixels = g->n * g->oh * g->ow, strip = strip_pixels(s, v), strips = ceil_div(pixels, strip);
  const int32_t panels = ceil_div(g->oc, v->nr), units = (int32_t)limits->compute_units;
  const int64_t wanted = wanted_tasks((int64_t)stage_macs(s), TASK_MACS, limits);
  int32_t row_tasks = wanted < strips ? (int32_t)wanted : strips;
  /* Tasks over the panels each repeat the depthwise half: only as many as keep the units busy. */
  int32_t panel_tasks = row_tasks < units ? ceil_div(units, row_tasks) : 1;
  if (panel_tasks > panels) panel_tasks = panels;
  g->split[0] = ceil_div(strips, row_tasks) * strip;
  g->split[1] = ceil_div(pixels, g->split[0]);
  g->split[2] = ceil_div(panels, panel_tasks);
  g->split[3] = ceil_div(panels, g->split[2]);
  g->split[4] = strip;
  g->split[5] = panels;
  params->tasks = g->split[1] * g->split[3];
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  if (v->family == FAMILY_TILE)
    prepare_tiles(v, params);
  else
    prepare_strips(s, v, limits, params);
}

const stage_class separable_class = {"separable", 2, refuses, packed_floats, pack, prepare};
