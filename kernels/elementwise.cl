/* y = function(x), or function(x OP r), or function(x * scale + r) over strided axes. A unit is up to CHUNK elements of
 * the innermost axis. With a scale, operand s has the strides in extra[]: x becomes x * s, rounded, before OP. mode -1:
 * no OP. */
#include "axes.cl"
#define CHUNK (LOCAL == 1 ? 4096 : VEC) /* items of larger groups read side by side */

#define READ(p, i, stride) ((stride) ? LOADV((p) + (i)) : (FV)(LOAD1(p)))

static FV FN(result)(const FV a, const FV b, const stage_params *p) {
  const FV v = p->mode < 0 ? a : FNV(binary)(a, b, p->mode);
  return activateV(v, p->act[0], p->act_a[0], p->act_b[0]);
}

static float FN(result1)(const float a, const float b, const stage_params *p) {
  const float v = p->mode < 0 ? a : binary_1(a, b, p->mode);
  return activate1(v, p->act[0], p->act_a[0], p->act_b[0]);
}

/* Where a row starts in each operand, and its strides. */
typedef struct FN(row) {
  __global const XT *x;
  __global const RT *r;
  __global const ST *s;
  __global YT *y;
  int x_step, r_step, s_step, y_step;
} FN(row);

/* `value` of a, b and c for whole vectors, where b and c are given by how to read them at k (an operand that does not
 * exist must not be read: x may be written elsewhere). A rest is the row's last VEC elements, overlapping the vector
 * before: their operands are read before anything is written, so that y may be x. */
#define LOOP(load_b, load_c, value)                            \
  {                                                            \
    int k = tail;                                              \
    FV a = READ(at->x, k, at->x_step), b = load_b, c = load_c; \
    const FV last = value;                                     \
    for (k = 0; k + VEC <= count; k += VEC) {                  \
      a = READ(at->x, k, at->x_step);                          \
      b = load_b;                                              \
      c = load_c;                                              \
      STOREV(value, at->y + k);                                \
    }                                                          \
    if (k < count) STOREV(last, at->y + tail);                 \
  }
#define READ_R READ(at->r, k, at->r_step)
#define READ_S READ(at->s, k, at->s_step)

#if LOCAL > 1
/* For `count` == VEC. */
static void FN(vectors)(const FN(row) * at, const stage_params *p, const int count) {
  FV a = READ(at->x, count - VEC, at->x_step), b = a;
  if (p->has_scale) a = a * READ(at->s, 0, at->s_step);
  if (p->mode >= 0) b = READ(at->r, 0, at->r_step);
  STOREV(FN(result)(a, b, p), at->y);
}
#else
/* For `count` >= VEC. The few functions that networks are full of have no branch in the loop. */
static void FN(vectors)(const FN(row) * at, const stage_params *p, const int count) {
  const int tail = count - VEC;
  const float low = p->act_a[0], high = p->act_b[0];
  const bool clips = p->act[0] == F_CLIP, scales = p->has_scale;
  if (clips && !scales && p->mode < 0)
    LOOP(a, a, FNV(clip)(a, low, high))
  else if (clips && !scales && p->mode == B_ADD)
    LOOP(READ_R, a, FNV(clip)(a + b, low, high))
  else if (clips && !scales && p->mode == B_MUL)
    LOOP(READ_R, a, FNV(clip)(a * b, low, high))
  else if (clips && scales && p->mode == B_ADD)
    LOOP(READ_R, READ_S, FNV(clip)(a * c + b, low, high))
  else if (scales && p->mode < 0)
    LOOP(a, READ_S, FN(result)(a * c, b, p))
  else if (scales)
    LOOP(READ_R, READ_S, FN(result)(a * c, b, p))
  else if (p->mode < 0)
    LOOP(a, a, FN(result)(a, b, p))
  else
    LOOP(READ_R, a, FN(result)(a, b, p))
}
#endif

static void FN(run)(const FN(row) * at, const stage_params *p, const int count) {
  const bool dense = at->y_step == 1 && (uint)at->x_step <= 1 && (uint)at->r_step <= 1 && (uint)at->s_step <= 1;
  if (dense && count >= VEC) {
    FN(vectors)(at, p, count);
    return;
  }
  for (int i = 0; i < count; i++) {
    float a = LOAD1(at->x + (long)i * at->x_step);
    if (p->has_scale) a = a * LOAD1(at->s + (long)i * at->s_step);
    const float b = p->mode < 0 ? a : LOAD1(at->r + (long)i * at->r_step);
    STORE1(FN(result1)(a, b, p), at->y + (long)i * at->y_step);
  }
}

static void ENTRY(OPERANDS, const stage_params *p, int task) {
  const strided_params *g = &p->u.strided;
  const int last = g->rank - 1, inner = AXIS(g->dims, last), chunks = (inner + CHUNK - 1) / CHUNK;
  int rows = 1;
  FOR_AXES (axis, last) rows *= g->dims[axis];
  FOR_UNITS(unit, rows * chunks) {
    const long first = chunks == 1 ? 0 : (long)(unit % chunks) * CHUNK;
    FN(row) at;
    at.x_step = AXIS(g->x_stride, last);
    at.y_step = AXIS(g->y_stride, last);
    at.r_step = p->mode < 0 ? 0 : AXIS(g->r_stride, last);
    at.s_step = p->has_scale ? AXIS(g->extra, last) : 0;
    at.x = x + p->x_at + first * at.x_step;
    at.y = y + p->y_at + first * at.y_step;
    at.r = p->mode < 0 ? (__global const RT *)at.x : r + p->r_at + first * at.r_step;
    at.s = p->has_scale ? s + p->s_at + first * at.s_step : (__global const ST *)at.x;
    int rest = chunks == 1 ? unit : unit / chunks;
    FOR_AXES (axis, last) {
      const int i = axis ? rest % g->dims[axis] : rest; /* divisions cost as much as a short row */
      if (axis) rest /= g->dims[axis];
      at.x += (long)i * g->x_stride[axis];
      at.y += (long)i * g->y_stride[axis];
      if (p->mode >= 0) at.r += (long)i * g->r_stride[axis];
      if (p->has_scale) at.s += (long)i * g->extra[axis];
    }
    FN(run)(&at, p, (int)min((long)CHUNK, inner - first));
  }
}
#undef CHUNK
#undef LOOP
#undef READ
#undef READ_R
#undef READ_S
