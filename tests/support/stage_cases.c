#include "support/stage_cases.h"

#include <stdio.h>
#include <string.h>

#include "stage/copy.h"

sepcl_activation random_activation(rng *r) {
  static const float parameters[SEPCL_FUNCTION_COUNT][2] = {
      [SEPCL_CLIP] = {-1.0f, 0.75f},       [SEPCL_LEAKY_RELU] = {0.1f, 0.0f},  [SEPCL_ELU] = {1.5f, 0.0f},
      [SEPCL_HARD_SIGMOID] = {0.2f, 0.5f}, [SEPCL_THRESHOLDED] = {0.5f, 0.0f}, [SEPCL_SELU] = {1.6732632f, 1.0507009f}};
  if (rng_one_in(r, 2)) return (sepcl_activation){SEPCL_NONE, 0.0f, 0.0f};
  sepcl_function kind = (sepcl_function)rng_range(r, 0, SEPCL_FUNCTION_COUNT - 1);
  return (sepcl_activation){kind, parameters[kind][0], parameters[kind][1]};
}

static int32_t random_channels(rng *r) {
  static const int32_t usual[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 67};
  return usual[rng_range(r, 0, (int32_t)(sizeof usual / sizeof *usual) - 1)];
}

static int32_t random_pitch(rng *r, int32_t channels) {
  return rng_one_in(r, 2) ? channels : channels + rng_range(r, 1, 9);
}

static int64_t pixels_of(sepcl_shape s) { return (int64_t)s.n * s.h * s.w; }

static void window_operands(stage_case *c, rng *r) {
  c->x_pitch = random_pitch(r, c->s.input.c);
  c->y_pitch = random_pitch(r, c->s.output.c);
  c->x_floats = pixels_of(c->s.input) * c->x_pitch;
  c->y_floats = pixels_of(c->s.output) * c->y_pitch;
}

