#include "support/exact.h"

#include <math.h>
#include <stdlib.h>

#include "reference_stages.h"
#include "stage/pack.h"

/* ---- functions ---- */

static double limited(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double function(sepcl_activation a, double x) {
  const double pi = 3.14159265358979323846;
  switch (a.kind) {
    case SEPCL_RELU: return x < 0 ? 0 : x;
    case SEPCL_RELU6: return limited(x, 0, 6);
    case SEPCL_CLIP: return limited(x, a.a, a.b);
    case SEPCL_LEAKY_RELU: return x < 0 ? a.a * x : x;
    case SEPCL_ELU: return x < 0 ? a.a * expm1(x) : x;
    case SEPCL_HARD_SIGMOID: return limited(a.a * x + a.b, 0, 1);
    case SEPCL_HARD_SWISH: return x * limited((x + 3) / 6, 0, 1);
    case SEPCL_SIGMOID: return 1 / (1 + exp(-x));
    case SEPCL_SWISH: return x / (1 + exp(-x));
    case SEPCL_TANH: return tanh(x);
    case SEPCL_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case SEPCL_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * pow(x, 3))));
    case SEPCL_ERF: return erf(x);
    case SEPCL_EXP: return exp(x);
    case SEPCL_LOG: return log(x);
    case SEPCL_SQRT: return sqrt(x);
    case SEPCL_ABS: return fabs(x);
    case SEPCL_NEGATE: return -x;
    case SEPCL_RECIPROCAL: return 1 / x;
    case SEPCL_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case SEPCL_FLOOR: return floor(x);
    case SEPCL_CEIL: return ceil(x);
    case SEPCL_ROUND: return nearbyint(x);
    case SEPCL_SIGN: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case SEPCL_THRESHOLDED: return x > a.a ? x : 0;
    case SEPCL_SELU: return (double)a.b * (x < 0 ? a.a * expm1(x) : x);
    case SEPCL_SOFTSIGN: return x / (1 + fabs(x));
    case SEPCL_MISH: return x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    default: return x;
  }
}

static double binary(int32_t kind, double a, double b) {
  switch (kind) {
    case SEPCL_ADD: return a + b;
    case SEPCL_SUB: return a - b;
    case SEPCL_MUL: return a * b;
    case SEPCL_DIV: return a / b;
    case SEPCL_MIN: return fmin(a, b);
    case SEPCL_MAX: return fmax(a, b);
    case SEPCL_POW: return pow(a, b);
    default: return a < 0 ? a * b : a;
  }
}

/* ---- convolutions ---- */

typedef struct image {
  sepcl_shape shape;
  double *values;
} image;

static bool image_make(image *out, sepcl_shape shape) {
  *out =
      (image){shape, calloc((size_t)shape.n * (size_t)shape.h * (size_t)shape.w * (size_t)shape.c + 1, sizeof(double))};
  return out->values != NULL;
}

static double *at(const image *m, int32_t n, int32_t y, int32_t x) {
  return m->values + (((int64_t)n * m->shape.h + y) * m->shape.w + x) * m->shape.c;
}

/* [O][KH][KW][I] with the bias in front of each output's; unrounded. */
static double *weights_of(const weight_reader *r) {
  const int64_t taps = (int64_t)r->kernel_h * r->kernel_w * r->inputs;
  double *out = calloc((size_t)(r->outputs * (taps + 1)) + 1, sizeof *out), *to = out;
  for (int32_t o = 0; out && o < r->outputs; o++) {
    const double factor = weight_factor(r, o);
    const sepcl_weights *set = r->set;
    double bias = set->bias ? (double)set->bias[o] : 0;
    if (set->variance)
      bias = (bias - (set->mean ? (double)set->mean[o] : 0)) * factor + (set->beta ? (double)set->beta[o] : 0);
    *to++ = bias;
    sepcl_weights plain = *set;
    plain.variance = NULL;
    const weight_reader unfolded = {&plain, r->outputs, r->inputs, r->kernel_h, r->kernel_w};
    for (int32_t ky = 0; ky < r->kernel_h; ky++)
      for (int32_t kx = 0; kx < r->kernel_w; kx++)
        for (int32_t i = 0; i < r->inputs; i++) *to++ = (double)weight_at(&unfolded, 1, o, ky, kx, i) * factor;
  }
  return out;
}

