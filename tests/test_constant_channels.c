/* Dead channels planted between two convolutions: exactly those go, the bits stay where the constants are zero, and the
 * outputs stay within the proven bound where they are not. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "run/network.h"
#include "support/layers.h"
#include "support/uses.h"
#include "support/zoo_outputs.h"

enum { CHANNELS = 24, INPUTS = 8, OUTPUTS = 5, SIDE = 7, ZERO = 4, NEGATIVE = 2, NONZERO = 3 };

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

/* What stands before and after the channels. */
typedef struct planted {
  bool plain;   /* the channels are made by a 3x3 convolution, not by a depthwise one */
  bool shuffle; /* a channel shuffle before the depthwise convolution */
  bool alive;   /* control: the kernels are almost nothing, but not nothing */
  bool swish;   /* instead of ReLU6: zero stays zero, no other constant is known */
  bool pool;    /* between the expanding convolution and the depthwise one */
  bool excite;  /* squeeze-excite behind the channels */
  int sums;     /* 1: two such values are added; 2, a control: a living one is added */
  int kernel, pad;
  bool bias, norm;  /* of the reader */
  bool shared;      /* control: the channels are an output of the network, too */
  bool infinite;    /* the reader's weights for the first channel */
  bool no_variance; /* of the norm's first channel, and no epsilon */
} planted;

static rng numbers;

static sepcl_value vector(sepcl_graph *g, int64_t count, float low, float high) {
  return layer_uniform(g, &numbers, 1, &count, low, high);
}

/* The first channels are dead; spread by the shuffle if there is one. */
static sepcl_value plant(sepcl_graph *g, sepcl_value x, const planted *p) {
  const int inputs = p->plain ? INPUTS : 1, taps = inputs * 9;
  float w[CHANNELS * INPUTS * 9], bias[CHANNELS];
  for (int c = 0; c < CHANNELS; c++) {
    const bool negative = c >= ZERO && c < ZERO + NEGATIVE, dead = c < ZERO + NEGATIVE + NONZERO;
    for (int t = 0; t < taps; t++)
      w[c * taps + t] = !dead || negative ? rng_float(&numbers, -0.5f, 0.5f) : p->alive ? 0.01f : 0.0f;
    bias[c] = c < ZERO ? 0.0f : negative ? -1000.0f : dead ? 0.3f : rng_float(&numbers, -0.1f, 0.1f);
  }
  const int64_t dims[] = {CHANNELS, inputs, 3, 3}, count = CHANNELS;
  return layer_conv(g, x, sepcl_graph_constant(g, 4, dims, w), sepcl_graph_constant(g, 1, &count, bias), CHANNELS,
                    p->plain ? 1 : CHANNELS, 3, 1);
}

static void change_first(sepcl_graph *g, sepcl_value constant, float to) { graph_node(g, constant)->owned[0] = to; }

static sepcl_value normed(sepcl_graph *g, sepcl_value x, const planted *p) {
  sepcl_value parameters[4];
  for (int i = 0; i < 4; i++) parameters[i] = vector(g, OUTPUTS, i == 3 ? 0.5f : -1.0f, 1.0f);
  if (p->no_variance) change_first(g, parameters[3], 0.0f);
  return sepcl_graph_batch_norm(g, x, parameters, p->no_variance ? 0.0f : 1e-5f);
}

static sepcl_value pooled(sepcl_graph *g, sepcl_value x, sepcl_pool_kind kind) {
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  a.kind = kind;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  return sepcl_graph_pool(g, x, &a);
}

static sepcl_value excited(sepcl_graph *g, sepcl_value x) {
  const int64_t squeeze[] = {3, CHANNELS, 1, 1}, excite[] = {CHANNELS, 3, 1, 1};
  sepcl_value s = sepcl_graph_global_average_pool(g, x);
  s = layer_conv(g, s, layer_uniform(g, &numbers, 4, squeeze, -0.5f, 0.5f), vector(g, 3, -0.1f, 0.1f), 3, 1, 1, 0);
  s = sepcl_graph_activation(g, s, (sepcl_activation){SEPCL_RELU, 0, 0});
  s = layer_conv(g, s, layer_uniform(g, &numbers, 4, excite, -0.5f, 0.5f), vector(g, CHANNELS, -0.1f, 0.1f), CHANNELS,
                 1, 1, 0);
  return sepcl_graph_binary(g, SEPCL_MUL, x, sepcl_graph_activation(g, s, (sepcl_activation){SEPCL_SIGMOID, 0, 0}));
}

