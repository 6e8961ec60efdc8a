/* Pools, resizing, norms, transposed and deformable convolutions: images as [N][H][W][C]. */
#include "reference_stages.h"

#include <math.h>
#include <stdlib.h>

#include "reference_functions.h"

static const float *pixel(const stage *s, const reference_operands *o, const int64_t at[3]) {
  return o->x + ((at[0] * s->input.h + at[1]) * s->input.w + at[2]) * o->x_pitch;
}

static bool is_inside(const stage *s, int64_t y, int64_t x) {
  return y >= 0 && y < s->input.h && x >= 0 && x < s->input.w;
}

static float pool_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c) {
  const sepcl_window *w = &s->window;
  const int64_t top = at[1] * w->stride_h - w->pad_top, left = at[2] * w->stride_w - w->pad_left;
  float sum = s->mode == SEPCL_MAX_POOL ? -INFINITY : 0.0f;
  int32_t inside = 0, padded = 0;
  float first = 0.0f;
  for (int32_t ky = 0; ky < w->kernel_h; ky++)
    for (int32_t kx = 0; kx < w->kernel_w; kx++) {
      const int64_t iy = top + (int64_t)ky * w->dilation_h, ix = left + (int64_t)kx * w->dilation_w;
      padded += iy < s->input.h + w->pad_bottom && ix < s->input.w + w->pad_right;
      if (!is_inside(s, iy, ix)) continue;
      const float v = pixel(s, o, (int64_t[]){at[0], iy, ix})[c];
      inside++;
      if (o->swapped && inside == 1)
        first = v; /* added last instead of first */
      else if (s->mode == SEPCL_MAX_POOL)
        sum = reference_max(sum, v);
      else
        sum = sum + v;
    }
  if (o->swapped) sum = s->mode == SEPCL_MAX_POOL ? reference_max(sum, first) : sum + first;
  if (s->mode == SEPCL_AVERAGE_POOL) sum = sum / (float)inside;
  if (s->mode == SEPCL_AVERAGE_POOL_WITH_PADDING) sum = sum / (float)padded;
  return reference_function(s->activation, sum);
}

typedef float (*pixel_function)(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c);

/* y[n][oy][ox][c] for all of the output. */
static void for_each_output(const stage *s, const reference_operands *o, pixel_function f) {
  float *to = o->y;
  for (int64_t n = 0; n < s->output.n; n++)
    for (int64_t oy = 0; oy < s->output.h; oy++)
      for (int64_t ox = 0; ox < s->output.w; ox++, to += o->y_pitch)
        for (int32_t c = 0; c < s->output.c; c++) to[c] = f(s, o, (int64_t[]){n, oy, ox}, c);
}

void reference_pool_stage(const stage *s, const reference_operands *o) { for_each_output(s, o, pool_at); }

void reference_global_pool_stage(const stage *s, const reference_operands *o) {
  stage reduce = {.kind = STAGE_REDUCE, .activation = s->activation, .mode = s->mode, .rank = 4};
  const int64_t dims[4] = {s->input.n, s->input.h, s->input.w, s->input.c};
  const int64_t x_stride[4] = {dims[1] * dims[2] * o->x_pitch, dims[2] * o->x_pitch, o->x_pitch, 1};
  const int64_t y_stride[4] = {o->y_pitch, 0, 0, 1};
  for (int32_t i = 0; i < 4; i++) {
    reduce.dims[i] = dims[i];
    reduce.x_stride[i] = x_stride[i];
    reduce.y_stride[i] = y_stride[i];
    reduce.extra[i] = i == 1 || i == 2;
  }
  reference_reduce_stage(&reduce, o);
}

