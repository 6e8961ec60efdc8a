/* Elementwise stages, copies, softmax, reductions and products: loops over axes with strides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference_functions.h"
#include "reference_stages.h"
#include "stage/copy.h"

/* Element `index`, in row-major order of `rank` axes, by its coordinates. */
static void coordinates(const int64_t *dims, int32_t rank, int64_t index, int64_t at[SEPCL_MAX_RANK]) {
  for (int32_t axis = rank - 1; axis >= 0; axis--) {
    at[axis] = index % dims[axis];
    index /= dims[axis];
  }
}

static int64_t dot(const int64_t *at, const int64_t *strides, int32_t rank) {
  int64_t sum = 0;
  for (int32_t axis = 0; axis < rank; axis++) sum += at[axis] * strides[axis];
  return sum;
}

static int64_t elements_of(const int64_t *dims, int32_t rank) {
  int64_t elements = 1;
  for (int32_t axis = 0; axis < rank; axis++) elements *= dims[axis];
  return elements;
}

void reference_elementwise_stage(const stage *s, const reference_operands *o) {
  int64_t at[SEPCL_MAX_RANK], scale_stride[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < SEPCL_MAX_RANK; i++) scale_stride[i] = s->extra[i];
  for (int64_t i = 0; i < elements_of(s->dims, s->rank); i++) {
    coordinates(s->dims, s->rank, i, at);
    float v = o->x[dot(at, s->x_stride, s->rank)];
    if (s->has_scale) v = v * o->s[dot(at, scale_stride, s->rank)];
    if (s->mode >= 0) v = reference_binary((sepcl_binary)s->mode, v, o->r[dot(at, s->r_stride, s->rank)]);
    o->y[dot(at, s->y_stride, s->rank)] = reference_function(s->activation, v);
  }
}

/* The index of a pad's source along an axis; -1: the constant. */
static int64_t pad_source(int32_t mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  if (mode == STAGE_COPY_CONSTANT) return -1;
  if (mode == STAGE_COPY_EDGE) return i < 0 ? 0 : size - 1;
  return i < 0 ? -i : 2 * (size - 1) - i;
}

static float padded(const stage *s, const reference_operands *o, const int64_t *at) {
  int64_t from = 0;
  for (int32_t axis = 0; axis < s->rank; axis++) {
    int64_t source = pad_source(s->mode, at[axis] - s->r_stride[axis], s->extra[axis]);
    if (source < 0) return s->extra_float[0];
    from += source * s->x_stride[axis];
  }
  return o->x[from];
}

void reference_copy_stage(const stage *s, const reference_operands *o) {
  const bool pads = s->mode != STAGE_COPY_PLAIN && s->mode != STAGE_COPY_GATHER;
  int64_t at[SEPCL_MAX_RANK];
  for (int64_t i = 0; i < elements_of(s->dims, s->rank); i++) {
    coordinates(s->dims, s->rank, i, at);
    float *to = o->y + (pads ? 0 : s->y_first) + dot(at, s->y_stride, s->rank);
    if (pads) {
      *to = padded(s, o, at);
      continue;
    }
    if (s->mode == STAGE_COPY_GATHER) {
      int32_t index;
      memcpy(&index, o->r + at[s->extra[2]], sizeof index);
      at[s->extra[2]] = index;
    }
    *to = o->x[s->x_first + dot(at, s->x_stride, s->rank)];
  }
}

float reference_max(float best, float value) { return isnan(value) || value > best ? value : best; }
float reference_min(float best, float value) { return isnan(value) || value < best ? value : best; }

float reference_sum(float *terms, int64_t count, const reference_operands *o) {
  if (o->swapped && count > 2) { /* a + b is b + a: the first and the third make a difference */
    float first = terms[0];
    terms[0] = terms[2];
    terms[2] = first;
  }
  int64_t blocks = 0;
  for (int64_t first = 0; first < count; first += o->block) {
    float sum = 0.0f;
    for (int64_t i = first; i < first + o->block && i < count; i++) sum = sum + terms[i];
    terms[blocks++] = sum;
  }
  while (blocks > 1) {
    for (int64_t i = 0; i < blocks / 2; i++) terms[i] = terms[2 * i] + terms[2 * i + 1];
    if (blocks % 2) terms[blocks / 2] = terms[blocks - 1];
    blocks = (blocks + 1) / 2;
  }
  return terms[0];
}

