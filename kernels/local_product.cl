/* What the kernels of local_tile.cl do with a tile: takes the chain KB steps at a time into local memory, the next
 * steps being made meanwhile, and multiplies. FN(quad) makes four steps of an output pixel's row of A, FN(advance)
 * moves on. */
#ifndef LOCAL_PRODUCT_CL
#define LOCAL_PRODUCT_CL
#define READS_OF_A(M) PASTE(REPEAT_, AL)(M)
#define READS_OF_B(M) PASTE(REPEAT_, BL)(M)
#define ORIGIN(l) \
  const FN(origin) from##l = FN(origin_of)(t, min(work->row_from + a_row + l * A_ROWS, work->row_to - 1));
#define READ_A(l) next_a##l = TERM_OF(FN(quad)(t, &from##l, at));
#define READ_B(l) next_b##l = TERM_OF(FN(weights)(b, k + b_row + l * B_ROWS, chain, width, 4 * b_column));
#define DECLARE_A(l) TERM4 next_a##l;
#define DECLARE_B(l) TERM4 next_b##l;
#define KEEP_A(l) a[(a_row + l * A_ROWS) * A_PITCH + a_quad] = next_a##l;
#define KEEP_B(l) local_b[(b_row + l * B_ROWS) * (NR / 4) + b_column] = next_b##l;
#endif

ALWAYS_INLINE void FN(product)(const FN(source) * t, const FN(work) * work, const stage_params *p, __global const RT *r,
                               __global YT *y, __local float4 *shared) {
  const int chain = work->chain, width = (work->to.left + 3) / 4 * 4;
  const FN(target) to = work->to;
  __global const float *panel = work->panel, *b = panel + width;
  __local TERM4 *a = (__local TERM4 *)shared, *local_b = a + MR * A_PITCH;
  const int item = get_local_id(0), column = item % COLUMNS, row = item / COLUMNS;
  const int a_quad = item % (KB / 4), a_row = item / (KB / 4);
  const int b_column = item % (NR / 4), b_row = item / (NR / 4);
  READS_OF_A(ORIGIN)
  READS_OF_A(DECLARE_A)
  READS_OF_B(DECLARE_B)
  FN(step) start = {0, 0, 0};
  FN(step) at = FN(advance)(t, start, 4 * a_quad);
  LOCAL_TILE_BIAS
#if HALF_SUMS
  TILE_ROWS(LOCAL_HALF_SUM_ROW)
#endif
  int k = 0;
  READS_OF_A(READ_A)
  READS_OF_B(READ_B)
  while (k < chain) {
    READS_OF_A(KEEP_A)
    READS_OF_B(KEEP_B)
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = min(KB, chain - k);
    k += KB;
    if (k < chain) {
      at = FN(advance)(t, at, KB);
      READS_OF_A(READ_A)
      READS_OF_B(READ_B)
    }
    LOCAL_TILE_PRODUCT(count)
#if HALF_SUMS
    if (k % HALF_CHAIN == 0 || k >= chain) {
      TILE_ROWS(LOCAL_ADD_HALF_SUM_ROW)
    }
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  LOCAL_TILE_STORE(work->row_from + row, work->row_to)
}
