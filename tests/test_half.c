/* Networks with halves in memory: proven bounds, overflow found beforehand, and how results compare. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cl/device.h"
#include "plan/certify.h"
#include "plan/known.h"
#include "reference.h"
#include "support/context.h"
#include "support/half.h"
#include "support/proof_check.h"
#include "support/random.h"
#include "support/sweep.h"
#include "support/zoo_outputs.h"
#include "zoo.h"

enum { CHANNELS = 24, SIDE = 9 };

/* x -> conv 1x1 by `gain` -> ReLU -> the sum over all pixels -> conv 1x1 back -> y. The sum's largest value is
 * 81 * 24 * gain / 100 for inputs up to 1. */
static sepcl_graph *squeeze(float gain, int64_t batch) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  float weights[CHANNELS * CHANNELS];
  for (int i = 0; i < CHANNELS * CHANNELS; i++) weights[i] = gain / 100;
  const int64_t shape[4] = {batch, SIDE, SIDE, CHANNELS}, kernel[4] = {CHANNELS, CHANNELS, 1, 1};
  sepcl_conv_attributes conv = SEPCL_CONV_ATTRIBUTES_INIT;
  conv.outputs = CHANNELS;
  sepcl_value x = sepcl_graph_input(graph, "x", 4, shape);
  sepcl_value v = sepcl_graph_conv(graph, x, sepcl_graph_constant(graph, 4, kernel, weights), SEPCL_NO_VALUE, &conv);
  v = sepcl_graph_activation(graph, v, (sepcl_activation){.kind = SEPCL_RELU});
  sepcl_graph_name_next(graph, "sum");
  v = sepcl_graph_reduce(graph, v, SEPCL_REDUCE_SUM, 6, 1);
  for (int i = 0; i < CHANNELS * CHANNELS; i++) weights[i] = 1e-4f;
  v = sepcl_graph_conv(graph, v, sepcl_graph_constant(graph, 4, kernel, weights), SEPCL_NO_VALUE, &conv);
  sepcl_graph_output(graph, "y", v);
  ck_assert_int_eq(sepcl_graph_status(graph), SEPCL_OK);
  return graph;
}

static sepcl_network_options f16(void) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.precision = SEPCL_F16;
  return options;
}

static sepcl_stage_info stage_called(const sepcl_network *network, const char *name) {
  sepcl_stage_info stage = {.name = NULL};
  for (int i = 0; i < sepcl_network_stage_count(network); i++) {
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    if (!strcmp(stage.name, name)) return stage;
  }
  ck_abort_msg("no stage %s", name);
  return stage;
}

/* 81 * 24 * 100 / 100 = 1944 fits; 81 * 24 * 4000 / 100 = 77760 does not, and only that value stays f32. */
START_TEST(overflow_is_found_beforehand) {
  const test_context *context = test_context_shared();
  const float gains[2] = {100, 4000};
  float x[SIDE * SIDE * CHANNELS], y[CHANNELS];
  for (int i = 0; i < SIDE * SIDE * CHANNELS; i++) x[i] = 1;
  for (int i = 0; i < 2; i++) {
    const bool overflows = i == 1;
    sepcl_graph *graph = squeeze(gains[i], 1);
    sepcl_network_options options = f16();
    sepcl_network *network = NULL;
    sepcl_execution *execution = NULL;
    sepcl_network_info info;
    ck_assert_int_eq(sepcl_network_plan(&network, context->device, graph, &options), SEPCL_OK);
    ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
    ck_assert_int_eq(info.kept_floats, overflows);
    const sepcl_stage_info sum = stage_called(network, "sum");
    ck_assert_str_eq(sum.storage, overflows ? "f16 > f32" : "f16");
    ck_assert(overflows == (sum.high > 65504));
    sepcl_network_free(network);
    ck_assert_int_eq(sepcl_network_compile(&network, context->device, graph, &options), SEPCL_OK);
    ck_assert_int_eq(sepcl_execution_create(&execution, network), SEPCL_OK);
    ck_assert_int_eq(sepcl_execution_run(execution, (const float *const[]){x}, (float *const[]){y}), SEPCL_OK);
    const double expected = 81 * 24 * (double)gains[i] / 100 * 24 * 1e-4;
    for (int c = 0; c < CHANNELS; c++) ck_assert_double_eq_tol((double)y[c], expected, expected * 2e-3);
    sepcl_execution_free(execution);
    sepcl_network_free(network);
    sepcl_graph_free(graph);
  }
}
END_TEST

