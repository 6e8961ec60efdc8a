/* Expansion (1x1), depthwise and projection (1x1) in one kernel. A task makes a tile of output pixels: for each panel
 * of NR expanded channels it expands the region of the input under the tile, convolves it depthwise, and adds its share
 * to the sums of the projection, whose chains go on from panel to panel.
 *
 * Packed weights: the expansion's panels as in gemm.cl; for each of them depthwise biases and weights [ky][kx], as wide
 * as the panel; the projection's panels.
 *
 * split: 0 rows and 1 columns of a tile, 2 tiles down and 3 across an image.
 * TILE_PIXELS, REGION_PIXELS, SUMS: what a tile, its region and its sums may have at most. */
#include "tile.cl"

#ifndef INVERTED_RESIDUAL_CL
#define INVERTED_RESIDUAL_CL
#define EXPAND_ROW(i) __global const XT *a##i = x + min(i, rows - 1) * pitch;
#define PROJECT_ROW(i) const float *a##i = expanded + min(i, rows - 1) * NR;
#define LOAD_WANTED(i, v) FV c##i##_##v = LOADV(sums + min(i, rows - 1) * sums_pitch + v * VEC);
#define LOAD_WANTED_ROW(i) TILE_VECTORS(LOAD_WANTED, i)
#define STORE_WANTED_ROW(i)       \
  if (i < rows) {                 \
    TILE_VECTORS(TILE_TO_SUMS, i) \
  }
#define INVERTED_TILE(name, tr, tv) PASTE(PASTE(PASTE(PASTE(name, tr), PASTE(x, tv)), _), ENTRY)
#define EXPAND(tv)                                                                             \
  for (int i = 0; i < count; i += TILE_TR(tv)) {                                               \
    INVERTED_TILE(expand_, TILE_TR(tv), tv)                                                    \
    (x + (long)i * pitch, pitch, inputs, panel, min(TILE_TR(tv), count - i), region + i * NR); \
  }
#define PROJECT(tv)                                                                                \
  for (int i = 0; i < pixels; i += TILE_TR(tv)) {                                                  \
    INVERTED_TILE(project_, TILE_TR(tv), tv)                                                       \
    (expanded + i * NR, count, weights + (long)first * TV_WIDTH(tv), min(TILE_TR(tv), pixels - i), \
     sums + i * pitch + o, pitch);                                                                 \
  }
#define TV_WIDTH(tv) ((tv)*VEC)
#endif

#define TV 1
#define TR TILE_TR(1)
#include "inverted_tile.cl"
#define TV 2
#define TR TILE_TR(2)
#include "inverted_tile.cl"
#if NR / VEC > 2
#define TV 3
#define TR TILE_TR(3)
#include "inverted_tile.cl"
#define TV 4
#define TR TILE_TR(4)
#include "inverted_tile.cl"
#endif

/* Inner activation `slot` of `vectors` vectors. */
static void FN(activate_all)(float *v, const int pixels, const int vectors, const stage_params *p, const int slot) {
  for (int i = 0; i < pixels; i++)
    for (int k = 0; k < vectors; k++) {
      float *at = v + i * NR + k * VEC;
      STOREV(activateV(LOADV(at), p->act[slot], p->act_a[slot], p->act_b[slot]), at);
    }
}

/* `count` neighbouring pixels from x on, `vectors` vectors of the expansion each. */
static void FN(expand_row)(__global const XT *x, const int pitch, const int inputs, __global const float *panel,
                           const int count, const int vectors, float *region) {
  switch (vectors) {
    case 1: EXPAND(1) break;
    case 2: EXPAND(2) break;
#if NR / VEC > 2
    case 3: EXPAND(3) break;
    default: EXPAND(4) break;
#endif
  }
}

/* Adds expanded channels [first, first + count) to outputs [o, ..) of all pixels. */
static void FN(project_panel)(const float *expanded, const int first, const int count, __global const float *weights,
                              const int pixels, const int vectors, float *sums, const int pitch, const int o) {
  switch (vectors) {
    case 1: PROJECT(1) break;
    case 2: PROJECT(2) break;
#if NR / VEC > 2
    case 3: PROJECT(3) break;
    default: PROJECT(4) break;
#endif
  }
}

/* A tile and the part of its region that lies inside the image. */
typedef struct FN(area) {
  int n, oy, ox, rows, columns; /* of the output */
  int iy, ix, height, width;    /* of the input */
} FN(area);

