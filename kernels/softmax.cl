/* Softmax over the innermost axis; a unit is a row. extra[0], extra[1]: the first element in x and y. */
#include "axes.cl"

/* Exponentials are kept in y between the passes; halves would round them, so there they are computed twice. */
#if Y_HALF
#define KEEP(e, i)
#define KEPT(i) fn_exp_1(LOAD1(from + (i)*x_step) - top)
#else
#define KEEP(e, i) STORE1(e, to + (i)*y_step)
#define KEPT(i) LOAD1(to + (i)*y_step)

/* Works on rows whose elements are neighbours, y's too: y may be x. */
static void FN(dense)(__global const XT *from, __global YT *to, const int count) {
  float top = LOAD1(from);
  for (int i = 1; i < count; i++) {
    const float v = LOAD1(from + i);
    top = v > top || v != v ? v : top;
  }
  int i = 0;
  for (; i + VEC <= count; i += VEC) STOREV(FNV(fn_exp)(LOADV(from + i) - (FV)(top)), to + i);
  for (; i < count; i++) to[i] = fn_exp_1(LOAD1(from + i) - top);
  tree_1 tree;
  tree.blocks = 0;
  for (int first = 0; first < count; first += 64) {
    float sum = 0.0f;
    for (int k = first; k < min(first + 64, count); k++) sum = sum + to[k];
    tree_add_1(&tree, sum);
  }
  const float total = tree_sum_1(&tree);
  for (i = 0; i + VEC <= count; i += VEC) STOREV(FNV(div_rn)(LOADV(to + i), (FV)(total)), to + i);
  for (; i < count; i++) to[i] = div_rn_1(to[i], total);
}
#endif

static void FN(sparse)(__global const XT *from, __global YT *to, const int2 steps, const int count) {
  const long x_step = steps.s0, y_step = steps.s1;
  float top = LOAD1(from);
  for (int i = 1; i < count; i++) {
    const float v = LOAD1(from + i * x_step);
    top = v > top || v != v ? v : top;
  }
  tree_1 tree;
  tree.blocks = 0;
  for (int first = 0; first < count; first += 64) {
    float sum = 0.0f;
    for (int i = first; i < min(first + 64, count); i++) {
      const float e = fn_exp_1(LOAD1(from + i * x_step) - top);
      KEEP(e, i);
      sum = sum + e;
    }
    tree_add_1(&tree, sum);
  }
  const float total = tree_sum_1(&tree);
  for (int i = 0; i < count; i++) STORE1(div_rn_1(KEPT(i), total), to + i * y_step);
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const int last = g->rank - 1, x_step = AXIS(g->x_stride, last), y_step = AXIS(g->y_stride, last);
  int rows = 1;
  FOR_AXES (axis, last) rows *= g->dims[axis];
  FOR_UNITS(unit, rows) {
    long from = p->x_at + g->extra[0], to = p->y_at + g->extra[1];
    int rest = unit;
    FOR_AXES (axis, last) {
      const int i = rest % g->dims[axis];
      rest /= g->dims[axis];
      from += (long)i * g->x_stride[axis];
      to += (long)i * g->y_stride[axis];
    }
#if !Y_HALF
    if (x_step == 1 && y_step == 1)
      FN(dense)(x + from, y + to, AXIS(g->dims, last));
    else
#endif
      FN(sparse)(x + from, y + to, (int2)(x_step, y_step), AXIS(g->dims, last));
  }
}
#undef KEEP
#undef KEPT