/* The control: told of inputs half as large the plan leaves the sum a half, and what finds the overflow beforehand is
 * all that makes the result finite. */
START_TEST(as_a_half_it_would_overflow) {
  sepcl_graph *graph = squeeze(4000, 1);
  float x[SIDE * SIDE * CHANNELS], y[CHANNELS];
  for (int i = 0; i < SIDE * SIDE * CHANNELS; i++) x[i] = 1;
  for (int told = 0; told < 2; told++) {
    sepcl_network_options options = f16();
    options.input_high = told ? 1 : 0.5f;
    options.input_low = -options.input_high;
    sepcl_network *network = NULL;
    sepcl_execution *execution = NULL;
    ck_assert_int_eq(sepcl_network_compile(&network, test_context_shared()->device, graph, &options), SEPCL_OK);
    ck_assert_str_eq(stage_called(network, "sum").storage, told ? "f16 > f32" : "f16");
    ck_assert_int_eq(sepcl_execution_create(&execution, network), SEPCL_OK);
    ck_assert_int_eq(sepcl_execution_run(execution, (const float *const[]){x}, (float *const[]){y}), SEPCL_OK);
    for (int c = 0; c < CHANNELS; c++) ck_assert(isfinite(y[c]) == told && (told || isinf(y[c])));
    sepcl_execution_free(execution);
    sepcl_network_free(network);
  }
  sepcl_graph_free(graph);
  ck_assert(isinf(half_nearest(77760)));
  ck_assert(half_nearest(65519) == 65504);
  ck_assert(isinf(half_nearest(65520)));
}
END_TEST

/* Told of larger inputs, the same network keeps more floats. */
START_TEST(the_input_range_counts) {
  sepcl_graph *graph = squeeze(100, 1);
  sepcl_network_options options = f16();
  sepcl_network *network = NULL;
  sepcl_network_info info;
  options.input_low = -50;
  options.input_high = 50;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_int_eq(info.kept_floats, 1);
  sepcl_network_free(network);
  options.input_low = 60;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options),
                   SEPCL_INVALID_ARGUMENT);
  options.input_low = NAN;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options),
                   SEPCL_INVALID_ARGUMENT);
  options = f16();
  options.precision = (sepcl_precision)7;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options),
                   SEPCL_INVALID_ARGUMENT);
  sepcl_graph_free(graph);
}
END_TEST

static const char *const networks[] = {"mobilenet_v2:resolution=64", "keras_separable", "deformable",
                                       "shufflenet_v1:resolution=32"}; /* inputs in another order */
enum { NETWORKS = sizeof networks / sizeof *networks };

/* Every stage within its bound; bounds a million times smaller, and another weight, are found out. */
START_TEST(stages_keep_within_their_bounds) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(zoo_build(&graph, networks[_i]), 0);
  float *x = zoo_pictures(graph, 0);
  proof_check_options options = {f16(), 1, 0, false, false, NULL, stdout};
  options.network.input_low = -1.5f;
  options.network.input_high = 1.5f;
  proof_check r;
  ck_assert_msg(proof_check_run(&r, test_context_shared(), graph, x, &options), "%s", r.message);
  ck_assert_int_eq(r.outside, 0);
  ck_assert_int_gt(r.halves, 0);
  ck_assert(r.finite);
  if (_i == 0) {
    options.divisor = 1e6;
    ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
    ck_assert_int_gt(r.outside, 0);
    options.divisor = 1;
    options.moved = 3;
    ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
    ck_assert_int_gt(r.moved, r.stages / 2);
    ck_assert_int_eq(r.hidden, 0);
  }
  free(x);
  sepcl_graph_free(graph);
}
END_TEST

