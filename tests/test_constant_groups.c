/* Dead channels between convolutions in groups: as many leave each group as the others can match, bit for bit, and the
 * plan counts those that stay and says why. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/passes/equal_groups.h"
#include "reference.h"
#include "reference_graph.h"
#include "run/network.h"
#include "support/layers.h"
#include "support/uses.h"
#include "support/zoo_outputs.h"

enum { CHANNELS = 24, INPUTS = 6, OUTPUTS = 12, SIDE = 5, PARTS = 3, MOST = 8 };

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

typedef struct planted {
  int dead[MOST], count; /* depthwise channels, behind the shuffle */
  int removed, kept;
  const char *why;
  int made, read; /* groups of the convolutions around them */
  int kernel;     /* of the reader */
  float constant; /* what the dead ones give */
  bool alive;     /* control: almost nothing */
  bool others;    /* something else reads what the depthwise convolution reads */
  bool shared;    /* it is an output, too */
  bool infinite;  /* the reader's weights */
  sepcl_policy policy;
} planted;

static rng numbers;

static sepcl_value random_conv(sepcl_graph *g, sepcl_value x, int inputs, int outputs, int groups, int kernel) {
  const int64_t dims[] = {outputs, inputs / groups, kernel, kernel}, count = outputs;
  return layer_conv(g, x, layer_uniform(g, &numbers, 4, dims, -0.5f, 0.5f),
                    layer_uniform(g, &numbers, 1, &count, -0.1f, 0.1f), outputs, groups, kernel, 0);
}

static sepcl_value plant(sepcl_graph *g, sepcl_value x, const planted *p) {
  float w[CHANNELS * 9], bias[CHANNELS];
  for (int i = 0; i < CHANNELS * 9; i++) w[i] = rng_float(&numbers, -0.5f, 0.5f);
  for (int c = 0; c < CHANNELS; c++) bias[c] = rng_float(&numbers, -0.1f, 0.1f);
  for (int i = 0; i < p->count; i++) {
    for (int t = 0; t < 9; t++) w[p->dead[i] * 9 + t] = p->alive ? 0.01f : 0.0f;
    bias[p->dead[i]] = p->constant;
  }
  const int64_t dims[] = {CHANNELS, 1, 3, 3}, count = CHANNELS;
  return layer_conv(g, x, sepcl_graph_constant(g, 4, dims, w), sepcl_graph_constant(g, 1, &count, bias), CHANNELS,
                    CHANNELS, 3, 1);
}

static sepcl_graph *build(const planted *p) {
  const int64_t image[] = {2, SIDE, SIDE, INPUTS};
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  numbers = rng_of(12, 0, 0);
  sepcl_value x = random_conv(g, sepcl_graph_input(g, "input", 4, image), INPUTS, CHANNELS, p->made, 1);
  x = layer_shuffled(g, sepcl_graph_activation(g, x, (sepcl_activation){SEPCL_RELU6, 0, 0}), 2, SIDE, CHANNELS, PARTS);
  const sepcl_value before = x;
  x = plant(g, x, p);
  const sepcl_value dead = x;
  x = random_conv(g, x, CHANNELS, OUTPUTS, p->read, p->kernel);
  if (p->infinite) {
    float *w = graph_node(g, graph_node(g, x)->inputs[1])->owned;
    for (int i = 0; i < OUTPUTS * CHANNELS / p->read; i++) w[i] = INFINITY;
  }
  sepcl_graph_output(g, "output", x);
  if (p->others) sepcl_graph_output(g, "others", random_conv(g, before, CHANNELS, OUTPUTS, 1, 1));
  if (p->shared) sepcl_graph_output(g, "channels", dead);
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  return g;
}

