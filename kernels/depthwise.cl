/* Depthwise convolutions: each output channel sees one input channel.
 *
 * Packed weights: biases [outputs], then weights [ky][kx][outputs], then zeros [inputs], which stand for pixels in the
 * padding.
 *
 * split: 0 bands of output rows of an image, 1 tasks over them, 2 channels in a task (a multiple of VEC; the
 * last has the rest too), 3 tasks over the channels.
 *
 * K, S: kernel size and stride for which the window is unrolled: a task walks bands of two output rows in tiles of four
 * columns, and each input vector that it loads serves all taps that it lies under. Of a dilated window (S 1) these rows
 * and columns are as far apart as its taps. SCALES: it is multiplied first, but
 * for the padding, whose zeros stay zeros whatever the scale. K 0: any window, tile by tile
 * through a list of pointers, one output row at a time. Channels run innermost; the last vector of a row overlaps the
 * one before. */
#include "activated.cl"
#define TILE_COLUMNS 4

#if K
#define BAND_ROWS 2
/* From one of a tile's rows or columns to the next. */
#if S == 1
#define DOWN g->dh
#define ACROSS g->dw
#else
#define DOWN 1
#define ACROSS 1
#endif
/* What comes after a group of `count` that starts at i and whose members are `apart`: the group between its members, or
 * what follows them all. */
#define NEXT(i, apart, count) ((i) + ((i) % (apart) + 1 < (apart) ? 1 : ((count)-1) * (apart) + 1))
#define IN_ROWS ((BAND_ROWS - 1) * S + K)
#define IN_COLUMNS ((TILE_COLUMNS - 1) * S + K)
#else
#define BAND_ROWS 1
#define MAX_TAPS 64
#endif

/* One task's view of its stage. */
typedef struct FN(view) {
  __global const XT *x, *zeros; /* x, r, y: of the task's image */
  __global const RT *r;
  __global const ST *scale;
  __global const float *bias, *weights;
  __global YT *y;
  int from, to; /* channels */
} FN(view);

static void FN(finish)(const stage_params *p, const FN(view) * t, FV v, const int oy, const int ox, const int c) {
  const window_params *g = &p->u.window;
  const int pixel = oy * g->ow + ox;
  if (p->has_residual) v += LOADV(t->r + (long)pixel * p->r_pitch + c);
  STOREV(FN(activated)(p, 0, v), t->y + (long)pixel * p->y_pitch + c);
}

