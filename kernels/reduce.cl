/* Sum, mean, maximum or minimum over axes. The first extra[0] axes are kept, the others reduced, their elements taken
 * in row-major order; a unit is one output, or VEC of them along the last kept axis (extra[1], where x and y are dense
 * there). extra_float[0] is 1 / elements. */
#include "axes.cl"

/* Moves on to the next reduced element; returns by how much. */
static long FN(step)(const strided_params *g, int *at) {
  long offset = 0;
  FOR_AXES (axis, g->rank) {
    if (axis < g->extra[0]) break;
    offset += g->x_stride[axis];
    if (++at[axis] < g->dims[axis]) return offset;
    offset -= (long)g->dims[axis] * g->x_stride[axis];
    at[axis] = 0;
  }
  return offset;
}

static FV FN(total)(__global const XT *from, const stage_params *p, const int elements, const int count) {
  const strided_params *g = &p->u.strided;
  int at[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  FNV(tree) tree;
  tree.blocks = 0;
  FV best = FNV(load_part)(from, count);
  FV sum = (FV)(0.0f);
  for (int i = 0; i < elements; i++) {
    const FV v = FNV(load_part)(from, count);
    if (p->mode == 2)
      best = v > best || v != v ? v : best;
    else if (p->mode == 3)
      best = v < best || v != v ? v : best;
    else
      sum = sum + v;
    if (i % 64 == 63 || i == elements - 1) {
      FNV(tree_add)(&tree, sum);
      sum = (FV)(0.0f);
    }
    from += FN(step)(g, at);
  }
  if (p->mode >= 2) return best;
  sum = FNV(tree_sum)(&tree);
  return p->mode == 0 ? sum * (FV)(p->extra_float[0]) : sum;
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const int kept = g->extra[0], width = g->extra[1] ? VEC : 1;
  const int inner = kept ? AXIS(g->dims, kept - 1) : 1, chunks = (inner + width - 1) / width;
  int rows = 1, elements = 1;
  FOR_AXES (axis, kept - 1) rows *= g->dims[axis];
  FOR_AXES (axis, g->rank)
    if (axis >= kept) elements *= g->dims[axis];
  FOR_UNITS(unit, rows * chunks) {
    const int first = unit % chunks * width, count = min(width, inner - first);
    long from = p->x_at, to = p->y_at;
    if (kept) {
      from += (long)first * AXIS(g->x_stride, kept - 1);
      to += (long)first * AXIS(g->y_stride, kept - 1);
    }
    int rest = unit / chunks;
    FOR_AXES (axis, kept - 1) {
      const int i = rest % g->dims[axis];
      rest /= g->dims[axis];
      from += (long)i * g->x_stride[axis];
      to += (long)i * g->y_stride[axis];
    }
    const FV v = activateV(FN(total)(x + from, p, elements, count), p->act[0], p->act_a[0], p->act_b[0]);
    FNV(store_part)(v, y + to, count);
  }
}
