/* Window pools: a unit is an output pixel; channels go by vectors, the last one overlapping its neighbour. */

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

/* The maximum over taps [s0, s1) x [s2, s3); `at` is tap (0, 0) of the first channel. */
static FV FN(maximum)(__global const XT *at, const FN(steps) steps, const int4 taps) {
  FV best = (FV)(-INF_F);
  FOR_TAPS {
    const FV v = LOADV(from);
    best = MORE(best, v);
  }
}
return best;
}

static FV FN(sum)(__global const XT *at, const FN(steps) steps, const int4 taps) {
  FV sum = (FV)(0.0f);
  FOR_TAPS { sum = sum + LOADV(from); }
}
return sum;
}

/* Either, of fewer channels than a vector has. */
static FV FN(few)(__global const XT *at, const FN(steps) steps, const int4 taps, const int mode, const int count) {
  FV all = (FV)(mode == 0 ? -INF_F : 0.0f);
  FOR_TAPS {
    const FV v = FNV(load_part)(from, count);
    all = mode == 0 ? MORE(all, v) : all + v;
  }
}
return all;
}

/* Four vectors at once. */
static void FN(maximum4)(__global const XT *at, const FN(steps) steps, const int4 taps, FV *out) {
  FV a = (FV)(-INF_F), b = a, c = a, d = a;
  FOR_TAPS {
    const FV e = LOADV(from), f = LOADV(from + VEC), g = LOADV(from + 2 * VEC), h = LOADV(from + 3 * VEC);
    a = MORE(a, e);
    b = MORE(b, f);
    c = MORE(c, g);
    d = MORE(d, h);
  }
}
out[0] = a;
out[1] = b;
out[2] = c;
out[3] = d;
}

static void FN(sum4)(__global const XT *at, const FN(steps) steps, const int4 taps, FV *out) {
  FV a = (FV)(0.0f), b = a, c = a, d = a;
  FOR_TAPS {
    a = a + LOADV(from);
    b = b + LOADV(from + VEC);
    c = c + LOADV(from + 2 * VEC);
    d = d + LOADV(from + 3 * VEC);
  }
}
out[0] = a;
out[1] = b;
out[2] = c;
out[3] = d;
}

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
  return activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
}

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
    for (; LOCAL == 1 && c + 4 * VEC <= g->c; c += 4 * VEC) {
      FV v[4];
      if (p->mode == 0)
        FN(maximum4)(from + c, steps, taps, v);
      else
        FN(sum4)(from + c, steps, taps, v);
      for (int i = 0; i < 4; i++) STOREV(FN(finish)(v[i], p, divisor, inverse), to + c + i * VEC);
    }
    const int count = min(VEC, g->c);
    for (; c < g->c; c += VEC) { /* one copy of the code that finishes: compilers for GPUs keep it inline then */
      const int first = min(c, g->c - count);
      const FV v = count < VEC    ? FN(few)(from, steps, taps, p->mode, count)
                   : p->mode == 0 ? FN(maximum)(from + first, steps, taps)
                                  : FN(sum)(from + first, steps, taps);
      FNV(store_part)(FN(finish)(v, p, divisor, inverse), to + first, count);
    }
  }
}
#undef FOR_TAPS
#undef MORE
