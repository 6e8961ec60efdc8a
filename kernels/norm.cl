/* Normalisations. mode: sepcl_norm_kind. r: scale, s: shift, where has_residual and has_scale say so.
 *   0 layer     rows of c elements; a unit is a row; scale and shift of c elements
 *   1 instance  over the pixels of each channel; a unit is VEC channels of one image
 *   2 LRN       over split[0] channels around each; a unit is a pixel
 * extra_float: layer and instance 0 epsilon, 1 one over the elements; LRN 0 alpha / window, 1 beta, 2 bias. */

static FV FN(inverse_deviation)(const FV squares, const stage_params *p) {
  const FV variance = squares * (FV)(p->extra_float[1]);
  return FNV(div_rn)((FV)(1.0f), FNV(sqrt_rn)(variance + (FV)(p->extra_float[0])));
}

/* (v - mean) * inverse, then scale and shift of channel c. */
static FV FN(finish)(const FV centred, const FV inverse, __global const RT *r, __global const ST *s,
                     const stage_params *p, const int2 at) {
  FV v = centred * inverse;
  if (p->has_residual && p->has_scale)
    v = fma(v, FNV(load_part)(r + p->r_at + at.s0, at.s1), FNV(load_part)(s + p->s_at + at.s0, at.s1));
  else if (p->has_residual)
    v = v * FNV(load_part)(r + p->r_at + at.s0, at.s1);
  else if (p->has_scale)
    v = v + FNV(load_part)(s + p->s_at + at.s0, at.s1);
  return activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
}

/* The sum of a row, or of its squared distances from `mean`. */
static float FN(row_sum)(__global const XT *from, const int count, const int squares, const float mean) {
  tree_1 tree;
  tree.blocks = 0;
  for (int first = 0; first < count; first += 64) {
    float sum = 0.0f;
    for (int i = first; i < min(first + 64, count); i++) {
      const float v = LOAD1(from + i), d = v - mean;
      sum = squares ? fma(d, d, sum) : sum + v;
    }
    tree_add_1(&tree, sum);
  }
  return tree_sum_1(&tree);
}

static void FN(layer)(OPERANDS, const stage_params *p, const int unit) {
  const int channels = p->u.window.c;
  __global const XT *from = x + p->x_at + (long)unit * p->x_pitch;
  __global YT *to = y + p->y_at + (long)unit * p->y_pitch;
  float mean = 0.0f, sum = 0.0f;
  for (int squares = 0; squares < 2; squares++) { /* one copy of the sum: it takes many registers */
    sum = FN(row_sum)(from, channels, squares, mean);
    if (!squares) mean = sum * p->extra_float[1];
  }
  const FV inverse = FN(inverse_deviation)((FV)(sum), p);
  for (int c = 0; c < channels; c += VEC) {
    const int count = min(VEC, channels - c);
    const FV v = FN(finish)(FNV(load_part)(from + c, count) - (FV)(mean), inverse, r, s, p, (int2)(c, count));
    FNV(store_part)(v, to + c, count);
  }
}

/* The sum of VEC channels over the pixels, or of their squared distances from `mean`. */
static FV FN(channel_sum)(__global const XT *from, const int2 size, const int count, const int squares, const FV mean) {
  const int pixels = size.s0, pitch = size.s1;
  FNV(tree) tree;
  tree.blocks = 0;
  for (int first = 0; first < pixels; first += 64) {
    FV sum = (FV)(0.0f);
    for (int i = first; i < min(first + 64, pixels); i++) {
      const FV v = FNV(load_part)(from + (long)i * pitch, count), d = v - mean;
      sum = squares ? fma(d, d, sum) : sum + v;
    }
    FNV(tree_add)(&tree, sum);
  }
  return FNV(tree_sum)(&tree);
}

static void FN(instance)(OPERANDS, const stage_params *p, const int unit) {
  const window_params *g = &p->u.window;
  const int vectors = (g->c + VEC - 1) / VEC, n = unit / vectors, pixels = g->h * g->w;
  const int c = unit % vectors * VEC, count = min(VEC, g->c - c);
  __global const XT *from = x + p->x_at + (long)n * pixels * p->x_pitch + c;
  __global YT *to = y + p->y_at + (long)n * pixels * p->y_pitch + c;
  const int2 size = (int2)(pixels, p->x_pitch);
  FV mean = (FV)(0.0f), sum = mean;
  for (int squares = 0; squares < 2; squares++) {
    sum = FN(channel_sum)(from, size, count, squares, mean);
    if (!squares) mean = sum * (FV)(p->extra_float[1]);
  }
  const FV inverse = FN(inverse_deviation)(sum, p);
  for (int i = 0; i < pixels; i++) {
    const FV v = FNV(load_part)(from + (long)i * p->x_pitch, count) - mean;
    FNV(store_part)(FN(finish)(v, inverse, r, s, p, (int2)(c, count)), to + (long)i * p->y_pitch, count);
  }
}

/* The lanes of channels c .. c + VEC - 1 of a pixel; 0 outside of it. */
static FV FN(channels)(__global const XT *from, const int c, const int channels) {
  if (c >= 0 && c + VEC <= channels) return LOADV(from + c);
  float lanes[VEC];
  for (int i = 0; i < VEC; i++) lanes[i] = c + i >= 0 && c + i < channels ? LOAD1(from + c + i) : 0.0f;
  return PASTE(gather_, VEC)(lanes);
}

static void FN(lrn)(OPERANDS, const stage_params *p, const int unit) {
  const int channels = p->u.window.c, window = p->u.window.split[0];
  const int before = min((window - 1) / 2, channels), after = min(window / 2, channels);
  __global const XT *from = x + p->x_at + (long)unit * p->x_pitch;
  __global YT *to = y + p->y_at + (long)unit * p->y_pitch;
  for (int c = 0; c < channels; c += VEC) {
    FV squares = (FV)(0.0f);
    for (int k = c - before; k <= c + after; k++) {
      const FV v = FN(channels)(from, k, channels);
      squares = fma(v, v, squares);
    }
    const FV base = fma((FV)(p->extra_float[0]), squares, (FV)(p->extra_float[2]));
    FV v = FNV(div_rn)(FN(channels)(from, c, channels), FNV(fn_pow)(base, (FV)(p->extra_float[1])));
    v = activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
    FNV(store_part)(v, to + c, min(VEC, channels - c));
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int units = p->mode == 1 ? g->n * ((g->c + VEC - 1) / VEC) : g->n * g->h * g->w;
  FOR_UNITS(unit, units) {
    if (p->mode == 0)
      FN(layer)(x, w, r, s, y, p, unit);
    else if (p->mode == 1)
      FN(instance)(x, w, r, s, y, p, unit);
    else
      FN(lrn)(x, w, r, s, y, p, unit);
  }
}
