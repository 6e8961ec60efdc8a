/* A single row of outputs, ROW_VECTORS vectors of whole panels at once: nothing but its weights takes time, and memory
 * gives more to several streams side by side than to one. */
#if VEC > 1 && !CONV
#define ROW_PANELS (ROW_VECTORS * VEC / NR)
#define ROW_WEIGHTS(i) LOADV(b + (i)*VEC / NR * panel_size + (i)*VEC % NR)
#define ROW_BIAS(i) FV c##i = ROW_WEIGHTS(i);
#define ROW_FMA(i) c##i = fma(a, ROW_WEIGHTS(i), c##i);
#define ROW_DUMP(i) STOREV(c##i, sums + (i)*VEC);

static NOINLINE void FN(row)(const FN(work) * t, const FN(ending) * end, const int pixel, __global const float *b,
                             const long panel_size, __global YT *y, __global const RT *r) {
  const FN(pixel) at = FN(pixel_of)(t->g, pixel);
  __global const XT *from = FN(tap)(t, &at, 0, 0);
  const int inputs = t->inputs;
  float sums[ROW_VECTORS * VEC];
  REPEAT_8(ROW_BIAS)
  for (int k = 0; k < inputs; k++) {
    const FV a = (FV)(LOAD1(from + k));
    b += NR;
    REPEAT_8(ROW_FMA)
  }
  REPEAT_8(ROW_DUMP)
  FN(finish)(sums, ROW_VECTORS * VEC, end, y, r, 1, ROW_VECTORS * VEC);
}
#undef ROW_WEIGHTS
#undef ROW_BIAS
#undef ROW_FMA
#undef ROW_DUMP
#else
#define ROW_PANELS 1
#endif