/* *dead: the value with the dead channels. */
static sepcl_graph *build(const planted *p, sepcl_value *dead) {
  const int64_t image[] = {2, SIDE, SIDE, INPUTS}, expand[] = {CHANNELS, INPUTS, 1, 1};
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  numbers = rng_of(11, 0, 0);
  const sepcl_activation relu6 = {SEPCL_RELU6, 0, 0}, swish = {SEPCL_SWISH, 0, 0};
  sepcl_value x = sepcl_graph_input(g, "input", 4, image);
  if (p->plain)
    x = layer_conv(g, x, vector(g, INPUTS * INPUTS, -0.5f, 0.5f), vector(g, INPUTS, -0.1f, 0.1f), INPUTS, 1, 1, 0);
  else
    x = layer_conv(g, x, layer_uniform(g, &numbers, 4, expand, -0.5f, 0.5f), vector(g, CHANNELS, -0.1f, 0.1f), CHANNELS,
                   1, 1, 0);
  x = sepcl_graph_activation(g, x, relu6);
  if (p->pool) x = pooled(g, pooled(g, x, SEPCL_MAX_POOL), SEPCL_AVERAGE_POOL);
  const sepcl_value expanded = x;
  x = sepcl_graph_activation(g, plant(g, p->shuffle ? layer_shuffled(g, x, 2, SIDE, CHANNELS, 3) : x, p),
                             p->swish ? swish : relu6);
  if (p->sums == 1) x = sepcl_graph_binary(g, SEPCL_ADD, x, sepcl_graph_activation(g, plant(g, expanded, p), relu6));
  if (p->sums == 2) x = sepcl_graph_binary(g, SEPCL_ADD, x, expanded);
  if (p->excite) x = excited(g, x);
  *dead = x;
  const int64_t reader[] = {OUTPUTS, CHANNELS, p->kernel, p->kernel};
  const sepcl_value w = layer_uniform(g, &numbers, 4, reader, -0.5f, 0.5f);
  if (p->infinite) change_first(g, w, INFINITY);
  x = layer_conv(g, x, w, p->bias ? vector(g, OUTPUTS, -1, 1) : SEPCL_NO_VALUE, OUTPUTS, 1, p->kernel, p->pad);
  sepcl_graph_output(g, "output", p->norm ? normed(g, x, p) : x);
  if (p->shared) sepcl_graph_output(g, "channels", *dead);
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  return g;
}

static reference_values evaluate(const sepcl_graph *g) {
  reference_values values;
  float *x = zoo_pictures(g, 0);
  const float *inputs[] = {x};
  ck_assert(x && reference_graph_run(&values, g, inputs, (reference_graph_options){true}));
  free(x);
  return values;
}

static int removed_of(const planted *p, sepcl_policy policy, const char *report) {
  sepcl_value dead;
  sepcl_graph *g = build(p, &dead);
  sepcl_network *network = NULL;
  sepcl_network_info info;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = policy;
  ck_assert_int_eq(sepcl_network_plan(&network, device, g, &options), SEPCL_OK);
  check_uses(network->graph);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  bool found = !report;
  for (int i = 0; report && sepcl_network_pass_report(network, i); i++)
    found |= strstr(sepcl_network_pass_report(network, i), report) != NULL;
  ck_assert_msg(found, "no line of the passes says '%s'", report);
  sepcl_network_free(network);
  sepcl_graph_free(g);
  return info.removed_channels;
}

static zoo_outputs outputs_of(const sepcl_graph *g, sepcl_policy policy) {
  zoo_outputs out;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = policy;
  ck_assert_msg(zoo_outputs_run(&out, device, g, &options, 0), "%s", out.message);
  return out;
}

static size_t different(const zoo_outputs *out, const float *expected) {
  size_t count = 0;
  for (size_t i = 0; i < out->elements; i++) count += !reference_same(out->values[i], expected[i]);
  return count;
}

