/* Copying elements of tensors that are known when the model is loaded. */
#include <string.h>

#include "model/reader.h"

static size_t element_size(const tensor *t) { return t->floats ? sizeof(float) : sizeof(int64_t); }

static const char *element_data(const tensor *t) {
  return t->floats ? (const char *)t->floats : (const char *)t->integers;
}

static sepcl_status new_like(const call *c, const tensor *t, const shape *s, tensor *out, char **data) {
  float *floats = NULL;
  int64_t *integers = NULL;
  sepcl_status status = t->floats ? tensor_new_floats(c->reader, out, s, &floats)
                                  : tensor_new_integers(c->reader, out, t->type, s, &integers);
  if (status != SEPCL_OK) return refuse(c, status, "%s", sepcl_last_error());
  *data = floats ? (char *)floats : (char *)integers;
  out->name = t->name;
  return SEPCL_OK;
}

/* out[i0][i1].. = t[offset + i0 strides[0] + i1 strides[1] + ..] */
static sepcl_status copy_strided(const call *c, const tensor *t, const shape *s, const int64_t *strides, int64_t offset,
                                 tensor *out) {
  int64_t index[SEPCL_MAX_RANK] = {0};
  size_t size = element_size(t);
  const char *from = element_data(t);
  tensor fresh;
  char *to = NULL;
  TRY(new_like(c, t, s, &fresh, &to));
  for (int64_t e = 0, elements = shape_elements(s); e < elements; e++) {
    memcpy(to + (size_t)e * size, from + (size_t)offset * size, size);
    for (int32_t i = s->rank - 1; i >= 0; i--) {
      offset += strides[i];
      if (++index[i] < s->dims[i]) break;
      offset -= strides[i] * s->dims[i];
      index[i] = 0;
    }
  }
  *out = fresh;
  return SEPCL_OK;
}

static void row_major(const shape *s, int64_t strides[SEPCL_MAX_RANK]) {
  int64_t stride = 1;
  for (int32_t i = s->rank - 1; i >= 0; i--) strides[i] = stride, stride *= s->dims[i];
}

sepcl_status known_slice(const call *c, const tensor *t, const int64_t *starts, const int64_t *counts,
                         const int64_t *steps, tensor *out) {
  int64_t strides[SEPCL_MAX_RANK], offset = 0;
  shape s = {.rank = t->shape.rank};
  row_major(&t->shape, strides);
  for (int32_t i = 0; i < s.rank; i++) {
    s.dims[i] = counts[i];
    offset += starts[i] * strides[i];
    strides[i] = counts[i] > 1 ? strides[i] * steps[i] : 0; /* a step that is not taken may be huge */
  }
  return copy_strided(c, t, &s, strides, offset, out);
}

sepcl_status known_expand(const call *c, const tensor *t, const shape *s, tensor *out) {
  int64_t strides[SEPCL_MAX_RANK];
  row_major(&t->shape, strides);
  for (int32_t i = 0; i < s->rank; i++)
    if (t->shape.dims[i] == 1) strides[i] = 0;
  return copy_strided(c, t, s, strides, 0, out);
}

sepcl_status known_transpose(const call *c, const tensor *t, const int32_t *axes, tensor *out) {
  int64_t native[SEPCL_MAX_RANK], strides[SEPCL_MAX_RANK];
  shape s = {.rank = t->shape.rank};
  row_major(&t->shape, native);
  for (int32_t i = 0; i < s.rank; i++) {
    s.dims[i] = t->shape.dims[axes[i]];
    strides[i] = native[axes[i]];
  }
  return copy_strided(c, t, &s, strides, 0, out);
}

/* Elements before and behind an axis. */
static void around(const shape *s, int32_t axis, size_t *outer, size_t *inner) {
  *outer = *inner = 1;
  for (int32_t i = 0; i < s->rank; i++)
    if (i != axis) *(i < axis ? outer : inner) *= (size_t)s->dims[i];
}

sepcl_status known_gather(const call *c, const tensor *t, int32_t axis, const int64_t *indices, int64_t count,
                          tensor *out) {
  size_t outer, inner, size = element_size(t), dim = (size_t)t->shape.dims[axis];
  shape s = t->shape;
  tensor fresh;
  char *to = NULL;
  s.dims[axis] = count;
  around(&s, axis, &outer, &inner);
  TRY(new_like(c, t, &s, &fresh, &to));
  for (size_t o = 0; o < outer; o++)
    for (int64_t k = 0; k < count; k++, to += inner * size)
      memcpy(to, element_data(t) + (o * dim + (size_t)indices[k]) * inner * size, inner * size);
  *out = fresh;
  return SEPCL_OK;
}

sepcl_status known_concat(const call *c, int32_t axis, tensor *out) {
  const tensor *first = c->inputs[0];
  size_t outer, inner, size = element_size(first), at = 0;
  shape s = first->shape;
  tensor fresh;
  char *to = NULL;
  s.dims[axis] = 0;
  for (int32_t i = 0; i < c->input_count; i++) {
    shape other = c->inputs[i]->shape;
    s.dims[axis] += other.dims[axis];
    other.dims[axis] = first->shape.dims[axis];
    if (!shape_equal(&other, &first->shape) || !c->inputs[i]->floats != !first->floats)
      return refuse(c, SEPCL_INVALID_SHAPE, "input %d does not fit the first one", i);
  }
  around(&s, axis, &outer, &inner);
  TRY(new_like(c, first, &s, &fresh, &to));
  size_t row = (size_t)s.dims[axis] * inner * size;
  for (int32_t i = 0; i < c->input_count; i++) {
    size_t part = (size_t)c->inputs[i]->shape.dims[axis] * inner * size;
    for (size_t o = 0; part && o < outer; o++) memcpy(to + o * row + at, element_data(c->inputs[i]) + o * part, part);
    at += part;
  }
  *out = fresh;
  return SEPCL_OK;
}
