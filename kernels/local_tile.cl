/* The work-group tile that local-memory kernels share: `a`, MR pixels x KB steps of the chain, times `local_b`, KB
 * steps x NR outputs, both in local memory. An item holds pixels row, row + MR / TR, ... and vectors column, column +
 * COLUMNS, ...: neighbours read neighbouring vectors, and write them.
 *
 * Sums are named one by one, as in tile.cl, whose TILE_ROWS and TILE_VECTORS they use. */
#ifndef LOCAL_TILE_CL
#define LOCAL_TILE_CL
#define A_PITCH (KB / 4 + 1) /* vectors; one more than needed, so that neighbouring pixels lie in different banks */
#define COLUMNS (NR / (4 * TV))
#define ROW_STEP (MR / TR)
#define A_ROWS (LOCAL / (KB / 4)) /* pixels, and steps of the chain, between an item's reads */
#define B_ROWS (LOCAL / (NR / 4))
#define OUTPUT_OF(v) (4 * (column + v * COLUMNS)) /* in the panel */

#define LOCAL_BIAS(i, v) const float4 bias##v = OUTPUT_OF(v) < width ? load_4(panel + OUTPUT_OF(v)) : (float4)(0.0f);
#define LOCAL_FROM_BIAS(i, v) float4 c##i##_##v = bias##v;
#define LOCAL_FROM_BIAS_ROW(i) TILE_VECTORS(LOCAL_FROM_BIAS, i)
#define LOCAL_TILE_BIAS TILE_VECTORS(LOCAL_BIAS, 0) TILE_ROWS(LOCAL_FROM_BIAS_ROW)

/* TERM: what lies in local memory and is multiplied. SUM: what a product is added to. */
#define LOCAL_A(i) const TERM2 a##i = ((__local const TERM2 *)(a + (row + i * ROW_STEP) * A_PITCH))[q];
#define LOCAL_LAST_A(i) const TERM a##i = ((__local const TERM *)(a + (row + i * ROW_STEP) * A_PITCH))[q];
#define LOCAL_B(i, v) const TERM4 b##v = at_b[v * COLUMNS];
#define LOCAL_FMA(i, v) SUM(i, v) = fma((TERM4)(a_lane), b##v, SUM(i, v));
#define LOCAL_FMA_ROW(i, lane)     \
  {                                \
    const TERM a_lane = a##i lane; \
    TILE_VECTORS(LOCAL_FMA, i)     \
  }
#define LOCAL_HALF_SUM(i, v) half4 h##i##_##v = (half4)((half)0);
#define LOCAL_HALF_SUM_ROW(i) TILE_VECTORS(LOCAL_HALF_SUM, i)
#define LOCAL_ADD_HALF_SUM(i, v)            \
  c##i##_##v += convert_float4(h##i##_##v); \
  h##i##_##v = (half4)((half)0);
#define LOCAL_ADD_HALF_SUM_ROW(i) TILE_VECTORS(LOCAL_ADD_HALF_SUM, i)
#define LOCAL_FMA_0(i) LOCAL_FMA_ROW(i, .s0)
#define LOCAL_FMA_1(i) LOCAL_FMA_ROW(i, .s1)
#define LOCAL_FMA_LAST(i) LOCAL_FMA_ROW(i, )
#define LOCAL_STEP(M)        \
  {                          \
    TILE_VECTORS(LOCAL_B, 0) \
    TILE_ROWS(M)             \
    at_b += NR / 4;          \
  }
/* The first `count` steps of the KB in local memory, two at a time; no fma beyond the chain's end. */
#define LOCAL_TILE_PRODUCT(count)                  \
  {                                                \
    __local const TERM4 *at_b = local_b + column;  \
    for (int q = 0; q < (count) / 2; q++) {        \
      TILE_ROWS(LOCAL_A)                           \
      LOCAL_STEP(LOCAL_FMA_0)                      \
      LOCAL_STEP(LOCAL_FMA_1)                      \
    }                                              \
    for (int q = (count) & ~1; q < (count); q++) { \
      TILE_ROWS(LOCAL_LAST_A)                      \
      LOCAL_STEP(LOCAL_FMA_LAST)                   \
    }                                              \
  }

