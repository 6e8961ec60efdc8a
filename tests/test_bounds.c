/* What is known of numbers before they are computed. What may be NaN is never taken for bounded: no clip behind it, no
 * other function, makes a range of it. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "plan/known.h"
#include "reference_functions.h"
#include "sepcl.h"
#include "support/context.h"
#include "support/proof_check.h"
#include "support/random.h"

static const float places[] = {0.0f,   -0.0f,  1.0f,  -1.0f,  0.5f,    -0.75f,   7.0f,   -3.5f,   88.5f,
                               -100.f, 1e-30f, 1e20f, -1e20f, 3.0e38f, -3.4e38f, 1e-40f, -1e-40f, 6.0f};
enum { PLACES = sizeof places / sizeof *places };

/* An operand and a number that it may be. */
typedef struct operand {
  known k;
  float x;
} operand;

static float any_place(rng *r) { return places[rng_range(r, 0, PLACES - 1)]; }

static operand draw(rng *r) {
  const float a = any_place(r), b = any_place(r), c = any_place(r);
  operand o = {known_exact((double)fminf(a, b), (double)fmaxf(a, b)), c};
  if ((double)c < o.k.low || (double)c > o.k.high) o.x = a;
  if (!rng_one_in(r, 4)) return o;
  o.k = known_endless("a test");
  if (rng_one_in(r, 2)) o.x = rng_one_in(r, 2) ? INFINITY : -INFINITY;
  return o;
}

/* Whether `got` may be what `k` describes. */
static bool describes(const known *k, float got) {
  if (isnan(got)) return k->why && k->nan;
  return k->why || ((double)got >= k->low && (double)got <= k->high);
}

static const float parameters[SEPCL_FUNCTION_COUNT][2] = {
    [SEPCL_CLIP] = {-1.0f, 0.75f},       [SEPCL_LEAKY_RELU] = {0.1f, 0.0f},  [SEPCL_ELU] = {1.5f, 0.0f},
    [SEPCL_HARD_SIGMOID] = {0.2f, 0.5f}, [SEPCL_THRESHOLDED] = {0.5f, 0.0f}, [SEPCL_SELU] = {1.6732632f, 1.0507009f}};

START_TEST(functions_know_where_nan_is) {
  const sepcl_activation a = {(sepcl_function)_i, parameters[_i][0], parameters[_i][1]};
  const sepcl_activation clip = {SEPCL_CLIP, 0, 6};
  const known lost = known_function(a, known_nothing("a test"));
  ck_assert(lost.why && lost.nan);
  rng r = rng_of(21, (uint64_t)_i, 0);
  for (int i = 0; i < 20000; i++) {
    const operand o = draw(&r);
    const float got = reference_function(a, o.x);
    const known k = known_function(a, o.k), clipped = known_function(clip, k);
    ck_assert_msg(describes(&k, got), "function %d of %a in [%a, %a] is %a, not in [%a, %a]%s", _i, (double)o.x,
                  o.k.low, o.k.high, (double)got, k.low, k.high, k.why && !k.nan ? ", nor NaN" : "");
    ck_assert(describes(&clipped, reference_function(clip, got)));
  }
}
END_TEST

START_TEST(binaries_know_where_nan_is) {
  const sepcl_binary kind = (sepcl_binary)_i;
  const sepcl_activation clip = {SEPCL_RELU6, 0, 0};
  const known lost = known_nothing("a test"), one = known_exact(1, 1);
  ck_assert(known_binary(kind, lost, one).nan && known_binary(kind, one, lost).nan);
  rng r = rng_of(22, (uint64_t)_i, 0);
  for (int i = 0; i < 50000; i++) {
    const operand a = draw(&r), b = draw(&r);
    const float got = reference_binary(kind, a.x, b.x);
    const known k = known_binary(kind, a.k, b.k), clipped = known_function(clip, k);
    ck_assert_msg(describes(&k, got), "binary %d of %a and %a is %a, not in [%a, %a]", _i, (double)a.x, (double)b.x,
                  (double)got, k.low, k.high);
    ck_assert(describes(&clipped, reference_function(clip, got)));
  }
}
END_TEST