/* A network so deep that nothing is known of its last stages for all inputs: for the ranges that stages really read,
 * each one has its bound, and keeps it, batch norms folded; the two controls are found out. */
START_TEST(measured_ranges_bound_every_stage) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(zoo_build(&graph, "xception:resolution=48"), 0);
  float *x = zoo_pictures(graph, 0);
  proof_check_options options = {SEPCL_NETWORK_OPTIONS_INIT, 1, 0, false, false, NULL, stdout};
  proof_check r;
  sepcl_network *network = NULL;
  sepcl_network_info info;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options.network), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_double_lt(info.error_bound, 0); /* not known */
  sepcl_network_free(network);
  options.measured = true;
  ck_assert_msg(proof_check_run(&r, test_context_shared(), graph, x, &options), "%s", r.message);
  ck_assert_int_eq(r.unknown, 0);
  ck_assert_int_eq(r.outside, 0);
  ck_assert(r.finite);
  options.divisor = 1e6;
  ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
  ck_assert_int_gt(r.outside, r.stages / 2);
  options.divisor = 1;
  options.moved = 3;
  ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
  ck_assert_int_gt(r.moved, r.stages / 2);
  ck_assert_int_eq(r.hidden, 0);
  free(x);
  sepcl_graph_free(graph);
}
END_TEST

/* Several images at once: every stage of halves within its bound, for each of them. */
START_TEST(batches_of_halves_keep_their_bounds) {
  enum { BATCH = 3, VALUES = BATCH * SIDE * SIDE * CHANNELS };
  sepcl_graph *graph = squeeze(100, BATCH);
  proof_check_options options = {f16(), 1, 0, false, false, NULL, stdout};
  proof_check r;
  float *x = malloc(VALUES * sizeof *x);
  rng random = rng_of(3, 0, 0);
  for (int i = 0; i < VALUES; i++) x[i] = rng_float(&random, -1, 1);
  ck_assert_msg(proof_check_run(&r, test_context_shared(), graph, x, &options), "%s", r.message);
  ck_assert_int_gt(r.halves, 1);
  ck_assert_int_eq(r.outside + r.unknown, 0);
  options.divisor = 1e6;
  ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
  ck_assert_int_gt(r.outside, 0);
  free(x);
  sepcl_graph_free(graph);
}
END_TEST

/* Convolutions whose ranges pass the largest float where inputs reach 1e34. */
static sepcl_graph *deep(void) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  float weights[CHANNELS * CHANNELS];
  for (int i = 0; i < CHANNELS * CHANNELS; i++) weights[i] = i % 3 ? 10.0f : -10.0f;
  const int64_t shape[4] = {1, SIDE, SIDE, CHANNELS}, kernel[4] = {CHANNELS, CHANNELS, 1, 1};
  sepcl_conv_attributes conv = SEPCL_CONV_ATTRIBUTES_INIT;
  conv.outputs = CHANNELS;
  sepcl_value v = sepcl_graph_input(graph, "x", 4, shape);
  for (int i = 0; i < 5; i++) {
    v = sepcl_graph_conv(graph, v, sepcl_graph_constant(graph, 4, kernel, weights), SEPCL_NO_VALUE, &conv);
    v = sepcl_graph_activation(graph, v, (sepcl_activation){.kind = SEPCL_RELU});
  }
  sepcl_graph_output(graph, "y", v);
  ck_assert_int_eq(sepcl_graph_status(graph), SEPCL_OK);
  return graph;
}

/* Where ranges pass the largest float, stages have a bound for what they read, and keep it; where they read more, the
 * bound says nothing, and is not held against them. */
