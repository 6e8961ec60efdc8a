/* One tile of gemm.cl: TR output pixels from `pixel` on, of which `rows` are wanted, x TV vectors, of which `outputs`
 * floats are. */
#if CONV
#if VEC > 1
/* A whole tile side by side inside the image, of a first convolution: three taps of three channels are one run, so
 * short that a loop over it would cost more than what is in it. */
static NOINLINE int TILE_NAME(stem)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  const int left = t->first.ox * g->sw - g->pl, above = t->first.oy * g->sh - g->pt, next = g->sw * pitch;
  const int ky_from = steps_past(-above, g->dh), ky_to = min(g->kh, steps_past(g->h - above, g->dh));
  __global const XT *top = t->x + (((long)t->first.n * g->h + above + ky_from * g->dh) * g->w + left) * pitch,
                    *down = top;
  b += ky_from * STEM_RUN * TV * VEC;
  for (int ky = ky_from; ky < ky_to; ky++, top += (long)g->dh * g->w * pitch) {
#pragma unroll
    for (int k = 0; k < STEM_RUN; k++) {
      TILE_VECTORS(TILE_LOAD_B, 0)
      TILE_ROWS(TILE_DOWN_STEP)
      b += TV * VEC;
    }
  }
  TILE_STORE
}
#endif

static int TILE_NAME(tile)(GEMM_TILE_PARAMETERS) {
  const FN(pixel) first = t->first;
  const int top = first.oy * t->g->sh - t->g->pt, left = first.ox * t->g->sw - t->g->pl;
  /* Of pixels side by side the taps that lie outside the image for all of them are left out, and where all of them lie
   * inside the image with all their taps, those of a kernel's row are one run. */
  const int side_by_side = first.ox + rows <= t->g->ow;
  const int inside = side_by_side && left >= 0 && left + (rows - 1) * t->g->sw + (t->g->kw - 1) * t->g->dw < t->g->w;
#if VEC > 1
  if (inside && t->runs && rows == TR && t->inputs * t->g->kw == STEM_RUN)
    return TILE_NAME(stem) GEMM_TILE_ARGUMENTS(TR);
#endif
  GEMM_TILE_START
  const int taps = inside && t->runs ? g->kw : 1, count = inputs * taps, next = g->sw * pitch;
  const int ky_from = side_by_side ? steps_past(-top, g->dh) : 0;
  const int ky_to = side_by_side ? min(g->kh, steps_past(g->h - top, g->dh)) : g->kh;
  FN(pixel) at[TR];
  if (!side_by_side) {
    at[0] = first;
    for (int i = 1; i < TR; i++) {
      at[i] = at[i - 1];
      if (i < rows) FN(next_pixel)(g, &at[i]);
    }
  }
  TILE_ROWS(TILE_POINTER)
  __global const XT *line = t->x + (((long)first.n * g->h + top + ky_from * g->dh) * g->w + left) * pitch;
  b += (long)ky_from * g->kw * inputs * TV * VEC;
  for (int ky = ky_from; ky < ky_to; ky++, line += (long)g->dh * g->w * pitch)
    for (int kx = 0; kx < g->kw; kx += taps) {
      __global const XT *row = line + kx * g->dw * pitch;
      if (inside) {
        TILE_ROWS(TILE_NEXT_ROW)
      } else if (side_by_side) {
        int column = left + kx * g->dw;
        if (column >= g->w || column + (rows - 1) * g->sw < 0) {
          b += inputs * TV * VEC;
          continue;
        }
        TILE_ROWS(TILE_EDGE_ROW)
      } else {
        TILE_ROWS(TILE_TAP)
      }
      if (t->scaled)
        TILE_SCALED_LOOP(count)
      else
        TILE_FETCHING_LOOP(count, TILE_STEP)
    }
  TILE_STORE
}
#else
/* A function for each way to read the rows: of one that has all these loops, a compiler with 16 registers keeps a sum
 * in memory, at half the speed. */
static NOINLINE int TILE_NAME(down)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  __global const XT *const top = t->x + (long)pixel * pitch, *down = top;
  const int next = pitch;
  TILE_FETCHING_LOOP(inputs, TILE_DOWN_STEP)
  TILE_STORE
}

static NOINLINE int TILE_NAME(mapped_down)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  __global const XT *const top = t->x + (long)pixel * pitch, *down = top;
  const int next = pitch;
  __global const int *from = t->from;
  TILE_FETCHING_LOOP(inputs, TILE_MAPPED_DOWN_STEP)
  TILE_STORE
}

static NOINLINE int TILE_NAME(rows)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  GEMM_TILE_FIND_ROWS
  TILE_FETCHING_LOOP(inputs, TILE_STEP)
  TILE_STORE
}

static NOINLINE int TILE_NAME(mapped_rows)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  GEMM_TILE_FIND_ROWS
  __global const int *from = t->from;
  TILE_FETCHING_LOOP(inputs, TILE_MAPPED_STEP)
  TILE_STORE
}

static NOINLINE int TILE_NAME(scaled_rows)(GEMM_TILE_PARAMETERS) {
  GEMM_TILE_START
  GEMM_TILE_FIND_ROWS
  TILE_SCALED_LOOP(inputs)
  TILE_STORE
}

static int TILE_NAME(tile)(GEMM_TILE_PARAMETERS) {
  if (t->scaled) return TILE_NAME(scaled_rows) GEMM_TILE_ARGUMENTS(rows);
  if (t->from) {
    if (!t->simple || rows < TR) return TILE_NAME(mapped_rows) GEMM_TILE_ARGUMENTS(rows);
    return TILE_NAME(mapped_down) GEMM_TILE_ARGUMENTS(TR);
  }
  if (!t->simple || rows < TR) return TILE_NAME(rows) GEMM_TILE_ARGUMENTS(rows);
  return TILE_NAME(down) GEMM_TILE_ARGUMENTS(TR);
}
#endif
#undef TR
#undef TV
