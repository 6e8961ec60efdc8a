/* Depthwise + pointwise for devices with fast local memory: gemm_local.cl's tiles, whose inputs are made by the
 * depthwise half on their way into local memory, once for each panel of NR outputs.
 *
 * Packed weights: as in separable.cl, with panels of NR outputs. split: 1 tiles over all pixels, 3 panels. */
#include "local_tile.cl"
#include "tile.cl"

static FN(step) FN(advance)(const FN(source) * t, FN(step) at, const int by) {
  at.ci += by;
  return at;
}

/* Four channels of a pixel's depthwise half; past the last channel anything. */
static float4 FN(quad)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
  const window_params *g = &t->p->u.window;
  const int c = min(at.ci, g->c - 4);
  __global const float *weights = t->depthwise + c;
  float4 v = load_4(weights);
  for (int ky = 0; ky < g->kh; ky++) {
    const int iy = from->iy + ky * g->dh, inside = iy >= 0 && iy < g->h;
    __global const XT *tap = from->x + (long)ky * g->dh * g->w * t->p->x_pitch + c;
    for (int kx = 0, ix = from->ix; kx < g->kw; kx++, ix += g->dw, tap += g->dw * t->p->x_pitch) {
      weights += g->c;
      if (inside && ix >= 0 && ix < g->w) v = fma(load_4(tap), load_4(weights), v);
    }
  }
  v = FN(activated)(t->p, 1, v);
  if (at.ci - c >= 2) v = v.s2323;
  return at.ci - c & 1 ? v.s1233 : v;
}

#include "local_product.cl"

static void ENTRY(OPERANDS, const stage_params *p, int task, __local float4 *shared) {
  const window_params *g = &p->u.window;
  const int panel_index = task % g->split[3], first = panel_index * NR, row_task = task / g->split[3];
  FN(source) t;
  t.p = p;
  t.x = x + p->x_at;
  t.depthwise = w + p->w_at;
  FN(work) work;
  work.panel = t.depthwise + ((long)g->kh * g->kw + 2) * g->c + (long)first * (g->c + 1);
  work.chain = g->c;
  work.row_from = row_task * MR;
  work.row_to = min(g->n * g->oh * g->ow, work.row_from + MR);
  work.to.order = 0;
  work.to.first = first;
  work.to.left = min(NR, g->oc - first);
  FN(product)(&t, &work, p, r, y, shared);
}
