/* Units that pass half of their channels on and shuffle them with the half that they compute (ShuffleNet v2): nothing
 * moves, and the bits are those of the graph without passes; where something else sees a value whose place would be
 * written anew, it stays as it was. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sepcl.h"

enum { BATCH = 2, SIDE = 7, C = 24, HALF = C / 2, PIXELS = BATCH * SIDE * SIDE, MAX_OUTPUTS = 3 };

typedef enum setting {
  PLAIN,
  PART_WATCHED,   /* a part of the first concatenation is an output */
  MIDDLE_WATCHED, /* a shuffled value between two units is one */
  INDEPENDENT,    /* what is made does not come from the half that was read */
  END_ADDED,      /* the end is read by an addition, which needs its channels in order */
  SETTINGS
} setting;

static sepcl_device *device;
static float x_data[PIXELS * C], weights[4096];

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  srand(7);
  for (int i = 0; i < PIXELS * C; i++) x_data[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
  for (int i = 0; i < 4096; i++) weights[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
}

static void close_device(void) { sepcl_device_free(device); }

static sepcl_value conv(sepcl_graph *g, sepcl_value x, int32_t inputs, int32_t outputs, int32_t kernel, int at) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = outputs;
  a.groups = kernel > 1 ? outputs : 1;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = kernel / 2;
  const int64_t dims[] = {outputs, inputs / a.groups, kernel, kernel};
  return sepcl_graph_conv(g, x, sepcl_graph_constant_borrowed(g, 4, dims, weights + at), SEPCL_NO_VALUE, &a);
}

static sepcl_value half(sepcl_graph *g, sepcl_value x, int64_t from) {
  return sepcl_graph_slice(g, x, (int64_t[]){0, 0, 0, from}, (int64_t[]){BATCH, SIDE, SIDE, HALF}, NULL);
}

static sepcl_value joined(sepcl_graph *g, sepcl_value a, sepcl_value b) {
  sepcl_value x = sepcl_graph_concat(g, (sepcl_value[]){a, b}, 2, 3);
  x = sepcl_graph_reshape(g, x, 5, (int64_t[]){BATCH, SIDE, SIDE, 2, HALF});
  x = sepcl_graph_transpose(g, x, (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, (int64_t[]){BATCH, SIDE, SIDE, C});
}

static sepcl_graph *build(setting s) {
  const sepcl_activation relu = {SEPCL_RELU, 0, 0};
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){BATCH, SIDE, SIDE, C});
  sepcl_value a = conv(g, x, C, HALF, 1, 0), y = joined(g, a, conv(g, x, C, HALF, 1, 300));
  if (s == PART_WATCHED) sepcl_graph_output(g, "part", a);
  for (int i = 0; i < 3; i++) {
    const sepcl_value kept = half(g, y, 0), read = conv(g, half(g, y, HALF), HALF, HALF, 1, 600 + 100 * i);
    const sepcl_value middle = conv(g, sepcl_graph_activation(g, read, relu), HALF, HALF, 3, 1000);
    sepcl_value made = conv(g, middle, HALF, HALF, 1, 1200 + 100 * i);
    if (s == INDEPENDENT && i == 1) {
      sepcl_graph_output(g, "read", middle);
      made = conv(g, x, C, HALF, 1, 1700);
    }
    y = joined(g, kept, sepcl_graph_activation(g, made, relu));
    if (s == MIDDLE_WATCHED && i == 1) sepcl_graph_output(g, "middle", y);
  }
  if (s == END_ADDED) sepcl_graph_output(g, "sum", sepcl_graph_binary(g, SEPCL_ADD, y, x));
  sepcl_graph_output(g, "near", conv(g, y, C, 20, 1, 2000));
  sepcl_graph_output(g, "far", conv(g, conv(g, y, C, C, 3, 2600), C, C, 1, 3000));
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  return g;
}

typedef struct results {
  float values[MAX_OUTPUTS][PIXELS * C];
  int copies;
} results;

static void run(results *out, const sepcl_graph *g, const sepcl_network_options *options) {
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  sepcl_stage_info stage;
  const float *in = x_data;
  float *to[MAX_OUTPUTS] = {out->values[0], out->values[1], out->values[2]};
  memset(out, 0, sizeof *out);
  ck_assert_msg(sepcl_network_compile(&network, device, g, options) == SEPCL_OK, "%s", sepcl_last_error());
  for (int32_t i = 0; i < sepcl_network_stage_count(network); i++) {
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    out->copies += stage.launches > 0 && !strcmp(stage.stage, "copy");
  }
  ck_assert_msg(sepcl_execution_create(&execution, network) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_execution_run(execution, &in, to) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_execution_free(execution);
  sepcl_network_free(network);
}

START_TEST(test_nothing_moves_and_bits_stay) {
  static results expected, actual;
  const sepcl_family families[] = {SEPCL_FAMILY_AUTO, SEPCL_FAMILY_SCALAR, SEPCL_FAMILY_TILE};
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_graph *g = build((setting)_i);
  options.replay = SEPCL_REPLAY_LAUNCHES;
  options.skip_passes = "all";
  run(&expected, g, &options);
  ck_assert_int_gt(expected.copies, 0);
  options.skip_passes = NULL;
  for (size_t i = 0; i <= sizeof families / sizeof *families; i++) {
    const bool last = i == sizeof families / sizeof *families;
    options.family = last ? SEPCL_FAMILY_AUTO : families[i];
    options.replay = last ? SEPCL_REPLAY_ONE_LAUNCH : SEPCL_REPLAY_LAUNCHES;
    run(&actual, g, &options);
    if (_i == PLAIN) ck_assert_int_eq(actual.copies, 0);
    if (_i != PLAIN) ck_assert_int_gt(actual.copies, 0);
    ck_assert_mem_eq(actual.values, expected.values, sizeof actual.values);
  }
  weights[1200] += 0.25f; /* the control: a weight of the first unit */
  run(&actual, g, &options);
  weights[1200] -= 0.25f;
  ck_assert_mem_ne(actual.values, expected.values, sizeof actual.values);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_pass_through(void) {
  Suite *suite = suite_create("pass_through");
  TCase *tcase = tcase_create("pass_through");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_nothing_moves_and_bits_stay, 0, SETTINGS);
  suite_add_tcase(suite, tcase);
  return suite;
}