/* Sums to memory. Where they end in a clip and vectors are whole, vectors at a time. Else one by one, and then by code
 * that there is one copy of, for it holds every activation and needs many registers: it activates what lies in y by
 * now, or, where y is halves, what waits in local memory, which the tiles have done with. Without that memory
 * the sums pass through `sum`, from the last vector to the first. */
#define LOCAL_WANTED(i, v) (pixel + (i)*ROW_STEP < pixel_end && OUTPUT_OF(v) < to.left)
#define LOCAL_CLIP(i, v)  \
  if (LOCAL_WANTED(i, v)) \
    FN(put_clipped)(p, r, y, LOCAL_PLACE(pixel + i * ROW_STEP), to.first + OUTPUT_OF(v), c##i##_##v);
#define LOCAL_CLIP_ROW(i) TILE_VECTORS(LOCAL_CLIP, i)
#define LOCAL_PUT(i, v) \
  if (LOCAL_WANTED(i, v)) FN(put)(p, r, y, LOCAL_PLACE(pixel + i * ROW_STEP), &to, OUTPUT_OF(v), c##i##_##v);
#define LOCAL_PUT_ROW(i) TILE_VECTORS(LOCAL_PUT, i)
#define LOCAL_SHIFT(i, v)             \
  {                                   \
    const float4 passed = c##i##_##v; \
    c##i##_##v = sum;                 \
    sum = passed;                     \
  }
#define LOCAL_SHIFT_ROW(i) TILE_VECTORS(LOCAL_SHIFT, i)
#define LOCAL_EACH_SUM _Pragma("unroll 1") for (int i = TR * TV - 1; i >= 0; i--)
#define LOCAL_PUT_PASSING                                                                    \
  float4 sum = (float4)(0.0f);                                                               \
  LOCAL_EACH_SUM {                                                                           \
    TILE_ROWS(LOCAL_SHIFT_ROW)                                                               \
    if (LOCAL_WANTED(i / TV, i % TV))                                                        \
      FN(put)(p, r, y, LOCAL_PLACE(pixel + i / TV * ROW_STEP), &to, OUTPUT_OF(i % TV), sum); \
  }
#define LOCAL_WAIT(i, v) shared[((i)*TV + v) * LOCAL + get_local_id(0)] = c##i##_##v;
#define LOCAL_WAIT_ROW(i) TILE_VECTORS(LOCAL_WAIT, i)
#define LOCAL_PUT_WAITING                   \
  TILE_ROWS(LOCAL_WAIT_ROW)                 \
  LOCAL_EACH_SUM                            \
  if (LOCAL_WANTED(i / TV, i % TV)) FN(put) \
  (p, r, y, LOCAL_PLACE(pixel + i / TV * ROW_STEP), &to, OUTPUT_OF(i % TV), shared[i * LOCAL + get_local_id(0)]);
#define LOCAL_PUT_FLOATS                                                                  \
  TILE_ROWS(LOCAL_PUT_ROW)                                                                \
  if (p->act[0] != F_CLIP) {                                                              \
    LOCAL_EACH_SUM                                                                        \
    if (LOCAL_WANTED(i / TV, i % TV))                                                     \
      FN(activate)(p, y, LOCAL_PLACE(pixel + i / TV * ROW_STEP), &to, OUTPUT_OF(i % TV)); \
  }
#define LOCAL_TILE_STORE(from, end)                           \
  const int pixel = from, pixel_end = end;                    \
  if (p->act[0] == F_CLIP && !to.order && to.left % 4 == 0) { \
    TILE_ROWS(LOCAL_CLIP_ROW)                                 \
  } else {                                                    \
    LOCAL_PUT_ALL                                             \
  }
#endif
/* Products are summed in floats, or by HALF_CHAIN of them in halves, and those sums in floats. */
#undef TERM
#undef TERM2
#undef TERM4
#undef TERM_OF
#undef SUM
#if HALF_SUMS
#define TERM half
#define TERM2 half2
#define TERM4 half4
#define TERM_OF(v) convert_half4_rte(v)
#define SUM(i, v) h##i##_##v
#else
#define TERM float
#define TERM2 float2
#define TERM4 float4
#define TERM_OF(v) (v)
#define SUM(i, v) c##i##_##v
#endif
/* The output's pixel that a pixel of the tile is. */
#undef LOCAL_PLACE
#define LOCAL_PLACE(i) (i)
#include "activated.cl"
#undef LOCAL_PUT_ALL
#if !Y_HALF
#define LOCAL_PUT_ALL LOCAL_PUT_FLOATS
#elif IS_LIGHT
#define LOCAL_PUT_ALL TILE_ROWS(LOCAL_PUT_ROW)
#elif defined(SHARED) && SHARED >= 4 * TR * TV * LOCAL
#define LOCAL_PUT_ALL LOCAL_PUT_WAITING
#else
#define LOCAL_PUT_ALL LOCAL_PUT_PASSING
#endif

/* Where a panel's outputs go: `left` of them from `first` on, or from order[first] on if there is an order. */
typedef struct FN(target) {
  __global const int *order;
  int first, left;
} FN(target);

ALWAYS_INLINE void FN(put_clipped)(const stage_params *p, __global const RT *r, __global YT *y, const int pixel,
                                   const int o, float4 v) {
  if (p->has_residual) v += load_4(r + p->r_at + (long)pixel * p->r_pitch + o);
  v = v > (float4)(p->act_b[0]) ? (float4)(p->act_b[0]) : v;
  v = v < (float4)(p->act_a[0]) ? (float4)(p->act_a[0]) : v;
  store_4(v, y + p->y_at + (long)pixel * p->y_pitch + o);
}

/* Outputs `o` to `o` + 3 of a panel, those that it has. */
static void FN(put)(const stage_params *p, __global const RT *r, __global YT *y, const int pixel, const FN(target) * to,
                    const int o, float4 v) {
  const int end = to->first + min(o + 4, to->left);
  r += p->r_at + (long)pixel * p->r_pitch;
  y += p->y_at + (long)pixel * p->y_pitch;
#pragma unroll 1
  for (int i = to->first + o; i < end; i++, v = v.s1230) {
    const int at = to->order ? to->order[i] : i;
    float sum = v.s0;
    if (p->has_residual) sum += LOAD1(r + at);
#if Y_HALF
    sum = FN(activated_lane)(p, 0, sum);
#else
    if (p->act[0] == F_CLIP) sum = clip_1(sum, p->act_a[0], p->act_b[0]);
#endif
    STORE1(sum, y + at);
  }
}

#if !Y_HALF
static void FN(activate)(const stage_params *p, __global YT *y, const int pixel, const FN(target) * to, const int o) {
  const int end = to->first + min(o + 4, to->left);
  y += p->y_at + (long)pixel * p->y_pitch;
#pragma unroll 1
  for (int i = to->first + o; i < end; i++) {
    const int at = to->order ? to->order[i] : i;
    STORE1(activate_1(LOAD1(y + at), p->act[0], p->act_a[0], p->act_b[0]), y + at);
  }
}
#endif

/* What the tile reads its inputs from. */
typedef struct FN(source) {
  const stage_params *p;
  __global const XT *x;     /* of the group */
  __global const int *from; /* where in its pixel each input of the group lies; 0: in order from x on */
  __global const ST *scale; /* of the image and group */
  __global const float *depthwise;
  int inputs;
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
  const window_params *g = &t->p->u.window;
  const int ox = m % g->ow;
  m /= g->ow;
  const int oy = m % g->oh, n = m / g->oh;
  FN(origin) at;
  at.iy = oy * g->sh - g->pt;
  at.ix = ox * g->sw - g->pl;
  at.x = t->x + (((long)n * g->h + at.iy) * g->w + at.ix) * t->p->x_pitch;
  return at;
}

/* Four outputs' weights of a step; zeros beside the panel and after the chain. */
static float4 FN(weights)(__global const float *b, const int k, const int chain, const int width, const int o) {
  return k < chain && o < width ? load_4(b + (long)k * width + o) : (float4)(0.0f);
}

/* Output pixels [row_from, row_to) of a panel: its biases, then `chain` steps of weights. */
typedef struct FN(work) {
  __global const float *panel;
  int chain, row_from, row_to;
  FN(target) to;
} FN(work);
