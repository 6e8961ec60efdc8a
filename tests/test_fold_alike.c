/* Sums of values that were shuffled alike (IGCV3): no convolution stores in another order, who reads them reads each
 * channel where it lies, and the bits are those of the graph without passes. Where something needs the order, or the
 * values were not shuffled alike, convolutions store in order as before. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "graph/passes/passes.h"
#include "sepcl.h"

enum { BATCH = 2, SIDE = 7, C = 24, GROUPS = 2, PIXELS = BATCH * SIDE * SIDE, ELEMENTS = PIXELS * C };

typedef enum setting {
  ALIKE,
  SUM_WATCHED,    /* a sum is an output */
  SHUFFLED_APART, /* one value is shuffled by other parts */
  PLAIN_OPERAND,  /* one value is not shuffled */
  READ_IN_ORDER,  /* a sum is read by a 3x3 convolution, too */
  SETTINGS
} setting;

static sepcl_device *device;
static float x_data[ELEMENTS], weights[8192];

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  srand(9);
  for (int i = 0; i < ELEMENTS; i++) x_data[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
  for (int i = 0; i < 8192; i++) weights[i] = (float)(rand() % 2001 - 1000) / 2000.0f;
}

static void close_device(void) { sepcl_device_free(device); }

static sepcl_value conv(sepcl_graph *g, sepcl_value x, int32_t kernel, int at) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = C;
  a.groups = GROUPS;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = kernel / 2;
  const int64_t dims[] = {C, C / GROUPS, kernel, kernel};
  return sepcl_graph_conv(g, x, sepcl_graph_constant_borrowed(g, 4, dims, weights + at), SEPCL_NO_VALUE, &a);
}

static sepcl_value shuffled(sepcl_graph *g, sepcl_value x, int64_t parts) {
  x = sepcl_graph_reshape(g, x, 5, (int64_t[]){BATCH, SIDE, SIDE, parts, C / parts});
  x = sepcl_graph_transpose(g, x, (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, (int64_t[]){BATCH, SIDE, SIDE, C});
}

/* Two residual blocks of one shuffled convolution each, and a convolution behind them. */
static sepcl_graph *build(setting s) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){BATCH, SIDE, SIDE, C});
  sepcl_value y = shuffled(g, conv(g, x, 1, 0), C / GROUPS);
  for (int block = 0; block < 2; block++) {
    sepcl_value made = conv(g, y, 1, 300 * (block + 1));
    if (s != PLAIN_OPERAND || block == 0) made = shuffled(g, made, s == SHUFFLED_APART && block ? 3 : C / GROUPS);
    y = sepcl_graph_binary(g, SEPCL_ADD, y, made);
    if (s == SUM_WATCHED && block == 0) sepcl_graph_output(g, "sum", y);
    if (s == READ_IN_ORDER && block == 0) sepcl_graph_output(g, "wide", conv(g, y, 3, 2000));
  }
  sepcl_graph_output(g, "out", conv(g, y, 1, 900));
  ck_assert_int_eq(sepcl_graph_status(g), SEPCL_OK);
  return g;
}

/* How many convolutions store in another order than they make. */
static int ordered(const sepcl_graph *g) {
  sepcl_graph *copy = NULL;
  pass_report report = {.count = 0};
  const sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  ck_assert_int_eq(graph_copy(&copy, g), SEPCL_OK);
  ck_assert_int_eq(passes_run(copy, &options, &report), SEPCL_OK);
  int count = 0;
  for (int32_t i = 0; i < copy->count; i++) {
    ck_assert(copy->nodes[i].dead || copy->nodes[i].kind != NODE_TRANSPOSE);
    count += !copy->nodes[i].dead && copy->nodes[i].output_order;
  }
  sepcl_graph_free(copy);
  return count;
}

static void run(const sepcl_graph *g, const sepcl_network_options *options, float *out) {
  static float other[ELEMENTS];
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  const float *in = x_data;
  ck_assert_msg(sepcl_network_compile(&network, device, g, options) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_execution_create(&execution, network) == SEPCL_OK, "%s", sepcl_last_error());
  float *outs[2] = {sepcl_graph_output_count(g) > 1 ? other : out, out};
  ck_assert_msg(sepcl_execution_run(execution, &in, outs) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_execution_free(execution);
  sepcl_network_free(network);
}

START_TEST(test_nothing_is_stored_in_order_and_bits_stay) {
  static float expected[ELEMENTS], actual[ELEMENTS];
  const sepcl_family families[] = {SEPCL_FAMILY_AUTO, SEPCL_FAMILY_SCALAR, SEPCL_FAMILY_TILE};
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = SEPCL_REPLAY_LAUNCHES;
  sepcl_graph *g = build((setting)_i);
  if (_i == ALIKE)
    ck_assert_int_eq(ordered(g), 0);
  else
    ck_assert_int_ge(ordered(g), 1);
  options.skip_passes = "all";
  run(g, &options, expected);
  options.skip_passes = NULL;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    options.family = families[i];
    memset(actual, 0, sizeof actual);
    run(g, &options, actual);
    ck_assert_mem_eq(actual, expected, sizeof actual);
  }
  weights[907] += 0.001f; /* negative control */
  run(g, &options, actual);
  weights[907] -= 0.001f;
  ck_assert_mem_ne(actual, expected, sizeof actual);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_fold_alike(void) {
  Suite *suite = suite_create("fold_alike");
  TCase *tcase = tcase_create("fold_alike");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_nothing_is_stored_in_order_and_bits_stay, 0, SETTINGS);
  suite_add_tcase(suite, tcase);
  return suite;
}
