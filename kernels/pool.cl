/* Window pools: a unit is an output pixel; channels go by vectors, the last one overlapping its neighbour. */
#include "activated.cl"

/* Taps from the first on whose offset is at most `reach`. */
static int FN(taps_until)(const int reach, const int kernel_size, const int dilation) {
  return reach < 0 ? 0 : min(kernel_size, (dilation == 1 ? reach : reach / dilation) + 1);
}

/* The window's taps inside the input along one axis: [s0, s1). */
static int2 FN(taps)(const int at, const int size, const int kernel_size, const int dilation) {
  const int first = at >= 0 ? 0 : dilation == 1 ? -at : (-at + dilation - 1) / dilation;
  return (int2)(first, max(first, FN(taps_until)(size - 1 - at, kernel_size, dilation)));
}

/* How far tap rows and columns are apart. */
typedef struct FN(steps) {
  long row, column;
} FN(steps);

#define FOR_TAPS                                                            \
  for (int ky = taps.s0; ky < taps.s1; ky++) {                              \
    __global const XT *from = at + ky * steps.row + taps.s2 * steps.column; \
    for (int kx = taps.s2; kx < taps.s3; kx++, from += steps.column)
#define MORE(best, v) (v > best || v != v ? v : best)

/* The maximum or sum over taps [s0, s1) x [s2, s3) of `count` vectors, `apart` channels from one to the next; `at` is
 * tap (0, 0) of the first one. */
static void FN(window)(__global const XT *at, const FN(steps) steps, const int4 taps, const int mode, const int count,
                       const int apart, FV *all) {
#pragma unroll
  for (int i = 0; i < count; i++) all[i] = (FV)(mode == 0 ? -INF_F : 0.0f);
  FOR_TAPS {
#pragma unroll
    for (int i = 0; i < count; i++) {
      const FV v = LOADV(from + i * apart);
      all[i] = mode == 0 ? MORE(all[i], v) : all[i] + v;
    }
  }
}
}

/* The same of fewer channels than a vector has. */
static FV FN(few)(__global const XT *at, const FN(steps) steps, const int4 taps, const int mode, const int count) {
  FV all = (FV)(mode == 0 ? -INF_F : 0.0f);
  FOR_TAPS {
    const FV v = FNV(load_part)(from, count);
    all = mode == 0 ? MORE(all, v) : all + v;
  }
}
return all;
}

#if LOCAL == 1
static FV FN(greater)(const FV first, const FV v) { return v > first ? v : first; }

/* The maximum of a whole window of 3 x 3. Of equal numbers the first one stays, as in the order of the taps; a NaN
 * among the taps is looked for apart from the maximum, two taps with a comparison. */
static void FN(maximum_3x3)(__global const XT *at, const FN(steps) steps, const int count, const int apart, FV *all) {
#pragma unroll
  for (int i = 0; i < count; i++) {
    FV t[9];
#pragma unroll
    for (int k = 0; k < 9; k++) t[k] = LOADV(at + k / 3 * steps.row + k % 3 * steps.column + i * apart);
    const FV a = FN(greater)(FN(greater)(t[0], t[1]), t[2]), b = FN(greater)(FN(greater)(t[3], t[4]), t[5]),
             c = FN(greater)(FN(greater)(t[6], t[7]), t[8]);
    const IV nan = t[0] != t[0] || t[1] != t[1] || t[2] != t[2] || t[3] != t[3] || t[4] != t[4] || t[5] != t[5] ||
                   t[6] != t[6] || t[7] != t[7] || t[8] != t[8];
    all[i] = nan ? (FV)(NAN_F) : FN(greater)(FN(greater)(a, b), c);
  }
}
#endif

/* What an average divides by: the taps inside the input, or inside input and padding. */
static float FN(divisor)(const stage_params *p, const int iy, const int ix, const int4 taps) {
  const window_params *g = &p->u.window;
  if (p->mode == 1) return (float)((taps.s1 - taps.s0) * (taps.s3 - taps.s2));
  const int kh = FN(taps_until)(g->h + g->pb - 1 - iy, g->kh, g->dh);
  const int kw = FN(taps_until)(g->w + g->pr - 1 - ix, g->kw, g->dw);
  return (float)(kh * kw);
}

static FV FN(finish)(FV v, const stage_params *p, const float divisor, const float inverse) {
  if (p->mode != 0) v = FNV(div_shared)(v, divisor, inverse);
  return FN(activated)(p, 0, v);
}

#if LOCAL == 1
/* A pixel's channels by four vectors, two and one; a last vector overlaps its neighbour. */
#define VECTORS(count, apart)                                                \
  {                                                                          \
    FV v[count];                                                             \
    if (whole && p->mode == 0)                                               \
      FN(maximum_3x3)(from + c, steps, count, apart, v);                     \
    else if (p->mode == 0)                                                   \
      FN(window)(from + c, steps, taps, 0, count, apart, v);                 \
    else                                                                     \
      FN(window)(from + c, steps, taps, 1, count, apart, v);                 \
    _Pragma("unroll") for (int i = 0; i < count; i++)                        \
        STOREV(FN(finish)(v[i], p, divisor, inverse), to + c + i * (apart)); \
    c += (count - 1) * (apart) + VEC;                                        \
  }
#endif

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  FN(steps) steps;
  steps.column = (long)g->dw * p->x_pitch;
  steps.row = (long)g->dh * g->w * p->x_pitch;
  FOR_UNITS(unit, g->n * g->oh * g->ow) {
    const int ox = unit % g->ow, oy = unit / g->ow % g->oh, n = unit / g->ow / g->oh;
    const int iy = oy * g->sh - g->pt, ix = ox * g->sw - g->pl;
    const int2 rows = FN(taps)(iy, g->h, g->kh, g->dh), columns = FN(taps)(ix, g->w, g->kw, g->dw);
    const int4 taps = (int4)(rows.s0, rows.s1, columns.s0, columns.s1); /* Oclgrind crashes on two joined vectors */
    const float divisor = p->mode == 0 ? 1.0f : FN(divisor)(p, iy, ix, taps);
    const float inverse = p->mode == 0 ? 1.0f : div_rn_1(1.0f, divisor);
    __global const XT *from = x + p->x_at + (((long)n * g->h + iy) * g->w + ix) * p->x_pitch;
    __global YT *to = y + p->y_at + (long)unit * p->y_pitch;
    int c = 0;
#if LOCAL == 1
    const int whole = taps.s0 == 0 && taps.s1 == 3 && taps.s2 == 0 && taps.s3 == 3;
    while (g->c - c >= 4 * VEC) VECTORS(4, VEC)
    if (g->c - c >= 2 * VEC) VECTORS(2, VEC)
    if (g->c - c > VEC) VECTORS(2, g->c - c - VEC)
    if (c < g->c && g->c >= VEC) {
      c = g->c - VEC;
      VECTORS(1, 0)
    }
#endif
    const int count = min(VEC, g->c);
    for (; c < g->c; c += VEC) { /* one copy of the code that finishes: compilers for GPUs keep it inline then */
      const int first = min(c, g->c - count);
      FV v[1];
      if (count < VEC)
        v[0] = FN(few)(from, steps, taps, p->mode, count);
      else
        FN(window)(from + first, steps, taps, p->mode, 1, 0, v);
      FNV(store_part)(FN(finish)(v[0], p, divisor, inverse), to + first, count);
    }
  }
}
#undef FOR_TAPS
#undef MORE
#undef VECTORS
