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
  FN(pixel) at = FN(pixel_of)(g, pixel);
  int interior = t->runs;
  TILE_ROWS(TILE_PIXEL)
  /* Inside the image the taps of a kernel row lie side by side. */
  const int taps = interior ? g->kw : 1, count = inputs * taps;
  for (int ky = 0; ky < g->kh; ky++)
    for (int kx = 0; kx < g->kw; kx += taps) {
      TILE_ROWS(TILE_TAP)
      if (t->scaled)
        TILE_SCALED_LOOP(count)
      else
        TILE_FETCHING_LOOP(count, TILE_STEP)
    }
#else
  TILE_ROWS(TILE_POINTER)
  if (t->simple) {
    __global const XT *row = t->x + (long)pixel * pitch;
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
