/* Depthwise + pointwise: a strip of pixels goes through the depthwise half into private memory, then through the shared
 * register tile.
 *
 * Packed weights: depthwise biases [c], weights [ky][kx][c], zeros [c] for pixels in the padding; then the pointwise
 * panels as in gemm.cl.
 *
 * split: 0 pixels in a task, 1 tasks over all pixels, 2 panels in a task, 3 tasks over the panels, 4 pixels in a strip,
 * 5 panels. STRIP: floats in a strip. */
#include "activated.cl"
#include "tile.cl"

#ifndef SEPARABLE_CL
#define SEPARABLE_CL
#define STRIP_TAPS 128
#define DEPTHWISE_COLUMNS 4
#define STRIP_ROW(i) const float *a##i = strip + min(i, rows - 1) * strip_pitch;
#define STRIP_TILE(tr, tv) PASTE(PASTE(PASTE(PASTE(tile_, tr), PASTE(x, tv)), _), ENTRY)
#define STRIP_ARGUMENTS (at, pitch, c, end, panel, wanted, left, yy, rr, buffer, soon, soon_step)
#endif

#define TV 1
#define TR TILE_TR(1)
#include "separable_tile.cl"
#define TV 2
#define TR TILE_TR(2)
#include "separable_tile.cl"
#if NR / VEC > 2
#define TV 3
#define TR TILE_TR(3)
#include "separable_tile.cl"
#define TV 4
#define TR TILE_TR(4)
#include "separable_tile.cl"
#endif

/* Where tap (ky, kx) of each of the columns from `pixel` on lies; the last pixel repeats. */
static void FN(point)(__global const XT **at, const stage_params *p, __global const XT *x, __global const XT *zeros,
                      const int pixel, const int count) {
  const window_params *g = &p->u.window;
  for (int j = 0; j < DEPTHWISE_COLUMNS; j++) {
    int m = pixel + min(j, count - 1);
    const int ox = m % g->ow;
    m /= g->ow;
    const int oy = m % g->oh, n = m / g->oh, ix0 = ox * g->sw - g->pl, iy0 = oy * g->sh - g->pt;
    __global const XT *from = x + ((long)n * g->h * g->w) * p->x_pitch;
    for (int ky = 0, tap = 0; ky < g->kh; ky++)
      for (int kx = 0; kx < g->kw; kx++, tap++) {
        const int iy = iy0 + ky * g->dh, ix = ix0 + kx * g->dw;
        const int inside = iy >= 0 && iy < g->h && ix >= 0 && ix < g->w;
        at[tap * DEPTHWISE_COLUMNS + j] = inside ? from + ((long)iy * g->w + ix) * p->x_pitch : zeros;
      }
  }
}

/* Columns of one output row, and all of their taps inside the image: then `first` is set to the first column's first
 * tap. */
static int FN(inside)(__global const XT **first, const stage_params *p, __global const XT *x, int pixel,
                      const int columns) {
  const window_params *g = &p->u.window;
  const int ox = pixel % g->ow;
  pixel /= g->ow;
  const int oy = pixel % g->oh, n = pixel / g->oh, ix = ox * g->sw - g->pl, iy = oy * g->sh - g->pt;
  *first = x + (((long)n * g->h + iy) * g->w + ix) * p->x_pitch;
  return columns == DEPTHWISE_COLUMNS && ox + columns <= g->ow && iy >= 0 && iy + (g->kh - 1) * g->dh < g->h &&
         ix >= 0 && ix + (columns - 1) * g->sw + (g->kw - 1) * g->dw < g->w;
}