static void tap(double *y, const double *x, const double *w, int32_t groups, const weight_reader *r, int64_t chain) {
  const int32_t outputs = r->outputs / groups;
  for (int32_t o = 0; o < r->outputs; o++, w += chain) {
    const double *from = x + (int64_t)(o / outputs) * r->inputs;
    double sum = 0;
    for (int32_t i = 0; i < r->inputs; i++) sum += from[i] * w[i];
    y[o] += sum;
  }
}

static bool convolve(image *y, const image *x, const sepcl_weights *set, const sepcl_window *w, int32_t groups,
                     sepcl_activation a) {
  const weight_reader r = {set, y->shape.c, x->shape.c / groups, w->kernel_h, w->kernel_w};
  const int64_t chain = (int64_t)r.kernel_h * r.kernel_w * r.inputs + 1;
  double *weights = weights_of(&r);
  if (!weights) return false;
  for (int32_t n = 0; n < y->shape.n; n++)
    for (int32_t oy = 0; oy < y->shape.h; oy++)
      for (int32_t ox = 0; ox < y->shape.w; ox++) {
        double *to = at(y, n, oy, ox);
        for (int32_t o = 0; o < r.outputs; o++) to[o] = weights[o * chain];
        for (int32_t k = 0; k < w->kernel_h * w->kernel_w; k++) {
          const int32_t iy = oy * w->stride_h - w->pad_top + k / w->kernel_w * w->dilation_h;
          const int32_t ix = ox * w->stride_w - w->pad_left + k % w->kernel_w * w->dilation_w;
          if (iy < 0 || iy >= x->shape.h || ix < 0 || ix >= x->shape.w) continue;
          tap(to, at(x, n, iy, ix), weights + 1 + (int64_t)k * r.inputs, groups, &r, chain);
        }
        for (int32_t o = 0; o < r.outputs; o++) to[o] = function(a, to[o]);
      }
  free(weights);
  return true;
}

static int64_t pixels_of(sepcl_shape s) { return (int64_t)s.n * s.h * s.w; }

static void finish(const stage *s, const exact_operands *o, const image *y) {
  const int32_t channels = s->output.c;
  for (int64_t i = 0; i < pixels_of(s->output); i++)
    for (int32_t c = 0; c < channels; c++) {
      const int32_t place = s->output_order ? s->output_order[c] : c;
      const double residual = s->has_residual ? (double)o->r[i * o->r_pitch + place] : 0;
      o->y[i * o->y_pitch + place] = function(s->activation, y->values[i * channels + c] + residual);
      o->used[i * o->y_pitch + place] = true;
    }
}

static bool convolution(const stage *s, const exact_operands *o) {
  const sepcl_activation none = SEPCL_ACTIVATION_INIT;
  const sepcl_window point = SEPCL_WINDOW_INIT;
  const bool expands = s->kind == STAGE_INVERTED_RESIDUAL, block = expands || s->kind == STAGE_SEPARABLE;
  const int32_t inner = expands ? s->expanded : s->input.c;
  sepcl_shape wide = s->input, middle = s->output;
  wide.c = middle.c = inner;
  image x, a = {.values = NULL}, b = {.values = NULL}, y = {.values = NULL};
  bool done = image_make(&x, s->input) && image_make(&y, s->output);
  for (int64_t i = 0; done && i < pixels_of(s->input); i++)
    for (int32_t c = 0; c < s->input.c; c++) {
      const int64_t image_size = (int64_t)s->input.h * s->input.w;
      const double scale = s->has_scale ? (double)o->s[i / image_size * o->s_pitch + c] : 1;
      x.values[i * s->input.c + c] = (double)o->x[i * o->x_pitch + (s->input_order ? s->input_order[c] : c)] * scale;
    }
  if (done && block) {
    done = image_make(&a, wide) && image_make(&b, middle);
    const image *from = expands ? &a : &x;
    const sepcl_weights *sets = o->sets;
    if (done && expands) done = convolve(&a, &x, sets++, &point, 1, s->inner[0]);
    done = done && convolve(&b, from, sets, &s->window, inner, s->inner[expands]) &&
           convolve(&y, &b, sets + 1, &point, 1, none);
  } else if (done) {
    done = convolve(&y, &x, o->sets, &s->window, s->groups, none);
  }
  if (done) finish(s, o, &y);
  free(x.values);
  free(a.values);
  free(b.values);
  free(y.values);
  return done;
}