/* The control: a clip bounds numbers of any size, as long as they are numbers. */
START_TEST(clips_bound_what_is_a_number) {
  const sepcl_activation clip = {SEPCL_CLIP, -1, 6}, relu = {SEPCL_RELU, 0, 0};
  const known k = known_function(clip, known_endless("a test")), half = known_function(relu, known_endless("a test"));
  ck_assert(!k.why && k.low == -1.0 && k.high == 6.0 && k.error == 7.0);
  ck_assert(half.why && !half.nan);
  ck_assert(!known_function(clip, half).why);
  const known sum = known_sum(half, known_exact(-1, 1)), both = known_sum(half, half);
  ck_assert(sum.why && !sum.nan && both.nan);
  ck_assert(known_hull(half, known_nothing("a test")).nan);
}
END_TEST

/* What is known of a function's results holds for numbers drawn at random, and for pairs of them `error` apart. */
START_TEST(functions_keep_within_what_is_known) {
  const sepcl_activation a = {(sepcl_function)_i, parameters[_i][0], parameters[_i][1]};
  rng r = rng_of(5, (uint64_t)_i, 0);
  int64_t checked = 0;
  for (int64_t i = 0; i < 50000; i++) {
    const float size = rng_float(&r, 0.0f, 1.0f) < 0.5f ? 2.0f : 30.0f;
    const float x = rng_float(&r, -size, size), z = rng_float(&r, -size, size);
    const known point = known_function(a, known_exact((double)x, (double)x));
    if (point.why) continue; /* outside of its domain */
    const double got = (double)reference_function(a, x);
    ck_assert_msg(got >= point.low && got <= point.high, "function %d of %a is %a: not in [%a, %a]", _i, (double)x, got,
                  point.low, point.high);
    known range = known_exact(fmin((double)x, (double)z), fmax((double)x, (double)z));
    range.error = range.local = fabs((double)x - (double)z);
    const known image = known_function(a, range);
    checked++;
    if (image.why) continue;
    ck_assert_msg(got >= image.low && got <= image.high, "function %d of %a in [%a, %a]: %a is not in [%a, %a]", _i,
                  (double)x, range.low, range.high, got, image.low, image.high);
    const double moved = fabs(got - (double)reference_function(a, z));
    ck_assert_msg(moved <= image.local * (1 + 1e-6) + 1e-6 * fabs(got), "function %d of %a and %a: %g apart, not %g",
                  _i, (double)x, (double)z, moved, image.local);
  }
  ck_assert_int_gt(checked, 10000);
}
END_TEST

/* ---- networks ---- */

typedef struct clipped_network {
  const char *name;
  sepcl_function function; /* between a convolution and a clip to 0..6, before another convolution */
  bool divided, infinite;  /* conv(x) / x; or a sum of infinities of both signs */
  float x;                 /* the inputs: so much, and every other one less */
  bool nan;
} clipped_network;

static const clipped_network clipped[] = {{"square root", SEPCL_SQRT, false, false, -1, true},
                                          {"logarithm", SEPCL_LOG, false, false, -1, true},
                                          {"0 / 0", SEPCL_NONE, true, false, 0, true},
                                          {"infinities", SEPCL_NONE, false, true, 1, true},
                                          {"plain", SEPCL_NONE, false, false, 1, false},
                                          {"exponential", SEPCL_EXP, false, false, 1, false},
                                          {"reciprocal", SEPCL_RECIPROCAL, false, false, 1, false}};
enum { CLIPPED = sizeof clipped / sizeof *clipped };

static sepcl_value mixed(sepcl_graph *graph, sepcl_value x, const float weights[4], const char *name) {
  const int64_t kernel[4] = {2, 2, 1, 1};
  sepcl_conv_attributes conv = SEPCL_CONV_ATTRIBUTES_INIT;
  conv.outputs = 2;
  const sepcl_value w = sepcl_graph_constant(graph, 4, kernel, weights);
  sepcl_graph_name_next(graph, name);
  return sepcl_graph_conv(graph, x, w, SEPCL_NO_VALUE, &conv);
}

