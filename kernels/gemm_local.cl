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

/* What the tile reads its inputs from. */
typedef struct FN(source) {
  const window_params *g;
  __global const XT *x;     /* of the group */
  __global const ST *scale; /* of the image and group */
  int inputs, x_pitch, scaled;
} FN(source);

/* An output pixel's input under its first tap. */
typedef struct FN(origin) {
  __global const XT *x;
  int iy, ix;
} FN(origin);

/* A step of the chain. */
typedef struct FN(step) {
  int ky, kx, ci;
} FN(step);

static FN(origin) FN(origin_of)(const FN(source) * t, int m) {
  const window_params *g = t->g;
  const int ox = m % g->ow;
  m /= g->ow;
  const int oy = m % g->oh, n = m / g->oh;
  FN(origin) at;
  at.iy = oy * g->sh - g->pt;
  at.ix = ox * g->sw - g->pl;
  at.x = t->x + (((long)n * g->h + at.iy) * g->w + at.ix) * t->x_pitch;
  return at;
}

static FN(step) FN(advance)(const FN(source) * t, FN(step) at, const int by) {
  at.ci += by;
#if CONV
  while (at.ci >= t->inputs) {
    at.ci -= t->inputs;
    if (++at.kx < t->g->kw) continue;
    at.kx = 0;
    at.ky++;
  }
#endif
  return at;
}

/* Whether a step of the chain sees a pixel of the input. */
static int FN(inside)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
#if CONV
  const window_params *g = t->g;
  const int iy = from->iy + at.ky * g->dh, ix = from->ix + at.kx * g->dw;
  return at.ky < g->kh && iy >= 0 && iy < g->h && ix >= 0 && ix < g->w;
#else
  return at.ci < t->inputs;
#endif
}

static __global const XT *FN(input)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
  const window_params *g = t->g;
  return from->x + (CONV ? ((long)at.ky * g->dh * g->w + at.kx * g->dw) * t->x_pitch : 0) + at.ci;
}

static float FN(element)(const FN(source) * t, const FN(origin) * from, const FN(step) at) {
  if (!FN(inside)(t, from, at)) return 0.0f;
  const float v = LOAD1(FN(input)(t, from, at));
  return t->scaled ? v * LOAD1(t->scale + at.ci) : v;
}

/* Four steps of the chain; zeros in the padding and after its end. */
static float4 FN(quad)(const FN(source) * t, const FN(origin) * from, FN(step) at) {
  float4 v = (float4)(0.0f);
  if (at.ci + 4 <= t->inputs) {
    if (!FN(inside)(t, from, at)) return v;
    v = load_4(FN(input)(t, from, at));
    return t->scaled ? v * load_4(t->scale + at.ci) : v;
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

#ifndef GEMM_LOCAL_CL
#define GEMM_LOCAL_CL
#define ORIGIN(l) const FN(origin) from##l = FN(origin_of)(&t, min(row_from + a_row + l * A_ROWS, row_to - 1));
#define READ_A(l) next_a##l = FN(quad)(&t, &from##l, at);
#define READ_B(l) next_b##l = FN(weights)(b, k + b_row + l * B_ROWS, chain, width, 4 * b_column);
#define DECLARE_A(l) float4 next_a##l;
#define DECLARE_B(l) float4 next_b##l;
#define KEEP_A(l) a[(a_row + l * A_ROWS) * A_PITCH + a_quad] = next_a##l;
#define KEEP_B(l) local_b[(b_row + l * B_ROWS) * (NR / 4) + b_column] = next_b##l;
#endif

/* Four outputs' weights of a step; zeros beside the panel and after the chain. */
static float4 FN(weights)(__global const float *b, const int k, const int chain, const int width, const int o) {
  return k < chain && o < width ? load_4(b + (long)k * width + o) : (float4)(0.0f);
}

static void ENTRY(OPERANDS, const stage_params *p, int task, __local float4 *shared) {
  const window_params *g = &p->u.window;
  const int rows = g->split[4], images = p->has_scale ? g->n : 1;
  const int inputs = g->c / g->groups, outputs = g->oc / g->groups;
  const int panel_index = task % g->split[3];
  task /= g->split[3];
  const int row_task = task % g->split[1];
  task /= g->split[1];
  const int image = task % images, group = task / images;
  const int row_from = image * rows + row_task * MR, row_to = min((image + 1) * rows, row_from + MR);
  const int chain = g->kh * g->kw * inputs, left = min(NR, outputs - panel_index * NR), width = (left + 3) / 4 * 4;
  const long group_size = (chain + 1) * (long)((outputs + 3) / 4 * 4);
  __global const float *panel = w + p->w_at + group * group_size + (long)panel_index * NR * (chain + 1);
  __global const float *b = panel + width;
  FN(source) t;
  t.g = g;
  t.x = x + p->x_at + (long)group * inputs;
  t.scale = p->has_scale ? s + p->s_at + (long)image * p->s_pitch + (long)group * inputs : (__global const ST *)w;
  t.inputs = inputs;
  t.x_pitch = p->x_pitch;
  t.scaled = p->has_scale;
  __local float4 *a = shared, *local_b = shared + MR * A_PITCH;
  const int item = get_local_id(0), column = item % COLUMNS, row = item / COLUMNS;
  const int a_quad = item % (KB / 4), a_row = item / (KB / 4);
  const int b_column = item % (NR / 4), b_row = item / (NR / 4);
  PASTE(REPEAT_, AL)(ORIGIN) PASTE(REPEAT_, AL)(DECLARE_A) PASTE(REPEAT_, BL)(DECLARE_B) FN(step) start = {0, 0, 0};
  FN(step) at = FN(advance)(&t, start, 4 * a_quad);
  LOCAL_TILE_BIAS
  int k = 0;
  PASTE(REPEAT_, AL)(READ_A) PASTE(REPEAT_, BL)(READ_B) while (k < chain) {
    PASTE(REPEAT_, AL)(KEEP_A) PASTE(REPEAT_, BL)(KEEP_B) barrier(CLK_LOCAL_MEM_FENCE);
    const int count = min(KB, chain - k);
    k += KB;
    if (k < chain) {
      at = FN(advance)(&t, at, KB);
      PASTE(REPEAT_, AL)(READ_A) PASTE(REPEAT_, BL)(READ_B)
    }
    LOCAL_TILE_PRODUCT(count)
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  FN(target) to;
  to.order = p->mode == 1 ? (__global const int *)(w + p->w_at + g->groups * group_size + inputs) : 0;
  to.first = group * outputs + panel_index * NR;
  to.left = left;
  LOCAL_TILE_STORE(row_from + row, row_to)
}