/* ---- stages whose f32 definition rounds nothing, or whose bound is their whole range ---- */

static bool as_defined(const stage *s, const exact_operands *o, int64_t elements) {
  float *y = malloc((size_t)(elements + 1) * sizeof *y);
  if (!y) return false;
  for (int64_t i = 0; i < elements; i++) y[i] = NAN;
  const reference_operands r = {.x = o->x,
                                .r = o->r,
                                .s = o->s,
                                .y = y,
                                .x_pitch = o->x_pitch,
                                .r_pitch = o->r_pitch,
                                .s_pitch = o->s_pitch,
                                .y_pitch = o->y_pitch,
                                .weights = o->sets,
                                .block = 64};
  reference_stage(s, &r);
  for (int64_t i = 0; i < elements; i++)
    if (y[i] == y[i]) {
      o->y[i] = (double)y[i];
      o->used[i] = true;
    }
  free(y);
  return true;
}

/* ---- pools, resizing, norms ---- */

static void put(const stage *s, const exact_operands *o, int64_t pixel, int32_t c, double v) {
  o->y[pixel * o->y_pitch + c] = function(s->activation, v);
  o->used[pixel * o->y_pitch + c] = true;
}

static double pool_at(const stage *s, const exact_operands *o, int64_t pixel, int32_t c) {
  const sepcl_window *w = &s->window;
  const int32_t ox = (int32_t)(pixel % s->output.w), oy = (int32_t)(pixel / s->output.w % s->output.h);
  const int64_t n = pixel / s->output.w / s->output.h;
  double sum = 0, count = 0;
  for (int32_t k = 0; k < w->kernel_h * w->kernel_w; k++) {
    const int32_t iy = oy * w->stride_h - w->pad_top + k / w->kernel_w * w->dilation_h;
    const int32_t ix = ox * w->stride_w - w->pad_left + k % w->kernel_w * w->dilation_w;
    const bool inside = iy >= 0 && iy < s->input.h && ix >= 0 && ix < s->input.w;
    if (inside) sum += (double)o->x[((n * s->input.h + iy) * s->input.w + ix) * o->x_pitch + c];
    count += inside || (s->mode == SEPCL_AVERAGE_POOL_WITH_PADDING && iy < s->input.h + w->pad_bottom &&
                        ix < s->input.w + w->pad_right);
  }
  return sum / count;
}

static double global_at(const stage *s, const exact_operands *o, int64_t n, int32_t c) {
  const int64_t pixels = (int64_t)s->input.h * s->input.w;
  double sum = 0;
  for (int64_t i = 0; i < pixels; i++) sum += (double)o->x[(n * pixels + i) * o->x_pitch + c];
  return s->mode == SEPCL_REDUCE_MEAN ? sum / (double)pixels : sum;
}

static double coordinate(int32_t i, int32_t kind, double scale, int32_t size, int32_t outputs) {
  switch (kind) {
    case SEPCL_ALIGN_CORNERS: return outputs == 1 ? 0 : (double)i * (size - 1) / (outputs - 1);
    case SEPCL_ASYMMETRIC: return i / scale;
    case SEPCL_PYTORCH_HALF_PIXEL: return outputs == 1 ? 0 : (i + 0.5) / scale - 0.5;
    case SEPCL_HALF_PIXEL: return (i + 0.5) / scale - 0.5;
    default: return (i + 0.5) / scale;
  }
}

static double resize_at(const stage *s, const exact_operands *o, int64_t pixel, int32_t c) {
  const int32_t ox = (int32_t)(pixel % s->output.w), oy = (int32_t)(pixel / s->output.w % s->output.h);
  const int64_t n = pixel / s->output.w / s->output.h;
  const double v = limited(coordinate(oy, s->extra[0], s->extra_float[0], s->input.h, s->output.h), 0, s->input.h - 1);
  const double u = limited(coordinate(ox, s->extra[0], s->extra_float[1], s->input.w, s->output.w), 0, s->input.w - 1);
  double sum = 0;
  for (int32_t k = 0; k < 4; k++) {
    const double top = floor(v), left = floor(u);
    const int32_t iy = (int32_t)fmin(top + k / 2, s->input.h - 1), ix = (int32_t)fmin(left + k % 2, s->input.w - 1);
    const double share = (k / 2 ? v - top : 1 - v + top) * (k % 2 ? u - left : 1 - u + left);
    sum += share * (double)o->x[((n * s->input.h + iy) * s->input.w + ix) * o->x_pitch + c];
  }
  return sum;
}

