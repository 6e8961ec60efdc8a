/* y = x with both sides strided. A unit is up to CHUNK elements of the innermost axis, or, where x is dense along the
 * axis before it (a transpose), up to TILE of that axis by all of the innermost.
 *   mode 0 copy       from x[extra[0]], to y[extra[1]]; extra[2]: 1 asks for transpose tiles
 *   mode 1 constant, 2 reflect, 3 edge: pads; r_stride is how many elements come before each axis of x (negative:
 * cropped), extra x's dims; extra_float[0] the constant mode 4 gather     index i of axis extra[2] reads x at index
 * r[i] (a 32-bit integer) instead; firsts as in mode 0 */
#include "axes.cl"
#define CHUNK (LOCAL == 1 ? 4096 : VEC) /* items of larger groups read side by side */
#define TILE 64

static void FN(line)(__global const XT *from, __global YT *to, const int x_step, const int y_step, const int count) {
  int i = 0;
  if (x_step == 1 && y_step == 1) {
    for (; LOCAL == 1 && i + 4 * VEC <= count; i += 4 * VEC) {
      const FV a = LOADV(from + i), b = LOADV(from + i + VEC), c = LOADV(from + i + 2 * VEC);
      const FV d = LOADV(from + i + 3 * VEC);
      STOREV(a, to + i);
      STOREV(b, to + i + VEC);
      STOREV(c, to + i + 2 * VEC);
      STOREV(d, to + i + 3 * VEC);
    }
    for (; i + VEC <= count; i += VEC) STOREV(LOADV(from + i), to + i);
  }
  for (; i < count; i++) STORE1(LOAD1(from + (long)i * x_step), to + (long)i * y_step);
}

/* `rows` by `columns`: to[i * y_row + j] = from[i + j * x_column], sixteen columns at a time. */
static void FN(transpose)(__global const XT *from, __global YT *to, const int2 steps, const int rows,
                          const int columns) {
  const int x_column = steps.s0, y_row = steps.s1;
  if (columns == 2 && y_row == 2) { /* channel shuffles, complex numbers, pictures: loops that compilers interleave */
    __global const XT *second = from + x_column;
    for (int i = 0; i < rows; i++) {
      STORE1(LOAD1(from + i), to + 2 * i);
      STORE1(LOAD1(second + i), to + 2 * i + 1);
    }
    return;
  }
  if (columns == 3 && y_row == 3) {
    __global const XT *second = from + x_column, *third = second + x_column;
    for (int i = 0; i < rows; i++) {
      STORE1(LOAD1(from + i), to + 3 * i);
      STORE1(LOAD1(second + i), to + 3 * i + 1);
      STORE1(LOAD1(third + i), to + 3 * i + 2);
    }
    return;
  }
  for (int first = 0; first < columns; first += 16) {
    const int end = min(first + 16, columns);
    for (int i = 0; i < rows; i++)
      for (int j = first; j < end; j++) STORE1(LOAD1(from + (long)j * x_column + i), to + (long)i * y_row + j);
  }
}

/* Mode 0 and 4. */
static void FN(copy)(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const bool tiles = p->mode == 0 && g->extra[2];
  const int last = g->rank - 1, gathered = p->mode == 4 ? g->extra[2] : -1;
  const int cut = tiles ? last - 1 : last, size = tiles ? TILE : CHUNK;
  const int chunks = (AXIS(g->dims, cut) + size - 1) / size;
  __global const int *indices = (__global const int *)(r + p->r_at);
  int rows = 1;
  FOR_AXES (axis, cut) rows *= g->dims[axis];
  FOR_UNITS(unit, rows * chunks) {
    const int first = chunks == 1 ? 0 : unit % chunks * size, count = min(size, AXIS(g->dims, cut) - first);
    long from = p->x_at + g->extra[0], to = p->y_at + g->extra[1] + (long)first * AXIS(g->y_stride, cut);
    if (cut != gathered) from += (long)first * AXIS(g->x_stride, cut);
    int rest = chunks == 1 ? unit : unit / chunks;
    FOR_AXES (axis, cut) {
      const int i = axis ? rest % g->dims[axis] : rest; /* divisions cost as much as a short row */
      if (axis) rest /= g->dims[axis];
      from += (long)(axis == gathered ? indices[i] : i) * g->x_stride[axis];
      to += (long)i * g->y_stride[axis];
    }
    if (tiles) FN(transpose)
    (x + from, y + to, (int2)(AXIS(g->x_stride, last), AXIS(g->y_stride, cut)), count, AXIS(g->dims, last));
    else if (cut == gathered) for (int i = 0; i < count; i++) STORE1(
        LOAD1(x + from + (long)indices[first + i] * AXIS(g->x_stride, cut)), y + to + (long)i * AXIS(g->y_stride, cut));
    else FN(line)(x + from, y + to, AXIS(g->x_stride, cut), AXIS(g->y_stride, cut), count);
  }
}

/* The index that a pad reads for index i of its output, or -1 for the constant. */
static int FN(source)(const int mode, const int i, const int size) {
  if (i >= 0 && i < size) return i;
  if (mode == 1) return -1;
  if (mode == 3) return i < 0 ? 0 : size - 1;
  return i < 0 ? -i : 2 * (size - 1) - i;
}

static void FN(pad)(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const int last = g->rank - 1, before = AXIS(g->r_stride, last), size = AXIS(g->extra, last),
            inner = AXIS(g->dims, last);
  const int x_step = AXIS(g->x_stride, last), y_step = AXIS(g->y_stride, last);
  const int begin = max(0, before), end = min(inner, before + size); /* what x itself covers */
  int rows = 1;
  FOR_AXES (axis, last) rows *= g->dims[axis];
  FOR_UNITS(unit, rows) {
    long from = p->x_at, to = p->y_at;
    bool outside = false;
    int rest = unit;
    FOR_AXES (axis, last) {
      const int i = rest % g->dims[axis], source = FN(source)(p->mode, i - g->r_stride[axis], g->extra[axis]);
      rest /= g->dims[axis];
      outside = outside || source < 0;
      from += (long)source * g->x_stride[axis];
      to += (long)i * g->y_stride[axis];
    }
    if (!outside)
      FN(line)(x + from + (long)(begin - before) * x_step, y + to + (long)begin * y_step, x_step, y_step, end - begin);
    for (int i = 0; i < inner; i++) {
      if (!outside && i == begin) i = end;
      if (i >= inner) break;
      const int source = outside ? -1 : FN(source)(p->mode, i - before, size);
      STORE1(source < 0 ? p->extra_float[0] : LOAD1(x + from + (long)source * x_step), y + to + (long)i * y_step);
    }
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  if (p->mode >= 1 && p->mode <= 3)
    FN(pad)(x, w, r, s, y, p, task);
  else
    FN(copy)(x, w, r, s, y, p, task);
}
#undef CHUNK
#undef TILE
