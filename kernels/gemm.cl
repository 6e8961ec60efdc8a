/* Pointwise and general convolutions, and matrix products: rows are output pixels, read where they lie.
 *
 * Packed weights: for each group its panels of NR outputs (the last one as many vectors as it needs), each its biases,
 * then its weights for each (ky, kx, ci); after the last panel a row of zeros for pixels in the padding; then, as
 * integers, the place in its pixel of each output and of each input where params.h's modes say so (inputs: where the
 * kernel is 1x1 and unpadded).
 *
 * split: 0 rows of a tile, 1 tasks over the rows of an image, 2 its tiles, 3 tasks over a group's panels, 4 rows of an
 * image (all images together count as one unless there is a scale), 5 panels of a group.
 *
 * CONV 0: the kernel is 1x1 and unpadded. */
#include "tile.cl"

/* An output pixel: its image and the input pixel under its first tap. */
typedef struct FN(pixel) {
  int n, oy, ox;
} FN(pixel);

static FN(pixel) FN(pixel_of)(const window_params *g, int m) {
  FN(pixel) at;
  at.ox = m % g->ow;
  m /= g->ow;
  at.oy = m % g->oh;
  at.n = m / g->oh;
  return at;
}

static void FN(pixels_on)(const window_params *g, FN(pixel) * at, const int count) {
  at->ox += count;
  while (at->ox >= g->ow) {
    at->ox -= g->ow;
    if (++at->oy < g->oh) continue;
    at->oy = 0;
    at->n++;
  }
}

static void FN(next_pixel)(const window_params *g, FN(pixel) * at) {
  if (++at->ox < g->ow) return;
  at->ox = 0;
  if (++at->oy < g->oh) return;
  at->oy = 0;
  at->n++;
}

typedef struct FN(work) {
  const window_params *g;
  __global const XT *x, *zeros; /* of the group */
  __global const ST *scale;
  int inputs, x_pitch, simple, scaled, runs;
  FN(pixel) first;            /* the tile's, of a convolution */
  __global const int *from;   /* where in its pixel each input of the group lies; 0: in order from x on */
  __global const float *soon; /* weights to fetch ahead, a line a step */
  int soon_step;
} FN(work);

/* The input under tap (ky, kx) of an output pixel, or the zeros. */
static __global const XT *FN(tap)(const FN(work) * t, const FN(pixel) * at, const int ky, const int kx) {
  const window_params *g = t->g;
  const int iy = at->oy * g->sh - g->pt + ky * g->dh, ix = at->ox * g->sw - g->pl + kx * g->dw;
  if (CONV && (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)) return t->zeros;
  return t->x + (((long)at->n * g->h + iy) * g->w + ix) * t->x_pitch;
}

#ifndef GEMM_CL
#define GEMM_CL
/* Rows past the wanted ones repeat the last. */
#define TILE_POINTER(i) __global const XT *a##i;
#define TILE_NEXT_ROW(i) \
  a##i = row;            \
  if (i + 1 < rows) row += next;
#define TILE_STRIDED_ROW(i)     \
  a##i = FN(tap)(t, &at, 0, 0); \
  if (i + 1 < rows) FN(next_pixel)(g, &at);
#define TILE_EDGE_ROW(i)                             \
  a##i = (uint)column < (uint)g->w ? row : t->zeros; \
  column += g->sw;                                   \
  row += next;
#define TILE_TAP(i) a##i = FN(tap)(t, &at[i], ky, kx);
#define PADDED(i) (CONV && a##i == t->zeros)
/* TILE_FETCHING_LOOP with a[k] * scale[k] for a[k], multiplied by blocks of SCALED inputs beforehand: beside the sums
 * every product and its spreading over a vector would take the place of an fma. Where PADDED(i), row i is zeros
 * whatever the scale (infinity times 0 is NaN). */