static sepcl_graph *clipped_graph(const clipped_network *c) {
  static const float mix[4] = {0.5f, 0.25f, -0.5f, 1}, huge[4] = {3e38f, 3e38f, 3e38f, 3e38f},
                     apart[4] = {1, -1, 1, -1};
  const int64_t shape[4] = {1, 5, 7, 2};
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  const sepcl_value x = sepcl_graph_input(graph, "x", 4, shape);
  sepcl_value v = mixed(graph, x, c->infinite ? huge : mix, "first");
  if (c->infinite) v = mixed(graph, v, apart, "apart");
  if (c->divided) v = sepcl_graph_binary(graph, SEPCL_DIV, v, x);
  if (c->function) v = sepcl_graph_activation(graph, v, (sepcl_activation){c->function, 0, 0});
  v = sepcl_graph_activation(graph, v, (sepcl_activation){SEPCL_CLIP, 0, 6});
  sepcl_graph_output(graph, "y", mixed(graph, v, mix, "last"));
  ck_assert_int_eq(sepcl_graph_status(graph), SEPCL_OK);
  return graph;
}

static void check_plan(const clipped_network *c, const sepcl_graph *graph, const sepcl_network_options *options) {
  sepcl_network *network = NULL;
  sepcl_stage_info stage = {.name = NULL};
  sepcl_network_info info;
  ck_assert_int_eq(sepcl_network_plan(&network, test_context_shared()->device, graph, options), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  for (int i = 0; i < sepcl_network_stage_count(network); i++) {
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    if (!strcmp(stage.name, "last")) break;
  }
  ck_assert_str_eq(stage.name, "last");
  ck_assert_msg(c->nan == (stage.unknown || stage.given > 0), "%s: %s", c->name, stage.unknown ? stage.unknown : "");
  ck_assert(c->nan == (info.error_bound < 0));
  if (!c->nan) ck_assert(stage.high > 0 && stage.high < 10 && stage.low < 0 && stage.low > -10);
  sepcl_network_free(network);
}

/* As the plan says, so it is: where it gives a bound the result is finite and within it, elsewhere it is NaN here. */
START_TEST(clips_behind_nan_bound_nothing) {
  const clipped_network *c = &clipped[_i];
  sepcl_graph *graph = clipped_graph(c);
  proof_check_options options = {SEPCL_NETWORK_OPTIONS_INIT, 1, 0, false, false, NULL, stdout};
  options.network.precision = SEPCL_F16;
  check_plan(c, graph, &options.network);
  float x[5 * 7 * 2];
  for (int i = 0; i < 5 * 7 * 2; i++) x[i] = c->x * (i % 4 < 2 ? 1.0f : 0.25f);
  proof_check r;
  ck_assert_msg(proof_check_run(&r, test_context_shared(), graph, x, &options), "%s", r.message);
  ck_assert_int_eq(r.outside, 0);
  ck_assert(r.finite == !c->nan);
  ck_assert_int_eq(r.excused, 0);
  if (c->nan) { /* what a check of halves fails for, unless somebody has named it */
    static const char *const named[] = {"x", "last", NULL};
    options.unbounded = named;
    ck_assert(proof_check_run(&r, test_context_shared(), graph, x, &options));
    ck_assert_int_gt(r.unknown, 1);
    ck_assert_int_eq(r.excused, 1);
  }
  sepcl_graph_free(graph);
}
END_TEST

Suite *suite_bounds(void);
Suite *suite_bounds(void) {
  Suite *suite = suite_create("bounds");
  TCase *tcase = tcase_create("known");
  tcase_add_loop_test(tcase, functions_keep_within_what_is_known, 0, SEPCL_FUNCTION_COUNT);
  tcase_add_loop_test(tcase, functions_know_where_nan_is, 0, SEPCL_FUNCTION_COUNT);
  tcase_add_loop_test(tcase, binaries_know_where_nan_is, SEPCL_ADD, SEPCL_PRELU + 1);
  tcase_add_test(tcase, clips_bound_what_is_a_number);
  tcase_add_loop_test(tcase, clips_behind_nan_bound_nothing, 0, CLIPPED);
  suite_add_tcase(suite, tcase);
  return suite;
}