START_TEST(bounds_are_given_what_is_read) {
  sepcl_graph *graph = deep();
  proof_check_options options = {f16(), 1, 0, false, false, NULL, stdout};
  options.network.input_high = 1e34f;
  sepcl_network *network = NULL;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, &options.network), SEPCL_OK);
  sepcl_stage_info stage;
  int given = 0;
  for (int i = 0; i < sepcl_network_stage_count(network); i++) {
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    ck_assert(stage.error_bound > 0 && isfinite(stage.error_bound) && !stage.unknown);
    ck_assert(stage.given == 0.0 || stage.given == 65504.0);
    given += stage.given > 0;
  }
  ck_assert_int_gt(given, 1);
  ck_assert_int_lt(given, 5);
  sepcl_network_free(network);
  float x[SIDE * SIDE * CHANNELS];
  proof_check r;
  for (int large = 0; large < 2; large++) {
    for (int i = 0; i < SIDE * SIDE * CHANNELS; i++) x[i] = (float)(i % 7) * (large ? 1e3f : 1e-7f);
    ck_assert_msg(proof_check_run(&r, test_context_shared(), graph, x, &options), "%s", r.message);
    ck_assert_int_eq(r.outside, 0);
    ck_assert_int_eq(r.given, large ? 0 : given);
    ck_assert_int_eq(r.unknown, large ? given : 0);
  }
  options.divisor = 1e9;
  for (int i = 0; i < SIDE * SIDE * CHANNELS; i++) x[i] = (float)(i % 7) * 1e-5f;
  ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
  ck_assert_int_gt(r.outside, 0);
  sepcl_graph_free(graph);
}
END_TEST

/* One launch and a launch a stage; halves take half of the arena. */
START_TEST(replays_agree) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(zoo_build(&graph, networks[0]), 0);
  sepcl_network_options options = f16();
  zoo_outputs one, many, floats;
  options.replay = SEPCL_REPLAY_LAUNCHES;
  ck_assert_msg(zoo_outputs_run(&many, test_context_shared()->device, graph, &options, 0), "%s", many.message);
  options.replay = SEPCL_REPLAY_AUTO;
  ck_assert_msg(zoo_outputs_run(&one, test_context_shared()->device, graph, &options, 0), "%s", one.message);
  ck_assert_mem_eq(one.values, many.values, one.elements * sizeof *one.values);
  options.precision = SEPCL_F32;
  ck_assert_msg(zoo_outputs_run(&floats, test_context_shared()->device, graph, &options, 0), "%s", floats.message);
  ck_assert_mem_ne(one.values, floats.values, one.elements * sizeof *one.values);
  ck_assert_uint_lt(one.info.arena_bytes, floats.info.arena_bytes * 6 / 10);
  zoo_outputs_free(&one);
  zoo_outputs_free(&many);
  zoo_outputs_free(&floats);
  sepcl_graph_free(graph);
}
END_TEST

/* Tiles and rows have equal bits in halves where they run the same stages: `auto` fuses blocks for tiles, whose
 * intermediate then is no half in memory. */
START_TEST(families_agree_where_fusion_does) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(zoo_build(&graph, networks[0]), 0);
  for (int fusion = SEPCL_FUSION_AUTO; fusion <= SEPCL_FUSION_NEVER; fusion++) {
    zoo_outputs of[2];
    for (int tile = 0; tile < 2; tile++) {
      sepcl_network_options options = f16();
      options.fusion = (sepcl_fusion)fusion;
      options.family = tile ? SEPCL_FAMILY_TILE : SEPCL_FAMILY_ROW;
      ck_assert_msg(zoo_outputs_run(&of[tile], test_context_shared()->device, graph, &options, 0), "%s",
                    of[tile].message);
    }
    const bool equal = !memcmp(of[0].values, of[1].values, of[0].elements * sizeof *of[0].values);
    ck_assert_msg(equal == (fusion != SEPCL_FUSION_AUTO), "fusion %d", fusion);
    zoo_outputs_free(&of[0]);
    zoo_outputs_free(&of[1]);
  }
  sepcl_graph_free(graph);
}
END_TEST

