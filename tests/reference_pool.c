#include <math.h>
#include <string.h>

#include "reference.h"
#include "reference_functions.h"

/* Taps of one axis: how many of `kernel` lie in [low, high). */
static int32_t taps_within(int32_t at, const int32_t kernel, int32_t dilation, int32_t low, int32_t high) {
  int32_t count = 0;
  for (int32_t k = 0; k < kernel; k++) count += at + k * dilation >= low && at + k * dilation < high;
  return count;
}

/* The larger one; the first NaN stays. */
static float larger(float a, float b) {
  if (isnan(a)) return a;
  return b > a || isnan(b) ? b : a;
}

static float window_pool(const sepcl_pool_desc *d, const float *image, int32_t top, int32_t left, int32_t c) {
  const sepcl_window *w = &d->window;
  float acc = d->kind == SEPCL_MAX_POOL ? -INFINITY : 0.0f;
  for (int32_t ky = 0; ky < w->kernel_h; ky++)
    for (int32_t kx = 0; kx < w->kernel_w; kx++) {
      int32_t y = top + ky * w->dilation_h, x = left + kx * w->dilation_w;
      if (y < 0 || y >= d->input.h || x < 0 || x >= d->input.w) continue;
      float value = image[((size_t)y * (size_t)d->input.w + (size_t)x) * (size_t)d->input.c + (size_t)c];
      acc = d->kind == SEPCL_MAX_POOL ? larger(acc, value) : acc + value;
    }
  if (d->kind == SEPCL_MAX_POOL) return acc;
  bool padding = d->kind == SEPCL_AVERAGE_POOL_WITH_PADDING;
  int32_t rows = taps_within(top, w->kernel_h, w->dilation_h, padding ? -w->pad_top : 0,
                             d->input.h + (padding ? w->pad_bottom : 0));
  int32_t columns = taps_within(left, w->kernel_w, w->dilation_w, padding ? -w->pad_left : 0,
                                d->input.w + (padding ? w->pad_right : 0));
  return acc / (float)(rows * columns);
}

/* Adds neighbours level by level, an odd last one moving up as it is. */
static float tree(const sepcl_pool_desc *d, const float *image, int32_t c, int32_t first_block, int32_t blocks) {
  int32_t pixels = d->input.h * d->input.w;
  if (blocks == 1) {
    float sum = 0.0f;
    for (int32_t i = first_block * 64; i < pixels && i < first_block * 64 + 64; i++)
      sum += image[(size_t)i * (size_t)d->input.c + (size_t)c];
    return sum;
  }
  int32_t half = 1;
  while (2 * half < blocks) half *= 2;
  return tree(d, image, c, first_block, half) + tree(d, image, c, first_block + half, blocks - half);
}

static float global_pool(const sepcl_pool_desc *d, const float *image, int32_t c) {
  int32_t pixels = d->input.h * d->input.w;
  if (d->kind != SEPCL_MAX_POOL) return tree(d, image, c, 0, (pixels + 63) / 64) * (1.0f / (float)pixels);
  float best = image[c];
  for (int32_t i = 1; i < pixels; i++) best = larger(best, image[(size_t)i * (size_t)d->input.c + (size_t)c]);
  return best;
}

void reference_pool(const sepcl_pool_desc *d, const float *x, float *y) {
  const sepcl_window *w = &d->window;
  sepcl_shape out = reference_output_shape(d->input, d->input.c, w);
  bool global = w->kernel_h == d->input.h && w->kernel_w == d->input.w && w->dilation_h == 1 && w->dilation_w == 1 &&
                !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
  for (int32_t i = 0; i < out.n * out.h * out.w; i++) {
    const float *image = x + (size_t)(i / (out.h * out.w)) * (reference_elements(d->input) / (size_t)out.n);
    int32_t top = i / out.w % out.h * w->stride_h - w->pad_top, left = i % out.w * w->stride_w - w->pad_left;
    for (int32_t c = 0; c < out.c; c++) {
      float value = global ? global_pool(d, image, c) : window_pool(d, image, top, left, c);
      *y++ = reference_function(d->activation, value);
    }
  }
}