#define SCALED 256
#define TILE_SCALE_ROW(i) STOREV(PADDED(i) ? (FV)(0.0f) : LOADV(a##i + from + at) * by, scaled + (i)*SCALED + at);
#define TILE_SCALE_ONE(i) \
  scaled[(i)*SCALED + at] = PADDED(i) ? 0.0f : LOAD1(a##i + from + at) * LOAD1(scale + from + at);
#define TILE_SCALED_STEP(i)                      \
  {                                              \
    const FV a = (FV)(scaled[(i)*SCALED + (k)]); \
    TILE_VECTORS(TILE_FMA, i)                    \
  }
#define TILE_SCALED_LOOP(count)                         \
  for (int from = 0; from < (count); from += SCALED) {  \
    float scaled[TR * SCALED];                          \
    const int scaled_steps = min(SCALED, (count)-from); \
    int at = 0;                                         \
    for (; at + VEC <= scaled_steps; at += VEC) {       \
      const FV by = LOADV(scale + from + at);           \
      TILE_ROWS(TILE_SCALE_ROW)                         \
    }                                                   \
    for (; at < scaled_steps; at++) {                   \
      TILE_ROWS(TILE_SCALE_ONE)                         \
    }                                                   \
    TILE_FETCHING_LOOP(scaled_steps, TILE_SCALED_STEP)  \
  }
#define GEMM_PAGE 1024 /* floats */
#define STEM_RUN 9     /* taps x channels */
/* What gemm_tile.cl's functions share. */
#define GEMM_TILE_PARAMETERS                                                                                \
  const FN(work) * t, const FN(ending) * end, __global const float *panel, const int pixel, const int rows, \
      const int outputs, __global YT *y, __global const RT *r, float *buffer
#define GEMM_TILE_START                                                       \
  const window_params *g = t->g;                                              \
  __global const float *b = panel + TV * VEC, *soon = t->soon;                \
  __global const ST *scale = t->scale;                                        \
  const int inputs = t->inputs, pitch = t->x_pitch, soon_step = t->soon_step; \
  TILE_FETCH_OUTPUTS                                                          \
  TILE_START_AT_BIAS
#define GEMM_TILE_ARGUMENTS(rows) (t, end, panel, pixel, rows, outputs, y, r, buffer)
#define GEMM_TILE_FIND_ROWS                              \
  TILE_ROWS(TILE_POINTER)                                \
  if (t->simple) {                                       \
    __global const XT *row = t->x + (long)pixel * pitch; \
    const int next = pitch;                              \
    TILE_ROWS(TILE_NEXT_ROW)                             \
  } else {                                               \
    FN(pixel) at = FN(pixel_of)(g, pixel);               \
    TILE_ROWS(TILE_STRIDED_ROW)                          \
  }
/* The tile of tr rows and tv vectors, called. */
#define GEMM_TILE(tr, tv) PASTE(PASTE(PASTE(PASTE(tile_, tr), PASTE(x, tv)), _), ENTRY)
#define GEMM_ARGUMENTS (work, end, panel, pixel, wanted, left, yy, rr, buffer)
#endif

/* A tile for each number of vectors; for whole panels a smaller one too, for the last rows. */
#define TV 1
#define TR TILE_TR(1)
#include "gemm_tile.cl"
#define TV 2
#define TR TILE_TR(2)
#include "gemm_tile.cl"
#if NR / VEC == 2
#define TV 2
#define TR TILE_SMALL
#include "gemm_tile.cl"
#else
#define TV 3
#define TR TILE_TR(3)
#include "gemm_tile.cl"
#define TV 4
#define TR TILE_TR(4)
#include "gemm_tile.cl"
#define TV 4
#define TR TILE_SMALL
#include "gemm_tile.cl"
#endif

#if NR / VEC == 2
#define NR_VECTORS 2
#else
#define NR_VECTORS 4
#endif
/* Output pixels [from, to) of a panel with `left` outputs, tile by tile. Together the tiles fetch the next panel; a
 * single one, whose weights come from memory as fast as it takes them, its own a page ahead. */
static void FN(panel)(const stage_params *p, FN(work) * work, const FN(ending) * end, __global const float *panel,
                      const int pixel_from, const int pixel_to, const int left, __global YT *y, __global const RT *r) {
  const window_params *g = work->g;
  const int vectors = (left + VEC - 1) / VEC, width = vectors * VEC;
  const int tile_rows = vectors == 1 ? TILE_TR(1) : vectors == 2 ? TILE_TR(2) : vectors == 3 ? TILE_TR(3) : TILE_TR(4);
  const long chain = (long)g->kh * g->kw * work->inputs + 1; /* bias and weights of an output */
  float buffer[TILE_BUFFER];
  const int single = pixel_to - pixel_from <= tile_rows;
  work->soon = panel + (single ? GEMM_PAGE : chain * width);
  work->soon_step = single ? width : clamp(width * tile_rows / (pixel_to - pixel_from), 1, width);
  /* Worth tiles of pixels side by side alone: short chains, since others look for their taps one by one, and taps so
   * far apart that some lie outside the image for a whole tile. */
  const int aligned = CONV && (work->inputs < 16 || g->dw >= tile_rows) && g->ow >= 2 * tile_rows;
  if (CONV) work->first = FN(pixel_of)(g, pixel_from);
  for (int pixel = pixel_from, wanted; pixel < pixel_to; pixel += wanted, work->soon += chain * work->soon_step) {
    const int rest = aligned ? min(pixel_to - pixel, g->ow - work->first.ox) : pixel_to - pixel;
    wanted = vectors == NR / VEC ? TILE_NEXT_ROWS(rest, tile_rows, TILE_SMALL) : min(tile_rows, rest);
    __global YT *yy = y + (long)pixel * p->y_pitch;
    __global const RT *rr = r + (long)pixel * p->r_pitch;
    int from;
    if (vectors == NR / VEC)
      from = wanted > TILE_SMALL ? GEMM_TILE(TILE_TR(NR_VECTORS), NR_VECTORS) GEMM_ARGUMENTS
                                 : GEMM_TILE(TILE_SMALL, NR_VECTORS) GEMM_ARGUMENTS;
    else if (vectors == 1)
      from = GEMM_TILE(TILE_TR(1), 1) GEMM_ARGUMENTS;
#if NR / VEC > 2
    else if (vectors == 3)
      from = GEMM_TILE(TILE_TR(3), 3) GEMM_ARGUMENTS;
#endif
    else
      from = GEMM_TILE(TILE_TR(2), 2) GEMM_ARGUMENTS;
    if (from < left) FN(finish)(buffer + from, width, end, yy + from, rr + from, wanted, left - from);
    if (CONV) FN(pixels_on)(g, &work->first, wanted);
  }
}

#include "gemm_row.cl"

/* Of which vectors of outputs the places lie side by side. */
static int FN(runs)(const FN(ending) * end, const int outputs) {
  int runs = 0;
  for (int o = 0; o < outputs; o += VEC) {
    __global const int *order = end->order + (end->overlaps ? min(o, outputs - VEC) : o);
    int together = 1;
    for (int lane = 1; lane < (end->overlaps ? VEC : min(VEC, outputs - o)); lane++)
      together &= order[lane] == order[0] + lane;
    runs |= together << (o / VEC);
  }
  return runs;
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int row_tasks = g->split[1], tiles = g->split[2], panel_tasks = g->split[3];
  const int rows = g->split[4], panels = g->split[5];
  const int images = p->has_scale ? g->n : 1, inputs = g->c / g->groups, outputs = g->oc / g->groups;
  const int panel_task = task % panel_tasks;
  task /= panel_tasks;
  const int group = task % g->groups;
  task /= g->groups;
  const int row_task = task % row_tasks, image = task / row_tasks;
  const int row_from = PART(tiles, row_task, row_tasks) * g->split[0];
  const int row_to = min(rows, PART(tiles, row_task + 1, row_tasks) * g->split[0]);
  const int together = p->mode & SINGLE_ROW ? ROW_PANELS : 1, parts = (panels + together - 1) / together;
  const int panel_from = PART(parts, panel_task, panel_tasks) * together;
  const int panel_to = min(panels, PART(parts, panel_task + 1, panel_tasks) * together);
  const long chain = (long)g->kh * g->kw * inputs + 1; /* bias and weights of an output */
  const long group_size = chain * ((outputs + VEC - 1) / VEC * VEC);
  FN(work) work;
  work.g = g;
  __global const float *zeros = w + p->w_at + g->groups * group_size;
  work.zeros = (__global const XT *)zeros;
  work.scale =
      p->has_scale ? s + p->s_at + (long)image * p->s_pitch + (long)group * inputs : (__global const ST *)zeros;
  work.inputs = inputs;
  work.x_pitch = p->x_pitch;
  work.scaled = p->has_scale;
  work.simple = g->sh == 1 && g->sw == 1;
  work.runs = g->dw == 1 && p->x_pitch == inputs && !p->has_scale;
  __global const int *orders = (__global const int *)(zeros + inputs);
  __global const int *order = p->mode & ORDERED_OUTPUTS ? orders : 0;
  work.from = p->mode & ORDERED_INPUTS ? orders + (order ? g->oc : 0) + group * inputs : 0;
  work.x = x + p->x_at + (work.from ? 0 : (long)group * inputs);
  FN(ending) end = FN(ending_of)(p);
  end.overlaps = VEC > 1 && outputs >= VEC;
  for (int i = panel_from, count; i < panel_to; i += count) {
    count = (i + together) * NR <= outputs ? together : 1;
    __global const float *panel = w + p->w_at + group * group_size + i * NR * chain;
    const int left = min(count * NR, outputs - i * NR), o = group * outputs + i * NR, first = order ? 0 : o;
    const int pixel = image * rows + row_from;
    __global YT *to = y + p->y_at + first;
    __global const RT *from = p->has_residual ? r + p->r_at + first : (__global const RT *)y;
    end.order = order ? order + o : 0;
    end.runs = order ? FN(runs)(&end, left) : 0;
#if ROW_PANELS > 1
    if (count > 1) {
      FN(row)
      (&work, &end, pixel, panel, NR * chain, to + (long)pixel * p->y_pitch, from + (long)pixel * p->r_pitch);
      continue;
    }
#endif
    FN(panel)(p, &work, &end, panel, pixel, image * rows + row_to, left, to, from);
  }
}
#undef ROW_PANELS
#undef NR_VECTORS