#define OTHERS "the same channel is not constant where something else"
#define GROUPS "the groups of a convolution lose equally many"
/* Behind the shuffle channel d is of group d % 3 where it is made, and of group d / 8 where it is read. */
static const planted cases[] = {
    {{0, 10, 17}, 3, 3, 0, NULL, .made = 3, .read = 3},
    {{0, 9, 18}, 3, 0, 3, GROUPS, .made = 3, .read = 3}, /* all of one group where they are made */
    {{0, 1, 2}, 3, 0, 3, GROUPS, .made = 3, .read = 3},  /* and where they are read */
    {{0, 10, 17, 3}, 4, 3, 1, GROUPS, .made = 3, .read = 3},
    {{0, 1, 9, 10, 17, 16}, 6, 3, 3, GROUPS, .made = 3, .read = 3}, /* 1, 0, 0, 1, 2, 1 where they are made */
    {{1, 0, 9, 11, 16, 20}, 6, 6, 0, NULL, .made = 3, .read = 3},
    {{0, 1, 8, 9, 16}, 5, 3, 2, GROUPS, .made = 1, .read = 3},
    {{0, 1, 8, 9, 16}, 5, 3, 2, GROUPS, .made = 3, .read = 1},
    {{0, 1, 14, 15}, 4, 4, 0, NULL, .made = 1, .read = 2},
    {{0, 10, 17}, 3, 3, 0, NULL, .made = 3, .read = 3, .kernel = 3},
    {{0, 10, 17}, 3, 0, 0, NULL, .made = 3, .read = 3, .alive = true},
    {{0, 10, 17}, 3, 0, 3, "they are not zero", .made = 3, .read = 3, .constant = 0.3f},
    {{0, 10, 17}, 3, 0, 3, "a weight that reads them is not finite", .made = 3, .read = 3, .infinite = true},
    {{0, 10, 17}, 3, 0, 3, OTHERS, .made = 3, .read = 3, .others = true},
    {{0, 10, 17}, 3, 0, 3, "an input or output of the network", .made = 3, .read = 3, .shared = true},
};
enum { CASES = sizeof cases / sizeof *cases };

static bool reported(const sepcl_network *network, const char *text) {
  for (int i = 0; sepcl_network_pass_report(network, i); i++)
    if (strstr(sepcl_network_pass_report(network, i), text)) return true;
  return false;
}

static void check_plan(const sepcl_graph *g, const planted *p) {
  sepcl_network *network = NULL;
  sepcl_network_info info;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = p->policy;
  ck_assert_int_eq(sepcl_network_plan(&network, device, g, &options), SEPCL_OK);
  check_uses(network->graph);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_int_eq(info.removed_channels, p->removed);
  ck_assert_int_eq(info.kept_channels, p->kept);
  ck_assert(reported(network, "constant channels that stay: ") == (p->kept > 0));
  ck_assert_msg(!p->why || reported(network, p->why), "nothing says '%s'", p->why);
  sepcl_network_free(network);
}

static size_t different(const sepcl_graph *g, sepcl_policy policy, float tolerance) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = policy;
  reference_values values;
  zoo_outputs out;
  float *x = zoo_pictures(g, 0);
  const float *inputs[] = {x};
  size_t count = 0;
  ck_assert(x && reference_graph_run(&values, g, inputs, (reference_graph_options){true}));
  ck_assert_msg(zoo_outputs_run(&out, device, g, &options, 0), "%s", out.message);
  const float *expected = reference_graph_output(&values, g, 0);
  for (size_t i = 0; i < out.elements; i++)
    count += !reference_same(out.values[i], expected[i]) && !(fabsf(out.values[i] - expected[i]) <= tolerance);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  free(x);
  return count;
}

START_TEST(test_groups_lose_equally_many) {
  planted p = cases[_i];
  if (!p.kernel) p.kernel = 1;
  sepcl_graph *g = build(&p);
  check_plan(g, &p);
  ck_assert_uint_eq(different(g, SEPCL_REPRODUCIBLE, -1), 0);
  sepcl_graph_free(g);
}
END_TEST

/* Whether each of the groups, 0 to groups - 1, of the chosen channels loses as many and keeps two. */
static bool is_balanced(const int *group, int count, unsigned chosen, int groups) {
  int lost[CHANNELS] = {0};
  for (int i = 0; i < count; i++) lost[group[i]] += chosen >> i & 1;
  for (int k = 0; k < groups; k++)
    if (lost[k] != lost[0] || (groups > 1 && lost[k] > CHANNELS / groups - 2)) return false;
  return true;
}

