/* Operations that only rename axes: views, without a node unless the stored order forces one. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

static sepcl_status give_reshaped(call *c, const shape *s) {
  tensor out;
  TRY(view_reshape(c, call_input(c, 0), s, &out));
  return call_give(c, 0, &out);
}

/* 0 copies the input's dimension (unless allowzero), -1 is what is left over. */
static sepcl_status resolve_reshape(const call *c, const shape *x, const int64_t *wanted, shape *s) {
  int64_t allow_zero, left = shape_elements(x), known = 1;
  int32_t free_axis = -1;
  TRY(call_int(c, "allowzero", 0, &allow_zero));
  for (int32_t i = 0; i < s->rank; i++) {
    s->dims[i] = wanted[i];
    if (wanted[i] == 0 && !allow_zero) {
      if (i >= x->rank) return refuse(c, SEPCL_BAD_MODEL, "dimension %d copies an axis that the input lacks", i);
      s->dims[i] = x->dims[i];
    }
    if (wanted[i] == -1 && free_axis >= 0) return refuse(c, SEPCL_BAD_MODEL, "more than one dimension is -1");
    if (wanted[i] == -1)
      free_axis = i;
    else if (s->dims[i] < 0 || __builtin_mul_overflow(known, s->dims[i], &known))
      return refuse(c, SEPCL_INVALID_SHAPE, "dimension %d is %lld", i, (long long)wanted[i]);
  }
  if (free_axis >= 0 && (known == 0 || left % known))
    return refuse(c, SEPCL_INVALID_SHAPE, "%lld elements do not fill a shape of %lld times something", (long long)left,
                  (long long)known);
  if (free_axis >= 0) s->dims[free_axis] = left / known;
  return SEPCL_OK;
}

sepcl_status op_reshape(call *c) {
  const int64_t *wanted;
  shape s = {0};
  TRY(call_known_ints(c, "shape", c->reader->opset >= 5 ? 1 : -1, &wanted, &s.rank));
  if (s.rank < 0) return refuse(c, SEPCL_BAD_MODEL, "no shape is given");
  if (s.rank > SEPCL_MAX_RANK)
    return refuse(c, SEPCL_UNSUPPORTED, "%d dimensions; sepcl has at most %d", s.rank, SEPCL_MAX_RANK);
  TRY(resolve_reshape(c, &call_input(c, 0)->shape, wanted, &s));
  return give_reshaped(c, &s);
}

sepcl_status op_flatten(call *c) {
  const shape *x = &call_input(c, 0)->shape;
  shape s = {.rank = 2, .dims = {1, 1}};
  int64_t given;
  int32_t axis;
  TRY(call_int(c, "axis", 1, &given));
  TRY(call_axis(c, given, x->rank, true, &axis));
  for (int32_t i = 0; i < x->rank; i++) s.dims[i >= axis] *= x->dims[i];
  return give_reshaped(c, &s);
}

/* The axes of Squeeze and Unsqueeze: an attribute up to opset 12. `rank` is that of the longer side. */
static sepcl_status read_axes(const call *c, int32_t rank, uint32_t *axes, int32_t *count) {
  const int64_t *values;
  *axes = 0;
  TRY(call_known_ints(c, "axes", c->reader->opset >= 13 ? 1 : -1, &values, count));
  for (int32_t i = 0; i < *count; i++) {
    int32_t axis;
    TRY(call_axis(c, values[i], rank, false, &axis));
    if (*axes >> axis & 1) return refuse(c, SEPCL_BAD_MODEL, "axis %d is given twice", axis);
    *axes |= 1u << axis;
  }
  return SEPCL_OK;
}

sepcl_status op_squeeze(call *c) {
  const shape *x = &call_input(c, 0)->shape;
  uint32_t axes;
  int32_t count;
  shape s = {0};
  TRY(read_axes(c, x->rank, &axes, &count));
  for (int32_t i = 0; i < x->rank; i++) {
    bool squeezed = count < 0 ? x->dims[i] == 1 : axes >> i & 1;
    if (squeezed && x->dims[i] != 1)
      return refuse(c, SEPCL_INVALID_SHAPE, "axis %d has %lld elements instead of one", i, (long long)x->dims[i]);
    if (!squeezed) s.dims[s.rank++] = x->dims[i];
  }
  return give_reshaped(c, &s);
}

