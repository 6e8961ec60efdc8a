/* Weights as models store them: float32, float16 behind DEQUANTIZE, sparse behind DENSIFY. */
#include <stdlib.h>
#include <string.h>

#include "tflite/translate.h"

static float from_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3FF, bits;
  if (exponent == 31) {
    bits = sign | 0x7F800000 | fraction << 13;
  } else if (exponent) {
    bits = sign | (exponent + 112) << 23 | fraction << 13;
  } else { /* zero or subnormal: an exact product */
    float value = (float)fraction * 0x1p-24f;
    memcpy(&bits, &value, sizeof bits);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static size_t element_bytes(int type) { return type == TFL_FLOAT32 ? 4 : type == TFL_FLOAT16 ? 2 : 0; }

static float element(const tfl_tensor *tensor, size_t at) {
  if (tensor->type == TFL_FLOAT32) return ((const float *)tensor->data)[at];
  return from_half(((const uint16_t *)tensor->data)[at]);
}

/* The number of elements that the dims ask for; 0 if one is not positive or they do not fit 31 bits. */
static size_t count_of(const tfl_tensor *tensor) {
  size_t count = 1;
  for (int i = 0; tensor->dims && i < tensor->dims->size; i++) {
    if (tensor->dims->data[i] <= 0 || count > INT32_MAX / (size_t)tensor->dims->data[i]) return 0;
    count *= (size_t)tensor->dims->data[i];
  }
  return tensor->dims ? count : 0;
}

static bool holds_floats(const tfl_tensor *tensor) { return is_stored(tensor) && element_bytes(tensor->type); }

/* The stored tensor that this one is a copy of, over at most one DEQUANTIZE and one DENSIFY. */
static const tfl_tensor *source_of(const translator *t, int tensor) {
  for (int step = 0; step < 3; step++) {
    const tfl_tensor *at = tensor_at(t, tensor);
    if (!at) return NULL;
    if (holds_floats(at)) return at;
    int code;
    const tfl_node *node = producer_of(t, tensor, &code);
    if (!node || (code != OPERATOR_DEQUANTIZE && code != OPERATOR_DENSIFY)) return NULL;
    if (!node->inputs || node->inputs->size != 1) return NULL;
    tensor = node->inputs->data[0];
  }
  return NULL;
}

bool is_constant(const translator *t, int tensor) { return source_of(t, tensor) != NULL; }

/* ---- sparse weights: a tree, one level a dimension, the leaves being the values in their stored order ---- */

typedef struct sparse_walk {
  const tfl_tensor *tensor;
  float *out;
  size_t values; /* stored ones */
  size_t strides[SEPCL_MAX_RANK];
} sparse_walk;

static bool walk(const sparse_walk *w, int level, size_t pos, size_t at) {
  const tfl_sparsity *s = w->tensor->sparsity;
  if (level == s->dimension_count) {
    if (pos >= w->values) return false;
    w->out[at] = element(w->tensor, pos);
    return true;
  }
  const tfl_dimension *d = &s->dimensions[level];
  int dimension = s->traversal_order->data[level], size = w->tensor->dims->data[dimension];
  if (d->format == 0) {
    if (d->dense_size != size) return false;
    for (int i = 0; i < size; i++)
      if (!walk(w, level + 1, pos * (size_t)size + (size_t)i, at + (size_t)i * w->strides[dimension])) return false;
    return true;
  }
  if (d->format != 1 || !d->segments || !d->indices || pos + 1 >= (size_t)d->segments->size) return false;
  int first = d->segments->data[pos], end = d->segments->data[pos + 1];
  if (first < 0 || end > d->indices->size) return false;
  for (int q = first; q < end; q++) {
    int index = d->indices->data[q];
    if (index < 0 || index >= size) return false;
    if (!walk(w, level + 1, (size_t)q, at + (size_t)index * w->strides[dimension])) return false;
  }
  return true;
}

static const char *sparse_refuses(const tfl_tensor *tensor) {
  const tfl_sparsity *s = tensor->sparsity;
  int rank = tensor->dims->size;
  uint32_t seen = 0;
  if (s->block_map && s->block_map->size) return "its weights are sparse in blocks";
  if (rank > SEPCL_MAX_RANK || s->dimension_count != rank || !s->dimensions || !s->traversal_order ||
      s->traversal_order->size != rank)
    return "its sparse weights do not say how they are stored";
  for (int i = 0; i < rank; i++) {
    int dimension = s->traversal_order->data[i];
    if (dimension < 0 || dimension >= rank || seen >> dimension & 1)
      return "its sparse weights' order is no permutation";
    seen |= 1u << dimension;
  }
  return NULL;
}

static const char *expand_sparse(const tfl_tensor *tensor, float *out, size_t count) {
  const char *reason = sparse_refuses(tensor);
  if (reason) return reason;
  sparse_walk w = {.tensor = tensor, .out = out, .values = tensor->bytes / element_bytes(tensor->type)};
  size_t stride = 1;
  for (int i = tensor->dims->size; i-- > 0; stride *= (size_t)tensor->dims->data[i]) w.strides[i] = stride;
  memset(out, 0, count * sizeof *out);
  return walk(&w, 0, 0, 0) ? NULL : "its sparse weights are damaged";
}

const float *constant_floats(const translator *t, int tensor, float **owned, const char **reason) {
  const tfl_tensor *source = source_of(t, tensor);
  *owned = NULL;
  *reason = "its weights are no constant";
  if (!source) return NULL;
  size_t count = count_of(source);
  *reason = "its weights' size is not that of their shape";
  if (!count || count != count_of(tensor_at(t, tensor))) return NULL;
  if (!source->sparsity && source->bytes / element_bytes(source->type) < count) return NULL;
  if (source->type == TFL_FLOAT32 && !source->sparsity) return source->data;
  *reason = "out of memory for its weights";
  float *out = malloc(count * sizeof *out);
  if (!out) return NULL;
  if (source->sparsity) {
    *reason = expand_sparse(source, out, count);
  } else {
    for (size_t i = 0; i < count; i++) out[i] = element(source, i);
    *reason = NULL;
  }
  if (*reason) {
    free(out);
    return NULL;
  }
  return *owned = out;
}
