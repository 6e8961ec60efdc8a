/* The register tile that every convolution and matrix product shares: MR pixels x NV vectors of outputs, its accumulators
 * and row pointers named one by one (arrays of them end up in memory with some compilers).
 *
 * A variant defines MR and NV. TILE_DECLARE names c0_0.. ; TILE_LOOP runs a chain of k; TILE_STORE writes the results. */
#ifndef TILE_CL
#define TILE_CL
#define REPEAT_1(M) M(0)
#define REPEAT_2(M) REPEAT_1(M) M(1)
#define REPEAT_3(M) REPEAT_2(M) M(2)
#define REPEAT_4(M) REPEAT_3(M) M(3)
#define REPEAT_5(M) REPEAT_4(M) M(4)
#define REPEAT_6(M) REPEAT_5(M) M(5)
#define REPEAT_7(M) REPEAT_6(M) M(6)
#define REPEAT_8(M) REPEAT_7(M) M(7)
#define REPEAT_9(M) REPEAT_8(M) M(8)
#define REPEAT_10(M) REPEAT_9(M) M(9)
#define REPEAT_11(M) REPEAT_10(M) M(10)
#define REPEAT_12(M) REPEAT_11(M) M(11)
#define REPEAT_13(M) REPEAT_12(M) M(12)
#define REPEAT_14(M) REPEAT_13(M) M(13)
#define EACH_1(M, i) M(i, 0)
#define EACH_2(M, i) EACH_1(M, i) M(i, 1)
#define EACH_3(M, i) EACH_2(M, i) M(i, 2)
#define EACH_4(M, i) EACH_3(M, i) M(i, 3)

/* M(i) for each row, M(i, v) for each vector of row i. */
#define TILE_ROWS(M) PASTE(REPEAT_, MR)(M)
#define TILE_VECTORS(M, i) PASTE(EACH_, NV)(M, i)

/* The accumulators start at the panel's bias. */
#define TILE_BIAS(i, v) const FV bias##v = LOADV(panel + v * VEC);
#define TILE_START(i, v) FV c##i##_##v = bias##v;
#define TILE_START_ROW(i) TILE_VECTORS(TILE_START, i)
#define TILE_DECLARE TILE_VECTORS(TILE_BIAS, 0) TILE_ROWS(TILE_START_ROW)

/* for k in [0, count): c += a[k] * b[k][NR], rows a0, a1, ...; b moves on. */
#define TILE_LOAD_B(i, v) const FV b##v = LOADV(b + v * VEC);
#define TILE_FMA(i, v) c##i##_##v = fma(a, b##v, c##i##_##v);
#define TILE_STEP(i)              \
  {                               \
    const FV a = (FV)(a##i[k]);   \
    TILE_VECTORS(TILE_FMA, i)     \
  }
#define TILE_LOOP(count)                 \
  for (int k = 0; k < (count); k++) {    \
    TILE_VECTORS(TILE_LOAD_B, 0)         \
    TILE_ROWS(TILE_STEP)                 \
    b += NR;                             \
  }
/* The same with a[k] * scale[k] for a[k]. */
#define TILE_SCALED_STEP(i)                   \
  {                                           \
    const FV a = (FV)(a##i[k] * scale[k]);    \
    TILE_VECTORS(TILE_FMA, i)                 \
  }
#define TILE_SCALED_LOOP(count)          \
  for (int k = 0; k < (count); k++) {    \
    TILE_VECTORS(TILE_LOAD_B, 0)         \
    TILE_ROWS(TILE_SCALED_STEP)          \
    b += NR;                             \
  }

/* Whole tiles that end in a clip go to memory at once, the rest through a buffer. */
#define TILE_RESIDUAL(i, v) c##i##_##v += LOADV(rr + v * VEC);
#define TILE_RESIDUAL_ROW(i) \
  TILE_VECTORS(TILE_RESIDUAL, i) rr += tile.r_pitch;
#define TILE_CLIP(i, v)                                              \
  {                                                                  \
    const FV t = c##i##_##v > high ? high : c##i##_##v;              \
    STOREV(c##i##_##v < low ? low : t, yy + v * VEC);                \
  }
#define TILE_CLIP_ROW(i) \
  TILE_VECTORS(TILE_CLIP, i) yy += tile.y_pitch;
#define TILE_DUMP(i, v) STOREV(c##i##_##v, buffer + (i) * NR + v * VEC);
#define TILE_DUMP_ROW(i) TILE_VECTORS(TILE_DUMP, i)
#define TILE_STORE                                                         \
  if (tile.whole) {                                                        \
    __global float *yy = tile.y;                                           \
    if (tile.has_residual) {                                               \
      __global const float *rr = tile.r;                                   \
      TILE_ROWS(TILE_RESIDUAL_ROW)                                         \
    }                                                                      \
    const FV low = (FV)(tile.act_a), high = (FV)(tile.act_b);              \
    TILE_ROWS(TILE_CLIP_ROW)                                               \
  } else {                                                                 \
    float buffer[MR * NR];                                                 \
    TILE_ROWS(TILE_DUMP_ROW)                                               \
    FN(tile_finish)(buffer, &tile);                                        \
  }
#endif

/* Where a tile's results go. */
typedef struct FN(tile_output) {
  __global float *y;       /* of the tile's first row and output */
  __global const float *r; /* residual, the same place */
  int y_pitch, r_pitch, rows, outputs, has_residual, act;
  float act_a, act_b;
  int whole; /* all MR rows and NR outputs are there and the activation is a clip */
} FN(tile_output);

/* Residual and activation on the tile's part that exists. */
static void FN(tile_finish)(float *buffer, const FN(tile_output) *tile) {
  for (int i = 0; i < tile->rows; i++) {
    __global float *y = tile->y + (long)i * tile->y_pitch;
    float *c = buffer + i * NR;
    if (tile->has_residual)
      for (int o = 0; o < tile->outputs; o++) c[o] += tile->r[(long)i * tile->r_pitch + o];
    for (int o = 0; o < tile->outputs; o += VEC) {
      STOREV(activateV(LOADV(c + o), tile->act, tile->act_a, tile->act_b), c + o);
      if (tile->outputs - o >= VEC)
        STOREV(LOADV(c + o), y + o);
      else
        for (int k = o; k < tile->outputs; k++) y[k] = c[k];
    }
  }
}
