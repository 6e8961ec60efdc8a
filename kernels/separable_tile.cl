/* One tile of separable.cl's pointwise half: TR pixels of the strip x TV vectors. */
static int TILE_NAME(tile)(const float *strip, const int strip_pitch, const int count, const FN(ending) * end,
                           __global const float *panel, const int rows, const int outputs, __global YT *y,
                           __global const RT *r, float *buffer, __global const float *soon, const int soon_step) {
  __global const float *b = panel + TV * VEC;
  TILE_FETCH_OUTPUTS
  TILE_START_AT_BIAS
  TILE_ROWS(STRIP_ROW)
  TILE_FETCHING_LOOP(count, TILE_STEP)
  TILE_STORE
}
#undef TR
#undef TV
