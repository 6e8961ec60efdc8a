/* Pointwise and general convolutions, and matrix products: rows are output pixels, read where they lie.
 *
 * Packed weights: for each group its panels of NR outputs, each NR biases, then NR weights for each (ky, kx, ci); after the
 * last panel a row of zeros, c / groups long, which stands for pixels in the padding.
 *
 * split: 0 rows in a task, 1 tasks over the rows of an image, 2 panels in a task, 3 tasks over a group's panels, 4 rows of
 * an image (all images together count as one unless there is a scale), 5 panels of a group.
 *
 * CONV 0: the kernel is 1x1 and unpadded. */
#include "tile.cl"

/* Output pixel `m` as n, oy, ox. */
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

static void FN(next_pixel)(const window_params *g, FN(pixel) * at) {
  if (++at->ox < g->ow) return;
  at->ox = 0;
  if (++at->oy < g->oh) return;
  at->oy = 0;
  at->n++;
}

/* The input's pixel under tap (ky, kx), or the zeros. */
static __global const float *FN(row)(const window_params *g, const FN(pixel) * at, __global const float *x,
                                     __global const float *zeros, const int pitch, const int ky, const int kx) {
  const int iy = at->oy * g->sh - g->pt + ky * g->dh, ix = at->ox * g->sw - g->pl + kx * g->dw;
  if (CONV && (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)) return zeros;
  return x + (((long)at->n * g->h + iy) * g->w + ix) * pitch;
}

#define TILE_A_POINTER(i)           \
  __global const float *a##i = row; \
  if (m + i + 1 < rows) row += p->x_pitch;
#define TILE_A_STRIDED(i)                                                                    \
  __global const float *a##i = FN(row)(g, &at, xg, zeros, p->x_pitch, 0, 0);                 \
  if (m + i + 1 < rows) FN(next_pixel)(g, &at);
#define TILE_PIXEL(i)        \
  const FN(pixel) at##i = at; \
  if (m + i + 1 < rows) FN(next_pixel)(g, &at);
#define TILE_A_TAP(i) __global const float *a##i = FN(row)(g, &at##i, xg, zeros, p->x_pitch, ky, kx);

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int row_tasks = g->split[1], panel_tasks = g->split[3], rows = g->split[4], panels = g->split[5];
  const int images = p->has_scale ? g->n : 1;
  const int inputs = g->c / g->groups, outputs = g->oc / g->groups;
  const int row_task = task % row_tasks;
  task /= row_tasks;
  const int image = task % images;
  task /= images;
  const int panel_task = task % panel_tasks, group = task / panel_tasks;
  const int row_from = row_task * g->split[0], row_to = min(rows, row_from + g->split[0]);
  const int panel_from = panel_task * g->split[2], panel_to = min(panels, panel_from + g->split[2]);
  const long panel_size = (long)NR * ((long)g->kh * g->kw * inputs + 1);
  __global const float *zeros = w + p->w_at + (long)g->groups * panels * panel_size;
  __global const float *xg = x + p->x_at + (long)group * inputs;
  __global const float *scale = p->has_scale ? s + p->s_at + (long)image * p->s_pitch + (long)group * inputs : zeros;
  const int simple = g->sh == 1 && g->sw == 1;
  for (int panel_index = panel_from; panel_index < panel_to; panel_index++) {
    __global const float *panel = w + p->w_at + ((long)group * panels + panel_index) * panel_size;
    const int o = group * outputs + panel_index * NR;
    for (int m = row_from; m < row_to; m += MR) {
      const long pixel = (long)image * rows + m;
      FN(tile_output) tile;
      tile.y = y + p->y_at + pixel * p->y_pitch + o;
      tile.r = p->has_residual ? r + p->r_at + pixel * p->r_pitch + o : tile.y;
      tile.y_pitch = p->y_pitch;
      tile.r_pitch = p->r_pitch;
      tile.rows = min(MR, row_to - m);
      tile.outputs = min(NR, outputs - panel_index * NR);
      tile.has_residual = p->has_residual;
      tile.act = p->act[0];
      tile.act_a = p->act_a[0];
      tile.act_b = p->act_b[0];
      tile.whole = tile.rows == MR && tile.outputs == NR && tile.act == F_CLIP;
      TILE_DECLARE
      __global const float *b = panel + NR;
#if CONV
      FN(pixel) at = FN(pixel_of)(g, (int)pixel);
      TILE_ROWS(TILE_PIXEL)
      for (int ky = 0; ky < g->kh; ky++)
        for (int kx = 0; kx < g->kw; kx++) {
          TILE_ROWS(TILE_A_TAP)
          if (p->has_scale)
            TILE_SCALED_LOOP(inputs)
          else
            TILE_LOOP(inputs)
        }
#else
      if (simple) {
        __global const float *row = xg + pixel * p->x_pitch;
        TILE_ROWS(TILE_A_POINTER)
        if (p->has_scale)
          TILE_SCALED_LOOP(inputs)
        else
          TILE_LOOP(inputs)
      } else {
        FN(pixel) at = FN(pixel_of)(g, (int)pixel);
        TILE_ROWS(TILE_A_STRIDED)
        if (p->has_scale)
          TILE_SCALED_LOOP(inputs)
        else
          TILE_LOOP(inputs)
      }
#endif
      TILE_STORE
    }
  }
}
#undef TILE_A_POINTER
#undef TILE_A_STRIDED
#undef TILE_PIXEL
#undef TILE_A_TAP
