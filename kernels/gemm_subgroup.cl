/* Pointwise convolutions and matrix products for devices with subgroups, without local memory: a work-group is one
 * subgroup of SUBGROUP items, which make MR output pixels x a panel of NR outputs. Each item reads one of SUBGROUP
 * neighbouring inputs of a pixel, and hands it to the others when its step of the chain has come.
 *
 * Packed weights and split: as in gemm_local.cl. TR is MR, and TV vectors of each SUBGROUP items are NR. */
#include "local_tile.cl"
#include "tile.cl"

#ifndef GEMM_SUBGROUP_CL
#define GEMM_SUBGROUP_CL
/* What another item has read of row i. */
#ifdef SUBGROUPS_AS_ITEMS /* for simulators that have none: read once more */
#define SUBGROUP_VALUE(i, item) FN(element)(&t, from##i, k + (int)(item))
#elif defined cl_intel_subgroups
#define SUBGROUP_VALUE(i, item) intel_sub_group_shuffle(in##i, item)
#else
#define SUBGROUP_VALUE(i, item) sub_group_shuffle(in##i, item)
#endif
#define SUBGROUP_ORIGIN(i) \
  const int from##i = (int)(FN(origin_of)(&t, min(work.row_from + i, work.row_to - 1)).x - t.x);
#define SUBGROUP_READ(i) const float in##i = FN(element)(&t, from##i, k + column);
#define SUBGROUP_B(i, v) const float4 b##v = FN(weights)(b, k + j, chain, width, OUTPUT_OF(v));
#define SUBGROUP_FMA(i)                        \
  {                                            \
    const float a_lane = SUBGROUP_VALUE(i, j); \
    TILE_VECTORS(LOCAL_FMA, i)                 \
  }
#define SUBGROUP_STEPS(from, to)         \
  for (uint j = (from); j < (to); j++) { \
    TILE_VECTORS(SUBGROUP_B, 0)          \
    TILE_ROWS(SUBGROUP_FMA)              \
  }
#endif

/* A pixel's input; zero after the last. */
static float FN(element)(const FN(source) * t, const int from, const int ci) {
  if (ci >= t->inputs) return 0.0f;
  const float v = LOAD1(t->x + from + (t->from ? t->from[ci] : ci));
  return t->p->has_scale ? v * LOAD1(t->scale + ci) : v;
}

#include "gemm_work.cl"

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  FN(source) t;
  FN(work) work;
  FN(find_work)(&t, &work, x, w, s, p, task);
  const int chain = work.chain, width = (work.to.left + 3) / 4 * 4, column = get_local_id(0);
  const FN(target) to = work.to;
  __global const float *panel = work.panel, *b = panel + width;
  TILE_ROWS(SUBGROUP_ORIGIN)
  LOCAL_TILE_BIAS
  int k = 0;
  for (; k + SUBGROUP <= chain; k += SUBGROUP) {
    TILE_ROWS(SUBGROUP_READ)
    _Pragma("unroll 4") SUBGROUP_STEPS(0, SUBGROUP)
  }
  if (k < chain) {
    TILE_ROWS(SUBGROUP_READ)
    SUBGROUP_STEPS(0, (uint)(chain - k))
  }
  LOCAL_TILE_STORE(work.row_from, work.row_to)
}