static double norm_at(const stage *s, const exact_operands *o, int64_t pixel, int32_t c) {
  const int64_t size = (int64_t)s->input.h * s->input.w,
                first = s->mode == SEPCL_LAYER_NORM ? pixel : pixel / size * size;
  const int64_t count = s->mode == SEPCL_LAYER_NORM ? s->input.c : size;
  const int64_t from = first * o->x_pitch + (s->mode == SEPCL_LAYER_NORM ? 0 : c);
  const int64_t step = s->mode == SEPCL_LAYER_NORM ? 1 : o->x_pitch;
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < count; i++) mean += (double)o->x[from + i * step] / (double)count;
  for (int64_t i = 0; i < count; i++) variance += pow((double)o->x[from + i * step] - mean, 2) / (double)count;
  const double v = ((double)o->x[pixel * o->x_pitch + c] - mean) / sqrt(variance + (double)s->extra_float[0]);
  return v * (s->has_residual ? (double)o->r[c] : 1) + (s->has_scale ? (double)o->s[c] : 0);
}

static double lrn_at(const stage *s, const exact_operands *o, int64_t pixel, int32_t c) {
  double squares = 0;
  for (int32_t k = c - (s->extra[0] - 1) / 2; k <= c + s->extra[0] / 2; k++)
    if (k >= 0 && k < s->input.c) squares += pow((double)o->x[pixel * o->x_pitch + k], 2);
  const double base = (double)s->extra_float[2] + (double)s->extra_float[0] / s->extra[0] * squares;
  return (double)o->x[pixel * o->x_pitch + c] / pow(base, (double)s->extra_float[1]);
}

typedef double (*channel_function)(const stage *s, const exact_operands *o, int64_t pixel, int32_t c);

static bool channels(const stage *s, const exact_operands *o, channel_function f) {
  const sepcl_shape out = s->kind == STAGE_NORM ? s->input : s->output;
  for (int64_t pixel = 0; pixel < pixels_of(out); pixel++)
    for (int32_t c = 0; c < out.c; c++) put(s, o, pixel, c, f(s, o, pixel, c));
  return true;
}

/* ---- strided stages ---- */

typedef struct offsets {
  int64_t x, r, s, y;
} offsets;

/* Where element `index` of the axes that are not in `skipped` lies. */
static offsets offsets_of(const stage *s, int64_t index, uint32_t skipped, const int32_t *s_stride) {
  offsets at = {0, 0, 0, 0};
  for (int32_t axis = s->rank - 1; axis >= 0; axis--) {
    if (skipped >> axis & 1) continue;
    const int64_t i = index % s->dims[axis];
    index /= s->dims[axis];
    at.x += i * s->x_stride[axis];
    at.r += i * s->r_stride[axis];
    at.y += i * s->y_stride[axis];
    if (s_stride) at.s += i * s_stride[axis];
  }
  return at;
}

static int64_t elements_of(const stage *s, uint32_t skipped) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < s->rank; axis++)
    if (!(skipped >> axis & 1)) count *= s->dims[axis];
  return count;
}

static void write_at(const stage *s, const exact_operands *o, int64_t at, double v) {
  o->y[at] = function(s->kind == STAGE_SOFTMAX ? (sepcl_activation)SEPCL_ACTIVATION_INIT : s->activation, v);
  o->used[at] = true;
}

static bool elementwise(const stage *s, const exact_operands *o) {
  for (int64_t i = 0; i < elements_of(s, 0); i++) {
    const offsets at = offsets_of(s, i, 0, s->has_scale ? s->extra : NULL);
    double v = (double)o->x[at.x] * (s->has_scale ? (double)o->s[at.s] : 1);
    if (s->mode >= 0) v = binary(s->mode, v, (double)o->r[at.r]);
    write_at(s, o, at.y, v);
  }
  return true;
}