/* The depthwise half of `count` pixels from `pixel` on. */
static void FN(depthwise)(float *strip, const int pitch, const stage_params *p, __global const XT *x,
                          __global const float *w, const int pixel, const int count) {
  const window_params *g = &p->u.window;
  const int taps = g->kh * g->kw, c_end = g->c, step = g->sw * p->x_pitch;
  __global const float *weights = w + g->c;
  __global const XT *zeros = (__global const XT *)(weights + (long)taps * g->c);
  __global const XT *at[STRIP_TAPS * DEPTHWISE_COLUMNS], *first;
  for (int i = 0; i < count; i += DEPTHWISE_COLUMNS, strip += DEPTHWISE_COLUMNS * pitch) {
    const int columns = min(DEPTHWISE_COLUMNS, count - i);
    const int inside = FN(inside)(&first, p, x, pixel + i, columns);
    if (!inside) FN(point)(at, p, x, zeros, pixel + i, columns);
    /* The last vector overlaps the one before it. */
    for (int c_at = 0; c_at < c_end; c_at += VEC) {
      const int c = min(c_at, c_end - VEC);
      __global const float *wk = weights + c;
      FV v0 = LOADV(w + c), v1 = v0, v2 = v0, v3 = v0;
      if (inside) {
        for (int ky = 0; ky < g->kh; ky++) {
          __global const XT *from = first + (long)ky * g->dh * g->w * p->x_pitch + c;
          for (int kx = 0; kx < g->kw; kx++, from += g->dw * p->x_pitch, wk += c_end) {
            const FV k = LOADV(wk);
            v0 = fma(LOADV(from), k, v0);
            v1 = fma(LOADV(from + step), k, v1);
            v2 = fma(LOADV(from + 2 * step), k, v2);
            v3 = fma(LOADV(from + 3 * step), k, v3);
          }
        }
      } else {
        for (int tap = 0; tap < taps; tap++, wk += c_end) {
          const FV k = LOADV(wk);
          __global const XT *const *from = at + tap * DEPTHWISE_COLUMNS;
          v0 = fma(LOADV(from[0] + c), k, v0);
          v1 = fma(LOADV(from[1] + c), k, v1);
          v2 = fma(LOADV(from[2] + c), k, v2);
          v3 = fma(LOADV(from[3] + c), k, v3);
        }
      }
      STOREV(FN(activated)(p, 1, v0), strip + c);
      if (columns > 1) STOREV(FN(activated)(p, 1, v1), strip + pitch + c);
      if (columns > 2) STOREV(FN(activated)(p, 1, v2), strip + 2 * pitch + c);
      if (columns > 3) STOREV(FN(activated)(p, 1, v3), strip + 3 * pitch + c);
    }
  }
}

/* A panel with `left` outputs for the `count` pixels of a strip, tile by tile. */
static void FN(panel)(const stage_params *p, const FN(ending) * end, const float *strip, __global const float *panel,
                      const int count, const int left, __global YT *y, __global const RT *r) {
  const int vectors = (left + VEC - 1) / VEC, c = p->u.window.c, pitch = c + VEC;
  const int tile_rows = vectors == 1 ? TILE_TR(1) : vectors == 2 ? TILE_TR(2) : vectors == 3 ? TILE_TR(3) : TILE_TR(4);
  const int width = vectors * VEC, soon_step = clamp(width * tile_rows / count, 1, width);
  __global const float *soon = panel + (c + 1) * width; /* the tiles together fetch the next panel */
  float buffer[TILE_BUFFER];
  for (int i = 0; i < count; i += tile_rows, soon += (c + 1) * soon_step) {
    const int wanted = min(tile_rows, count - i);
    const float *at = strip + i * pitch;
    __global YT *yy = y + (long)i * p->y_pitch;
    __global const RT *rr = r + (long)i * p->r_pitch;
    int from;
    switch (vectors) {
      case 1: from = STRIP_TILE(TILE_TR(1), 1) STRIP_ARGUMENTS; break;
#if NR / VEC > 2
      case 3: from = STRIP_TILE(TILE_TR(3), 3) STRIP_ARGUMENTS; break;
      case 4: from = STRIP_TILE(TILE_TR(4), 4) STRIP_ARGUMENTS; break;
#endif
      default: from = STRIP_TILE(TILE_TR(2), 2) STRIP_ARGUMENTS; break;
    }
    if (from < left) FN(finish)(buffer + from, width, end, yy + from, rr + from, wanted, left - from);
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int row_task = task % g->split[1], panel_task = task / g->split[1];
  const int pixels = g->n * g->oh * g->ow, pixel_from = row_task * g->split[0];
  const int pixel_to = min(pixels, pixel_from + g->split[0]);
  const int panel_from = panel_task * g->split[2], panel_to = min(g->split[5], panel_from + g->split[2]);
  const int pitch = g->c + VEC;
  __global const float *pointwise = w + p->w_at + ((long)g->kh * g->kw + 2) * g->c;
  FN(ending) end = FN(ending_of)(p);
  end.overlaps = VEC > 1 && g->oc >= VEC;
  float strip[STRIP];
  for (int pixel = pixel_from; pixel < pixel_to; pixel += g->split[4]) {
    const int count = min(g->split[4], pixel_to - pixel);
    FN(depthwise)(strip, pitch, p, x + p->x_at, w + p->w_at, pixel, count);
    for (int i = panel_from; i < panel_to; i++) {
      __global const float *panel = pointwise + (long)i * NR * (g->c + 1);
      const int o = i * NR, left = min(NR, g->oc - o);
      FN(panel)
      (p, &end, strip, panel, count, left, y + p->y_at + (long)pixel * p->y_pitch + o,
       p->has_residual ? r + p->r_at + (long)pixel * p->r_pitch + o : (__global const RT *)y);
    }
  }
}
