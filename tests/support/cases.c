/* Cases: names, sizes, host data and the reference's result. */
#include "support/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cases_reference.h"
#include "support/half.h"

static const char *const names[CASE_KIND_COUNT + 1] = {
    "conv", "pointwise", "depthwise", "separable", "inverted_residual", "gemm", "pool", "elementwise", "unknown"};

const char *case_kind_name(case_kind kind) { return names[kind < CASE_KIND_COUNT ? kind : CASE_KIND_COUNT]; }

case_kind case_kind_find(const char *name) {
  int kind = 0;
  while (kind < CASE_KIND_COUNT && strcmp(names[kind], name)) kind++;
  return (case_kind)kind;
}

bool case_kind_covers(case_kind kind, const variant *v) {
  switch (kind) {
    case CASE_CONV: return v->stage == STAGE_CONV;
    case CASE_POINTWISE:
    case CASE_GEMM: return v->stage == STAGE_POINTWISE;
    case CASE_DEPTHWISE: return v->stage == STAGE_DEPTHWISE;
    case CASE_SEPARABLE: return v->stage == STAGE_SEPARABLE;
    case CASE_INVERTED_RESIDUAL: return v->stage == STAGE_INVERTED_RESIDUAL;
    case CASE_POOL: return v->stage == STAGE_POOL || v->stage == STAGE_GLOBAL_POOL;
    case CASE_ELEMENTWISE: return v->stage == STAGE_ELEMENTWISE;
    default: return false;
  }
}

sepcl_shape case_output(const test_case *c) { return reference_output_shape(c->input, c->outputs, &c->window); }

int32_t case_sets(const test_case *c, case_set sets[3]) {
  const sepcl_window point = SEPCL_WINDOW_INIT;
  switch (c->kind) {
    case CASE_POOL:
    case CASE_ELEMENTWISE: return 0;
    case CASE_SEPARABLE:
      sets[0] = (case_set){c->input.c, 1, c->window};
      sets[1] = (case_set){c->outputs, c->input.c, point};
      return 2;
    case CASE_INVERTED_RESIDUAL:
      sets[0] = (case_set){c->expanded, c->input.c, point};
      sets[1] = (case_set){c->expanded, 1, c->window};
      sets[2] = (case_set){c->outputs, c->expanded, point};
      return 3;
    default: sets[0] = (case_set){c->outputs, c->input.c / c->groups, c->window}; return 1;
  }
}

uint64_t case_macs(const test_case *c) {
  sepcl_shape out = case_output(c);
  uint64_t in_pixels = (uint64_t)c->input.n * (uint64_t)c->input.h * (uint64_t)c->input.w;
  uint64_t pixels = (uint64_t)out.n * (uint64_t)out.h * (uint64_t)out.w;
  uint64_t taps = (uint64_t)c->window.kernel_h * (uint64_t)c->window.kernel_w;
  uint64_t in = (uint64_t)c->input.c, o = (uint64_t)c->outputs, wide = (uint64_t)c->expanded;
  switch (c->kind) {
    case CASE_SEPARABLE: return in_pixels + pixels * in * (taps + o);
    case CASE_INVERTED_RESIDUAL: return in_pixels * in * wide + pixels * wide * (taps + o);
    default: return in_pixels * in + pixels * o * taps * (in / (uint64_t)c->groups);
  }
}

void case_describe(const test_case *c, char *out, size_t size) {
  const sepcl_window *w = &c->window;
  snprintf(out, size,
           "%s %dx%dx%dx%d -> %d groups %d expanded %d kernel %dx%d stride %dx%d dilation %dx%d pads %d,%d,%d,%d "
           "act %d(%g,%g) inner %d,%d%s%s%s%s%s mode %d layouts %d%d%d x+%d/%d w+%d r+%d/%d s+%d/%d y+%d/%d",
           case_kind_name(c->kind), c->input.n, c->input.h, c->input.w, c->input.c, c->outputs, c->groups, c->expanded,
           w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w, w->pad_top, w->pad_left,
           w->pad_bottom, w->pad_right, (int)c->activation.kind, (double)c->activation.a, (double)c->activation.b,
           (int)c->inner[0].kind, (int)c->inner[1].kind, c->has_residual ? " residual" : "",
           c->has_scale ? " scale" : "", c->per_channel ? " per-channel" : "", c->in_place ? " in-place" : "",
           c->special ? " special" : "", c->mode, (int)c->layout[0], (int)c->layout[1], (int)c->layout[2], c->x.before,
           c->x.gap, c->w.before, c->r.before, c->r.gap, c->s.before, c->s.gap, c->y.before, c->y.gap);
}