static bool softmax(const stage *s, const exact_operands *o) {
  const uint32_t last = 1u << (s->rank - 1);
  const int64_t count = s->dims[s->rank - 1], x_step = s->x_stride[s->rank - 1], y_step = s->y_stride[s->rank - 1];
  for (int64_t row = 0; row < elements_of(s, last); row++) {
    const offsets at = offsets_of(s, row, last, NULL);
    double top = -INFINITY, total = 0;
    for (int64_t i = 0; i < count; i++) top = fmax(top, (double)o->x[at.x + i * x_step]);
    for (int64_t i = 0; i < count; i++) total += exp((double)o->x[at.x + i * x_step] - top);
    for (int64_t i = 0; i < count; i++)
      write_at(s, o, at.y + i * y_step, exp((double)o->x[at.x + i * x_step] - top) / total);
  }
  return true;
}

static bool reduce(const stage *s, const exact_operands *o) {
  uint32_t reduced = 0;
  for (int32_t axis = 0; axis < s->rank && axis < SEPCL_MAX_RANK; axis++)
    reduced |= (uint32_t)(s->extra[axis] != 0) << axis;
  const uint32_t kept = ~reduced & ((1u << s->rank) - 1);
  const int64_t terms = elements_of(s, kept);
  for (int64_t i = 0; i < elements_of(s, reduced); i++) {
    const offsets at = offsets_of(s, i, reduced, NULL);
    double sum = 0;
    for (int64_t k = 0; k < terms; k++) sum += (double)o->x[at.x + offsets_of(s, k, kept, NULL).x];
    write_at(s, o, at.y, s->mode == SEPCL_REDUCE_MEAN ? sum / (double)terms : sum);
  }
  return true;
}

static bool matmul(const stage *s, const exact_operands *o) {
  stage placed = *s; /* x does not move along n, nor r along m */
  placed.x_stride[s->rank - 1] = 0;
  placed.r_stride[s->rank - 2] = 0;
  for (int64_t i = 0; i < elements_of(s, 0); i++) {
    const offsets at = offsets_of(&placed, i, 0, s->has_scale ? s->extra + 3 : NULL);
    double sum = s->has_scale ? (double)o->s[at.s] : 0;
    for (int32_t k = 0; k < s->extra[0]; k++)
      sum += (double)o->x[at.x + (int64_t)k * s->extra[1]] * (double)o->r[at.r + (int64_t)k * s->extra[2]];
    write_at(s, o, at.y, sum);
  }
  return true;
}

static int64_t span(const stage *s, const exact_operands *o) {
  if (!s->rank) return pixels_of(s->kind == STAGE_NORM ? s->input : s->output) * o->y_pitch;
  int64_t last = s->y_first;
  for (int32_t axis = 0; axis < s->rank; axis++) last += (s->dims[axis] - 1) * llabs(s->y_stride[axis]);
  return last + 1;
}

bool exact_stage(const stage *s, const exact_operands *o) {
  const bool picks = s->mode == SEPCL_REDUCE_MAX || s->mode == SEPCL_REDUCE_MIN;
  switch (s->kind) {
    case STAGE_POINTWISE:
    case STAGE_CONV:
    case STAGE_DEPTHWISE:
    case STAGE_SEPARABLE:
    case STAGE_INVERTED_RESIDUAL: return convolution(s, o);
    case STAGE_POOL: return s->mode == SEPCL_MAX_POOL ? as_defined(s, o, span(s, o)) : channels(s, o, pool_at);
    case STAGE_GLOBAL_POOL: return picks ? as_defined(s, o, span(s, o)) : channels(s, o, global_at);
    case STAGE_RESIZE: return s->mode == SEPCL_LINEAR ? channels(s, o, resize_at) : as_defined(s, o, span(s, o));
    case STAGE_NORM: return channels(s, o, s->mode == SEPCL_LRN ? lrn_at : norm_at);
    case STAGE_ELEMENTWISE: return elementwise(s, o);
    case STAGE_SOFTMAX: return softmax(s, o);
    case STAGE_REDUCE: return picks ? as_defined(s, o, span(s, o)) : reduce(s, o);
    case STAGE_MATMUL: return matmul(s, o);
    default: return as_defined(s, o, span(s, o)); /* copies; the bound of a deformable convolution is its range */
  }
}