static int32_t outputs(int32_t size, int32_t pads, int32_t kernel, int32_t dilation, int32_t stride) {
  int32_t room = size + pads - (dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : room / stride + 1;
}

static void random_window(stage_case *c, rng *r, bool pads_below_kernel) {
  stage *s = &c->s;
  sepcl_window *w = &s->window;
  do {
    s->input = (sepcl_shape){rng_range(r, 1, 2), rng_range(r, 1, 13), rng_range(r, 1, 13), random_channels(r)};
    w->kernel_h = rng_range(r, 1, 5);
    w->kernel_w = rng_range(r, 1, 5);
    w->stride_h = rng_range(r, 1, 3);
    w->stride_w = rng_range(r, 1, 3);
    w->dilation_h = rng_one_in(r, 3) ? 2 : 1;
    w->dilation_w = rng_one_in(r, 3) ? 2 : 1;
    const int32_t limit = pads_below_kernel ? 0 : 1;
    w->pad_top = rng_range(r, 0, w->kernel_h - 1 + limit);
    w->pad_bottom = rng_range(r, 0, w->kernel_h - 1 + limit);
    w->pad_left = rng_range(r, 0, w->kernel_w - 1 + limit);
    w->pad_right = rng_range(r, 0, w->kernel_w - 1 + limit);
    s->output = s->input;
    s->output.h = outputs(s->input.h, w->pad_top + w->pad_bottom, w->kernel_h, w->dilation_h, w->stride_h);
    s->output.w = outputs(s->input.w, w->pad_left + w->pad_right, w->kernel_w, w->dilation_w, w->stride_w);
  } while (s->output.h < 1 || s->output.w < 1);
}

static void draw_pool(stage_case *c, rng *r) {
  random_window(c, r, true);
  if (rng_one_in(r, 5)) { /* ceil_mode: one more window, hanging over the padding */
    c->s.output.h += c->s.window.stride_h > 1;
    c->s.output.w += c->s.window.stride_w > 1;
  }
  c->s.mode = rng_range(r, SEPCL_MAX_POOL, SEPCL_AVERAGE_POOL_WITH_PADDING);
  window_operands(c, r);
}

static void draw_global_pool(stage_case *c, rng *r) {
  c->s.input = (sepcl_shape){rng_range(r, 1, 3), rng_range(r, 1, 30), rng_range(r, 1, 30), random_channels(r)};
  c->s.output = (sepcl_shape){c->s.input.n, 1, 1, c->s.input.c};
  c->s.mode = rng_range(r, SEPCL_REDUCE_MEAN, SEPCL_REDUCE_MIN);
  window_operands(c, r);
}

static void draw_resize(stage_case *c, rng *r) {
  stage *s = &c->s;
  s->input = (sepcl_shape){rng_range(r, 1, 2), rng_range(r, 1, 9), rng_range(r, 1, 9), random_channels(r)};
  s->output = (sepcl_shape){s->input.n, rng_range(r, 1, 20), rng_range(r, 1, 20), s->input.c};
  s->mode = rng_range(r, SEPCL_NEAREST, SEPCL_LINEAR);
  s->extra[0] = rng_range(r, SEPCL_HALF_PIXEL, SEPCL_TF_HALF_PIXEL_FOR_NN);
  s->extra[1] = rng_range(r, SEPCL_ROUND_PREFER_FLOOR, SEPCL_NEAREST_CEIL);
  if (rng_one_in(r, 2)) s->extra_float[0] = rng_float(r, 0.3f, 3.0f);
  if (rng_one_in(r, 2)) s->extra_float[1] = rng_float(r, 0.3f, 3.0f);
  window_operands(c, r);
}

static void draw_norm(stage_case *c, rng *r) {
  stage *s = &c->s;
  s->mode = rng_range(r, SEPCL_LAYER_NORM, SEPCL_LRN);
  s->input = (sepcl_shape){rng_range(r, 1, 2), rng_range(r, 1, 10), rng_range(r, 1, 10), random_channels(r)};
  if (rng_one_in(r, 4)) s->input = (sepcl_shape){1, 1, 3, 300};
  s->output = s->input;
  s->extra_float[0] = s->mode == SEPCL_LRN ? 0.3f : 1e-3f;
  s->extra_float[1] = 0.75f;
  s->extra_float[2] = 1.0f;
  s->extra[0] = rng_range(r, 1, 7);
  s->has_residual = s->mode != SEPCL_LRN && rng_one_in(r, 2);
  s->has_scale = s->mode != SEPCL_LRN && rng_one_in(r, 2);
  window_operands(c, r);
  c->r_floats = c->s_floats = s->input.c;
}

static void draw_weights(stage_case *c, rng *r, const sepcl_weight_layout *layouts, int32_t count) {
  const stage *s = &c->s;
  c->weights.layout = layouts[rng_range(r, 0, count - 1)];
  c->weight_count = (int64_t)s->output.c * (s->input.c / s->groups) * s->window.kernel_h * s->window.kernel_w;
}

static void draw_groups(stage_case *c, rng *r) {
  c->s.groups = rng_one_in(r, 2) ? 1 : rng_range(r, 1, 4);
  c->s.input.c = c->s.groups * rng_range(r, 1, 6);
  c->s.output.c = c->s.groups * rng_range(r, 1, 40 / c->s.groups);
}

static void draw_conv_transpose(stage_case *c, rng *r) {
  static const sepcl_weight_layout layouts[] = {SEPCL_OIHW, SEPCL_OHWI};
  stage *s = &c->s;
  random_window(c, r, true);
  draw_groups(c, r);
  const sepcl_window *w = &s->window;
  s->input.h = s->input.h > 7 ? 7 : s->input.h;
  s->input.w = s->input.w > 7 ? 7 : s->input.w;
  s->output.h = (s->input.h - 1) * w->stride_h + w->dilation_h * (w->kernel_h - 1) + 1 - w->pad_top +
                rng_range(r, 0, w->stride_h - 1);
  s->output.w = (s->input.w - 1) * w->stride_w + w->dilation_w * (w->kernel_w - 1) + 1 - w->pad_left +
                rng_range(r, 0, w->stride_w - 1);
  s->output.h = s->output.h < 1 ? 1 : s->output.h;
  s->output.w = s->output.w < 1 ? 1 : s->output.w;
  window_operands(c, r);
  draw_weights(c, r, layouts, 2);
}

static void draw_deform_conv(stage_case *c, rng *r) {
  static const sepcl_weight_layout layouts[] = {SEPCL_OIHW, SEPCL_OHWI, SEPCL_HWIO};
  stage *s = &c->s;
  random_window(c, r, false);
  draw_groups(c, r);
  s->input.h = s->input.h > 7 ? 7 : s->input.h;
  const sepcl_window *w = &s->window;
  s->output.h = outputs(s->input.h, w->pad_top + w->pad_bottom, w->kernel_h, w->dilation_h, w->stride_h);
  if (s->output.h < 1) s->output.h = 1;
  s->extra[0] = rng_one_in(r, 2) ? 1 : s->groups;
  s->has_scale = rng_one_in(r, 2);
  window_operands(c, r);
  const int32_t taps = s->extra[0] * w->kernel_h * w->kernel_w;
  c->r_pitch = random_pitch(r, 2 * taps);
  c->s_pitch = random_pitch(r, taps);
  c->r_floats = pixels_of(s->output) * c->r_pitch;
  c->s_floats = pixels_of(s->output) * c->s_pitch;
  draw_weights(c, r, layouts, 3);
}

/* ---- strided stages ---- */

static void random_dims(stage *s, rng *r, int32_t least) {
  s->rank = rng_range(r, least, 5);
  int64_t elements = 1;
  for (int32_t i = 0; i < s->rank; i++) {
    int32_t limit = elements > 600 ? 2 : elements > 60 ? 9 : 40;
    s->dims[i] = rng_range(r, 1, limit);
    elements *= s->dims[i];
  }
  if (rng_one_in(r, 6) && elements < 50) s->dims[s->rank - 1] *= rng_range(r, 100, 300);
}

/* Strides of an operand with these dims, in the axes' order or another, with gaps; returns how many floats it spans. */
static int64_t random_strides(const stage *s, rng *r, bool broadcast, int64_t *strides) {
  int32_t order[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < s->rank; i++) order[i] = i;
  if (rng_one_in(r, 3))
    for (int32_t i = s->rank - 1; i > 0; i--) {
      int32_t k = rng_range(r, 0, i), swap = order[i];
      order[i] = order[k];
      order[k] = swap;
    }
  int64_t stride = 1;
  const int32_t gap_axis = rng_one_in(r, 2) ? rng_range(r, 0, s->rank - 1) : -1;
  for (int32_t i = s->rank - 1; i >= 0; i--) {
    const int32_t axis = order[i];
    strides[axis] = stride;
    if (broadcast && rng_one_in(r, 3))
      strides[axis] = 0;
    else
      stride *= s->dims[axis];
    if (i == gap_axis) stride += rng_range(r, 1, 7);
  }
  return stride;
}

static void to_extra(stage *s, int32_t first, const int64_t *strides) {
  for (int32_t i = 0; i < s->rank; i++) s->extra[first + i] = (int32_t)strides[i];
}

static void draw_elementwise(stage_case *c, rng *r) {
  stage *s = &c->s;
  int64_t scale[SEPCL_MAX_RANK];
  random_dims(s, r, 1);
  s->mode = rng_range(r, -1, SEPCL_BINARY_COUNT - 1);
  s->has_scale = rng_one_in(r, 3);
  s->has_residual = s->mode >= 0;
  c->x_floats = random_strides(s, r, rng_one_in(r, 4), s->x_stride);
  c->r_floats = random_strides(s, r, rng_one_in(r, 2), s->r_stride);
  c->s_floats = random_strides(s, r, true, scale);
  c->y_floats = random_strides(s, r, false, s->y_stride);
  to_extra(s, 0, scale);
}

static void draw_pad(stage_case *c, rng *r) {
  stage *s = &c->s;
  int64_t dims[SEPCL_MAX_RANK];
  memcpy(dims, s->dims, sizeof dims);
  c->x_floats = random_strides(s, r, false, s->x_stride);
  for (int32_t i = 0; i < s->rank; i++) {
    const int32_t size = (int32_t)dims[i], limit = s->mode == STAGE_COPY_REFLECT ? size - 1 : 4;
    int32_t before = rng_range(r, size > 2 ? -1 : 0, limit < 4 ? limit : 4);
    int32_t after = rng_range(r, size > 2 ? -1 : 0, limit < 4 ? limit : 4);
    if (rng_one_in(r, 3)) before = after = 0;
    s->r_stride[i] = before;
    s->extra[i] = size;
    s->dims[i] = size + before + after;
  }
  s->extra_float[0] = 0.25f;
}

static void draw_copy(stage_case *c, rng *r) {
  stage *s = &c->s;
  random_dims(s, r, 1);
  s->mode = rng_one_in(r, 2) ? STAGE_COPY_PLAIN : rng_range(r, STAGE_COPY_CONSTANT, STAGE_COPY_GATHER);
  s->activation = (sepcl_activation)SEPCL_ACTIVATION_INIT;
  if (s->mode == STAGE_COPY_PLAIN || s->mode == STAGE_COPY_GATHER) {
    c->x_floats = random_strides(s, r, rng_one_in(r, 4), s->x_stride);
    s->x_first = rng_range(r, 0, 3);
    s->y_first = rng_range(r, 0, 3);
    const int32_t axis = rng_range(r, 0, s->rank - 1);
    if (s->mode == STAGE_COPY_GATHER) {
      s->extra[2] = axis;
      c->index_limit = (int32_t)s->dims[axis];
      s->dims[axis] = rng_range(r, 1, 12);
      c->r_floats = s->dims[axis];
    } else if (rng_one_in(r, 4)) { /* backwards */
      s->x_first += (s->dims[axis] - 1) * s->x_stride[axis];
      s->x_stride[axis] = -s->x_stride[axis];
    }
    c->x_floats += s->x_first;
  } else {
    draw_pad(c, r);
  }
  c->y_floats = random_strides(s, r, false, s->y_stride) + s->y_first;
}

static void draw_softmax(stage_case *c, rng *r) {
  stage *s = &c->s;
  random_dims(s, r, 1);
  s->activation = (sepcl_activation)SEPCL_ACTIVATION_INIT;
  s->x_first = rng_range(r, 0, 3);
  s->y_first = rng_range(r, 0, 3);
  c->x_floats = random_strides(s, r, false, s->x_stride) + s->x_first;
  c->y_floats = random_strides(s, r, false, s->y_stride) + s->y_first;
}

static void draw_reduce(stage_case *c, rng *r) {
  stage *s = &c->s;
  int64_t dims[SEPCL_MAX_RANK];
  random_dims(s, r, 1);
  s->mode = rng_range(r, SEPCL_REDUCE_MEAN, SEPCL_REDUCE_MIN);
  c->x_floats = random_strides(s, r, false, s->x_stride);
  const uint32_t axes = (uint32_t)rng_range(r, 1, (1 << s->rank) - 1);
  memcpy(dims, s->dims, sizeof dims);
  for (int32_t i = 0; i < s->rank; i++) {
    s->extra[i] = axes >> i & 1;
    if (s->extra[i]) s->dims[i] = 1;
  }
  c->y_floats = random_strides(s, r, false, s->y_stride);
  memcpy(s->dims, dims, sizeof dims);
}

static void draw_matmul(stage_case *c, rng *r) {
  stage *s = &c->s;
  int64_t strides[SEPCL_MAX_RANK];
  s->rank = rng_range(r, 2, 5);
  for (int32_t i = 0; i < s->rank - 2; i++) s->dims[i] = rng_range(r, 1, 3);
  const int32_t m = s->rank - 2, n = s->rank - 1, k = rng_range(r, 1, 40);
  s->dims[m] = rng_range(r, 1, 20);
  s->dims[n] = rng_range(r, 1, 40);
  s->extra[0] = k;
  stage operand = *s;
  operand.dims[n] = k;
  c->x_floats = random_strides(&operand, r, rng_one_in(r, 4), s->x_stride);
  s->extra[1] = (int32_t)s->x_stride[n];
  operand = *s;
  operand.dims[m] = k;
  c->r_floats = random_strides(&operand, r, rng_one_in(r, 4), s->r_stride);
  s->extra[2] = (int32_t)s->r_stride[m];
  s->has_residual = true;
  s->has_scale = rng_one_in(r, 2);
  c->s_floats = random_strides(s, r, true, strides);
  to_extra(s, 3, strides);
  c->y_floats = random_strides(s, r, false, s->y_stride);
}

bool stage_case_draw(stage_case *out, stage_kind kind, rng *r) {
  static void (*const draws[STAGE_KIND_COUNT])(stage_case *, rng *) = {
      [STAGE_POOL] = draw_pool,
      [STAGE_GLOBAL_POOL] = draw_global_pool,
      [STAGE_ELEMENTWISE] = draw_elementwise,
      [STAGE_COPY] = draw_copy,
      [STAGE_SOFTMAX] = draw_softmax,
      [STAGE_REDUCE] = draw_reduce,
      [STAGE_MATMUL] = draw_matmul,
      [STAGE_RESIZE] = draw_resize,
      [STAGE_NORM] = draw_norm,
      [STAGE_CONV_TRANSPOSE] = draw_conv_transpose,
      [STAGE_DEFORM_CONV] = draw_deform_conv,
  };
  memset(out, 0, sizeof *out);
  if (!draws[kind]) return false;
  out->s.kind = kind;
  out->s.window = (sepcl_window)SEPCL_WINDOW_INIT;
  out->s.groups = 1;
  out->s.activation = random_activation(r);
  out->weights = (sepcl_weights)SEPCL_WEIGHTS_INIT;
  draws[kind](out, r);
  out->x_at = rng_range(r, 0, 5);
  out->r_at = rng_range(r, 0, 5);
  out->s_at = rng_range(r, 0, 5);
  out->y_at = rng_range(r, 0, 5);
  out->special = rng_one_in(r, 4);
  return true;
}

void stage_case_describe(const stage_case *c, char *out, size_t size) {
  const stage *s = &c->s;
  if (s->rank) {
    size_t at = (size_t)snprintf(out, size, "%s mode %d act %d rank", stage_kind_name(s->kind), s->mode,
                                 (int)s->activation.kind);
    for (int32_t i = 0; i < s->rank && at < size; i++)
      at += (size_t)snprintf(out + at, size - at, " %lld(x%lld r%lld y%lld e%d)", (long long)s->dims[i],
                             (long long)s->x_stride[i], (long long)s->r_stride[i], (long long)s->y_stride[i],
                             s->extra[i]);
    return;
  }
  const sepcl_window *w = &s->window;
  snprintf(out, size,
           "%s mode %d act %d %dx%dx%dx%d -> %dx%dx%d kernel %dx%d stride %d,%d dilation %d,%d pads %d,%d,%d,%d "
           "groups %d extra %d %d pitches %lld %lld",
           stage_kind_name(s->kind), s->mode, (int)s->activation.kind, s->input.n, s->input.h, s->input.w, s->input.c,
           s->output.h, s->output.w, s->output.c, w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
           w->dilation_w, w->pad_top, w->pad_left, w->pad_bottom, w->pad_right, s->groups, s->extra[0], s->extra[1],
           (long long)c->x_pitch, (long long)c->y_pitch);
}
