#include "support/guarded.h"

#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "support/half.h"

/* A NaN with the index in its bits, so that a copy of a neighbour shows too. */
static float canary(size_t index) {
  uint32_t bits = 0x7fc00000u | (uint32_t)((index * 2654435761u + 12345u) & 0x3fffffu);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void take_halves(guarded *tensor) {
  for (size_t i = 0; tensor->half && i < tensor->floats; i++) tensor->host[i] = half_value(half_bits(tensor->host[i]));
}

static cl_mem buffer_of(const guarded *tensor, const test_context *context) {
  if (!tensor->half) return test_buffer(context, tensor->host, tensor->floats * sizeof(float));
  uint16_t *bits = calloc(tensor->floats, sizeof(float));
  for (size_t i = 0; bits && i < tensor->floats; i++) bits[i] = half_bits(tensor->host[i]);
  cl_mem buffer = bits ? test_buffer(context, bits, tensor->floats * sizeof(float)) : NULL;
  free(bits);
  return buffer;
}

bool guarded_create(guarded *out, const test_context *context, const guarded_layout *layout, const float *contiguous) {
  return guarded_create_of(out, context, layout, contiguous, false);
}

bool guarded_create_of(guarded *out, const test_context *context, const guarded_layout *layout, const float *contiguous,
                       bool half) {
  *out = (guarded){.layout = *layout, .half = half};
  size_t extent = layout->rows ? (layout->rows - 1) * layout->pitch + layout->channels : 0;
  out->floats = layout->before + extent + layout->after;
  if (!out->floats) out->floats = 1;
  out->host = malloc(out->floats * sizeof(float));
  if (!out->host) return false;
  for (size_t i = 0; i < out->floats; i++) out->host[i] = canary(i);
  if (contiguous) guarded_expect(out, contiguous);
  take_halves(out);
  out->buffer = buffer_of(out, context);
  if (out->buffer) return true;
  guarded_free(out, context);
  return false;
}

void guarded_free(guarded *tensor, const test_context *context) {
  if (tensor->buffer) context->cl->clReleaseMemObject(tensor->buffer);
  free(tensor->host);
  tensor->buffer = NULL;
  tensor->host = NULL;
}

void guarded_expect(guarded *tensor, const float *contiguous) {
  const guarded_layout *l = &tensor->layout;
  for (size_t row = 0; row < l->rows; row++)
    memcpy(tensor->host + l->before + row * l->pitch, contiguous + row * l->channels, l->channels * sizeof(float));
  take_halves(tensor);
}

bool guarded_upload(const guarded *tensor, const test_context *context) {
  return context->cl->clEnqueueWriteBuffer(context->queue, tensor->buffer, CL_TRUE, 0, tensor->floats * sizeof(float),
                                           tensor->host, 0, NULL, NULL) == CL_SUCCESS;
}

sepcl_operand guarded_operand(const guarded *tensor) {
  sepcl_operand operand = {tensor->buffer, tensor->layout.before * sizeof(float), tensor->layout.pitch};
  return operand;
}

static bool locate(const guarded_layout *l, size_t index, size_t *row, size_t *channel) {
  if (index < l->before || !l->rows) return false;
  *row = (index - l->before) / l->pitch;
  *channel = (index - l->before) % l->pitch;
  return *row < l->rows && *channel < l->channels;
}

/* Halves at the start of `values`, in place, from the last to the first. */
static void widen(float *values, size_t count) {
  for (size_t i = count; i-- > 0;) {
    uint16_t bits;
    memcpy(&bits, (const char *)values + i * sizeof bits, sizeof bits);
    values[i] = half_value(bits);
  }
}

guarded_difference guarded_compare(const guarded *tensor, const test_context *context) {
  guarded_difference difference = {.index = -1};
  float *now = malloc(tensor->floats * sizeof(float));
  if (!now || context->cl->clEnqueueReadBuffer(context->queue, tensor->buffer, CL_TRUE, 0,
                                               tensor->floats * sizeof(float), now, 0, NULL, NULL) != CL_SUCCESS)
    difference.index = -2;
  if (tensor->half && difference.index == -1) widen(now, tensor->floats);
  if (difference.index == -1 && memcmp(now, tensor->host, tensor->floats * sizeof(float)))
    for (size_t i = 0; i < tensor->floats; i++) {
      if (!memcmp(&now[i], &tensor->host[i], sizeof(float))) continue;
      bool inside = locate(&tensor->layout, i, &difference.row, &difference.channel);
      if ((inside || tensor->half) && reference_same(now[i], tensor->host[i])) continue;
      difference.index = (long long)i;
      difference.inside = inside;
      difference.got = now[i];
      difference.expected = tensor->host[i];
      break;
    }
  free(now);
  return difference;
}