/* Where output index i lies in the input. */
static float coordinate(const stage *s, int64_t i, int32_t vertical) {
  const int32_t size = vertical ? s->input.h : s->input.w, outputs = vertical ? s->output.h : s->output.w;
  const float by_sizes = (float)outputs / (float)size;
  float scale = s->extra_float[vertical ? 0 : 1], at = (float)i, times = 1.0f;
  if (scale == 0.0f) scale = by_sizes;
  /* One division of whole numbers, so that a half that is rounded is a half. */
  if (scale == by_sizes && s->mode == SEPCL_NEAREST && s->extra[1] <= SEPCL_ROUND_PREFER_CEIL)
    scale = (float)outputs, times = (float)size;
  switch ((sepcl_coordinates)s->extra[0]) {
    case SEPCL_PYTORCH_HALF_PIXEL: return outputs == 1 ? 0.0f : (at + 0.5f) * times / scale - 0.5f;
    case SEPCL_HALF_PIXEL: return (at + 0.5f) * times / scale - 0.5f;
    case SEPCL_ALIGN_CORNERS: return outputs == 1 ? 0.0f : at * (float)(size - 1) / (float)(outputs - 1);
    case SEPCL_ASYMMETRIC: return at * times / scale;
    case SEPCL_TF_HALF_PIXEL_FOR_NN: return (at + 0.5f) * times / scale;
  }
  return NAN;
}

static float limited(float at, int32_t size) {
  return at < 0.0f ? 0.0f : at > (float)(size - 1) ? (float)(size - 1) : at;
}

static int64_t nearest(const stage *s, float at, int32_t size) {
  const float rest = at - floorf(at);
  bool up = false;
  switch ((sepcl_nearest)s->extra[1]) {
    case SEPCL_ROUND_PREFER_FLOOR: up = rest > 0.5f; break;
    case SEPCL_ROUND_PREFER_CEIL: up = rest >= 0.5f; break;
    case SEPCL_NEAREST_FLOOR: break;
    case SEPCL_NEAREST_CEIL: up = rest > 0.0f; break;
  }
  return (int64_t)limited(floorf(at) + (up ? 1.0f : 0.0f), size);
}

static float mix(float a, float b, float share) { return fmaf(share, b - a, a); }

static float resize_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c) {
  float v = coordinate(s, at[1], 1), u = coordinate(s, at[2], 0);
  if (s->mode == SEPCL_NEAREST) {
    const int64_t from[3] = {at[0], nearest(s, v, s->input.h), nearest(s, u, s->input.w)};
    return reference_function(s->activation, pixel(s, o, from)[c]);
  }
  v = limited(v, s->input.h);
  u = limited(u, s->input.w);
  const int64_t y0 = (int64_t)v, x0 = (int64_t)u;
  const int64_t y1 = y0 + 1 < s->input.h ? y0 + 1 : y0, x1 = x0 + 1 < s->input.w ? x0 + 1 : x0;
  const float y_share = v - (float)y0, x_share = u - (float)x0;
  const float a = pixel(s, o, (int64_t[]){at[0], y0, x0})[c], b = pixel(s, o, (int64_t[]){at[0], y0, x1})[c];
  const float d = pixel(s, o, (int64_t[]){at[0], y1, x0})[c], e = pixel(s, o, (int64_t[]){at[0], y1, x1})[c];
  if (o->swapped) /* columns before rows: another rounding */
    return reference_function(s->activation, mix(mix(a, d, y_share), mix(b, e, y_share), x_share));
  return reference_function(s->activation, mix(mix(a, b, x_share), mix(d, e, x_share), y_share));
}

void reference_resize_stage(const stage *s, const reference_operands *o) { for_each_output(s, o, resize_at); }

/* Blocks and tree as reference_sum has them, each block a chain of fma. */
static float sum_of_squares(float *terms, int64_t count, const reference_operands *o) {
  int64_t blocks = 0;
  reference_operands tree = {.block = 1};
  for (int64_t first = 0; first < count; first += o->block) {
    float sum = 0.0f;
    for (int64_t i = first; i < first + o->block && i < count; i++) sum = fmaf(terms[i], terms[i], sum);
    terms[blocks++] = sum;
  }
  return reference_sum(terms, blocks, &tree);
}

