/* Transposed convolutions: an output gathers the taps (ky, kx) whose input pixel exists, all ci of the group each. A
 * unit is an output pixel of one group. Packed weights: as gemm.cl has them, with NR = VEC and no row of zeros. */

/* The input index that tap k contributes from, or -1. */
static int FN(source)(const int out, const int k, const int dilation, const int stride, const int size) {
  const int at = out - k * dilation;
  return at >= 0 && at % stride == 0 && at / stride < size ? at / stride : -1;
}

static FV FN(chain)(__global const XT *pixels, __global const float *panel, const stage_params *p, const int2 out) {
  const window_params *g = &p->u.window;
  const int inputs = g->c / g->groups;
  FV sum = LOADV(panel);
  panel += VEC;
  for (int ky = 0; ky < g->kh; ky++) {
    const int iy = FN(source)(out.s0 + g->pt, ky, g->dh, g->sh, g->h);
    for (int kx = 0; kx < g->kw && iy >= 0; kx++) {
      const int ix = FN(source)(out.s1 + g->pl, kx, g->dw, g->sw, g->w);
      if (ix < 0) continue;
      __global const XT *from = pixels + ((long)iy * g->w + ix) * p->x_pitch;
      __global const float *b = panel + (long)(ky * g->kw + kx) * inputs * VEC;
      for (int i = 0; i < inputs; i++) sum = fma((FV)(LOAD1(from + i)), LOADV(b + (long)i * VEC), sum);
    }
  }
  return sum;
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int inputs = g->c / g->groups, outputs = g->oc / g->groups, panels = (outputs + VEC - 1) / VEC;
  const long panel_size = (long)VEC * ((long)g->kh * g->kw * inputs + 1);
  FOR_UNITS(unit, g->n * g->oh * g->ow) {
    const int ox = unit % g->ow, oy = unit / g->ow % g->oh, n = unit / g->ow / g->oh;
    for (int group = 0; group < g->groups; group++) {
      __global const XT *pixels = x + p->x_at + (long)n * g->h * g->w * p->x_pitch + (long)group * inputs;
      __global YT *to = y + p->y_at + (long)unit * p->y_pitch + (long)group * outputs;
      for (int panel = 0; panel < panels; panel++) {
        __global const float *b = w + p->w_at + ((long)group * panels + panel) * panel_size;
        const FV sum = FN(chain)(pixels, b, p, (int2)(oy, ox));
        const FV v = activateV(sum, p->act[0], p->act_a[0], p->act_b[0]);
        FNV(store_part)(v, to + panel * VEC, min(VEC, outputs - panel * VEC));
      }
    }
  }
}
