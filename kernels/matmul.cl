/* Products of two activations: y[.., m, n] = function(c[.., m, n] + sum over k of x[.., m, k] r[.., k, n]). The last
 * two axes are m and n; x_stride and r_stride of the others are the batch's. extra: 0 K, 1 x's stride along k, 2 r's
 * stride along k, 3.. c's strides (operand s, if has_scale). A unit is MR rows by VEC columns. */
#include "axes.cl"

/* r[k][n ..]: `step` floats from column to column. */
#define COLUMN(name, type)                                                                    \
  static FV FN(name)(__global const type *from, const int step, const int count) {            \
    if (step == 1 && count == VEC) return LOADV(from);                                        \
    float lanes[VEC];                                                                         \
    for (int i = 0; i < VEC; i++) lanes[i] = i < count ? LOAD1(from + (long)i * step) : 0.0f; \
    return PASTE(gather_, VEC)(lanes);                                                        \
  }
COLUMN(column, RT)
COLUMN(start, ST)
#undef COLUMN

typedef struct FN(tile) {
  long x, r, s, y; /* where the tile starts in each operand */
  int rows, count;
} FN(tile);

static void FN(compute)(OPERANDS, const stage_params *p, const FN(tile) * at) {
  const strided_params *g = &p->u.strided;
  const int m = g->rank - 2, n = g->rank - 1;
  FV sums[MR];
  long rows[MR];
  for (int i = 0; i < MR; i++) {
    const int row = min(i, at->rows - 1); /* the rows past the end repeat the last */
    rows[i] = at->x + (long)row * AXIS(g->x_stride, m);
    sums[i] = (FV)(0.0f);
    if (p->has_scale)
      sums[i] = FN(start)(s + at->s + (long)row * AXIS(g->extra, 3 + m), AXIS(g->extra, 3 + n), at->count);
  }
  for (int k = 0; k < g->extra[0]; k++) {
    const FV b = FN(column)(r + at->r + (long)k * g->extra[2], AXIS(g->r_stride, n), at->count);
    for (int i = 0; i < MR; i++) sums[i] = fma((FV)(LOAD1(x + rows[i] + (long)k * g->extra[1])), b, sums[i]);
  }
  for (int i = 0; i < at->rows; i++) {
    const FV v = activateV(sums[0], p->act[0], p->act_a[0], p->act_b[0]);
    for (int next = 1; next < MR; next++) sums[next - 1] = sums[next]; /* an index that varies needs memory */
    __global YT *to = y + at->y + (long)i * AXIS(g->y_stride, m);
    if (at->count == VEC && AXIS(g->y_stride, n) == 1) {
      STOREV(v, to);
      continue;
    }
    float lanes[VEC];
    PASTE(scatter_, VEC)(v, lanes);
    for (int j = 0; j < VEC; j++)
      if (j < at->count) STORE1(lanes[j], to + (long)j * AXIS(g->y_stride, n));
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const int m = g->rank - 2, n = g->rank - 1;
  const int row_tiles = (AXIS(g->dims, m) + MR - 1) / MR, column_tiles = (AXIS(g->dims, n) + VEC - 1) / VEC;
  int batch = 1;
  FOR_AXES (axis, m) batch *= g->dims[axis];
  FOR_UNITS(unit, batch * row_tiles * column_tiles) {
    const int row = unit % row_tiles * MR, column = unit / row_tiles % column_tiles * VEC;
    FN(tile) at;
    at.rows = min(MR, AXIS(g->dims, m) - row);
    at.count = min(VEC, AXIS(g->dims, n) - column);
    at.x = p->x_at + (long)row * AXIS(g->x_stride, m);
    at.r = p->r_at + (long)column * AXIS(g->r_stride, n);
    at.y = p->y_at + (long)row * AXIS(g->y_stride, m) + (long)column * AXIS(g->y_stride, n);
    at.s = p->s_at + (p->has_scale ? (long)row * AXIS(g->extra, 3 + m) + (long)column * AXIS(g->extra, 3 + n) : 0);
    int rest = unit / row_tiles / column_tiles;
    FOR_AXES (axis, m) {
      const int i = rest % g->dims[axis];
      rest /= g->dims[axis];
      at.x += (long)i * g->x_stride[axis];
      at.r += (long)i * g->r_stride[axis];
      at.y += (long)i * g->y_stride[axis];
      if (p->has_scale) at.s += (long)i * g->extra[3 + axis];
    }
    FN(compute)(x, w, r, s, y, p, &at);
  }
}
