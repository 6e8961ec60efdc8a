/* Pools over all pixels: a unit is VEC channels of one image. extra_float[0] is 1 / pixels. */

static FV FN(sum)(__global const XT *from, const stage_params *p, const int pixels, const int count) {
  FNV(tree) tree;
  tree.blocks = 0;
  for (int first = 0; first < pixels; first += 64) {
    const int end = min(first + 64, pixels);
    FV sum = (FV)(0.0f);
    for (int i = first; i < end; i++) sum = sum + FNV(load_part)(from + (long)i * p->x_pitch, count);
    FNV(tree_add)(&tree, sum);
  }
  return FNV(tree_sum)(&tree);
}

static FV FN(extreme)(__global const XT *from, const stage_params *p, const int pixels, const int count) {
  FV best = FNV(load_part)(from, count);
  for (int i = 1; i < pixels; i++) {
    const FV v = FNV(load_part)(from + (long)i * p->x_pitch, count);
    if (p->mode == 2)
      best = v > best || v != v ? v : best;
    else
      best = v < best || v != v ? v : best;
  }
  return best;
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int vectors = (g->c + VEC - 1) / VEC, pixels = g->h * g->w;
  FOR_UNITS(unit, g->n * vectors) {
    const int n = unit / vectors, count = min(g->c, VEC);
    const int c = g->c < VEC ? 0 : min(unit % vectors * VEC, g->c - VEC);
    __global const XT *from = x + p->x_at + (long)n * pixels * p->x_pitch + c;
    FV v = p->mode < 2 ? FN(sum)(from, p, pixels, count) : FN(extreme)(from, p, pixels, count);
    if (p->mode == 0) v = v * (FV)(p->extra_float[0]);
    v = activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
    __global YT *to = y + p->y_at + (long)n * p->y_pitch + c;
    FNV(store_part)(v, to, count);
  }
}
