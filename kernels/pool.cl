/* Window pools: a unit is an output pixel; channels go by vectors, the last one overlapping its neighbour. */

/* Taps from the first on whose offset is at most `reach`. */
static int FN(taps_until)(const int reach, const int kernel_size, const int dilation) {
  return reach < 0 ? 0 : min(kernel_size, reach / dilation + 1);
}

/* The window's taps inside the input along one axis: [s0, s1). */
static int2 FN(taps)(const int at, const int size, const int kernel_size, const int dilation) {
  const int first = at >= 0 ? 0 : (-at + dilation - 1) / dilation;
  return (int2)(first, max(first, FN(taps_until)(size - 1 - at, kernel_size, dilation)));
}

/* The pool over taps [ky0, ky1) x [kx0, kx1); `at` is tap (0, 0) of the first channel. */
static FV FN(window)(__global const float *at, const stage_params *p, const int4 taps, const int count) {
  const long column = (long)p->u.window.dw * p->x_pitch, row = (long)p->u.window.dh * p->u.window.w * p->x_pitch;
  const bool is_max = p->mode == 0;
  FV sum = is_max ? (FV)(-INF_F) : (FV)(0.0f);
  for (int ky = taps.s0; ky < taps.s1; ky++)
    for (int kx = taps.s2; kx < taps.s3; kx++) {
      const FV v = FNV(load_part)(at + ky * row + kx * column, count);
      if (is_max)
        sum = v > sum || v != v ? v : sum;
      else
        sum = sum + v;
    }
  return sum;
}

/* What an average divides by: the taps inside the input, or inside input and padding. */
static float FN(divisor)(const stage_params *p, const int iy, const int ix, const int4 taps) {
  const window_params *g = &p->u.window;
  if (p->mode == 1) return (float)((taps.s1 - taps.s0) * (taps.s3 - taps.s2));
  const int kh = FN(taps_until)(g->h + g->pb - 1 - iy, g->kh, g->dh);
  const int kw = FN(taps_until)(g->w + g->pr - 1 - ix, g->kw, g->dw);
  return (float)(kh * kw);
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  FOR_UNITS(unit, g->n * g->oh * g->ow) {
    const int ox = unit % g->ow, oy = unit / g->ow % g->oh, n = unit / g->ow / g->oh;
    const int iy = oy * g->sh - g->pt, ix = ox * g->sw - g->pl;
    const int4 taps = (int4)(FN(taps)(iy, g->h, g->kh, g->dh), FN(taps)(ix, g->w, g->kw, g->dw));
    const float divisor = p->mode == 0 ? 1.0f : FN(divisor)(p, iy, ix, taps);
    __global const float *from = x + p->x_at + (((long)n * g->h + iy) * g->w + ix) * p->x_pitch;
    __global float *to = y + p->y_at + (long)unit * p->y_pitch;
    for (int c = 0; c < g->c; c += VEC) {
      const int at = g->c < VEC ? 0 : min(c, g->c - VEC), count = min(g->c, VEC);
      FV v = FN(window)(from + at, p, taps, count);
      if (p->mode != 0) v = FNV(div_rn)(v, (FV)(divisor));
      v = activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
      FNV(store_part)(v, to + at, count);
    }
  }
}
