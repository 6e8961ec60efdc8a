/* The register tile that every convolution and matrix product shares: TR pixels x TV vectors of outputs, its
 * accumulators and row pointers named one by one (arrays of them end up in memory with some compilers).
 *
 * A file defines TR and TV and includes its own tile function, made of TILE_START.., TILE_LOOP and TILE_STORE. */
#ifndef TILE_CL
#define TILE_CL
#define EACH_1(M, i) M(i, 0)
#define EACH_2(M, i) EACH_1(M, i) M(i, 1)
#define EACH_3(M, i) EACH_2(M, i) M(i, 2)
#define EACH_4(M, i) EACH_3(M, i) M(i, 3)

/* M(i) for each row, M(i, v) for each vector of row i. */
#define TILE_ROWS(M) PASTE(REPEAT_, TR)(M)
#define TILE_VECTORS(M, i) PASTE(EACH_, TV)(M, i)
/* NAME_6x4_ENTRY */
#define TILE_NAME(name) PASTE(PASTE(PASTE(PASTE(name, _), TR), PASTE(x, TV)), PASTE(_, ENTRY))

/* Accumulators c0_0, c0_1, ... start at the panel's bias, or where an earlier part of the chain left them. */
#define TILE_BIAS(i, v) const FV bias##v = LOADV(panel + v * VEC);
#define TILE_FROM_BIAS(i, v) FV c##i##_##v = bias##v;
#define TILE_FROM_BIAS_ROW(i) TILE_VECTORS(TILE_FROM_BIAS, i)
#define TILE_START_AT_BIAS TILE_VECTORS(TILE_BIAS, 0) TILE_ROWS(TILE_FROM_BIAS_ROW)
#define TILE_FROM_SUMS(i, v) FV c##i##_##v = LOADV(sums + (i)*sums_pitch + v * VEC);
#define TILE_FROM_SUMS_ROW(i) TILE_VECTORS(TILE_FROM_SUMS, i)
#define TILE_START_AT_SUMS TILE_ROWS(TILE_FROM_SUMS_ROW)

/* Hints that a tile's outputs are written soon: fetched while its sums are made, their lines need not be waited for. */
#define TILE_FETCH_OUTPUT(i, v) PREFETCH_TO_WRITE(soon_y + v * VEC);
#define TILE_FETCH_OUTPUT_ROW(i)       \
  if (i < rows) {                      \
    TILE_VECTORS(TILE_FETCH_OUTPUT, i) \
  }                                    \
  soon_y += end->y_pitch;
#define TILE_FETCH_OUTPUTS           \
  if (!end->order) {                 \
    __global const YT *soon_y = y;   \
    TILE_ROWS(TILE_FETCH_OUTPUT_ROW) \
  }
