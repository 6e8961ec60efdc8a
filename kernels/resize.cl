/* Resizing of images; a unit is an output pixel. mode: sepcl_resize_mode; split: 0 sepcl_coordinates, 1 sepcl_nearest;
 * extra_float: the scales (output / input) of height and width. */

/* Where output index `i` lies in the input. */
static float FN(coordinate)(const int i, const int kind, const float scale, const int size, const int outputs) {
  const float at = (float)i;
  switch (kind) {
    case 1: /* pytorch_half_pixel */
      if (outputs == 1) return 0.0f;
    case 0: /* half_pixel */
      return div_rn_1(at + 0.5f, scale) - 0.5f;
    case 2: /* align_corners */
      return outputs == 1 ? 0.0f : div_rn_1(at * (float)(size - 1), (float)(outputs - 1));
    case 3: /* asymmetric */
      return div_rn_1(at, scale);
    default: /* tf_half_pixel_for_nn */
      return div_rn_1(at + 0.5f, scale);
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

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const long line = (long)g->w * p->x_pitch;
  FOR_UNITS(unit, g->n * g->oh * g->ow) {
    const int ox = unit % g->ow, oy = unit / g->ow % g->oh, n = unit / g->ow / g->oh;
    const float v = FN(coordinate)(oy, g->split[0], p->extra_float[0], g->h, g->oh);
    const float u = FN(coordinate)(ox, g->split[0], p->extra_float[1], g->w, g->ow);
    float v_share = 0.0f, u_share = 0.0f;
    int2 ys = (int2)(FN(nearest)(v, g->split[1], g->h)), xs = (int2)(FN(nearest)(u, g->split[1], g->w));
    if (p->mode == 1) {
      ys = FN(neighbours)(v, g->h, &v_share);
      xs = FN(neighbours)(u, g->w, &u_share);
    }
    __global const float *image = x + p->x_at + (long)n * g->h * line;
    __global const float *upper = image + ys.s0 * line, *lower = image + ys.s1 * line;
    const long left = (long)xs.s0 * p->x_pitch, right = (long)xs.s1 * p->x_pitch;
    __global float *to = y + p->y_at + (long)unit * p->y_pitch;
    for (int c = 0; c < g->c; c += VEC) {
      const int at = g->c < VEC ? 0 : min(c, g->c - VEC), count = min(g->c, VEC);
      FV value = FNV(load_part)(upper + left + at, count);
      if (p->mode == 1) {
        value = FN(mix)(value, FNV(load_part)(upper + right + at, count), u_share);
        const FV below = FN(mix)(FNV(load_part)(lower + left + at, count), FNV(load_part)(lower + right + at, count), u_share);
        value = FN(mix)(value, below, v_share);
      }
      value = activateV(value, p->act[0], p->act_a[0], p->act_b[0]);
      FNV(store_part)(value, to + at, count);
    }
  }
}