START_TEST(the_reference_adds_halves_exactly) {
  const float tiny = 0x1p-24f;
  ck_assert(half_fma(1, 1, 0x1p-11f) == 1 && half_fma(1, 1, 0x3p-11f) == 1 + 0x1p-9f); /* ties, to even */
  ck_assert(half_fma(1, 32768, 16) == 32768);
  ck_assert(half_fma(183.125f, 179.0f, 5) == 32800); /* 32784.375: rounded before 5 is added it would be 32768 */
  ck_assert(half_fma(-1, 1 + 0x1p-10f, 1 + 0x1p-10f) == 0);
  ck_assert(half_fma(tiny, tiny, 2) == 2 && half_fma(tiny, 0.5f, 0) == 0 && half_fma(tiny, 0.75f, 0) == tiny);
  ck_assert(isinf(half_fma(256, 256, 0)));
}
END_TEST

/* As the test's device would be if it computed with halves; its plan alone is looked at. */
static sepcl_network *plan_of_sums(const sepcl_graph *graph, bool able, sepcl_family family) {
  sepcl_device *device = test_context_shared()->device;
  const bool had = device->half_sums, kept = device->half_denormals;
  sepcl_network_options options = f16();
  sepcl_network *network = NULL;
  options.precision = SEPCL_F16_SUMS;
  options.family = family;
  device->half_sums = device->half_denormals = able;
  const sepcl_status status = sepcl_network_plan(&network, device, graph, &options);
  device->half_sums = had;
  device->half_denormals = kept;
  ck_assert_int_eq(status, SEPCL_OK);
  return network;
}

static int stages_with_sums(sepcl_network *network) {
  int count = 0;
  for (int i = 0; i < sepcl_network_stage_count(network); i++) {
    sepcl_stage_info stage;
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    count += strstr(stage.storage, "sums f16") != NULL;
  }
  sepcl_network_free(network);
  return count;
}

/* Sums in halves are taken where the device reports them and takes tiles, and nowhere that they may pass 65504: in the
 * first convolution 16 products are at most 16 * gain / 100. */
START_TEST(sums_are_halves_where_they_can) {
  sepcl_graph *small = squeeze(100, 1), *large = squeeze(5e5f, 1);
  ck_assert_int_eq(stages_with_sums(plan_of_sums(small, true, SEPCL_FAMILY_TILE)), 2);
  ck_assert_int_eq(stages_with_sums(plan_of_sums(small, false, SEPCL_FAMILY_TILE)), 0);
  ck_assert_int_eq(stages_with_sums(plan_of_sums(small, true, SEPCL_FAMILY_ROW)), 0);
  ck_assert_int_eq(stages_with_sums(plan_of_sums(large, true, SEPCL_FAMILY_TILE)), 0);
  sepcl_graph_free(small);
  sepcl_graph_free(large);
}
END_TEST

/* The bound of a chain summed in halves against such sums, of numbers down to those that halves hardly hold. The
 * control: the bound of a chain summed in floats is passed by many. */