static FN(area) FN(area_of)(const window_params *g, int task) {
  FN(area) t;
  t.ox = task % g->split[3] * g->split[1];
  task /= g->split[3];
  t.oy = task % g->split[2] * g->split[0];
  t.n = task / g->split[2];
  t.rows = min(g->split[0], g->oh - t.oy);
  t.columns = min(g->split[1], g->ow - t.ox);
  const int top = t.oy * g->sh - g->pt, left = t.ox * g->sw - g->pl;
  t.iy = max(top, 0);
  t.ix = max(left, 0);
  t.height = max(0, min(g->h, top + (t.rows - 1) * g->sh + (g->kh - 1) * g->dh + 1) - t.iy);
  t.width = max(0, min(g->w, left + (t.columns - 1) * g->sw + (g->kw - 1) * g->dw + 1) - t.ix);
  return t;
}

/* The depthwise half of a panel: `width` floats a pixel. */
static void FN(depthwise)(const float *region, const FN(area) * t, const window_params *g, __global const float *w,
                          const int width, float *expanded) {
  for (int i = 0; i < t->rows * t->columns; i++, expanded += NR) {
    const int oy = t->oy + i / t->columns, ox = t->ox + i % t->columns;
    for (int c = 0; c < width; c += VEC) {
      FV v = LOADV(w + c);
      for (int ky = 0; ky < g->kh; ky++)
        for (int kx = 0; kx < g->kw; kx++) {
          const int iy = oy * g->sh - g->pt + ky * g->dh - t->iy, ix = ox * g->sw - g->pl + kx * g->dw - t->ix;
          if (iy < 0 || iy >= t->height || ix < 0 || ix >= t->width) continue;
          v = fma(LOADV(region + (iy * t->width + ix) * NR + c), LOADV(w + (ky * g->kw + kx + 1) * width + c), v);
        }
      STOREV(v, expanded + c);
    }
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const FN(area) t = FN(area_of)(g, task);
  const int pixels = t.rows * t.columns, pitch = (g->oc + VEC - 1) / VEC * VEC;
  const int expanded_width = (g->expanded + VEC - 1) / VEC * VEC;
  __global const float *w_expand = w + p->w_at, *w_depthwise = w_expand + (long)expanded_width * (g->c + 1);
  __global const float *w_project = w_depthwise + (long)expanded_width * (g->kh * g->kw + 1);
  __global const XT *from = x + p->x_at + (((long)t.n * g->h + t.iy) * g->w + t.ix) * p->x_pitch;
  float region[REGION_PIXELS * NR], expanded[TILE_PIXELS * NR], sums[SUMS];
  for (int o = 0; o < g->oc; o += NR) {
    const int width = min(NR, pitch - o);
    for (int i = 0; i < pixels; i++)
      for (int k = 0; k < width; k += VEC)
        STOREV(LOADV(w_project + (long)o * (g->expanded + 1) + k), sums + i * pitch + o + k);
  }
  for (int first = 0; first < g->expanded; first += NR) {
    const int count = min(NR, g->expanded - first), vectors = (count + VEC - 1) / VEC;
    for (int i = 0; i < t.height; i++) {
      FN(expand_row)
      (from + (long)i * g->w * p->x_pitch, p->x_pitch, g->c, w_expand + (long)first * (g->c + 1), t.width, vectors,
       region + i * t.width * NR);
    }
    FN(activate_all)(region, t.height * t.width, vectors, p, 1);
    FN(depthwise)(region, &t, g, w_depthwise + (long)first * (g->kh * g->kw + 1), vectors * VEC, expanded);
    FN(activate_all)(expanded, pixels, vectors, p, 2);
    for (int o = 0; o < g->oc; o += NR) {
      const int width = min(NR, pitch - o);
      FN(project_panel)
      (expanded, first, count, w_project + (long)o * (g->expanded + 1) + width, pixels, width / VEC, sums, pitch, o);
    }
  }
  const FN(ending) end = FN(ending_of)(p);
  for (int i = 0; i < t.rows; i++) {
    const long pixel = ((long)t.n * g->oh + t.oy + i) * g->ow + t.ox;
    __global YT *to = y + p->y_at + pixel * p->y_pitch;
    FN(finish)
    (sums + i * t.columns * pitch, pitch, &end, to,
     p->has_residual ? r + p->r_at + pixel * p->r_pitch : (__global const RT *)to, t.columns, g->oc);
  }
}