static const planted cases[] = {
    {.kernel = 1, .bias = true},
    {.kernel = 1},
    {.kernel = 1, .norm = true},
    {.kernel = 1, .bias = true, .norm = true},
    {.kernel = 3, .bias = true},
    {.kernel = 3, .pad = 1, .bias = true},
    {.kernel = 1, .bias = true, .shuffle = true},
    {.kernel = 1, .bias = true, .plain = true},
    {.kernel = 3, .pad = 1, .plain = true},
    {.kernel = 1, .bias = true, .swish = true},
    {.kernel = 1, .bias = true, .pool = true},
    {.kernel = 1, .bias = true, .excite = true},
    {.kernel = 3, .pad = 1, .swish = true, .excite = true},
    {.kernel = 1, .bias = true, .sums = 1},
    {.kernel = 1, .pool = true, .sums = 1, .excite = true},
};
enum { CASES = sizeof cases / sizeof *cases };

/* Under the default policy those that are zero go, and no bit changes. */
START_TEST(test_zeros_go_exactly) {
  const planted *p = &cases[_i];
  ck_assert_int_eq(removed_of(p, SEPCL_REPRODUCIBLE, NULL), ZERO + (p->swish ? 0 : NEGATIVE));
  sepcl_value dead;
  sepcl_graph *g = build(p, &dead);
  reference_values values = evaluate(g);
  zoo_outputs out = outputs_of(g, SEPCL_REPRODUCIBLE);
  ck_assert_uint_eq(different(&out, reference_graph_output(&values, g, 0)), 0);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

/* The exact output of the reader and |w| |x| summed, in double precision, from the reference's channels. */
typedef struct exact {
  double value, magnitude;
} exact;

static exact exact_output(const sepcl_graph *g, const node *reader, const float *x, size_t index) {
  const int kernel = reader->conv.window.kernel_h, side = SIDE + 1 - kernel;
  const int o = (int)(index % OUTPUTS), column = (int)(index / OUTPUTS) % side,
            row = (int)(index / OUTPUTS) / side % side, image = (int)(index / OUTPUTS) / side / side;
  const float *w = graph_node(g, reader->inputs[1])->data + o * CHANNELS * kernel * kernel;
  const node *bias = graph_node(g, reader->inputs[2]);
  exact e = {bias ? bias->data[o] : 0, bias ? fabs(bias->data[o]) : 0};
  for (int t = 0; t < kernel * kernel; t++)
    for (int c = 0; c < CHANNELS; c++) {
      const int y = row + t / kernel, z = column + t % kernel;
      const double product = (double)w[c * kernel * kernel + t] * x[((image * SIDE + y) * SIDE + z) * CHANNELS + c];
      e.value += product;
      e.magnitude += fabs(product);
    }
  return e;
}

/* |computed - exact| <= gamma_(n+2) (sum |w| |x| + |b|): n products, and the constants' own sum and rounding. */
START_TEST(test_other_constants_stay_within_the_bound) {
  static const planted both[] = {{.kernel = 1, .bias = true}, {.kernel = 3, .bias = true}, {.kernel = 1}};
  const planted *p = &both[_i];
  ck_assert_int_eq(removed_of(p, SEPCL_FASTEST,
                              "9 channels that are provably constant, 3 of them not zero: into biases "
                              "(changes rounding)"),
                   ZERO + NEGATIVE + NONZERO);
  sepcl_value dead;
  sepcl_graph *g = build(p, &dead);
  reference_values values = evaluate(g);
  zoo_outputs out = outputs_of(g, SEPCL_FASTEST);
  const node *reader = graph_node(g, g->outputs[0].value);
  const double u = 0x1p-24, terms = CHANNELS * p->kernel * p->kernel + 2, gamma = terms * u / (1 - terms * u);
  for (size_t i = 0; i < out.elements; i++) {
    exact e = exact_output(g, reader, values.values[dead], i);
    ck_assert_msg(fabs(out.values[i] - e.value) <= gamma * e.magnitude, "output %zu: %.9g against %.9g", i,
                  out.values[i], e.value);
  }
  /* The control: the constants did move, so that bits changed. */
  ck_assert_uint_gt(different(&out, reference_graph_output(&values, g, 0)), 0);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

/* Padding lets an output at the edge see less of a constant: only zeros go. */
START_TEST(test_padding_keeps_other_constants) {
  ck_assert_int_eq(removed_of(&(planted){.kernel = 3, .pad = 1}, SEPCL_FASTEST, NULL), ZERO + NEGATIVE);
}
END_TEST

START_TEST(test_batch_norm_after_the_reader_scales_the_constants) {
  sepcl_value dead;
  const planted p = {.kernel = 1, .norm = true};
  sepcl_graph *g = build(&p, &dead);
  reference_values values = evaluate(g);
  zoo_outputs out = outputs_of(g, SEPCL_FASTEST);
  const float *expected = reference_graph_output(&values, g, 0);
  ck_assert_int_eq(out.info.removed_channels, ZERO + NEGATIVE + NONZERO);
  for (size_t i = 0; i < out.elements; i++) ck_assert_float_eq_tol(out.values[i], expected[i], 1e-5f);
  ck_assert_uint_gt(different(&out, expected), 0);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

/* What is not finite stays what it is: a channel that meets an infinite weight stays (the product is a NaN), and a norm
 * that divides by zero refuses nothing. */
START_TEST(test_numbers_that_are_not_finite) {
  static const planted both[] = {{.kernel = 1, .bias = true, .infinite = true},
                                 {.kernel = 1, .bias = true, .norm = true, .no_variance = true}};
  const planted *p = &both[_i % 2];
  const sepcl_policy policy = _i < 2 ? SEPCL_REPRODUCIBLE : SEPCL_FASTEST;
  const int dead_count = ZERO + NEGATIVE + (policy == SEPCL_FASTEST ? NONZERO : 0);
  ck_assert_int_eq(removed_of(p, policy, NULL), dead_count - p->infinite);
  sepcl_value dead;
  sepcl_graph *g = build(p, &dead);
  reference_values values = evaluate(g);
  zoo_outputs out = outputs_of(g, policy);
  const float *expected = reference_graph_output(&values, g, 0);
  size_t odd = 0;
  for (size_t i = 0; i < out.elements; i++) {
    const bool finite = isfinite(expected[i]);
    odd += !finite;
    ck_assert_int_eq(isnan(out.values[i]), isnan(expected[i]));
    if (finite) ck_assert_float_eq_tol(out.values[i], expected[i], 1e-4f);
  }
  ck_assert_uint_gt(odd, 0); /* the control: there was such a number */
  if (policy == SEPCL_REPRODUCIBLE) ck_assert_uint_eq(different(&out, expected), 0);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

/* The controls: kernels that are almost nothing; channels that the network puts out. */
START_TEST(test_living_channels_stay) {
  ck_assert_int_eq(removed_of(&(planted){.kernel = 1, .alive = true}, SEPCL_FASTEST, NULL), NEGATIVE);
  ck_assert_int_eq(removed_of(&(planted){.kernel = 1, .shared = true}, SEPCL_FASTEST, NULL), 0);
  ck_assert_int_eq(removed_of(&(planted){.kernel = 1, .sums = 2}, SEPCL_FASTEST, NULL), 0);
  ck_assert_int_eq(removed_of(&(planted){.kernel = 1, .excite = true, .alive = true}, SEPCL_FASTEST, NULL), NEGATIVE);
}
END_TEST

Suite *suite_constant_channels(void) {
  Suite *suite = suite_create("constant_channels");
  TCase *tcase = tcase_create("constant_channels");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_zeros_go_exactly, 0, CASES);
  tcase_add_loop_test(tcase, test_other_constants_stay_within_the_bound, 0, 3);
  tcase_add_test(tcase, test_padding_keeps_other_constants);
  tcase_add_test(tcase, test_batch_norm_after_the_reader_scales_the_constants);
  tcase_add_loop_test(tcase, test_numbers_that_are_not_finite, 0, 4);
  tcase_add_test(tcase, test_living_channels_stay);
  suite_add_tcase(suite, tcase);
  return suite;
}
