/* Expansion, depthwise and projection in one kernel (kernels/inverted_residual.cl). */
#include <string.h>

#include "stage/pack.h"

/* The output pixels that a task makes. */
typedef struct tile {
  int32_t rows, columns;
} tile;

static int64_t region_pixels(const sepcl_window *w, int32_t rows, int32_t columns) {
  return (((int64_t)rows - 1) * w->stride_h + ((int64_t)w->kernel_h - 1) * w->dilation_h + 1) *
         (((int64_t)columns - 1) * w->stride_w + ((int64_t)w->kernel_w - 1) * w->dilation_w + 1);
}

static bool fits(const stage *s, const variant *v, int32_t rows, int32_t columns) {
  if (v->family == FAMILY_TILE)
    return (int64_t)rows * columns <= v->mr && s->output.c <= v->nr &&
           region_pixels(&s->window, rows, columns) <= variant_macro(v, "REGION_PIXELS");
  const int64_t width = ((int64_t)s->output.c + v->vec - 1) / v->vec * v->vec, pixels = (int64_t)rows * columns;
  return pixels <= variant_macro(v, "TILE_PIXELS") && pixels * width <= variant_macro(v, "SUMS") &&
         region_pixels(&s->window, rows, columns) <= variant_macro(v, "REGION_PIXELS");
}

/* The tile whose halo costs least; 0 x 0 if not even one pixel fits. */
static tile choose_tile(const stage *s, const variant *v) {
  tile best = {0, 0};
  double best_cost = 0.0;
  for (int32_t rows = 1; rows <= s->output.h && fits(s, v, rows, 1); rows++)
    for (int32_t columns = 1; columns <= s->output.w && fits(s, v, rows, columns); columns++) {
      double tiles = (double)((s->output.h + rows - 1) / rows) * ((s->output.w + columns - 1) / columns);
      double cost = tiles * (double)region_pixels(&s->window, rows, columns);
      if (best.rows && cost >= best_cost) continue;
      best = (tile){rows, columns};
      best_cost = cost;
    }
  return best;
}

static const char *refuses(const stage *s, const variant *v, const device_limits *limits) {
  (void)limits;
  if (variant_macro(v, "LIGHT") && !(is_light(s->inner[0]) && is_light(s->inner[1])))
    return "its inner activations need too many registers";
  if (variant_macro(v, "LIGHT") && (s->halves & HALF_Y) && !is_light(s->activation))
    return "its activation of halves needs too many registers";
  return choose_tile(s, v).rows ? NULL : "an output pixel and its inputs do not fit its memory";
}

static weight_reader reader_of(const sepcl_weights *set, int32_t outputs, int32_t inputs) {
  return (weight_reader){set, outputs, inputs, 1, 1};
}

/* The variant as the expansion's and the depthwise half's panels see it. */
static variant expansion_of(const variant *v) {
  variant inner = *v;
  if (v->family == FAMILY_TILE) inner.nr = variant_macro(v, "KB");
  return inner;
}

static size_t depthwise_floats(const stage *s, const variant *v) {
  const size_t vec = (size_t)v->vec, width = ((size_t)s->expanded + vec - 1) / vec * vec;
  return width * ((size_t)s->window.kernel_h * (size_t)s->window.kernel_w + 1);
}

static size_t packed_floats(const stage *s, const variant *v) {
  weight_reader expand = reader_of(NULL, s->expanded, s->input.c), project = reader_of(NULL, s->output.c, s->expanded);
  return panels_floats(&expand, 1, v) + depthwise_floats(s, v) + panels_floats(&project, 1, v);
}

static void pack(const stage *s, const variant *v, const sepcl_weights *sets, float *packed) {
  weight_reader expand = reader_of(&sets[0], s->expanded, s->input.c);
  weight_reader project = reader_of(&sets[2], s->output.c, s->expanded);
  /* A panel of single inputs, [ky][kx] apart, is what the depthwise half reads. */
  weight_reader depthwise = {&sets[1], s->expanded, 1, s->window.kernel_h, s->window.kernel_w};
  const variant inner = expansion_of(v);
  panels_pack(&expand, 1, &inner, packed);
  packed += panels_floats(&expand, 1, v);
  panels_pack(&depthwise, 1, &inner, packed);
  packed += depthwise_floats(s, v);
  panels_pack(&project, 1, v, packed);
}

static void prepare(const stage *s, const variant *v, const device_limits *limits, stage_params *params) {
  (void)limits;
  window_params *g = &params->u.window;
  tile t = choose_tile(s, v);
  g->split[0] = t.rows;
  g->split[1] = t.columns;
  g->split[2] = (g->oh + t.rows - 1) / t.rows;
  g->split[3] = (g->ow + t.columns - 1) / t.columns;
  params->tasks = g->n * g->split[2] * g->split[3];
}

const stage_class inverted_residual_class = {"inverted_residual", 3, refuses, packed_floats, pack, prepare};
