/* Depthwise convolutions (kernels/depthwise.cl, depthwise_flat.cl and depthwise_tile.cl). */
#include <stdio.h>
#include <string.h>

#include "stage/pack.h"
#include "stage/split.h"

/* The kernel size and stride that a variant's macros fix, "K=3 S=1"; K=0: any window. */
static void fixed_window(const variant *v, int *kernel, int *stride) {
  *kernel = *stride = 0;
  sscanf(v->macros, "K=%d S=%d", kernel, stride);
}

/* Vectors that reach over pixels (kernels/depthwise_flat.cl). */
static bool is_flat(const variant *v) { return variant_macro(v, "FLAT"); }

static const char *flat_refuses(const stage *s, const variant *v) {
  if (s->output.c >= v->vec) return "as many channels as a vector has";
  if (s->window.stride_h != 1 || s->window.stride_w != 1) return "another stride";
  return s->has_scale ? "its input is scaled" : NULL;
}

/* A tile's columns are a few dilations apart: that must be far from what an int holds. */
enum { MAX_DILATION = 1 << 20 };

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)limits;
  int kernel, stride;
  fixed_window(v, &kernel, &stride);
  const sepcl_window *w = &s->window;
  if (v->vec > 1 && s->output.c != s->input.c) return "vectors need as many outputs as inputs";
  if (is_flat(v)) return flat_refuses(s, v);
  if (s->output.c < v->vec) return "fewer channels than a vector has";
  if (variant_macro(v, "LIGHT") && !is_light(s->activation)) return "its activation needs too many registers";
  if (!kernel) return NULL;
  const bool scales = variant_macro(v, "SCALES");
  if (s->has_scale && v->family != FAMILY_TILE && !scales) return "its input is scaled";
  if (!s->has_scale && scales) return "its input is not scaled";
  if (w->kernel_h != kernel || w->kernel_w != kernel || w->stride_h != stride || w->stride_w != stride)
    return "another kernel size or stride";
  if (w->dilation_h == 1 && w->dilation_w == 1) return NULL;
  if (v->family == FAMILY_TILE || stride != 1) return "dilated";
  return w->dilation_h > MAX_DILATION || w->dilation_w > MAX_DILATION ? "dilated too far" : NULL;
}

static weight_reader reader_of(const stage *s, const sepcl_weights *set) {
  return (weight_reader){set, s->output.c, 1, s->window.kernel_h, s->window.kernel_w};
}

/* Floats from a tap's weights to the next one's. */
static size_t tap_floats(const stage *s, const variant *v) {
  return (size_t)s->output.c + (is_flat(v) ? (size_t)v->vec : 0);
}

static size_t packed_floats(const stage *s, const variant *v) {
  size_t taps = (size_t)s->window.kernel_h * (size_t)s->window.kernel_w;
  return (taps + 1) * tap_floats(s, v) + (size_t)s->input.c;
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader reader = reader_of(s, sets);
  const size_t width = tap_floats(s, v);
  for (size_t i = 0; i < width; i++) {
    const int32_t o = (int32_t)(i % (size_t)s->output.c);
    const double factor = weight_factor(&reader, o);
    float *to = packed + i;
    *to = weight_bias(&reader, factor, o);
    for (int32_t ky = 0; ky < reader.kernel_h; ky++)
      for (int32_t kx = 0; kx < reader.kernel_w; kx++) *(to += width) = weight_at(&reader, factor, o, ky, kx, 0);
  }
  size_t zeros = packed_floats(s, v) - (size_t)s->input.c;
  memset(packed + zeros, 0, (size_t)s->input.c * sizeof *packed);
}

/* Memory-bound work: about 10 microseconds of one core. Channels are cut only where rows do not suffice, since memory
 * is read best in the order in which it lies. */
enum { TASK_MACS = 100000 };

/* An item makes a vector of channels of some columns (kernels/depthwise_tile.cl). */
static void prepare_tiles(const variant *v, const device_limits *limits, stage_params *params) {
  window_params *g = &params->u.window;
  g->split[0] = ceil_div(g->ow, variant_macro(v, "WIDE"));
  g->split[1] = ceil_div(g->oc, v->vec);
  split_units(params, (int64_t)g->n * g->oh * g->split[0] * g->split[1], 0, v, limits);
}

/* Of two output rows, as far apart as the taps; `apart` bands lie in each other's gaps. */
static int32_t bands_of(int32_t rows, int32_t apart) {
  const int32_t rest = rows % (2 * apart);
  return rows / (2 * apart) * apart + (rest < apart ? rest : apart);
}

static void prepare_bands(const variant *v, const device_limits *limits, stage_params *params) {
  window_params *g = &params->u.window;
  int kernel, stride;
  fixed_window(v, &kernel, &stride);
  const int32_t bands = kernel ? bands_of(g->oh, stride == 1 ? g->dh : 1) : g->oh,
                units = (int32_t)limits->compute_units;
  const int64_t macs = (int64_t)g->n * g->oh * g->ow * g->oc * g->kh * g->kw;
  const int64_t wanted = wanted_tasks(macs, TASK_MACS, limits);
  int32_t band_tasks = ceil_div(wanted, g->n);
  if (band_tasks > bands) band_tasks = bands;
  const int32_t vectors = g->oc / v->vec > 0 ? g->oc / v->vec : 1;
  int32_t channel_tasks = ceil_div(wanted, (int64_t)g->n * band_tasks);
  if (!limits->tasks && (int64_t)g->n * band_tasks >= units) channel_tasks = 1;
  if (channel_tasks > vectors) channel_tasks = vectors;
  g->split[0] = bands;
  g->split[1] = band_tasks;
  g->split[2] = ceil_div(vectors, channel_tasks) * v->vec;
  g->split[3] = ceil_div(vectors * v->vec, g->split[2]);
  params->tasks = g->n * g->split[1] * g->split[3];
}

/* A unit is a row of outputs (kernels/depthwise_flat.cl); four taps cost about what moving a number does. */
static void prepare_rows(const variant *v, const device_limits *limits, stage_params *params) {
  const window_params *g = &params->u.window;
  const int64_t rows = (int64_t)g->n * g->oh;
  split_units(params, rows, rows * g->ow * g->oc * (1 + g->kh * g->kw / 4), v, limits);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  (void)s;
  if (v->family == FAMILY_TILE)
    prepare_tiles(v, limits, params);
  else if (is_flat(v))
    prepare_rows(v, limits, params);
  else
    prepare_bands(v, limits, params);
}

const stage_class depthwise_class = {"depthwise", 1, refuses, packed_floats, pack, prepare};
