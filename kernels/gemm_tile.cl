/* One tile of gemm.cl: TR output pixels from `pixel` on, of which `rows` are wanted, x TV vectors, of which `outputs`
 * floats are. */
static int TILE_NAME(tile)(const FN(work) * t, const FN(ending) * end, __global const float *panel, const int pixel,
                           const int rows, const int outputs, __global YT *y, __global const RT *r, float *buffer) {
  const window_params *g = t->g;
  __global const float *b = panel + TV * VEC, *soon = t->soon;
  __global const ST *scale = t->scale;
  const int inputs = t->inputs, pitch = t->x_pitch, soon_step = t->soon_step;
  TILE_START_AT_BIAS
#if CONV
  FN(pixel) at[TR];
  at[0] = FN(pixel_of)(g, pixel);
  TILE_ROWS(TILE_POINTER)
  /* In a row of pixels that lie inside the image with all their taps, pointers only move on, and the taps of a kernel's
   * row lie side by side. */
  const int interior = FN(row_inside)(g, &at[0], rows), taps = interior && t->runs ? g->kw : 1, count = inputs * taps;
  const int right = g->dw * pitch, down = g->dh * g->w * pitch - (taps == 1 ? (g->kw - 1) * right : 0);
  if (interior) {
    __global const XT *row = FN(tap)(t, &at[0], 0, 0);
    const int next = g->sw * pitch;
    TILE_ROWS(TILE_NEXT_ROW)
  } else {
    for (int i = 1; i < TR; i++) {
      at[i] = at[i - 1];
      if (i < rows) FN(next_pixel)(g, &at[i]);
    }
  }
  for (int ky = 0; ky < g->kh; ky++)
    for (int kx = 0; kx < g->kw; kx += taps) {
      if (!interior) {
        TILE_ROWS(TILE_TAP)
      } else if (ky + kx) {
        const int step = kx ? right : down;
        TILE_ROWS(TILE_MOVE)
      }
      if (t->scaled)
        TILE_SCALED_LOOP(count)
      else
        TILE_FETCHING_LOOP(count, TILE_STEP)
    }
#else
  TILE_ROWS(TILE_POINTER)
  if (t->simple) {
    __global const XT *row = t->x + (long)pixel * pitch;
    const int next = pitch;
    TILE_ROWS(TILE_NEXT_ROW)
  } else {
    FN(pixel) at = FN(pixel_of)(g, pixel);
    TILE_ROWS(TILE_STRIDED_ROW)
  }
  __global const int *from = t->from;
  if (t->scaled)
    TILE_SCALED_LOOP(inputs)
  else if (from)
    TILE_FETCHING_LOOP(inputs, TILE_MAPPED_STEP)
  else
    TILE_FETCHING_LOOP(inputs, TILE_STEP)
#endif
  TILE_STORE
}
#undef TR
#undef TV
