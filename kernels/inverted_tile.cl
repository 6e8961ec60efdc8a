/* The two tiles of inverted_residual.cl, of TR pixels x TV vectors each. */

/* A row of the region, pixels `pitch` apart, through the expansion: raw sums into `region`. */
static void TILE_NAME(expand)(__global const XT *x, const int pitch, const int count, __global const float *panel,
                              const int rows, float *region) {
  __global const float *b = panel + TV * VEC;
  float *sums = region;
  const int sums_pitch = NR;
  TILE_START_AT_BIAS
  TILE_ROWS(EXPAND_ROW)
  TILE_LOOP(count)
  TILE_ROWS(STORE_WANTED_ROW)
}

/* `count` expanded channels of output pixels added to their sums. */
static void TILE_NAME(project)(const float *expanded, const int count, __global const float *weights, const int rows,
                               float *sums, const int sums_pitch) {
  __global const float *b = weights;
  TILE_ROWS(LOAD_WANTED_ROW)
  TILE_ROWS(PROJECT_ROW)
  TILE_LOOP(count)
  TILE_ROWS(STORE_WANTED_ROW)
}
#undef TR
#undef TV
