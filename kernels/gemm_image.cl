/* Pointwise convolutions and matrix products for devices whose images have a cache of their own, beside the one of
 * buffers (Adreno's and Mali's): weights are read as an image of four floats a texel over their buffer, inputs as they
 * lie. No local memory and no barrier: items that make the same outputs read the same texels, neighbours neighbouring
 * ones.
 *
 * Packed weights and split: as in gemm_local.cl; an item holds TR pixels x TV vectors. IMAGE: the kernel has one more
 * argument, the image. */
#include "local_tile.cl"
#include "tile.cl"

#ifndef GEMM_IMAGE_CL
#define GEMM_IMAGE_CL
#define IMAGE_ORIGIN(i) \
  const int from##i = (int)(FN(origin_of)(&t, min(work.row_from + row + i * ROW_STEP, work.row_to - 1)).x - t.x);
/* Outputs beside the panel are made of its last ones, and not stored. */
#define IMAGE_COLUMN(i, v) const int texel##v = first + min(OUTPUT_OF(v), width - 4) / 4;
#define IMAGE_A(i) const float4 a##i = FN(quad)(&t, from##i, k);
#define IMAGE_LAST_A(i) const float a##i = FN(element)(&t, from##i, k);
#ifdef IMAGES_AS_BUFFERS /* for simulators that know nothing of what images hold */
#define IMAGE_READ(texel) load_4(w + 4 * (texel))
#else
#define IMAGE_READ(texel) read_imagef(image, texel)
#endif
#define IMAGE_B(i, v) const float4 b##v = IMAGE_READ(texel##v + at);
#define IMAGE_FMA_2(i) LOCAL_FMA_ROW(i, .s2)
#define IMAGE_FMA_3(i) LOCAL_FMA_ROW(i, .s3)
#define IMAGE_STEP(M)        \
  {                          \
    TILE_VECTORS(IMAGE_B, 0) \
    TILE_ROWS(M)             \
    at += width / 4;         \
  }
#endif

ALWAYS_INLINE float FN(element)(const FN(source) * t, const int from, const int ci) {
  const float v = LOAD1(t->x + from + (t->from ? t->from[ci] : ci));
  return t->p->has_scale ? v * LOAD1(t->scale + ci) : v;
}

/* Inputs `ci` to `ci` + 3 of a pixel. */
ALWAYS_INLINE float4 FN(quad)(const FN(source) * t, const int from, const int ci) {
  if (t->from)
    return (float4)(FN(element)(t, from, ci), FN(element)(t, from, ci + 1), FN(element)(t, from, ci + 2),
                    FN(element)(t, from, ci + 3));
  const float4 v = load_4(t->x + from + ci);
  return t->p->has_scale ? v * load_4(t->scale + ci) : v;
}

#include "gemm_work.cl"

static void ENTRY(OPERANDS, const stage_params *p, int task, __read_only image1d_buffer_t image) {
  FN(source) t;
  FN(work) work;
  FN(find_work)(&t, &work, x, w, s, p, task);
  const int chain = work.chain, width = (work.to.left + 3) / 4 * 4;
  const int item = get_local_id(0), column = item % COLUMNS, row = item / COLUMNS;
  const FN(target) to = work.to;
  __global const float *panel = work.panel;
  const int first = (int)((panel - w) / 4) + width / 4;
  TILE_ROWS(IMAGE_ORIGIN)
  TILE_VECTORS(IMAGE_COLUMN, 0)
  LOCAL_TILE_BIAS
  int k = 0, at = 0;
  for (; k + 4 <= chain; k += 4) {
    TILE_ROWS(IMAGE_A)
    IMAGE_STEP(LOCAL_FMA_0)
    IMAGE_STEP(LOCAL_FMA_1)
    IMAGE_STEP(IMAGE_FMA_2)
    IMAGE_STEP(IMAGE_FMA_3)
  }
  for (; k < chain; k++) {
    TILE_ROWS(IMAGE_LAST_A)
    IMAGE_STEP(LOCAL_FMA_LAST)
  }
  LOCAL_TILE_STORE(work.row_from + row, work.row_to)
}
