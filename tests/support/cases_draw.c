/* Drawing cases: a mixture of what networks use (3x3, 'same' pads, round channel counts) and of everything odd. */
#include "support/cases.h"

static int32_t clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

static int32_t pick(rng *r, const int32_t *list, int32_t count) { return list[rng_range(r, 0, count - 1)]; }
#define PICK(r, ...) pick(r, (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* Ones, primes, tile sizes and their neighbours, anything. */
static int32_t draw_size(rng *r, int32_t most) {
  switch (rng_range(r, 0, 5)) {
    case 0: return rng_one_in(r, 3) ? 1 : rng_range(r, 1, clamp(most, 1, 4));
    case 1: return clamp(PICK(r, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71), 1, most);
    case 2:
    case 3:
      return clamp(PICK(r, 4, 6, 8, 12, 14, 16, 24, 32, 48, 64, 96, 128, 192, 256) + PICK(r, -1, 0, 0, 1), 1, most);
    default: return rng_range(r, 1, most);
  }
}

static void draw_axis(rng *r, bool usual, int32_t axis[5]) {
  int32_t *kernel = &axis[0], *stride = &axis[1], *dilation = &axis[2], *before = &axis[3], *after = &axis[4];
  *kernel = usual ? PICK(r, 3, 3, 3, 5, 5, 7, 1, 2, 4) : PICK(r, 1, 2, 3, 4, 5, 6, 7, 7, 11);
  *stride = usual ? PICK(r, 1, 1, 2) : rng_one_in(r, 8) ? rng_range(r, 3, 5) : rng_range(r, 1, 3);
  if (rng_one_in(r, 8))
    *dilation = rng_range(r, 4, 14); /* whole tiles of pixels lie outside the image under some taps */
  else
    *dilation = usual || rng_one_in(r, 2) ? 1 : rng_range(r, 1, 3);
  int32_t reach = *dilation * (*kernel - 1);
  *before = rng_range(r, 0, reach);
  *after = rng_range(r, 0, reach);
  if (!usual) return;
  *before = *after = rng_one_in(r, 4) ? 0 : reach / 2;
  if (rng_one_in(r, 4)) *before = reach / 2 - (*stride > 1 && reach / 2 > 0 ? 1 : 0); /* TensorFlow's SAME */
}

/* Depthwise kernels have specialisations for 3x3 and 5x5: those must be met often. */
static sepcl_window draw_window(rng *r, bool depthwise) {
  int32_t y[5], x[5];
  bool usual = depthwise ? !rng_one_in(r, 3) : rng_one_in(r, 2);
  draw_axis(r, usual, y);
  draw_axis(r, usual, x);
  if (usual && depthwise) {
    y[0] = PICK(r, 3, 3, 3, 5, 5, 7);
    y[1] = PICK(r, 1, 2);
    y[3] = y[4] = y[0] / 2;
  }
  if (usual && !rng_one_in(r, 8))
    for (int32_t i = 0; i < 5; i++) x[i] = y[i];
  sepcl_window w = {y[0], x[0], y[1], x[1], y[2], x[2], y[3], x[3], y[4], x[4]};
  return w;
}

static sepcl_activation draw_activation(rng *r) {
  sepcl_activation a = SEPCL_ACTIVATION_INIT;
  if (rng_one_in(r, 3))
    a.kind = (sepcl_function)PICK(r, SEPCL_NONE, SEPCL_RELU, SEPCL_RELU6, SEPCL_HARD_SWISH);
  else
    a.kind = (sepcl_function)rng_range(r, 0, SEPCL_FUNCTION_COUNT - 1);
  a.a = rng_float(r, -1.0f, 1.0f);
  a.b = rng_float(r, a.a, 3.0f);
  if (a.kind == SEPCL_HARD_SIGMOID) {
    a.a = 0.2f;
    a.b = 0.5f;
  }
  return a;
}

static case_place draw_place(rng *r, bool tight) {
  case_place p = {rng_range(r, 8, 27), tight ? 0 : rng_range(r, 8, 24), 0};
  if (rng_one_in(r, 2)) p.gap = rng_one_in(r, 2) ? PICK(r, 1, 3, 4, 8, 16) : rng_range(r, 1, 21);
  return p;
}