/* `count` elements `step` apart; scale and shift belong to element i, or all to channel c where c >= 0. */
typedef struct norm_run {
  const float *from;
  float *to;
  int64_t count, from_step, to_step;
  int32_t channel;
} norm_run;

static void normalise(const stage *s, const reference_operands *o, const norm_run *run, float *terms) {
  const float share = 1.0f / (float)run->count;
  for (int64_t i = 0; i < run->count; i++) terms[i] = run->from[i * run->from_step];
  const float mean = reference_sum(terms, run->count, o) * share;
  for (int64_t i = 0; i < run->count; i++) terms[i] = run->from[i * run->from_step] - mean;
  const float variance = sum_of_squares(terms, run->count, o) * share;
  const float inverse = 1.0f / sqrtf(variance + s->extra_float[0]);
  for (int64_t i = 0; i < run->count; i++) {
    const int64_t k = run->channel < 0 ? i : run->channel;
    float v = (run->from[i * run->from_step] - mean) * inverse;
    if (s->has_residual && s->has_scale)
      v = fmaf(v, o->r[k], o->s[k]);
    else if (s->has_residual)
      v = v * o->r[k];
    else if (s->has_scale)
      v = v + o->s[k];
    run->to[i * run->to_step] = reference_function(s->activation, v);
  }
}

static float lrn_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c) {
  const float *from = pixel(s, o, at);
  const int32_t window = s->extra[0];
  const int64_t first = (int64_t)c - (window - 1) / 2, last = (int64_t)c + window / 2;
  float squares = 0.0f;
  for (int64_t i = first < 0 ? 0 : first; i <= last && i < s->input.c; i++) squares = fmaf(from[i], from[i], squares);
  const float base = fmaf(s->extra_float[0] / (float)window, squares, s->extra_float[2]);
  return reference_function(s->activation, from[c] / reference_pow(base, s->extra_float[1]));
}

void reference_norm_stage(const stage *s, const reference_operands *o) {
  const int64_t pixels = (int64_t)s->input.h * s->input.w, channels = s->input.c;
  if (s->mode == SEPCL_LRN) {
    for_each_output(s, o, lrn_at);
    return;
  }
  const bool layer = s->mode == SEPCL_LAYER_NORM;
  float *terms = malloc((size_t)(layer ? channels : pixels) * sizeof *terms);
  if (!terms) return;
  if (layer) {
    for (int64_t row = 0; row < s->input.n * pixels; row++) {
      norm_run run = {o->x + row * o->x_pitch, o->y + row * o->y_pitch, channels, 1, 1, -1};
      normalise(s, o, &run, terms);
    }
  } else {
    for (int64_t n = 0; n < s->input.n; n++)
      for (int32_t c = 0; c < channels; c++) {
        norm_run run = {
            o->x + n * pixels * o->x_pitch + c, o->y + n * pixels * o->y_pitch + c, pixels, o->x_pitch, o->y_pitch, c};
        normalise(s, o, &run, terms);
      }
  }
  free(terms);
}

/* Weight (o, tap, i) with batch norm folded in. */
static float folded_weight(const stage *s, const sepcl_weights *set, const int64_t at[3]) {
  const int64_t inputs = s->input.c / s->groups, outputs = s->output.c / s->groups;
  const int64_t taps = (int64_t)s->window.kernel_h * s->window.kernel_w, o = at[0], tap = at[1], i = at[2];
  const bool transposed = s->kind == STAGE_CONV_TRANSPOSE && set->layout == SEPCL_OIHW;
  int64_t index = (o * inputs + i) * taps + tap;
  if (transposed) index = ((o / outputs * inputs + i) * outputs + o % outputs) * taps + tap;
  if (set->layout == SEPCL_OHWI) index = (o * taps + tap) * inputs + i;
  if (set->layout == SEPCL_HWIO) index = (tap * inputs + i) * s->output.c + o;
  if (!set->variance) return set->weights[index];
  double factor = (set->gamma ? set->gamma[o] : 1.0) / sqrt((double)set->variance[o] + set->epsilon);
  return (float)(set->weights[index] * factor);
}