/* for k in [0, count): c += a[k] * b[k], rows a0, a1, ...; b, the panel's weights, moves on. */
#define TILE_LOAD_B(i, v) const FV b##v = LOADV(b + v * VEC);
#define TILE_FMA(i, v) c##i##_##v = fma(a, b##v, c##i##_##v);
#define TILE_STEP(i)                    \
  {                                     \
    const FV a = (FV)(LOAD1(a##i + k)); \
    TILE_VECTORS(TILE_FMA, i)           \
  }
#define TILE_LOOP(count)              \
  for (int k = 0; k < (count); k++) { \
    TILE_VECTORS(TILE_LOAD_B, 0)      \
    TILE_ROWS(TILE_STEP)              \
    b += TV * VEC;                    \
  }
/* The same, fetching a line of memory a step from `soon` on, and the weights of four steps ahead from the cache that
 * the panel is in to the nearest one. */
#define TILE_FETCH_B(i, v) PREFETCH_NEAR(b + (4 * TV + v) * VEC);
#define TILE_FETCHING_LOOP(count, STEP) \
  for (int k = 0; k < (count); k++) {   \
    TILE_VECTORS(TILE_LOAD_B, 0)        \
    TILE_VECTORS(TILE_FETCH_B, 0)       \
    PREFETCH(soon);                     \
    TILE_ROWS(STEP)                     \
    b += TV * VEC;                      \
    soon += soon_step;                  \
  }
/* Inputs that lie in another order. */
#define TILE_MAPPED_STEP(i)                   \
  {                                           \
    const FV a = (FV)(LOAD1(a##i + from[k])); \
    TILE_VECTORS(TILE_FMA, i)                 \
  }
/* The same two where rows are equally far apart: one pointer goes down them, since as many pointers as rows do not fit
 * the registers. */
#define TILE_DOWN_FROM(i, first)                 \
  {                                              \
    down = i == 0 ? top + (first) : down + next; \
    const FV a = (FV)(LOAD1(down));              \
    TILE_VECTORS(TILE_FMA, i)                    \
  }
#define TILE_DOWN_STEP(i) TILE_DOWN_FROM(i, k)
#define TILE_MAPPED_DOWN_STEP(i) TILE_DOWN_FROM(i, from[k])
/* Sums as they are. */
#define TILE_TO_SUMS(i, v) STOREV(c##i##_##v, sums + (i)*sums_pitch + v * VEC);
#define TILE_TO_SUMS_ROW(i) TILE_VECTORS(TILE_TO_SUMS, i)
#define TILE_STORE_SUMS TILE_ROWS(TILE_TO_SUMS_ROW)

/* Residual, activation and store. Where the tile ends in a clip, its whole vectors go to memory at once. Whole are all
 * of a group with so many outputs as a vector has: the last one overlaps the one before, and what both hold is equal.
 * Of another group the last half of a vector goes to memory at once too; any other number of outputs, and any other
 * ending, go to `buffer`. Returns the first output that is left to finish there: the tiles of all sizes share one copy
 * of that code, for it holds every activation. */
#define TILE_AT(v) (v + 1 < TV ? v * VEC : last)
#define TILE_RESIDUAL(i, v) \
  if (v + 1 < TV || whole) c##i##_##v += LOADV(rr + TILE_AT(v));
#define TILE_RESIDUAL_ROW(i)       \
  if (i < rows) {                  \
    TILE_VECTORS(TILE_RESIDUAL, i) \
  }                                \
  rr += end->r_pitch;
#define TILE_CLIP(i, v)                                 \
  if (v + 1 < TV || whole) {                            \
    const FV t = c##i##_##v > high ? high : c##i##_##v; \
    STOREV(t < low ? low : t, yy + TILE_AT(v));         \
  }
#define TILE_CLIP_ROW(i)       \
  if (i < rows) {              \
    TILE_VECTORS(TILE_CLIP, i) \
  }                            \
  yy += end->y_pitch;
#define TILE_LAST_HALF(i, v)                         \
  if (v + 1 == TV) {                                 \
    HALF_FV t = LOWER_HALF(c##i##_##v);              \
    if (end->has_residual) t += LOAD_HALF(rr);       \
    t = t > LOWER_HALF(high) ? LOWER_HALF(high) : t; \
    t = t < LOWER_HALF(low) ? LOWER_HALF(low) : t;   \
    STORE_HALF(t, yy);                               \
  }
#define TILE_LAST_HALF_ROW(i)       \
  if (i < rows) {                   \
    TILE_VECTORS(TILE_LAST_HALF, i) \
  }                                 \
  yy += end->y_pitch;               \
  rr += end->r_pitch;
#define TILE_DUMP(i, v) STOREV(c##i##_##v, buffer + (i)*TV * VEC + v * VEC);
#define TILE_DUMP_ROW(i) TILE_VECTORS(TILE_DUMP, i)
#define TILE_DUMP_LAST(i, v) \
  if (v + 1 == TV) TILE_DUMP(i, v)
#define TILE_DUMP_LAST_ROW(i) TILE_VECTORS(TILE_DUMP_LAST, i)
#define TILE_STORE                                             \
  const int whole = end->overlaps || outputs == TV * VEC;      \
  const int last = (end->overlaps ? outputs : TV * VEC) - VEC; \
  if (end->act == F_CLIP && !end->order) {                     \
    __global YT *yy = y;                                       \
    if (end->has_residual) {                                   \
      __global const RT *rr = r;                               \
      TILE_ROWS(TILE_RESIDUAL_ROW)                             \
    }                                                          \
    const FV low = (FV)(end->act_a), high = (FV)(end->act_b);  \
    TILE_ROWS(TILE_CLIP_ROW)                                   \
    if (whole) return TV * VEC;                                \
    if (HALF_VEC < VEC && outputs == TV * VEC - HALF_VEC) {    \
      __global const RT *rr = r + (TV - 1) * VEC;              \
      yy = y + (TV - 1) * VEC;                                 \
      TILE_ROWS(TILE_LAST_HALF_ROW)                            \
      return outputs;                                          \
    }                                                          \
    TILE_ROWS(TILE_DUMP_LAST_ROW)                              \
    return (TV - 1) * VEC;                                     \
  }                                                            \
  TILE_ROWS(TILE_DUMP_ROW)                                     \
  return 0;

/* Floats of the largest tile's buffer. */
#define TILE_BUFFER (24 * VEC)

/* Rows of a tile of so many vectors: what fits the registers (16 of them, or 32 with 16 floats). */
#define TILE_TR_16_4 6
#define TILE_TR_16_3 8
#define TILE_TR_16_2 12
#define TILE_TR_16_1 14
#define TILE_TR_8_2 6
#define TILE_TR_8_1 12
#define TILE_TR_8_3 6
#define TILE_TR_8_4 6
#define TILE_TR_4_2 6
#define TILE_TR_4_1 12
#define TILE_TR_1_2 4
#define TILE_TR_1_3 4
#define TILE_TR_1_4 4
#define TILE_TR_1_1 4
#define TILE_TR(tv) PASTE(PASTE(PASTE(TILE_TR_, VEC), _), tv)
/* The smaller tile, for a block's last rows: where it is more than half of the whole one, two of them leave fewer rows
 * unused than a whole one and a small one. */
#define TILE_SMALL_16 3
#define TILE_SMALL_8 4
#define TILE_SMALL_4 3
#define TILE_SMALL_1 1
#define TILE_SMALL PASTE(TILE_SMALL_, VEC)
/* Of `rest` rows that are left, those of the next tile. */
#define TILE_NEXT_ROWS(rest, whole, small) \
  min(rest, (rest) <= (small) || ((rest) > (whole) && (rest) <= 2 * (small)) ? (small) : (whole))
#endif

/* What happens to sums before they are stored. */
typedef struct FN(ending) {
  int y_pitch, r_pitch, has_residual, act;
  float act_a, act_b;
  __global const int *order; /* where in its pixel each output goes (y and r are then the pixel's start); 0: in order */
  int overlaps;              /* the last vector of a group overlaps the one before */
  int runs;                  /* bit v: the outputs of order's v-th vector go side by side */
} FN(ending);

static FN(ending) FN(ending_of)(const stage_params *p) {
  FN(ending) end;
  end.y_pitch = p->y_pitch;
  end.r_pitch = p->r_pitch;
  end.has_residual = p->has_residual;
  end.act = p->act[0];
  end.act_a = p->act_a[0];
  end.act_b = p->act_b[0];
  end.order = 0;
  end.overlaps = 0;
  end.runs = 0;
  return end;
}

/* Residual, activation and store for rows x outputs sums that lie `pitch` apart, a multiple of whole vectors. */
static void FN(finish)(float *sums, const int pitch, const FN(ending) * end, __global YT *y, __global const RT *r,
                       const int rows, const int outputs) {
  __global const int *order = end->order;
  const FV low = (FV)(end->act_a), high = (FV)(end->act_b);
  const int whole = end->overlaps || outputs % VEC == 0, last = outputs - VEC;
  if (end->act == F_HARD_SWISH && !order && !end->has_residual && whole) { /* the others' questions cost more */
    for (int i = 0; i < rows; i++, y += end->y_pitch, sums += pitch)
      for (int o = 0; o < outputs; o += VEC) STOREV(FNV(hard_swish)(LOADV(sums + o)), y + min(o, last));
    return;
  }
  for (int i = 0; i < rows; i++, y += end->y_pitch, r += end->r_pitch, sums += pitch)
    for (int o = 0; o < outputs; o += VEC) {
      const int from = whole ? min(o, last) : o, count = whole ? VEC : min(VEC, outputs - o);
      const int together = !order || (end->runs >> (o / VEC) & 1);
      const int at = order ? order[from] : from;
      for (int lane = 0; !together && end->has_residual && lane < count; lane++)
        sums[o + lane] += LOAD1(r + order[from + lane]);
      FV v = LOADV(sums + o);
      if (together && end->has_residual) v += FNV(load_part)(r + at, count);
      if (end->act == F_CLIP) {
        v = v > high ? high : v;
        v = v < low ? low : v;
      } else {
        v = activateV(v, end->act, end->act_a, end->act_b);
      }
      if (together) {
        FNV(store_part)(v, y + at, count);
        continue;
      }
      STOREV(v, sums + o);
      for (int lane = 0; lane < count; lane++) STORE1(sums[o + lane], y + order[from + lane]);
    }
}