static void draw_sets(rng *r, test_case *c) {
  case_set sets[3];
  int32_t count = case_sets(c, sets);
  for (int32_t i = 0; i < count; i++) {
    bool depthwise = (c->kind == CASE_DEPTHWISE || c->kind == CASE_SEPARABLE) && i == 0;
    depthwise |= c->kind == CASE_INVERTED_RESIDUAL && i == 1;
    c->layout[i] = (sepcl_weight_layout)rng_range(r, 0, depthwise ? 3 : 2);
    if (c->kind == CASE_GEMM) c->layout[i] = rng_one_in(r, 2) ? SEPCL_OIHW : SEPCL_HWIO;
    c->bias[i] = !rng_one_in(r, 4);
    c->batch_norm[i] = rng_one_in(r, 3);
  }
}

/* Channels, outputs and groups of a convolution. */
static void draw_channels(rng *r, test_case *c, int32_t most) {
  if (rng_one_in(r, 16)) most *= 4;
  c->input.c = draw_size(r, most);
  c->outputs = draw_size(r, most);
  bool groups = (c->kind == CASE_CONV || c->kind == CASE_POINTWISE) && rng_one_in(r, 3);
  if (groups) {
    c->groups = rng_one_in(r, 4) ? c->input.c : rng_range(r, 2, 6);
    if (c->groups != c->input.c) c->input.c = c->groups * draw_size(r, clamp(most / c->groups, 1, most));
    c->outputs = c->groups * draw_size(r, clamp(most / c->groups, 1, most));
  }
  if (c->kind == CASE_DEPTHWISE) {
    c->groups = c->input.c;
    c->outputs = c->input.c * (rng_one_in(r, 4) ? rng_range(r, 2, 4) : 1);
  }
  c->expanded = draw_size(r, most);
  if (c->kind == CASE_POOL || c->kind == CASE_ELEMENTWISE) c->outputs = c->input.c;
}

static void fit_axis(int32_t size, int32_t *kernel, int32_t *dilation, int32_t *before, int32_t *after) {
  while (reference_output_size(size, *before + *after, *kernel, *dilation, 1) < 1) {
    if (*dilation > 1)
      --*dilation;
    else
      --*kernel;
  }
  *before = clamp(*before, 0, *dilation * (*kernel - 1));
  *after = clamp(*after, 0, *dilation * (*kernel - 1));
}

static bool axis_has_pixels(int32_t size, const int32_t axis[5]) {
  int32_t out = reference_output_size(size, axis[3] + axis[4], axis[0], axis[2], axis[1]);
  for (int32_t o = 0; o < out; o++) {
    bool found = false;
    for (int32_t k = 0; k < axis[0] && !found; k++) {
      int32_t at = o * axis[1] - axis[3] + k * axis[2];
      found = at >= 0 && at < size;
    }
    if (!found) return false;
  }
  return out > 0;
}

bool case_valid(const test_case *c) {
  sepcl_shape out = case_output(c);
  if (c->input.n < 1 || c->input.h < 1 || c->input.w < 1 || c->input.c < 1 || out.h < 1 || out.w < 1 || out.c < 1)
    return false;
  if (c->groups < 1 || c->input.c % c->groups || c->outputs % c->groups) return false;
  if (c->kind != CASE_POOL) return true;
  const sepcl_window *w = &c->window;
  const int32_t y[5] = {w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, w->pad_bottom};
  const int32_t x[5] = {w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, w->pad_right};
  return axis_has_pixels(c->input.h, y) && axis_has_pixels(c->input.w, x);
}

/* Halves what costs most until the case is small enough. */
static void fit_budget(rng *r, test_case *c, uint64_t macs) {
  for (int32_t round = 0; round < 200 && case_macs(c) > macs; round++) {
    int32_t *sizes[] = {&c->input.h, &c->input.w, &c->outputs, &c->input.c, &c->expanded, &c->input.n};
    int32_t *size = sizes[rng_range(r, 0, 5)];
    if (size == &c->outputs && c->groups > 1)
      c->outputs = c->groups * clamp(c->outputs / c->groups / 2, 1, 1 << 20);
    else if (size == &c->input.c && c->groups > 1)
      continue;
    else
      *size = clamp((*size + 1) / 2, 1, 1 << 20);
    if (c->kind == CASE_POOL || c->kind == CASE_ELEMENTWISE) c->outputs = c->input.c;
  }
}