/* The channels [from, to) vector by vector; where they are no multiple of VEC the last vector starts earlier. */
#define EACH_VECTOR(c, t) \
  for (int c##_at = (t)->from, c = c##_at; c##_at < (t)->to; c##_at += VEC, c = min(c##_at, (t)->to - VEC))

#if K
#define TIMES_2(M, a) M(a, 0) M(a, 1)
#define TIMES_3(M, a) TIMES_2(M, a) M(a, 2)
#define TIMES_4(M, a) TIMES_3(M, a) M(a, 3)
#define TIMES_5(M, a) TIMES_4(M, a) M(a, 4)
#define TIMES_6(M, a) TIMES_5(M, a) M(a, 5)
#define TIMES_7(M, a) TIMES_6(M, a) M(a, 6)
#define TIMES_8(M, a) TIMES_7(M, a) M(a, 7)
#define TIMES_9(M, a) TIMES_8(M, a) M(a, 8)
#define TIMES_10(M, a) TIMES_9(M, a) M(a, 9)
#define TIMES_11(M, a) TIMES_10(M, a) M(a, 10)
/* A macro does not expand inside itself: rows have repetitions of their own. */
#define ROWS_4(M) M(0) M(1) M(2) M(3)
#define ROWS_5(M) ROWS_4(M) M(4)
#define ROWS_6(M) ROWS_5(M) M(5)
#define ROWS_7(M) ROWS_6(M) M(6)
/* Indices are literals and K and S constants: everything below unrolls, and the arrays become registers. */
#if K == 3 && S == 1
#define EACH_IN_COLUMN(M, i) TIMES_6(M, i)
#define EACH_IN_ROW ROWS_4
#elif K == 3
#define EACH_IN_COLUMN(M, i) TIMES_9(M, i)
#define EACH_IN_ROW ROWS_5
#elif S == 1
#define EACH_IN_COLUMN(M, i) TIMES_8(M, i)
#define EACH_IN_ROW ROWS_6
#else
#define EACH_IN_COLUMN(M, i) TIMES_11(M, i)
#define EACH_IN_ROW ROWS_7
#endif
#define EACH_TAP_OF(M, a) PASTE(TIMES_, K)(M, a)

#ifdef SCALES
#define LOAD_SCALE const FV scale = LOADV(t->scale + c);
#define LOAD_COLUMN(i, j) (IN_PADDING(i, j) ? (FV)(0.0f) : LOADV(ADDRESS(i, j)) * scale)
#else
#define LOAD_SCALE
#define LOAD_COLUMN(i, j) LOADV(ADDRESS(i, j))
#endif
/* Pointers step on from one load to the next: as many as loads would not fit the registers. */
#define LOAD_WEIGHT(ky, kx)      \
  if ((ky) < K) {                \
    wk[ky][kx] = LOADV(weights); \
    weights += g->oc;            \
  }
/* An input column under all its taps before the next one is loaded: 16 registers hold no more. */
#define TAPS(i, j, o)                                                    \
  if ((uint)((j) - (o)*S) < K) {                                         \
    if ((i) < K) acc[0][o] = fma(v, wk[i][(j) - (o)*S], acc[0][o]);      \
    if ((i) >= S) acc[1][o] = fma(v, wk[(i)-S][(j) - (o)*S], acc[1][o]); \
  }
#define INPUT_COLUMN(i, j)                                  \
  {                                                         \
    const FV v = LOAD_COLUMN(i, j);                         \
    TAPS(i, j, 0) TAPS(i, j, 1) TAPS(i, j, 2) TAPS(i, j, 3) \
  }
#define INPUT_ROW(i)          \
  FIND_ROW(i)                 \
  EACH_TAP_OF(LOAD_WEIGHT, i) \
  EACH_IN_COLUMN(INPUT_COLUMN, i)
/* Clips and hard swishes are stored at once. Everything else goes through memory: calls between the sums would keep the
 * compiler from computing them together, and cost it all registers. */
#define STORE_COLUMN(row, j)                                    \
  if ((j) < columns) {                                          \
    const FV clipped = acc[row][j] > high ? high : acc[row][j]; \
    STOREV(clipped < low ? low : clipped, to);                  \
    to += y_step;                                               \
  }
#define STORE_SWISH(row, j)                   \
  if ((j) < columns) {                        \
    STOREV(FNV(hard_swish)(acc[row][j]), to); \
    to += y_step;                             \
  }
#define KEEP_COLUMN(row, j) STOREV(acc[row][j], sums + ((row)*TILE_COLUMNS + (j)) * VEC);
/* Residual, activation and store of a tile's sums. */
static void FN(finish_tile)(const stage_params *p, const FN(view) * t, const float *sums, const int oy, const int ox,
                            const int c, const int columns) {
  const window_params *g = &p->u.window;
  for (int row = 0; row < BAND_ROWS && oy + row * DOWN < g->oh; row++)
    for (int j = 0; j < columns; j++)
      FN(finish)(p, t, LOADV(sums + (row * TILE_COLUMNS + j) * VEC), oy + row * DOWN, ox + j * ACROSS, c);
}

/* Outputs two vectors on, which else were waited for: memory is read before it is written. */
#define FETCH_COLUMN(row, j)       \
  PREFETCH_TO_WRITE(to + 2 * VEC); \
  to += y_step;

/* The tile of four columns from (oy, ox), whose inputs lie at ADDRESS(row, column). */
#define STORE_TILE(STORE)  \
  to = upper + c;          \
  TIMES_4(STORE, 0)        \
  if (oy + DOWN < g->oh) { \
    to = lower + c;        \
    TIMES_4(STORE, 1)      \
  }
#define DEPTHWISE_TILE                                                     \
  const FV low = (FV)(p->act_a[0]), high = (FV)(p->act_b[0]);              \
  __global YT *const upper = t->y + ((long)oy * g->ow + ox) * p->y_pitch;  \
  __global YT *const lower = upper + (long)DOWN * g->ow * p->y_pitch, *to; \
  const int y_step = ACROSS * p->y_pitch;                                  \
  EACH_VECTOR(c, t) {                                                      \
    STORE_TILE(FETCH_COLUMN)                                               \
    FV acc[BAND_ROWS][TILE_COLUMNS], wk[K][K];                             \
    LOAD_SCALE                                                             \
    __global const float *weights = t->weights + c;                        \
    __global const XT *at = 0;                                             \
    (void)at;                                                              \
    acc[0][0] = LOADV(t->bias + c);                                        \
    acc[0][1] = acc[0][2] = acc[0][3] = acc[0][0];                         \
    acc[1][0] = acc[1][1] = acc[1][2] = acc[1][3] = acc[0][0];             \
    EACH_IN_ROW(INPUT_ROW)                                                 \
    if (!p->has_residual && p->act[0] == F_CLIP) {                         \
      STORE_TILE(STORE_COLUMN)                                             \
    } else if (!p->has_residual && p->act[0] == F_HARD_SWISH) {            \
      STORE_TILE(STORE_SWISH)                                              \
    } else {                                                               \
      float sums[BAND_ROWS * TILE_COLUMNS * VEC];                          \
      TIMES_4(KEEP_COLUMN, 0)                                              \
      TIMES_4(KEEP_COLUMN, 1)                                              \
      FN(finish_tile)(p, t, sums, oy, ox, c, columns);                     \
    }                                                                      \
  }

/* All columns of the tile's inputs lie inside the image. */
static void FN(inner_tile)(const stage_params *p, const FN(view) * t, __global const XT *const *row, const int *step,
                           const int oy, const int ox) {
  const window_params *g = &p->u.window;
  const int columns = TILE_COLUMNS;
#define FIND_ROW(i) at = row[i] + c;
#define ADDRESS(i, j) (at += j ? step[i] : 0)
#define IN_PADDING(i, j) (row[i] == t->zeros)
  DEPTHWISE_TILE
#undef FIND_ROW
#undef ADDRESS
#undef IN_PADDING
}

static void FN(edge_tile)(const stage_params *p, const FN(view) * t, __global const XT *const *row, const int *step,
                          const int oy, const int ox) {
  const window_params *g = &p->u.window;
  const int columns = min(TILE_COLUMNS, steps_past(g->ow - ox, ACROSS)), first = ox * S - g->pl;
  __global const XT *column[IN_ROWS * IN_COLUMNS];
#define SET_ADDRESS(i, j) \
  column[(i)*IN_COLUMNS + (j)] = first + (j)*ACROSS < 0 || first + (j)*ACROSS >= g->w ? t->zeros : row[i] + (j)*step[i];
#define SET_ROW(i) EACH_IN_COLUMN(SET_ADDRESS, i)
  EACH_IN_ROW(SET_ROW)
#define FIND_ROW(i)
#define ADDRESS(i, j) (column[(i)*IN_COLUMNS + (j)] + c)
#define IN_PADDING(i, j) (column[(i)*IN_COLUMNS + (j)] == t->zeros)
  DEPTHWISE_TILE
#undef FIND_ROW
#undef ADDRESS
#undef IN_PADDING
#undef SET_ROW
#undef SET_ADDRESS
}

static void FN(band)(const stage_params *p, const FN(view) * t, const int oy) {
  const window_params *g = &p->u.window;
  __global const XT *row[IN_ROWS];
  int step[IN_ROWS];
  for (int ox = 0; ox < g->ow; ox = NEXT(ox, ACROSS, TILE_COLUMNS)) {
    const int first = ox * S - g->pl;
    const int inner =
        first >= 0 && first + (IN_COLUMNS - 1) * ACROSS < g->w && ox + (TILE_COLUMNS - 1) * ACROSS < g->ow;
#define SET_ROW(i)                                                              \
  {                                                                             \
    const int iy = oy * S - g->pt + (i)*DOWN, inside = iy >= 0 && iy < g->h;    \
    step[i] = inside ? ACROSS * p->x_pitch : 0;                                 \
    row[i] = inside ? t->x + ((long)iy * g->w + first) * p->x_pitch : t->zeros; \
  }
    EACH_IN_ROW(SET_ROW)
#undef SET_ROW
    if (inner)
      FN(inner_tile)(p, t, row, step, oy, ox);
    else
      FN(edge_tile)(p, t, row, step, oy, ox);
  }
}
#undef ROWS_4
#undef ROWS_5
#undef ROWS_6
#undef ROWS_7
#undef TIMES_2
#undef TIMES_3
#undef TIMES_4
#undef TIMES_5
#undef TIMES_6
#undef TIMES_7
#undef TIMES_8
#undef TIMES_9
#undef TIMES_10
#undef TIMES_11
#undef EACH_IN_COLUMN
#undef EACH_IN_ROW
#undef EACH_TAP_OF
#undef LOAD_COLUMN
#undef LOAD_SCALE
#undef LOAD_WEIGHT
#undef TAPS
#undef INPUT_COLUMN
#undef INPUT_ROW
#undef STORE_COLUMN
#undef FETCH_COLUMN
#undef STORE_SWISH
#undef STORE_TILE
#undef KEEP_COLUMN
#undef DEPTHWISE_TILE
#undef IN_ROWS
#undef IN_COLUMNS

#else /* any window */

/* The pixel under a tap, or zeros. */
static __global const XT *FN(pixel)(const stage_params *p, const FN(view) * t, const int oy, const int ox, const int ky,
                                    const int kx) {
  const window_params *g = &p->u.window;
  const int iy = oy * g->sh - g->pt + ky * g->dh, ix = ox * g->sw - g->pl + kx * g->dw;
  return iy < 0 || iy >= g->h || ix < 0 || ix >= g->w ? t->zeros : t->x + ((long)iy * g->w + ix) * p->x_pitch;
}

/* Output channel c's input channel; vectors need as many outputs as inputs. */
#if VEC == 1
#define INPUT_CHANNEL(c) ((c) / multiplier)
#else
#define INPUT_CHANNEL(c) (c)
#endif
#define TAP(j)                                                                                                      \
  acc##j = fma(at[tap * TILE_COLUMNS + j] == t->zeros ? (FV)(0.0f) : LOADV(at[tap * TILE_COLUMNS + j] + i) * scale, \
               wk, acc##j);
#define PLAIN_TAP(j) acc##j = fma(LOADV(at[tap * TILE_COLUMNS + j] + i), wk, acc##j);
#define STORE(j) \
  if (ox + j < g->ow) FN(finish)(p, t, acc##j, oy, ox + j, c);

static void FN(tile)(const stage_params *p, const FN(view) * t, const int oy, const int ox) {
  const window_params *g = &p->u.window;
  const int taps = g->kh * g->kw, multiplier = g->oc / g->c;
  (void)multiplier;
  __global const XT *at[MAX_TAPS * TILE_COLUMNS];
  for (int tap = 0; tap < taps; tap++)
    for (int j = 0; j < TILE_COLUMNS; j++)
      at[tap * TILE_COLUMNS + j] = FN(pixel)(p, t, oy, min(ox + j, g->ow - 1), tap / g->kw, tap % g->kw);
  EACH_VECTOR(c, t) {
    const int i = INPUT_CHANNEL(c);
    FV acc0 = LOADV(t->bias + c), acc1 = acc0, acc2 = acc0, acc3 = acc0;
    if (p->has_scale) {
      const FV scale = LOADV(t->scale + i);
      for (int tap = 0; tap < taps; tap++) {
        const FV wk = LOADV(t->weights + (long)tap * g->oc + c);
        TAP(0) TAP(1) TAP(2) TAP(3)
      }
    } else {
      for (int tap = 0; tap < taps; tap++) {
        const FV wk = LOADV(t->weights + (long)tap * g->oc + c);
        PLAIN_TAP(0) PLAIN_TAP(1) PLAIN_TAP(2) PLAIN_TAP(3)
      }
    }
    STORE(0) STORE(1) STORE(2) STORE(3)
  }
}

/* Kernels with more taps than the list of pointers holds. */
static void FN(large)(const stage_params *p, const FN(view) * t, const int oy, const int ox) {
  const window_params *g = &p->u.window;
  const int multiplier = g->oc / g->c;
  (void)multiplier;
  EACH_VECTOR(c, t) {
    const int i = INPUT_CHANNEL(c);
    const FV scale = p->has_scale ? LOADV(t->scale + i) : (FV)(1.0f);
    FV acc = LOADV(t->bias + c);
    for (int ky = 0; ky < g->kh; ky++)
      for (int kx = 0; kx < g->kw; kx++) {
        __global const XT *at = FN(pixel)(p, t, oy, ox, ky, kx);
        const FV tap = at == t->zeros ? (FV)(0.0f) : LOADV(at + i) * scale;
        acc = fma(tap, LOADV(t->weights + ((long)ky * g->kw + kx) * g->oc + c), acc);
      }
    FN(finish)(p, t, acc, oy, ox, c);
  }
}

static void FN(band)(const stage_params *p, const FN(view) * t, const int oy) {
  const window_params *g = &p->u.window;
  const int listed = g->kh * g->kw <= MAX_TAPS;
  for (int ox = 0; ox < g->ow; ox += listed ? TILE_COLUMNS : 1) {
    if (listed)
      FN(tile)(p, t, oy, ox);
    else
      FN(large)(p, t, oy, ox);
  }
}
#undef INPUT_CHANNEL
#undef TAP
#undef PLAIN_TAP
#undef STORE
#undef MAX_TAPS
#endif

/* The first output row of a band. */
static int FN(row_of)(const window_params *g, const int band) {
#if K && S == 1
  return band / DOWN * BAND_ROWS * DOWN + band % DOWN;
#else
  (void)g;
  return band * BAND_ROWS;
#endif
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int band_task = task % g->split[1];
  task /= g->split[1];
  const int channel_task = task % g->split[3], image = task / g->split[3];
  FN(view) t;
  t.bias = w + p->w_at;
  t.weights = t.bias + g->oc;
  t.zeros = (__global const XT *)(t.weights + (long)g->kh * g->kw * g->oc);
  t.x = x + p->x_at + (long)image * g->h * g->w * p->x_pitch;
  t.y = y + p->y_at + (long)image * g->oh * g->ow * p->y_pitch;
  t.r = p->has_residual ? r + p->r_at + (long)image * g->oh * g->ow * p->r_pitch : (__global const RT *)t.y;
  t.scale = p->has_scale ? s + p->s_at + (long)image * p->s_pitch : (__global const ST *)t.zeros;
  t.from = channel_task * g->split[2];
  t.to = channel_task + 1 == g->split[3] ? g->oc : t.from + g->split[2];
  const int band_to = PART(g->split[0], band_task + 1, g->split[1]);
  for (int band = PART(g->split[0], band_task, g->split[1]); band < band_to; band++)
    FN(band)(p, &t, FN(row_of)(g, band));
}
#undef EACH_VECTOR
#undef TILE_COLUMNS
#undef BAND_ROWS
#undef DOWN
#undef ACROSS
#undef NEXT