sepcl_status op_unsqueeze(call *c) {
  const shape *x = &call_input(c, 0)->shape;
  const int64_t *values;
  uint32_t axes;
  int32_t count, from = 0;
  shape s = {0};
  TRY(call_known_ints(c, "axes", c->reader->opset >= 13 ? 1 : -1, &values, &count));
  if (count < 0) return refuse(c, SEPCL_BAD_MODEL, "no axes are given");
  if (count > SEPCL_MAX_RANK - x->rank) return refuse(c, SEPCL_UNSUPPORTED, "more than %d dimensions", SEPCL_MAX_RANK);
  s.rank = x->rank + count;
  TRY(read_axes(c, s.rank, &axes, &count));
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = axes >> i & 1 ? 1 : x->dims[from++];
  return give_reshaped(c, &s);
}

sepcl_status op_transpose(call *c) {
  tensor *x = call_input(c, 0), out;
  const int64_t *given;
  int32_t count, axes[SEPCL_MAX_RANK], rank = x->shape.rank;
  uint32_t seen = 0;
  TRY(call_ints(c, "perm", &given, &count));
  if (count >= 0 && count != rank)
    return refuse(c, SEPCL_BAD_MODEL, "attribute 'perm' has %d entries for %d dimensions", count, rank);
  for (int32_t i = 0; i < rank; i++) {
    int64_t axis = count < 0 ? rank - 1 - i : given[i];
    if (axis < 0 || axis >= rank || seen >> axis & 1)
      return refuse(c, SEPCL_BAD_MODEL, "attribute 'perm' is no permutation");
    seen |= 1u << axis;
    axes[i] = (int32_t)axis;
  }
  TRY(view_transpose(c, x, axes, &out));
  return call_give(c, 0, &out);
}

/* ---- pixels and channels: a reshape, a transpose and a reshape ---- */

typedef struct pixel_shuffle {
  shape split, joined;
  int32_t axes[6];
} pixel_shuffle;

static sepcl_status give_shuffled(call *c, const pixel_shuffle *p) {
  tensor split, moved, out;
  TRY(view_reshape(c, call_input(c, 0), &p->split, &split));
  TRY(view_transpose(c, &split, p->axes, &moved));
  TRY(view_reshape(c, &moved, &p->joined, &out));
  return call_give(c, 0, &out);
}

static sepcl_status read_block(const call *c, int32_t *block) {
  static const int32_t sizes[2] = {1, 1 << 15};
  if (call_input(c, 0)->shape.rank != 4)
    return refuse(c, SEPCL_INVALID_SHAPE, "an input of %d dimensions", call_input(c, 0)->shape.rank);
  return call_int32(c, "blocksize", 0, sizes, block);
}

sepcl_status op_depth_to_space(call *c) {
  const int64_t *x = call_input(c, 0)->shape.dims;
  const char *mode;
  int32_t b;
  TRY(read_block(c, &b));
  TRY(call_text(c, "mode", "DCR", &mode));
  bool columns_first = !strcmp(mode, "CRD");
  if (!columns_first && strcmp(mode, "DCR") != 0) return refuse(c, SEPCL_BAD_MODEL, "attribute 'mode' is '%s'", mode);
  int64_t depth = x[1] / b / b;
  if (depth * b * b != x[1])
    return refuse(c, SEPCL_INVALID_SHAPE, "%lld channels are no multiple of %d squared", (long long)x[1], b);
  pixel_shuffle dcr = {
      {6, {x[0], b, b, depth, x[2], x[3]}}, {4, {x[0], depth, x[2] * b, x[3] * b}}, {0, 3, 4, 1, 5, 2}};
  pixel_shuffle crd = {
      {6, {x[0], depth, b, b, x[2], x[3]}}, {4, {x[0], depth, x[2] * b, x[3] * b}}, {0, 1, 4, 2, 5, 3}};
  return give_shuffled(c, columns_first ? &crd : &dcr);
}

sepcl_status op_space_to_depth(call *c) {
  const int64_t *x = call_input(c, 0)->shape.dims;
  int32_t b;
  TRY(read_block(c, &b));
  if (x[2] % b || x[3] % b)
    return refuse(c, SEPCL_INVALID_SHAPE, "%lldx%lld pixels are no multiple of %d", (long long)x[2], (long long)x[3],
                  b);
  pixel_shuffle p = {
      {6, {x[0], x[1], x[2] / b, b, x[3] / b, b}}, {4, {x[0], x[1] * b * b, x[2] / b, x[3] / b}}, {0, 3, 5, 1, 2, 4}};
  return give_shuffled(c, &p);
}