START_TEST(sums_in_halves_keep_their_bound) {
  enum { INPUTS = 70 };
  int passed = 0;
  for (int trial = 0; trial < 400; trial++) {
    rng r = rng_of(7, (uint64_t)trial, 0);
    float x[INPUTS], w[INPUTS], bias = rng_float(&r, -1, 1), y;
    known range[INPUTS], k;
    double exact = (double)bias;
    const float size = trial % 3 ? 1 : 1e-4f;
    for (int i = 0; i < INPUTS; i++) {
      x[i] = rng_float(&r, 0, 3);
      w[i] = rng_float(&r, -size, size) * (trial % 2 ? 1 : rng_float(&r, 0, 1e-3f));
      exact += (double)x[i] * (double)w[i];
      range[i] = known_exact(0, 3);
    }
    const reference_weights folded = {w, &bias};
    const reference_conv_args args = {.input = {1, 1, 1, INPUTS},
                                      .outputs = 1,
                                      .groups = 1,
                                      .window = SEPCL_WINDOW_INIT,
                                      .x = x,
                                      .w = &folded,
                                      .half_sums = true};
    reference_conv(&args, &y);
    const sepcl_weights set = {.weights = w, .bias = &bias, .layout = SEPCL_OHWI};
    const half_sums halves = {false, 0x1p-25};
    chain c = {{&set, 1, INPUTS, 1, 1}, 1, false, false, false, &halves};
    certify_chain(&k, &c, range);
    const double error = fabs((double)y - exact);
    ck_assert_msg(error <= k.local && (double)y >= k.low && (double)y <= k.high, "%g, bound %g", error, k.local);
    c.halves = NULL;
    certify_chain(&k, &c, range);
    passed += error > k.local;
  }
  ck_assert_int_gt(passed, 150);
}
END_TEST

/* A float planned network has a bound too, far smaller. */
START_TEST(floats_have_bounds) {
  sepcl_graph *graph = squeeze(100, 1);
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *floats = NULL, *halves = NULL;
  sepcl_network_info a, b;
  ck_assert_int_eq(sepcl_network_plan(&floats, test_context_shared()->device, graph, &options), SEPCL_OK);
  options.precision = SEPCL_F16;
  ck_assert_int_eq(sepcl_network_plan(&halves, test_context_shared()->device, graph, &options), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&a, floats), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&b, halves), SEPCL_OK);
  ck_assert_double_gt(a.error_bound, 0);
  ck_assert_double_lt(a.error_bound, 1e-4);
  ck_assert_double_gt(b.error_bound, 100 * a.error_bound);
  ck_assert_int_eq(a.halves, 0);
  sepcl_network_free(floats);
  sepcl_network_free(halves);
  sepcl_graph_free(graph);
}
END_TEST

Suite *suite_half(void);
/* Rows of halves that no vector divides lie at any even address: PoCL's own vload_half faults there. */
START_TEST(unaligned_halves_are_read) {
  sweep_options options = {
      .seed = 1, .count = 6, .limits = {100000, 24, 80, false}, .halves = -1, .variant = "pool_row8"};
  uint64_t *hits = calloc((size_t)variant_count + 1, sizeof *hits);
  sweep_result result = {0};
  ck_assert_ptr_nonnull(hits);
  sweep_kind(test_context_shared(), CASE_POOL, &options, &result, hits);
  ck_assert_uint_gt(result.launches, 0);
  ck_assert_uint_eq(result.wrong + result.failed, 0);
  free(hits);
}
END_TEST

Suite *suite_half(void) {
  Suite *suite = suite_create("half");
  TCase *tcase = tcase_create("halves");
  tcase_set_timeout(tcase, 600);
  tcase_add_test(tcase, the_reference_adds_halves_exactly);
  tcase_add_test(tcase, sums_are_halves_where_they_can);
  tcase_add_test(tcase, sums_in_halves_keep_their_bound);
  tcase_add_test(tcase, unaligned_halves_are_read);
  tcase_add_test(tcase, overflow_is_found_beforehand);
  tcase_add_test(tcase, as_a_half_it_would_overflow);
  tcase_add_test(tcase, the_input_range_counts);
  tcase_add_loop_test(tcase, stages_keep_within_their_bounds, 0, NETWORKS);
  tcase_add_test(tcase, measured_ranges_bound_every_stage);
  tcase_add_test(tcase, bounds_are_given_what_is_read);
  tcase_add_test(tcase, batches_of_halves_keep_their_bounds);
  tcase_add_test(tcase, replays_agree);
  tcase_add_test(tcase, families_agree_where_fusion_does);
  tcase_add_test(tcase, floats_have_bounds);
  suite_add_tcase(suite, tcase);
  return suite;
}
