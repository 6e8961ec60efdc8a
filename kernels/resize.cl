/* Resizing of images; a unit is an output pixel. mode: sepcl_resize_mode; split: 0 sepcl_coordinates, 1 sepcl_nearest;
 * extra_float: the scales (output / input) of height and width. */

/* Where output index `i` lies in the input. Without a scale it comes from the sizes; where the coordinate is then
 * rounded
 * (`rounds`), one division of whole numbers keeps a half a half. */
static float FN(coordinate)(const int i, const int kind, const float given, const int2 sizes, const int rounds) {
  const int size = sizes.s0, outputs = sizes.s1, by_sizes = given == 0.0f;
  const float scale = by_sizes ? (rounds ? (float)outputs : div_rn_1((float)outputs, (float)size)) : given;
  const float times = by_sizes && rounds ? (float)size : 1.0f, at = (float)i;
  switch (kind) {
    case 1: /* pytorch_half_pixel */
      if (outputs == 1) return 0.0f;
    case 0: /* half_pixel */ return div_rn_1((at + 0.5f) * times, scale) - 0.5f;
    case 2: /* align_corners */ return outputs == 1 ? 0.0f : div_rn_1(at * (float)(size - 1), (float)(outputs - 1));
    case 3: /* asymmetric */ return div_rn_1(at * times, scale);
    default: /* tf_half_pixel_for_nn */ return div_rn_1((at + 0.5f) * times, scale);
  }
}

static int FN(nearest)(const float at, const int kind, const int size) {
  float whole = floor(at);
  const float rest = at - whole;
  if (kind == 0 ? rest > 0.5f : (kind == 1 ? rest >= 0.5f : (kind == 3 && rest > 0.0f))) whole += 1.0f;
  return (int)clamp(whole, 0.0f, (float)(size - 1));
}

/* The neighbours of a coordinate, and the second one's share. */
static int2 FN(neighbours)(const float coordinate, const int size, float *share) {
  const float at = clamp(coordinate, 0.0f, (float)(size - 1)), whole = floor(at);
  *share = at - whole;
  return (int2)((int)whole, min((int)whole + 1, size - 1));
}

static FV FN(mix)(const FV a, const FV b, const float share) { return fma((FV)(share), b - a, a); }

/* The four neighbours of an output pixel, and the shares of the lower and the right ones. */
typedef struct FN(corners) {
  __global const XT *upper_left, *upper_right, *lower_left, *lower_right;
  float down, right;
} FN(corners);

static FV FN(linear)(const FN(corners) * at, const int c, const int count) {
  const FV a = FNV(load_part)(at->upper_left + c, count), b = FNV(load_part)(at->upper_right + c, count);
  const FV d = FNV(load_part)(at->lower_left + c, count), e = FNV(load_part)(at->lower_right + c, count);
  return FN(mix)(FN(mix)(a, b, at->right), FN(mix)(d, e, at->right), at->down);
}

static void FN(pixel)(const FN(corners) * at, __global YT *to, const stage_params *p) {
  const int channels = p->u.window.c;
  const float low = p->act_a[0], high = p->act_b[0];
  int c = 0;
  if (p->act[0] == F_CLIP && p->mode == 1)
    for (; c + VEC <= channels; c += VEC) STOREV(FNV(clip)(FN(linear)(at, c, VEC), low, high), to + c);
  else if (p->act[0] == F_CLIP)
    for (; c + VEC <= channels; c += VEC) STOREV(FNV(clip)(LOADV(at->upper_left + c), low, high), to + c);
  for (; c < channels; c += VEC) {
    const int first = channels < VEC ? 0 : min(c, channels - VEC), count = min(channels, VEC);
    const FV v = p->mode == 1 ? FN(linear)(at, first, count) : FNV(load_part)(at->upper_left + first, count);
    FNV(store_part)(activateV(v, p->act[0], p->act_a[0], p->act_b[0]), to + first, count);
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const long line = (long)g->w * p->x_pitch;
  FOR_UNITS(unit, g->n * g->oh * g->ow) {
    const int ox = unit % g->ow, oy = unit / g->ow % g->oh, n = unit / g->ow / g->oh;
    const int rounds = p->mode == 0 && g->split[1] < 2;
    const float v = FN(coordinate)(oy, g->split[0], p->extra_float[0], (int2)(g->h, g->oh), rounds);
    const float u = FN(coordinate)(ox, g->split[0], p->extra_float[1], (int2)(g->w, g->ow), rounds);
    FN(corners) at;
    at.down = at.right = 0.0f;
    int2 ys = (int2)(FN(nearest)(v, g->split[1], g->h)), xs = (int2)(FN(nearest)(u, g->split[1], g->w));
    if (p->mode == 1) {
      ys = FN(neighbours)(v, g->h, &at.down);
      xs = FN(neighbours)(u, g->w, &at.right);
    }
    __global const XT *image = x + p->x_at + (long)n * g->h * line;
    at.upper_left = image + ys.s0 * line + (long)xs.s0 * p->x_pitch;
    at.upper_right = image + ys.s0 * line + (long)xs.s1 * p->x_pitch;
    at.lower_left = image + ys.s1 * line + (long)xs.s0 * p->x_pitch;
    at.lower_right = image + ys.s1 * line + (long)xs.s1 * p->x_pitch;
    FN(pixel)(&at, y + p->y_at + (long)unit * p->y_pitch, p);
  }
}
