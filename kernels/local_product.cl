/* What the kernels of local_tile.cl do with a tile: takes the chain KB steps at a time into local memory, the next
 * steps being made meanwhile, and multiplies. FN(quad) makes four steps of an output pixel's row of A, FN(advance)
 * moves on. */
#ifndef LOCAL_PRODUCT_CL
#define LOCAL_PRODUCT_CL
#define ORIGIN(l) \
  const FN(origin) from##l = FN(origin_of)(t, min(work->row_from + a_row + l * A_ROWS, work->row_to - 1));
#define READ_A(l) next_a##l = FN(quad)(t, &from##l, at);
#define READ_B(l) next_b##l = FN(weights)(b, k + b_row + l * B_ROWS, chain, width, 4 * b_column);
#define DECLARE_A(l) float4 next_a##l;
#define DECLARE_B(l) float4 next_b##l;
#define KEEP_A(l) a[(a_row + l * A_ROWS) * A_PITCH + a_quad] = next_a##l;
#define KEEP_B(l) local_b[(b_row + l * B_ROWS) * (NR / 4) + b_column] = next_b##l;
#endif

ALWAYS_INLINE void FN(product)(const FN(source) * t, const FN(work) * work, const stage_params *p, __global const RT *r,
                               __global YT *y, __local float4 *shared) {
  const int chain = work->chain, width = (work->to.left + 3) / 4 * 4;
  const FN(target) to = work->to;
  __global const float *panel = work->panel, *b = panel + width;
  __local float4 *a = shared, *local_b = shared + MR * A_PITCH;
  const int item = get_local_id(0), column = item % COLUMNS, row = item / COLUMNS;
  const int a_quad = item % (KB / 4), a_row = item / (KB / 4);
  const int b_column = item % (NR / 4), b_row = item / (NR / 4);
  PASTE(REPEAT_, AL)(ORIGIN) PASTE(REPEAT_, AL)(DECLARE_A) PASTE(REPEAT_, BL)(DECLARE_B) FN(step) start = {0, 0, 0};
  FN(step) at = FN(advance)(t, start, 4 * a_quad);
  LOCAL_TILE_BIAS
  int k = 0;
  PASTE(REPEAT_, AL)(READ_A) PASTE(REPEAT_, BL)(READ_B) while (k < chain) {
    PASTE(REPEAT_, AL)(KEEP_A) PASTE(REPEAT_, BL)(KEEP_B) barrier(CLK_LOCAL_MEM_FENCE);
    const int count = min(KB, chain - k);
    k += KB;
    if (k < chain) {
      at = FN(advance)(t, at, KB);
      PASTE(REPEAT_, AL)(READ_A) PASTE(REPEAT_, BL)(READ_B)
    }
    LOCAL_TILE_PRODUCT(count)
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  LOCAL_TILE_STORE(work->row_from + row, work->row_to)
}
