/* Deformable convolutions: each tap of each offset group reads x between its pixels. r: offsets, [..][G][KH][KW][y, x];
 * s: the mask, [..][G][KH][KW], if has_scale. split[0]: offset groups G. A unit is an output pixel. Packed weights: as
 * gemm.cl has them, with NR = VEC and no row of zeros. */

/* Four neighbours, as offsets from the image's first element (-1: outside), and their shares. */
typedef struct FN(sample) {
  long at[4];
  float share[4];
  float mask;
} FN(sample);

static void FN(locate)(FN(sample) * sample, const stage_params *p, const float v, const float u) {
  const window_params *g = &p->u.window;
  const bool inside = v > -1.0f && v < (float)g->h && u > -1.0f && u < (float)g->w;
  const float top = floor(inside ? v : 0.0f), left = floor(inside ? u : 0.0f);
  const float low = v - top, right = u - left, high = 1.0f - low, near = 1.0f - right;
  const int iy = (int)top, ix = (int)left;
  for (int i = 0; i < 4; i++) {
    const int cy = iy + i / 2, cx = ix + i % 2;
    const bool exists = inside && cy >= 0 && cy < g->h && cx >= 0 && cx < g->w;
    sample->at[i] = exists ? ((long)cy * g->w + cx) * p->x_pitch : -1;
  }
  sample->share[0] = high * near;
  sample->share[1] = high * right;
  sample->share[2] = low * near;
  sample->share[3] = low * right;
  /* Outside everything is 0, but a NaN stays one. */
  if (!inside) sample->share[0] = v == v && u == u ? 0.0f : NAN_F;
}

/* x's channel c between the pixels. */
static float FN(read)(const FN(sample) * sample, __global const XT *image, const int c) {
  const float first = sample->share[0];
  float v = sample->at[0] >= 0 ? first * LOAD1(image + sample->at[0] + c) : (first == first ? 0.0f : first);
  for (int i = 1; i < 4; i++)
    if (sample->at[i] >= 0) v = fma(sample->share[i], LOAD1(image + sample->at[i] + c), v);
  return v * sample->mask;
}

/* The tap's sample for offset group `set` at output pixel `unit`. */
static void FN(find)(FN(sample) * sample, __global const RT *r, __global const ST *s, const stage_params *p,
                     const int4 at) {
  const window_params *g = &p->u.window;
  const int unit = at.s0, set = at.s1, ky = at.s2, kx = at.s3;
  const int ox = unit % g->ow, oy = unit / g->ow % g->oh, tap = (set * g->kh + ky) * g->kw + kx;
  __global const RT *offset = r + p->r_at + (long)unit * p->r_pitch + 2 * tap;
  const float v = (float)(oy * g->sh - g->pt + ky * g->dh) + LOAD1(offset);
  const float u = (float)(ox * g->sw - g->pl + kx * g->dw) + LOAD1(offset + 1);
  FN(locate)(sample, p, v, u);
  sample->mask = p->has_scale ? LOAD1(s + p->s_at + (long)unit * p->s_pitch + tap) : 1.0f;
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int inputs = g->c / g->groups, outputs = g->oc / g->groups, panels = (outputs + VEC - 1) / VEC;
  const int in_set = g->c / g->split[0];
  const long panel_size = (long)VEC * ((long)g->kh * g->kw * inputs + 1);
  FOR_UNITS(unit, g->n * g->oh * g->ow * g->groups * panels) {
    const int panel = unit % panels, group = unit / panels % g->groups, pixel = unit / panels / g->groups;
    __global const XT *image = x + p->x_at + (long)(pixel / g->ow / g->oh) * g->h * g->w * p->x_pitch;
    __global const float *b = w + p->w_at + ((long)group * panels + panel) * panel_size;
    FV sum = LOADV(b);
    b += VEC;
    for (int ky = 0; ky < g->kh; ky++)
      for (int kx = 0; kx < g->kw; kx++) {
        FN(sample) sample;
        int set = -1;
        for (int i = 0; i < inputs; i++, b += VEC) {
          const int c = group * inputs + i;
          if (c / in_set != set) {
            set = c / in_set;
            FN(find)(&sample, r, s, p, (int4)(pixel, set, ky, kx));
          }
          sum = fma((FV)(FN(read)(&sample, image, c)), LOADV(b), sum);
        }
      }
    const FV v = activateV(sum, p->act[0], p->act_a[0], p->act_b[0]);
    __global YT *to = y + p->y_at + (long)pixel * p->y_pitch + (long)group * outputs + panel * VEC;
    FNV(store_part)(v, to, min(VEC, outputs - panel * VEC));
  }
}
