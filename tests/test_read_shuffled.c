/* Channel shuffles that are folded where they are read: by 1x1 convolutions in groups, behind depthwise ones. The bits
 * are those of the graph without passes. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sepcl.h"

enum { SIDE = 9, OUT = 5, C = 24, GROUPS = 3, OUTPUTS = 60, BATCH = 2, ELEMENTS = BATCH * OUT * OUT * OUTPUTS };

static sepcl_device *device;
static float x_data[BATCH * SIDE * SIDE * C], first[C * C / GROUPS], middle[C * 9], bias[C], last[OUTPUTS * C / GROUPS];

static void fill(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
}

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  srand(5);
  fill(x_data, sizeof x_data / sizeof *x_data);
  fill(first, sizeof first / sizeof *first);
  fill(middle, sizeof middle / sizeof *middle);
  fill(bias, C);
  fill(last, sizeof last / sizeof *last);
}

static void close_device(void) { sepcl_device_free(device); }

static sepcl_value conv(sepcl_graph *g, sepcl_value x, const float *weights, int64_t per_output, int32_t groups,
                        int32_t outputs, int32_t kernel) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = outputs;
  a.groups = groups;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.stride_h = a.window.stride_w = kernel > 1 ? 2 : 1;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = kernel / 2;
  sepcl_value w = sepcl_graph_constant_borrowed(g, 4, (int64_t[]){outputs, per_output, kernel, kernel}, weights);
  sepcl_value b = kernel > 1 ? sepcl_graph_constant_borrowed(g, 1, (int64_t[]){C}, bias) : SEPCL_NO_VALUE;
  return sepcl_graph_conv(g, x, w, b, &a);
}

static sepcl_value shuffled(sepcl_graph *g, sepcl_value x) {
  x = sepcl_graph_reshape(g, x, 5, (int64_t[]){BATCH, SIDE, SIDE, GROUPS, C / GROUPS});
  x = sepcl_graph_transpose(g, x, (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, (int64_t[]){BATCH, SIDE, SIDE, C});
}

/* ShuffleNet's unit: 1x1 in groups, shuffle, depthwise, 1x1 in groups. `watched`: others see the shuffled value too. */
static sepcl_graph *unit(bool watched) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){BATCH, SIDE, SIDE, C});
  sepcl_value y = shuffled(g, conv(g, x, first, C / GROUPS, GROUPS, C, 1));
  if (watched) sepcl_graph_output(g, "shuffled", y);
  y = sepcl_graph_activation(g, conv(g, y, middle, 1, C, C, 3), (sepcl_activation){SEPCL_HARD_SWISH, 0, 0});
  sepcl_graph_output(g, "out", conv(g, y, last, C / GROUPS, GROUPS, OUTPUTS, 1));
  return g;
}

/* The last output, by `options`; returns how often the device was launched. */
static int32_t run(const sepcl_graph *g, const sepcl_network_options *options, float *out) {
  static float unread[BATCH * SIDE * SIDE * C];
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  sepcl_network_info info;
  const float *in = x_data;
  ck_assert_msg(sepcl_network_compile(&network, device, g, options) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_msg(sepcl_execution_create(&execution, network) == SEPCL_OK, "%s", sepcl_last_error());
  float *outs[2] = {sepcl_graph_output_count(g) > 1 ? unread : out, out};
  ck_assert_msg(sepcl_execution_run(execution, &in, outs) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  return info.launches;
}

START_TEST(test_is_read_where_it_lies) {
  static float expected[ELEMENTS], actual[ELEMENTS];
  const sepcl_family families[] = {SEPCL_FAMILY_AUTO, SEPCL_FAMILY_SCALAR, SEPCL_FAMILY_TILE};
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = SEPCL_REPLAY_LAUNCHES;
  for (int watched = 0; watched < 2; watched++) {
    sepcl_graph *g = unit(watched);
    options.skip_passes = "all";
    options.family = SEPCL_FAMILY_AUTO;
    run(g, &options, expected);
    options.skip_passes = NULL;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
      options.family = families[i];
      memset(actual, 0, sizeof actual);
      ck_assert_int_eq(run(g, &options, actual), 3);
      ck_assert_mem_eq(actual, expected, sizeof actual);
    }
    last[7] += 0.001f; /* negative control */
    run(g, &options, actual);
    last[7] -= 0.001f;
    ck_assert_mem_ne(actual, expected, sizeof actual);
    sepcl_graph_free(g);
  }
}
END_TEST

Suite *suite_read_shuffled(void) {
  Suite *suite = suite_create("read_shuffled");
  TCase *tcase = tcase_create("read_shuffled");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_test(tcase, test_is_read_where_it_lies);
  suite_add_tcase(suite, tcase);
  return suite;
}