static float folded_bias(const sepcl_weights *set, int64_t o) {
  double bias = set->bias ? set->bias[o] : 0.0;
  if (set->variance) {
    double factor = (set->gamma ? set->gamma[o] : 1.0) / sqrt((double)set->variance[o] + set->epsilon);
    bias = (bias - (set->mean ? set->mean[o] : 0.0)) * factor + (set->beta ? set->beta[o] : 0.0);
  }
  return (float)bias + 0.0f;
}

/* Tap (ky, kx)'s value of input channel c for an output pixel; false: the tap is skipped. */
typedef bool (*tap_function)(const stage *s, const reference_operands *o, const int64_t at[6], float *value);

static float chain_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c, tap_function tap) {
  const int64_t inputs = s->input.c / s->groups, group = c / (s->output.c / s->groups), kw = s->window.kernel_w;
  float sum = folded_bias(o->weights, c), value;
  const int64_t terms = s->window.kernel_h * kw * inputs;
  for (int64_t k = 0; k < terms; k++) {
    const int64_t term = o->swapped ? terms - 1 - k : k, t = term / inputs, i = term % inputs;
    const int64_t where[6] = {at[0], at[1], at[2], t / kw, t % kw, group * inputs + i};
    if (!tap(s, o, where, &value)) continue;
    sum = fmaf(value, folded_weight(s, o->weights, (int64_t[]){c, t, i}), sum);
  }
  return reference_function(s->activation, sum);
}

static bool transposed_tap(const stage *s, const reference_operands *o, const int64_t at[6], float *value) {
  const sepcl_window *w = &s->window;
  const int64_t y = at[1] + w->pad_top - at[3] * w->dilation_h, x = at[2] + w->pad_left - at[4] * w->dilation_w;
  if (y < 0 || x < 0 || y % w->stride_h || x % w->stride_w) return false;
  if (!is_inside(s, y / w->stride_h, x / w->stride_w)) return false;
  *value = pixel(s, o, (int64_t[]){at[0], y / w->stride_h, x / w->stride_w})[at[5]];
  return true;
}

static float conv_transpose_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c) {
  return chain_at(s, o, at, c, transposed_tap);
}

void reference_conv_transpose_stage(const stage *s, const reference_operands *o) {
  for_each_output(s, o, conv_transpose_at);
}

/* x between its pixels: the neighbours inside the image, upper left first. */
static float bilinear(const stage *s, const reference_operands *o, const int64_t at[6], const float where[2]) {
  const float v = where[0], u = where[1];
  if (isnan(v) || isnan(u)) return NAN;
  if (!(v > -1.0f && v < (float)s->input.h && u > -1.0f && u < (float)s->input.w)) return 0.0f;
  const float low = v - floorf(v), right = u - floorf(u), high = 1.0f - low, left = 1.0f - right;
  const float shares[4] = {high * left, high * right, low * left, low * right};
  float sum = 0.0f;
  for (int32_t i = 0; i < 4; i++) {
    const int64_t iy = (int64_t)floorf(v) + i / 2, ix = (int64_t)floorf(u) + i % 2;
    if (!is_inside(s, iy, ix)) continue;
    const float value = pixel(s, o, (int64_t[]){at[0], iy, ix})[at[5]];
    sum = i == 0 ? shares[0] * value : fmaf(shares[i], value, sum);
  }
  return sum;
}

static bool deformed_tap(const stage *s, const reference_operands *o, const int64_t at[6], float *value) {
  const sepcl_window *w = &s->window;
  const int64_t row = (at[0] * s->output.h + at[1]) * s->output.w + at[2], set = at[5] / (s->input.c / s->extra[0]);
  const int64_t tap = (set * w->kernel_h + at[3]) * w->kernel_w + at[4];
  const float *offset = o->r + row * o->r_pitch + 2 * tap;
  const float where[2] = {(float)(at[1] * w->stride_h - w->pad_top + at[3] * w->dilation_h) + offset[0],
                          (float)(at[2] * w->stride_w - w->pad_left + at[4] * w->dilation_w) + offset[1]};
  *value = bilinear(s, o, at, where) * (s->has_scale ? o->s[row * o->s_pitch + tap] : 1.0f);
  return true;
}

