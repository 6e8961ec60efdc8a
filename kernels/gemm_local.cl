/* Pointwise and general convolutions, and matrix products, for devices with fast local memory: a work-group makes MR
 * output pixels x a panel of NR outputs. It takes the chain (ky, kx, ci) KB steps at a time into local memory, the next
 * step's values being read from global memory meanwhile, and each item holds TR pixels x TV vectors of sums.
 *
 * Packed weights: as in gemm.cl, with panels of NR outputs.
 *
 * split: 1 tiles over the rows of an image, 3 panels of a group, 4 rows of an image (all images together count as one
 * unless there is a scale).
 *
 * CONV 0: the kernel is 1x1 and unpadded. AL, BL: vectors of input and of weights that an item reads in a step. SHARED:
 * floats of local memory. */
#include "local_tile.cl"
#include "tile.cl"

static FN(step) FN(advance)(const FN(source) * t, FN(step) at, const int by) {
  at.ci += by;
#if CONV
  while (at.ci >= t->inputs) {
    at.ci -= t->inputs;
    if (++at.kx < t->p->u.window.kw) continue;
    at.kx = 0;
    at.ky++;
  }
#endif
  return at;
}

/* Whether a step of the chain sees a pixel of the input. */
ALWAYS_INLINE int FN(inside)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
#if CONV
  const window_params *g = &t->p->u.window;
  const int iy = from->iy + at.ky * g->dh, ix = from->ix + at.kx * g->dw;
  return at.ky < g->kh && iy >= 0 && iy < g->h && ix >= 0 && ix < g->w;
#else
  return at.ci < t->inputs;
#endif
}

static __global const XT *FN(input)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
  const window_params *g = &t->p->u.window;
  return from->x + (CONV ? ((long)at.ky * g->dh * g->w + at.kx * g->dw) * t->p->x_pitch : 0) +
         (t->from ? t->from[at.ci] : at.ci);
}

ALWAYS_INLINE float FN(element)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
  if (!FN(inside)(t, from, at)) return 0.0f;
  const float v = LOAD1(FN(input)(t, from, at));
  return t->p->has_scale ? v * LOAD1(t->scale + at.ci) : v;
}

/* Four steps of the chain; zeros in the padding and after its end. */
ALWAYS_INLINE float4 FN(quad)(const FN(source) * t, const FN(origin) * from, FN(step) at) {
  float4 v = (float4)(0.0f);
  if (at.ci + 4 <= t->inputs && !t->from) {
    if (!FN(inside)(t, from, at)) return v;
    v = load_4(FN(input)(t, from, at));
    return t->p->has_scale ? v * load_4(t->scale + at.ci) : v;
  }
  v.s0 = FN(element)(t, from, at);
  at = FN(advance)(t, at, 1);
  v.s1 = FN(element)(t, from, at);
  at = FN(advance)(t, at, 1);
  v.s2 = FN(element)(t, from, at);
  at = FN(advance)(t, at, 1);
  v.s3 = FN(element)(t, from, at);
  return v;
}

#include "gemm_work.cl"
#include "local_product.cl"

static void ENTRY(OPERANDS, const stage_params *p, int task, __local float4 *shared) {
  FN(source) t;
  FN(work) work;
  FN(find_work)(&t, &work, x, w, s, p, task);
  FN(product)(&t, &work, p, r, y, shared);
}