static float *values(rng *r, size_t count) {
  float *out = malloc((count ? count : 1) * sizeof(float));
  if (out) rng_values(r, out, count);
  return out;
}

/* One weight set: weights, bias, gamma, beta, mean, variance, in one block of memory. */
static bool make_set(case_data *data, const test_case *c, int32_t index, const case_set *size, rng *r) {
  size_t o = (size_t)size->outputs;
  size_t count = o * (size_t)size->inputs * (size_t)size->window.kernel_h * (size_t)size->window.kernel_w;
  float *block = values(r, count + 5 * o);
  if (!block) return false;
  data->owned[index] = block;
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = block;
  set.layout = c->layout[index];
  if (c->bias[index]) set.bias = block + count;
  if (c->batch_norm[index]) {
    float *variance = block + count + 4 * o;
    for (size_t i = 0; i < o; i++) variance[i] = fabsf(variance[i]) + 0.25f;
    set.variance = variance;
    set.mean = block + count + 3 * o;
    if (!rng_one_in(r, 4)) set.gamma = block + count + o;
    if (!rng_one_in(r, 4)) set.beta = block + count + 2 * o;
    set.epsilon = rng_float(r, 1e-6f, 1e-3f);
  }
  data->sets[index] = set;
  data->set_count = index + 1;
  return reference_fold(&data->folded[index], &set, size->outputs, size->inputs, &size->window);
}

static void add_special_values(float *x, size_t count, rng *r) {
  static const float special[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f};
  for (int32_t i = 0; i < 3; i++) x[rng_next(r) % count] = special[rng_range(r, 0, 4)];
}

static bool make_expected(case_data *data, const test_case *c, bool swapped) {
  reference_separable_args separable = {c->input, c->outputs,       c->window,        c->inner[0],    c->activation,
                                        data->x,  &data->folded[0], &data->folded[1], data->residual, swapped};
  reference_inverted_residual_args block = {
      c->input, c->expanded,      c->outputs,       c->window,        c->inner[0],    c->inner[1], c->activation,
      data->x,  &data->folded[0], &data->folded[1], &data->folded[2], data->residual, swapped};
  reference_conv_args conv = {c->input,
                              c->outputs,
                              c->groups,
                              c->window,
                              c->activation,
                              data->x,
                              &data->folded[0],
                              data->residual,
                              data->scale,
                              swapped,
                              (c->halves & HALF_SUMS) != 0};
  switch (c->kind) {
    case CASE_SEPARABLE: return reference_separable(&separable, data->expected);
    case CASE_INVERTED_RESIDUAL: return reference_inverted_residual(&block, data->expected);
    case CASE_POOL:
    case CASE_ELEMENTWISE: return case_reference_rest(c, data);
    default: reference_conv(&conv, data->expected); return true;
  }
}

static void round_to_halves(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = half_nearest(values[i]);
}

bool case_data_create(case_data *out, const test_case *c, bool swapped) {
  memset(out, 0, sizeof *out);
  rng r = {c->data_seed};
  sepcl_shape y = case_output(c);
  size_t per_image = (size_t)c->input.n * (size_t)c->input.c;
  out->x = values(&r, reference_elements(c->input));
  out->residual = c->has_residual ? values(&r, c->per_channel ? per_image : reference_elements(y)) : NULL;
  out->scale = c->has_scale ? values(&r, per_image) : NULL;
  out->expected = malloc(reference_elements(y) * sizeof(float));
  bool made = out->x && out->expected && (out->residual || !c->has_residual) && (out->scale || !c->has_scale);
  case_set sets[3];
  int32_t count = case_sets(c, sets);
  for (int32_t i = 0; i < count && made; i++) made = make_set(out, c, i, &sets[i], &r);
  if (made && c->special) add_special_values(out->x, reference_elements(c->input), &r);
  if (made && c->special && c->has_scale) add_special_values(out->scale, per_image, &r);
  if (made && c->halves & HALF_X) round_to_halves(out->x, reference_elements(c->input));
  if (made && c->has_residual && c->halves & HALF_R)
    round_to_halves(out->residual, c->per_channel ? per_image : reference_elements(y));
  if (made && c->has_scale && c->halves & HALF_S) round_to_halves(out->scale, per_image);
  if (made) made = make_expected(out, c, swapped);
  if (!made) case_data_free(out);
  return made;
}

void case_data_free(case_data *data) {
  free(data->x);
  free(data->residual);
  free(data->scale);
  free(data->expected);
  for (int32_t i = 0; i < 3; i++) {
    free(data->owned[i]);
    reference_weights_free(&data->folded[i]);
  }
  memset(data, 0, sizeof *data);
}