static float deform_conv_at(const stage *s, const reference_operands *o, const int64_t at[3], int32_t c) {
  return chain_at(s, o, at, c, deformed_tap);
}

void reference_deform_conv_stage(const stage *s, const reference_operands *o) { for_each_output(s, o, deform_conv_at); }

void reference_stage(const stage *s, const reference_operands *o) {
  static void (*const stages[STAGE_KIND_COUNT])(const stage *, const reference_operands *) = {
      [STAGE_POOL] = reference_pool_stage,
      [STAGE_GLOBAL_POOL] = reference_global_pool_stage,
      [STAGE_ELEMENTWISE] = reference_elementwise_stage,
      [STAGE_COPY] = reference_copy_stage,
      [STAGE_SOFTMAX] = reference_softmax_stage,
      [STAGE_REDUCE] = reference_reduce_stage,
      [STAGE_MATMUL] = reference_matmul_stage,
      [STAGE_RESIZE] = reference_resize_stage,
      [STAGE_NORM] = reference_norm_stage,
      [STAGE_CONV_TRANSPOSE] = reference_conv_transpose_stage,
      [STAGE_DEFORM_CONV] = reference_deform_conv_stage,
  };
  if (stages[s->kind]) stages[s->kind](s, o);
}

static bool covers_input(const sepcl_pool_desc *desc) {
  const sepcl_window *w = &desc->window;
  return w->kernel_h == desc->input.h && w->kernel_w == desc->input.w && w->dilation_h == 1 && w->dilation_w == 1 &&
         !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
}

/* A window of the whole input is a global pool. */
void reference_pool(const sepcl_pool_desc *desc, const float *x, float *y) {
  const sepcl_window *w = &desc->window;
  stage s = {.kind = STAGE_POOL,
             .input = desc->input,
             .output = desc->input,
             .window = *w,
             .mode = (int32_t)desc->kind,
             .activation = desc->activation};
  s.output.h = (desc->input.h + w->pad_top + w->pad_bottom - (w->dilation_h * (w->kernel_h - 1) + 1)) / w->stride_h + 1;
  s.output.w = (desc->input.w + w->pad_left + w->pad_right - (w->dilation_w * (w->kernel_w - 1) + 1)) / w->stride_w + 1;
  reference_operands o = {.x = x, .y = y, .x_pitch = s.input.c, .y_pitch = s.input.c, .block = 64};
  if (!covers_input(desc)) {
    reference_pool_stage(&s, &o);
    return;
  }
  s.mode = desc->kind == SEPCL_MAX_POOL ? SEPCL_REDUCE_MAX : SEPCL_REDUCE_MEAN;
  reference_global_pool_stage(&s, &o);
}

void reference_elementwise(const sepcl_elementwise_desc *desc, const float *x, const float *second, float *y) {
  const int64_t channels = desc->input.c, pixels = (int64_t)desc->input.h * desc->input.w;
  stage s = {.kind = STAGE_ELEMENTWISE,
             .mode = second ? (int32_t)desc->binary : -1,
             .activation = desc->activation,
             .rank = 3,
             .dims = {desc->input.n, pixels, channels},
             .x_stride = {pixels * channels, channels, 1},
             .r_stride = {pixels * channels, channels, 1},
             .y_stride = {pixels * channels, channels, 1}};
  if (desc->per_channel) {
    s.r_stride[0] = channels;
    s.r_stride[1] = 0;
  }
  reference_operands o = {.x = x, .r = second, .y = y};
  reference_elementwise_stage(&s, &o);
}
