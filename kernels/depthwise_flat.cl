/* Depthwise convolutions of fewer channels than a vector has, stride 1: the numbers of an image's row, channels
 * innermost, are one run in which a vector of outputs meets vectors of inputs a whole number of pixels away.
 *
 * Packed weights: biases, then for each tap its weights, each the channels over and over, channels + VEC floats, so
 * that a vector may begin at any channel. A unit is a row of outputs. */
#include "activated.cl"

/* Outputs [from, to) of the row at `y`, one at a time: pixels whose taps lie partly outside the image, and rows of
 * pixels that do not lie side by side. `x` is where the input's first pixel under tap (ky_from, 0) of output pixel 0
 * would be. */
static void FN(numbers)(const stage_params *p, __global const XT *x, __global const float *w, __global const RT *r,
                        __global YT *y, const int2 ky, const int from, const int to) {
  const window_params *g = &p->u.window;
  for (int i = from; i < to; i++) {
    const int ox = i / g->c, c = i % g->c, width = g->c + VEC;
    float acc = w[c];
    for (int k = ky.s0; k < ky.s1; k++)
      for (int kx = 0; kx < g->kw; kx++) {
        const int ix = ox - g->pl + kx * g->dw;
        if (ix < 0 || ix >= g->w) continue;
        const float v = LOAD1(x + ((long)(k - ky.s0) * g->dh * g->w + ix) * p->x_pitch + c);
        acc = fma(v, w[(1 + k * g->kw + kx) * width + c], acc);
      }
    if (p->has_residual) acc += LOAD1(r + (long)ox * p->r_pitch + c);
    STORE1(activate1(acc, p->act[0], p->act_a[0], p->act_b[0]), y + (long)ox * p->y_pitch + c);
  }
}

/* The same for whole vectors of pixels that lie side by side, with all their taps; the last overlaps the one before. */
static void FN(vectors)(const stage_params *p, __global const XT *x, __global const float *w, __global const RT *r,
                        __global YT *y, const int2 ky, const int from, const int to) {
  const window_params *g = &p->u.window;
  const int width = g->c + VEC;
  for (int at = from; at < to; at += VEC) {
    const int i = min(at, to - VEC);
    __global const float *weights = w + i % g->c;
    FV acc = LOADV(weights);
    weights += (1 + ky.s0 * g->kw) * width;
    for (int k = ky.s0; k < ky.s1; k++)
      for (int kx = 0; kx < g->kw; kx++, weights += width)
        acc = fma(LOADV(x + (((long)(k - ky.s0) * g->dh * g->w + kx * g->dw - g->pl) * g->c + i)), LOADV(weights), acc);
    if (p->has_residual) acc += LOADV(r + i);
    STOREV(FN(activated)(p, 0, acc), y + i);
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int dense = p->x_pitch == g->c && p->y_pitch == g->c && (!p->has_residual || p->r_pitch == g->c);
  /* Outputs whose taps all lie inside the row. */
  const int first = min(g->pl, g->ow), last = clamp(g->w + g->pl - (g->kw - 1) * g->dw, first, g->ow);
  const int from = first * g->c, to = last * g->c, vectors = dense && to - from >= VEC;
  FOR_UNITS(unit, g->n * g->oh) {
    const int n = unit / g->oh, top = unit % g->oh - g->pt;
    const int2 ky = (int2)(steps_past(-top, g->dh), min(g->kh, steps_past(g->h - top, g->dh)));
    __global const XT *xx = x + p->x_at + ((long)n * g->h + top + ky.s0 * g->dh) * g->w * p->x_pitch;
    __global const RT *rr = p->has_residual ? r + p->r_at + (long)unit * g->ow * p->r_pitch : r;
    __global YT *yy = y + p->y_at + (long)unit * g->ow * p->y_pitch;
    __global const float *ww = w + p->w_at;
    FN(numbers)(p, xx, ww, rr, yy, ky, 0, vectors ? from : g->ow * g->c);
    if (!vectors) continue;
    FN(vectors)(p, xx, ww, rr, yy, ky, from, to);
    FN(numbers)(p, xx, ww, rr, yy, ky, to, g->ow * g->c);
  }
}