static void draw_image(rng *r, test_case *c, const case_limits *limits) {
  c->input.n = rng_one_in(r, 3) ? rng_range(r, 2, 3) : 1;
  c->input.h = draw_size(r, limits->pixels);
  c->input.w = draw_size(r, rng_one_in(r, 8) ? 4 * limits->pixels : limits->pixels);
  if (rng_one_in(r, 10)) c->input.h = c->input.w = 1;
  c->window = (sepcl_window)SEPCL_WINDOW_INIT;
  if (c->kind == CASE_GEMM) {
    c->input.w = draw_size(r, 2 * limits->pixels);
    c->input.n = c->input.h = 1;
  } else if (c->kind == CASE_POINTWISE) {
    c->window.stride_h = rng_one_in(r, 3) ? rng_range(r, 1, 3) : 1;
    c->window.stride_w = rng_one_in(r, 4) ? rng_range(r, 1, 3) : c->window.stride_h;
  } else if (c->kind != CASE_ELEMENTWISE) {
    c->window = draw_window(r, c->kind >= CASE_DEPTHWISE && c->kind <= CASE_INVERTED_RESIDUAL);
  }
}

static void draw_operands(rng *r, test_case *c, bool tight) {
  c->x = draw_place(r, tight);
  c->w = draw_place(r, tight);
  c->r = draw_place(r, tight);
  c->s = draw_place(r, tight);
  c->y = draw_place(r, tight);
  c->special = rng_one_in(r, 24);
  c->has_residual = rng_one_in(r, 3);
  c->has_scale = c->kind <= CASE_DEPTHWISE && rng_one_in(r, 4);
  if (c->kind == CASE_POOL) c->has_residual = false;
  if (c->kind != CASE_ELEMENTWISE) return;
  c->has_residual = rng_one_in(r, 2);
  c->per_channel = c->has_residual && rng_one_in(r, 2);
  c->in_place = rng_one_in(r, 4);
}

/* One case in eight is large: kernels cut those into many tasks. */
test_case case_draw(case_kind kind, uint64_t seed, uint64_t index, const case_limits *usual) {
  rng r = rng_of(seed, (uint64_t)kind, index);
  const bool large = !usual->tight && rng_one_in(&r, 8);
  const case_limits big = {10 * usual->macs, 2 * usual->pixels, 2 * usual->channels, false};
  const case_limits *limits = large ? &big : usual;
  for (;;) {
    test_case c = {.kind = kind, .groups = 1};
    c.data_seed = rng_next(&r);
    draw_image(&r, &c, limits);
    draw_channels(&r, &c, limits->channels);
    if (kind == CASE_POOL && rng_one_in(&r, 6)) { /* a global pool */
      c.window = (sepcl_window)SEPCL_WINDOW_INIT;
      c.window.kernel_h = c.input.h;
      c.window.kernel_w = c.input.w;
    } else {
      fit_budget(&r, &c, limits->macs);
      fit_axis(c.input.h, &c.window.kernel_h, &c.window.dilation_h, &c.window.pad_top, &c.window.pad_bottom);
      fit_axis(c.input.w, &c.window.kernel_w, &c.window.dilation_w, &c.window.pad_left, &c.window.pad_right);
    }
    c.mode = rng_range(&r, 0, kind == CASE_POOL ? SEPCL_AVERAGE_POOL_WITH_PADDING : SEPCL_BINARY_COUNT - 1);
    c.activation = draw_activation(&r);
    c.inner[0] = draw_activation(&r);
    c.inner[1] = draw_activation(&r);
    draw_operands(&r, &c, limits->tight);
    draw_sets(&r, &c);
    if (case_valid(&c)) return c;
  }
}
