#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference_functions.h"
#include "support/half.h"

int32_t reference_output_size(int32_t size, int32_t pads, int32_t kernel, int32_t dilation, int32_t stride) {
  int32_t room = size + pads - (dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : room / stride + 1;
}

sepcl_shape reference_output_shape(sepcl_shape input, int32_t outputs, const sepcl_window *window) {
  sepcl_shape out = input;
  out.h = reference_output_size(input.h, window->pad_top + window->pad_bottom, window->kernel_h, window->dilation_h,
                                window->stride_h);
  out.w = reference_output_size(input.w, window->pad_left + window->pad_right, window->kernel_w, window->dilation_w,
                                window->stride_w);
  out.c = outputs;
  return out;
}

size_t reference_elements(sepcl_shape shape) {
  return (size_t)shape.n * (size_t)shape.h * (size_t)shape.w * (size_t)shape.c;
}

bool reference_same(float a, float b) {
  uint32_t x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  return x == y || (isnan(a) && isnan(b));
}

/* Where weight (o, ky, kx, i) lies in the owner's layout. */
static size_t weight_at(const sepcl_weights *set, const sepcl_window *window, const int32_t outputs,
                        const int32_t inputs, const int32_t at[4]) {
  size_t o = (size_t)at[0], ky = (size_t)at[1], kx = (size_t)at[2], i = (size_t)at[3];
  size_t kh = (size_t)window->kernel_h, kw = (size_t)window->kernel_w, n = (size_t)inputs, m = (size_t)outputs;
  switch (set->layout) {
    case SEPCL_OIHW: return ((o * n + i) * kh + ky) * kw + kx;
    case SEPCL_OHWI: return ((o * kh + ky) * kw + kx) * n + i;
    case SEPCL_HWIO: return ((ky * kw + kx) * n + i) * m + o;
    case SEPCL_HWC: return (ky * kw + kx) * m + o;
  }
  return 0;
}

bool reference_fold(reference_weights *out, const sepcl_weights *set, int32_t outputs, int32_t inputs,
                    const sepcl_window *window) {
  size_t taps = (size_t)window->kernel_h * (size_t)window->kernel_w * (size_t)inputs;
  out->weights = malloc((size_t)outputs * taps * sizeof(float));
  out->bias = malloc((size_t)outputs * sizeof(float));
  if (!out->weights || !out->bias) {
    reference_weights_free(out);
    return false;
  }
  float *next = out->weights;
  for (int32_t o = 0; o < outputs; o++) {
    double factor = 1.0, bias = set->bias ? set->bias[o] : 0.0;
    if (set->variance) {
      factor = (set->gamma ? (double)set->gamma[o] : 1.0) / sqrt((double)set->variance[o] + (double)set->epsilon);
      bias = (bias - (set->mean ? (double)set->mean[o] : 0.0)) * factor + (set->beta ? (double)set->beta[o] : 0.0);
    }
    for (int32_t ky = 0; ky < window->kernel_h; ky++)
      for (int32_t kx = 0; kx < window->kernel_w; kx++)
        for (int32_t i = 0; i < inputs; i++) {
          const int32_t at[4] = {o, ky, kx, i};
          float w = set->weights[weight_at(set, window, outputs, inputs, at)];
          *next++ = set->variance ? (float)((double)w * factor) : w;
        }
    out->bias[o] = (float)bias + 0.0f; /* never -0: a skipped tap and a tap of zero then leave the same bits */
  }
  return true;
}

void reference_weights_free(reference_weights *weights) {
  free(weights->weights);
  free(weights->bias);
  weights->weights = weights->bias = NULL;
}

typedef struct chain {
  float acc, first_x, first_w;
  int32_t length;
  bool swapped, half_sums;
  float half_sum; /* of the products since step `half_from` */
  int32_t half_from;
} chain;

enum { HALF_STEPS = 16 };

static inline void chain_multiply(chain *c, float x, float w) {
  if (c->half_sums)
    c->half_sum = half_fma(half_nearest(x), half_nearest(w), c->half_sum);
  else
    c->acc = fmaf(x, w, c->acc);
}

static inline void chain_end_halves(chain *c) {
  c->acc += c->half_sum;
  c->half_sum = 0.0f;
}

/* The next product is the chain's step `step`: those before may end a sum of halves. */
static inline void chain_at(chain *c, int32_t step) {
  if (!c->half_sums || step < c->half_from + HALF_STEPS) return;
  chain_end_halves(c);
  c->half_from = step / HALF_STEPS * HALF_STEPS;
}

/* One link: acc = fma(x, w, acc). The negative control holds the first product back and adds it after the second. */
static inline void chain_add(chain *c, float x, float w) {
  if (c->swapped && c->length == 0) {
    c->first_x = x;
    c->first_w = w;
  } else {
    chain_multiply(c, x, w);
    if (c->swapped && c->length == 1) chain_multiply(c, c->first_x, c->first_w);
  }
  c->length++;
}

static inline float chain_end(chain *c) {
  if (c->swapped && c->length == 1) chain_multiply(c, c->first_x, c->first_w);
  if (c->half_sums) chain_end_halves(c);
  return c->acc;
}

/* The sum of output (n, oy, ox, o): over (ky, kx, ci) ascending, taps outside the input skipped. */
static float conv_sum(const reference_conv_args *a, int32_t n, int32_t oy, int32_t ox, int32_t o) {
  const sepcl_window *win = &a->window;
  int32_t inputs = a->input.c / a->groups, first = o / (a->outputs / a->groups) * inputs;
  const float *w = a->w->weights + (size_t)o * (size_t)win->kernel_h * (size_t)win->kernel_w * (size_t)inputs;
  chain c = {.acc = a->w->bias[o], .swapped = a->swapped, .half_sums = a->half_sums};
  for (int32_t ky = 0; ky < win->kernel_h; ky++) {
    int32_t y = oy * win->stride_h - win->pad_top + ky * win->dilation_h;
    for (int32_t kx = 0; kx < win->kernel_w; kx++, w += inputs) {
      int32_t x = ox * win->stride_w - win->pad_left + kx * win->dilation_w;
      if (y < 0 || y >= a->input.h || x < 0 || x >= a->input.w) continue;
      const float *pixel =
          a->x + (((size_t)n * (size_t)a->input.h + (size_t)y) * (size_t)a->input.w + (size_t)x) * (size_t)a->input.c +
          first;
      const float *scale = a->scale ? a->scale + (size_t)n * (size_t)a->input.c + first : NULL;
      for (int32_t i = 0; i < inputs; i++) {
        chain_at(&c, (ky * win->kernel_w + kx) * inputs + i);
        chain_add(&c, scale ? pixel[i] * scale[i] : pixel[i], w[i]);
      }
    }
  }
  return chain_end(&c);
}

void reference_conv(const reference_conv_args *args, float *y) {
  sepcl_shape out = reference_output_shape(args->input, args->outputs, &args->window);
  const float *residual = args->residual;
  for (int32_t n = 0; n < out.n; n++)
    for (int32_t oy = 0; oy < out.h; oy++)
      for (int32_t ox = 0; ox < out.w; ox++)
        for (int32_t o = 0; o < out.c; o++) {
          float sum = conv_sum(args, n, oy, ox, o);
          if (residual) sum += *residual++;
          *y++ = reference_function(args->activation, sum);
        }
}

static const sepcl_window one_by_one = SEPCL_WINDOW_INIT;

bool reference_separable(const reference_separable_args *a, float *y) {
  sepcl_shape middle = reference_output_shape(a->input, a->input.c, &a->window);
  float *between = malloc(reference_elements(middle) * sizeof(float));
  if (!between) return false;
  reference_conv_args depthwise = {.input = a->input,
                                   .outputs = a->input.c,
                                   .groups = a->input.c,
                                   .window = a->window,
                                   .activation = a->depthwise_activation,
                                   .x = a->x,
                                   .w = a->depthwise,
                                   .swapped = a->swapped};
  reference_conv(&depthwise, between);
  reference_conv_args pointwise = {.input = middle,
                                   .outputs = a->outputs,
                                   .groups = 1,
                                   .window = one_by_one,
                                   .activation = a->activation,
                                   .x = between,
                                   .w = a->pointwise,
                                   .residual = a->residual,
                                   .swapped = a->swapped};
  reference_conv(&pointwise, y);
  free(between);
  return true;
}

bool reference_inverted_residual(const reference_inverted_residual_args *a, float *y) {
  sepcl_shape wide = a->input;
  wide.c = a->expanded;
  float *expanded = malloc(reference_elements(wide) * sizeof(float));
  if (!expanded) return false;
  reference_conv_args expand = {.input = a->input,
                                .outputs = a->expanded,
                                .groups = 1,
                                .window = one_by_one,
                                .activation = a->expand_activation,
                                .x = a->x,
                                .w = a->expand,
                                .swapped = a->swapped};
  reference_conv(&expand, expanded);
  reference_separable_args rest = {.input = wide,
                                   .outputs = a->outputs,
                                   .window = a->window,
                                   .depthwise_activation = a->depthwise_activation,
                                   .activation = a->activation,
                                   .x = expanded,
                                   .depthwise = a->depthwise,
                                   .pointwise = a->project,
                                   .residual = a->residual,
                                   .swapped = a->swapped};
  bool done = reference_separable(&rest, y);
  free(expanded);
  return done;
}
