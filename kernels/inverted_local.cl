/* Expansion (1x1), depthwise and projection (1x1) for devices with fast local memory: a work-group makes a tile of at
 * most MR output pixels x all outputs, of which there are at most NR. KB expanded channels at a time it expands the
 * region of the input under the tile, convolves it depthwise, both into local memory, and adds that share to the
 * projection's sums, which stay in registers.
 *
 * Packed weights: as in inverted_residual.cl, panels of KB expanded channels and of NR outputs.
 *
 * split: 0 rows and 1 columns of a tile, 2 tiles down and 3 across an image. REGION_PIXELS: what a region may have. */
#include "local_tile.cl"
#include "tile.cl"

#ifndef INVERTED_LOCAL_CL
#define INVERTED_LOCAL_CL
#define EXPAND_PIXELS 2
#define EACH_PIXEL REPEAT_2
#define EXPAND_FROM(i) __global const XT *x##i = FN(input_of)(t, min(first + i, pixels - 1));
#define EXPAND_BIAS(i) float4 v##i = bias;
#define EXPAND_LOAD(i) const float4 in##i = load_4(x##i + ci);
#define EXPAND_FMA(i, lane) v##i = fma((float4)(in##i.s##lane), k##lane, v##i);
#define EXPAND_4(i) EXPAND_FMA(i, 0) EXPAND_FMA(i, 1) EXPAND_FMA(i, 2) EXPAND_FMA(i, 3)
#define EXPAND_1(i) v##i = fma((float4)(LOAD1(x##i + ci)), k0, v##i);
#endif

/* A tile and the part of its region that lies inside the image. */
typedef struct FN(area) {
  const stage_params *p;
  __global const XT *x;         /* the region's first pixel */
  int n, oy, ox, rows, columns; /* of the output */
  int iy, ix, height, width;    /* of the input */
} FN(area);

static FN(area) FN(area_of)(const stage_params *p, __global const XT *x, int task) {
  const window_params *g = &p->u.window;
  FN(area) t;
  t.p = p;
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
  t.x = x + p->x_at + (((long)t.n * g->h + t.iy) * g->w + t.ix) * p->x_pitch;
  return t;
}

static __global const XT *FN(input_of)(const FN(area) * t, const int pixel) {
  return t->x + ((long)(pixel / t->width) * t->p->u.window.w + pixel % t->width) * t->p->x_pitch;
}

/* The region through the expansion's panel, `width` channels wide: items take four pixels x four channels each. */
static void FN(expand)(const FN(area) * t, __global const float *panel, const int width, __local float4 *region) {
  const int inputs = t->p->u.window.c, pixels = t->height * t->width, quads = width / 4;
  const int units = (pixels + EXPAND_PIXELS - 1) / EXPAND_PIXELS * quads;
  for (int unit = get_local_id(0); unit < units; unit += LOCAL) {
    const int quad = unit % quads, first = unit / quads * EXPAND_PIXELS;
    __global const float *weights = panel + 4 * quad;
    const float4 bias = load_4(weights);
    EACH_PIXEL(EXPAND_FROM)
    EACH_PIXEL(EXPAND_BIAS)
    int ci = 0;
    for (; ci + 4 <= inputs; ci += 4, weights += 4 * width) {
      const float4 k0 = load_4(weights + width), k1 = load_4(weights + 2 * width);
      const float4 k2 = load_4(weights + 3 * width), k3 = load_4(weights + 4 * width);
      EACH_PIXEL(EXPAND_LOAD)
      EACH_PIXEL(EXPAND_4)
    }
    for (; ci < inputs; ci++, weights += width) {
      const float4 k0 = load_4(weights + width);
      EACH_PIXEL(EXPAND_1)
    }
    const int end = min(pixels, first + EXPAND_PIXELS);
#pragma unroll 1
    for (int i = first; i < end; i++, v0 = v1) region[i * (KB / 4) + quad] = FN(activated)(t->p, 1, v0);
  }
}

/* Four channels of one pixel of the tile. */
static float4 FN(depthwise)(const FN(area) * t, __global const float *weights, const int width,
                            __local const float4 *region, const int pixel) {
  const window_params *g = &t->p->u.window;
  const int iy0 = (t->oy + pixel / t->columns) * g->sh - g->pt - t->iy;
  const int ix0 = (t->ox + pixel % t->columns) * g->sw - g->pl - t->ix;
  float4 v = load_4(weights);
  for (int ky = 0, iy = iy0; ky < g->kh; ky++, iy += g->dh) {
    for (int kx = 0, ix = ix0; kx < g->kw; kx++, ix += g->dw) {
      weights += width;
      if (iy < 0 || iy >= t->height || ix < 0 || ix >= t->width) continue;
      v = fma(region[(iy * t->width + ix) * (KB / 4)], load_4(weights), v);
    }
  }
  return FN(activated)(t->p, 2, v);
}

/* Where pixel `i` of the tile is in the output. */
static int FN(place)(const FN(area) * t, const int i) {
  const window_params *g = &t->p->u.window;
  return (t->n * g->oh + t->oy + i / t->columns) * g->ow + t->ox + i % t->columns;
}
#undef LOCAL_PLACE
#define LOCAL_PLACE(i) FN(place)(&t, i)

static void ENTRY(OPERANDS, const stage_params *p, int task, __local float4 *shared) {
  const window_params *g = &p->u.window;
  const FN(area) t = FN(area_of)(p, x, task);
  const int pixels = t.rows * t.columns, width = (g->oc + 3) / 4 * 4, expanded_width = (g->expanded + 3) / 4 * 4;
  __global const float *w_expand = w + p->w_at, *w_depthwise = w_expand + (long)expanded_width * (g->c + 1);
  __global const float *panel = w_depthwise + (long)expanded_width * (g->kh * g->kw + 1);
  __local float4 *a = shared, *local_b = a + MR * A_PITCH, *region = local_b + KB * (NR / 4);
  const int item = get_local_id(0), column = item % COLUMNS, row = item / COLUMNS;
  LOCAL_TILE_BIAS
  /* Rows of the tile that have no pixel are zeros. */
  for (int i = pixels * A_PITCH + item; i < MR * A_PITCH; i += LOCAL) a[i] = (float4)(0.0f);
  for (int first = 0; first < g->expanded; first += KB) {
    const int count = min(KB, g->expanded - first), quads = (count + 3) / 4;
    for (int i = item; i < KB * (NR / 4); i += LOCAL)
      local_b[i] = FN(weights)(panel + width, first + i / (NR / 4), g->expanded, width, i % (NR / 4) * 4);
    FN(expand)(&t, w_expand + (long)first * (g->c + 1), 4 * quads, region);
    barrier(CLK_LOCAL_MEM_FENCE);
    __global const float *taps = w_depthwise + (long)first * (g->kh * g->kw + 1);
    for (int i = item; i < pixels * quads; i += LOCAL)
      a[i / quads * A_PITCH + i % quads] =
          FN(depthwise)(&t, taps + 4 * (i % quads), 4 * quads, region + i % quads, i / quads);
    barrier(CLK_LOCAL_MEM_FENCE);
    LOCAL_TILE_PRODUCT(count)
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  FN(target) to;
  to.order = 0;
  to.first = 0;
  to.left = g->oc;
  LOCAL_TILE_STORE(row, pixels)
}
