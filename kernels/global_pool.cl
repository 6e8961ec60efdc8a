/* Pools over all pixels: a unit is WIDE vectors of channels of one image, side by side, so that their sums do not wait
 * for each other and lines of memory are read whole. Vector k's channels lie at[k] in a pixel; vectors past the last
 * channel repeat the last one. extra_float[0] is 1 / pixels. */
#define EACH_VECTOR PASTE(REPEAT_, WIDE)
#define READ(k) FNV(load_part)(pixel + at[k], count)

static void FN(sum)(__global const XT *from, const int *at, const stage_params *p, const int pixels, const int count,
                    FV *sums) {
#define START(k) trees[k].blocks = 0;
#define BLOCK(k) FV block##k = (FV)(0.0f);
#define ADD(k) block##k = block##k + READ(k);
#define ADD_BLOCK(k) FNV(tree_add)(&trees[k], block##k);
#define FINISH(k) sums[k] = FNV(tree_sum)(&trees[k]);
  FNV(tree) trees[WIDE];
  __global const XT *pixel = from;
  EACH_VECTOR(START)
  for (int first = 0; first < pixels; first += 64) {
    const int end = min(first + 64, pixels);
    EACH_VECTOR(BLOCK)
    for (int i = first; i < end; i++, pixel += p->x_pitch) {
      EACH_VECTOR(ADD)
    }
    EACH_VECTOR(ADD_BLOCK)
  }
  EACH_VECTOR(FINISH)
#undef START
#undef BLOCK
#undef ADD
#undef ADD_BLOCK
#undef FINISH
}

static void FN(extreme)(__global const XT *from, const int *at, const stage_params *p, const int pixels,
                        const int count, FV *extremes) {
#define START(k) FV best##k = READ(k);
#define GREATER(k)                                 \
  {                                                \
    const FV v = READ(k);                          \
    best##k = v > best##k || v != v ? v : best##k; \
  }
#define LESS(k)                                    \
  {                                                \
    const FV v = READ(k);                          \
    best##k = v < best##k || v != v ? v : best##k; \
  }
#define FINISH(k) extremes[k] = best##k;
  __global const XT *pixel = from;
  EACH_VECTOR(START)
  for (int i = 1; i < pixels; i++) {
    pixel += p->x_pitch;
    if (p->mode == 2) {
      EACH_VECTOR(GREATER)
    } else {
      EACH_VECTOR(LESS)
    }
  }
  EACH_VECTOR(FINISH)
#undef START
#undef GREATER
#undef LESS
#undef FINISH
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int units = (g->c + WIDE * VEC - 1) / (WIDE * VEC), pixels = g->h * g->w, count = min(g->c, VEC);
  FOR_UNITS(unit, g->n * units) {
    const int n = unit / units, first = unit % units * WIDE * VEC;
    __global const XT *from = x + p->x_at + (long)n * pixels * p->x_pitch;
    int at[WIDE];
    for (int k = 0; k < WIDE; k++) at[k] = g->c < VEC ? 0 : min(first + k * VEC, g->c - VEC);
    FV v[WIDE];
    if (p->mode < 2)
      FN(sum)(from, at, p, pixels, count, v);
    else
      FN(extreme)(from, at, p, pixels, count, v);
    for (int k = 0; k < WIDE; k++) {
      if (p->mode == 0) v[k] = v[k] * (FV)(p->extra_float[0]);
      v[k] = activateV(v[k], p->act[0], p->act_a[0], p->act_b[0]);
      FNV(store_part)(v[k], y + p->y_at + (long)n * p->y_pitch + at[k], count);
    }
  }
}
#undef EACH_VECTOR
#undef READ