void reference_softmax_stage(const stage *s, const reference_operands *o) {
  const int64_t count = s->dims[s->rank - 1], x_step = s->x_stride[s->rank - 1], y_step = s->y_stride[s->rank - 1];
  int64_t at[SEPCL_MAX_RANK];
  float *terms = malloc((size_t)count * sizeof *terms);
  for (int64_t row = 0; terms && row < elements_of(s->dims, s->rank - 1); row++) {
    coordinates(s->dims, s->rank - 1, row, at);
    const float *from = o->x + s->x_first + dot(at, s->x_stride, s->rank - 1);
    float *to = o->y + s->y_first + dot(at, s->y_stride, s->rank - 1);
    float top = from[0];
    for (int64_t i = 1; i < count; i++) top = reference_max(top, from[i * x_step]);
    for (int64_t i = 0; i < count; i++) to[i * y_step] = terms[i] = reference_exp(from[i * x_step] - top);
    float total = reference_sum(terms, count, o);
    for (int64_t i = 0; i < count; i++) to[i * y_step] = to[i * y_step] / total;
  }
  free(terms);
}

static float reduced(const stage *s, float *terms, int64_t count, const reference_operands *o) {
  float best = terms[0];
  switch (s->mode) {
    case SEPCL_REDUCE_MAX:
      for (int64_t i = 1; i < count; i++) best = reference_max(best, terms[i]);
      return best;
    case SEPCL_REDUCE_MIN:
      for (int64_t i = 1; i < count; i++) best = reference_min(best, terms[i]);
      return best;
    case SEPCL_REDUCE_SUM: return reference_sum(terms, count, o);
    default: return reference_sum(terms, count, o) * (1.0f / (float)count);
  }
}

void reference_reduce_stage(const stage *s, const reference_operands *o) {
  int64_t kept[SEPCL_MAX_RANK], gone[SEPCL_MAX_RANK], outputs = 1, count = 1, at[SEPCL_MAX_RANK],
                                                      within[SEPCL_MAX_RANK];
  for (int32_t axis = 0; axis < s->rank; axis++) {
    kept[axis] = s->extra[axis] ? 1 : s->dims[axis];
    gone[axis] = s->extra[axis] ? s->dims[axis] : 1;
    outputs *= kept[axis];
    count *= gone[axis];
  }
  float *terms = malloc((size_t)count * sizeof *terms);
  for (int64_t i = 0; terms && i < outputs; i++) {
    coordinates(kept, s->rank, i, at);
    for (int64_t k = 0; k < count; k++) {
      coordinates(gone, s->rank, k, within);
      terms[k] = o->x[dot(at, s->x_stride, s->rank) + dot(within, s->x_stride, s->rank)];
    }
    o->y[dot(at, s->y_stride, s->rank)] = reference_function(s->activation, reduced(s, terms, count, o));
  }
  free(terms);
}

void reference_matmul_stage(const stage *s, const reference_operands *o) {
  const int32_t m = s->rank - 2, n = s->rank - 1;
  int64_t at[SEPCL_MAX_RANK], c_stride[SEPCL_MAX_RANK] = {0}, x_stride[SEPCL_MAX_RANK], r_stride[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < s->rank; i++) {
    c_stride[i] = s->extra[3 + i];
    x_stride[i] = i == n ? 0 : s->x_stride[i];
    r_stride[i] = i == m ? 0 : s->r_stride[i];
  }
  for (int64_t i = 0; i < elements_of(s->dims, s->rank); i++) {
    coordinates(s->dims, s->rank, i, at);
    const float *a = o->x + dot(at, x_stride, s->rank), *b = o->r + dot(at, r_stride, s->rank);
    float sum = s->has_scale ? o->s[dot(at, c_stride, s->rank)] : 0.0f;
    for (int64_t k = 0; k < s->extra[0]; k++) {
      int64_t term = o->swapped && s->extra[0] > 1 && k < 2 ? 1 - k : k;
      sum = fmaf(a[term * s->extra[1]], b[term * s->extra[2]], sum);
    }
    o->y[dot(at, s->y_stride, s->rank)] = reference_function(s->activation, sum);
  }
}