/* How many may go, by trying every choice. */
static int most_that_go(const planted *p) {
  int made[MOST], read[MOST], most = 0;
  for (int i = 0; i < p->count; i++) {
    const int d = p->dead[i];
    made[i] = (d % PARTS * (CHANNELS / PARTS) + d / PARTS) / (CHANNELS / p->made);
    read[i] = d / (CHANNELS / p->read);
  }
  for (unsigned chosen = 0; chosen < 1u << p->count; chosen++) {
    const int size = __builtin_popcount(chosen);
    if (size > most && is_balanced(made, p->count, chosen, p->made) && is_balanced(read, p->count, chosen, p->read))
      most = size;
  }
  return most;
}

/* Outputs of the reader that nothing but dead channels reach. */
static int constant_outputs(const planted *p) {
  int dead[CHANNELS] = {0}, count = 0;
  for (int i = 0; i < p->count; i++) dead[p->dead[i] / (CHANNELS / p->read)]++;
  for (int k = 0; k < p->read; k++) count += dead[k] == CHANNELS / p->read ? OUTPUTS / p->read : 0;
  return count;
}

enum { DRAWS = 80 };

START_TEST(test_as_many_go_as_any_choice_allows) {
  static const int groups[] = {1, 2, 3, 6};
  rng r = rng_of(13, (uint64_t)_i, 0);
  planted p = {.count = (int)rng_range(&r, 2, MOST), .kernel = 1};
  p.made = groups[rng_range(&r, 0, 3)];
  p.read = groups[rng_range(&r, 0, 3)];
  for (int i = 0; i < p.count; i++)
    for (bool again = true; again;) {
      p.dead[i] = (int)rng_range(&r, 0, CHANNELS - 1);
      again = false;
      for (int k = 0; k < i; k++) again = again || p.dead[k] == p.dead[i];
    }
  p.removed = most_that_go(&p);
  p.kept = p.count - p.removed + constant_outputs(&p);
  sepcl_graph *g = build(&p);
  check_plan(g, &p);
  ck_assert_uint_eq(different(g, SEPCL_REPRODUCIBLE, -1), 0);
  sepcl_graph_free(g);
}
END_TEST

/* Each constant enters the bias of those outputs alone whose group reads it. */
START_TEST(test_other_constants_enter_their_groups_bias) {
  const planted p = {{0, 10, 17}, 3, 3, 0, NULL, 3, 3, 1, 0.3f, .policy = SEPCL_FASTEST};
  sepcl_graph *g = build(&p);
  check_plan(g, &p);
  ck_assert_uint_eq(different(g, SEPCL_FASTEST, 1e-5f), 0);
  ck_assert_uint_gt(different(g, SEPCL_FASTEST, -1), 0); /* the control: they did move */
  sepcl_graph_free(g);
}
END_TEST

/* Some channels of each of many small groups; false where the search was not made. */
static bool any_goes(int32_t channels, int32_t groups) {
  bool *goes = calloc((size_t)channels, sizeof *goes), any = false;
  int32_t *of = calloc(2 * (size_t)channels, sizeof *of);
  ck_assert(goes && of);
  const grouping g[MAX_GROUPINGS] = {{of, groups, 1}, {of + channels, groups, 1}};
  for (int32_t c = 0; c < channels; c++) {
    goes[c] = true;
    of[c] = c % groups;
    of[channels + c] = c / (channels / groups);
  }
  ck_assert_int_eq(equal_groups(goes, channels, g), SEPCL_OK);
  for (int32_t c = 0; c < channels; c++) any = any || goes[c];
  free(goes);
  free(of);
  return any;
}

/* A model may ask for as many as it likes. */
START_TEST(test_too_many_groups_lose_none) {
  ck_assert(any_goes(960, 240));
  ck_assert(!any_goes(1 << 16, 1 << 14));
}
END_TEST

Suite *suite_constant_groups(void) {
  Suite *suite = suite_create("constant_groups");
  TCase *tcase = tcase_create("constant_groups");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_groups_lose_equally_many, 0, CASES);
  tcase_add_loop_test(tcase, test_as_many_go_as_any_choice_allows, 0, DRAWS);
  tcase_add_test(tcase, test_other_constants_enter_their_groups_bias);
  tcase_add_test(tcase, test_too_many_groups_lose_none);
  suite_add_tcase(suite, tcase);
  return suite;
}
