/* Depthwise convolutions for devices that run many items side by side: an item makes VEC channels of WIDE
 * neighbouring columns of one output row; the items next to it have the next channels of the same pixels.
 *
 * Packed weights: as in depthwise.cl. split: 0 tiles of columns in a row, 1 vectors of a pixel.
 *
 * INPUTS: columns of the input that those columns see. K, S: kernel size and stride for which the window slides: each
 * input that an item loads serves all the columns that it lies under. K 0: any window and, with VEC 1, any multiplier.
 * The last vector overlaps the one before it and stores only what is its own. */
#include "activated.cl"
#include "tile.cl"

/* One item's part of its stage: from `c` on, `wanted` columns from (oy, ox) on. */
typedef struct FN(view) {
  __global const XT *x; /* the image's channel */
  __global const float *weights;
  FV scale;
  int oy, ox, wanted, scaled;
} FN(view);

/* An input, or zeros in the padding whatever the scale (infinity times 0 is NaN). */
static FV FN(input)(const stage_params *p, const FN(view) * t, __global const XT *row, const int ix) {
  if (ix < 0 || ix >= p->u.window.w) return (FV)(0.0f);
  const FV v = LOADV(row + (long)ix * p->x_pitch);
  return t->scaled ? v * t->scale : v;
}

#if K
/* Indices are literals and K and S constants: tests fold and the weights of a row become registers. */
#define LOAD_WEIGHT(kx) wk[kx] = LOADV(weights + (kx)*g->oc);
#define TAP(o, kx) \
  if ((kx) >= 0 && (kx) < K) sum##o = fma(v, wk[(kx)&7], sum##o);
#define SLIDE_2(j) TAP(0, j) TAP(1, (j)-S)
#define SLIDE_4(j) SLIDE_2(j) TAP(2, (j)-2 * S) TAP(3, (j)-3 * S)
#define SLIDE(j)                                    \
  {                                                 \
    const FV v = FN(input)(p, t, row, first + (j)); \
    PASTE(SLIDE_, WIDE)(j)                          \
  }
#define TAPS                                                     \
  {                                                              \
    FV wk[8];                                                    \
    PASTE(REPEAT_, K)(LOAD_WEIGHT) PASTE(REPEAT_, INPUTS)(SLIDE) \
  }
#else
#define TAP(o) sum##o = fma(FN(input)(p, t, row, ix + (o)*g->sw), wk, sum##o);
#define TAPS                                         \
  for (int kx = 0; kx < g->kw; kx++) {               \
    const int ix = first + kx * g->dw;               \
    const FV wk = LOADV(weights + (long)kx * g->oc); \
    PASTE(REPEAT_, WIDE)(TAP)                        \
  }
#endif
/* The sums of the columns move up, the first one out. */
#define SHIFT_2 sum0 = sum1
#define SHIFT_4 SHIFT_2, sum1 = sum2, sum2 = sum3
#define START(o) FV sum##o = bias;

/* Residual, activation and store of one column; `own`: how many of the lanes are this item's, the last ones. */
static void FN(store_column)(OPERANDS, const stage_params *p, FV v, const long pixel, const int c, const int own) {
  if (p->has_residual) v += LOADV(r + p->r_at + pixel * p->r_pitch + c);
  v = FN(activated)(p, 0, v);
  __global YT *to = y + p->y_at + pixel * p->y_pitch + c;
  if (own == VEC) {
    STOREV(v, to);
    return;
  }
#if VEC == 4
  if (own == 3) STORE1(v.s1, to + 1);
  if (own >= 2) STORE1(v.s2, to + 2);
  STORE1(v.s3, to + 3);
#endif
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int tiles = g->split[0], vectors = g->split[1];
  FOR_UNITS(unit, g->n * g->oh * tiles * vectors) {
    const int vector = unit % vectors, tile = unit / vectors % tiles, line = unit / vectors / tiles;
    const int c = min(vector * VEC, g->oc - VEC), own = VEC - (vector * VEC - c);
    const int n = line / g->oh, i = VEC == 1 ? c / (g->oc / g->c) : c;
    FN(view) view;
    FN(view) *t = &view;
    t->oy = line % g->oh;
    t->ox = tile * WIDE;
    t->x = x + p->x_at + (long)n * g->h * g->w * p->x_pitch + i;
    t->weights = w + p->w_at + g->oc + c;
    t->scaled = p->has_scale;
    t->scale = p->has_scale ? LOADV(s + p->s_at + (long)n * p->s_pitch + i) : (FV)(1.0f);
    const FV bias = LOADV(w + p->w_at + c);
    PASTE(REPEAT_, WIDE)(START) const int first = t->ox * g->sw - g->pl;
    for (int ky = 0; ky < g->kh; ky++) {
      const int iy = t->oy * g->sh - g->pt + ky * g->dh;
      if (iy < 0 || iy >= g->h) continue;
      __global const XT *row = t->x + (long)iy * g->w * p->x_pitch;
      __global const float *weights = t->weights + (long)ky * g->kw * g->oc;
      TAPS
    }
    const long pixel = (long)line * g->ow + t->ox;
    const int wanted = min(WIDE, g->ow - t->ox);
#pragma unroll 1
    for (int o = 0; o < wanted; o++, PASTE(SHIFT_, WIDE)) FN(store_column)(x, w, r, s, y, p, sum0, pixel + o, c, own);
  }
}
#undef LOAD_WEIGHT
#undef TAP
#undef SLIDE
#undef SLIDE_2
#undef SLIDE_4
#undef TAPS
#undef SHIFT_2
#undef SHIFT_4
#undef START
