/* Networks end to end on the device, against the plain-C reference, in every way of replaying. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "run/network.h"
#include "sepcl.h"
#include "support/context.h"
#include "support/uses.h"

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

enum { H = 13, W = 11, C = 20, E = 37 };

static float x_data[H * W * C], w1_data[C * C * 9], w2_data[E * C], w3_data[C * E], b_data[C];

static void fill(float *values, size_t count, unsigned seed) {
  srand(seed);
  for (size_t i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
}

static sepcl_value weights(sepcl_graph *g, const float *data, int64_t o, int64_t i, int64_t k) {
  return sepcl_graph_constant_borrowed(g, 4, (int64_t[]){o, i, k, k}, data);
}

static sepcl_value conv(sepcl_graph *g, sepcl_value x, sepcl_value w, sepcl_value b, int32_t outputs, int32_t kernel) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = outputs;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = kernel / 2;
  return sepcl_graph_conv(g, x, w, b, &a);
}

/* y = relu(conv3x3(x) + b), z = relu6(1x1(y)), out = x + 1x1(z) */
static sepcl_graph *residual_graph(void) {
  fill(x_data, H * W * C, 1);
  fill(w1_data, C * C * 9, 2);
  fill(w2_data, E * C, 3);
  fill(w3_data, C * E, 4);
  fill(b_data, C, 5);
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){1, H, W, C});
  sepcl_value b = sepcl_graph_constant_borrowed(g, 1, (int64_t[]){C}, b_data);
  sepcl_value y = conv(g, x, weights(g, w1_data, C, C, 3), b, C, 3);
  y = sepcl_graph_activation(g, y, (sepcl_activation){SEPCL_RELU, 0, 0});
  sepcl_value z = conv(g, y, weights(g, w2_data, E, C, 1), SEPCL_NO_VALUE, E, 1);
  z = sepcl_graph_activation(g, z, (sepcl_activation){SEPCL_RELU6, 0, 0});
  z = conv(g, z, weights(g, w3_data, C, E, 1), SEPCL_NO_VALUE, C, 1);
  sepcl_graph_output(g, "out", sepcl_graph_binary(g, SEPCL_ADD, x, z));
  return g;
}

static void reference_layer(const float *x, int32_t c, const float *w, const float *b, int32_t outputs, int32_t kernel,
                            sepcl_function f, const float *residual, float *y) {
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = w;
  set.bias = b;
  sepcl_window window = {kernel, kernel, 1, 1, 1, 1, kernel / 2, kernel / 2, kernel / 2, kernel / 2};
  reference_weights folded;
  ck_assert(reference_fold(&folded, &set, outputs, c, &window));
  reference_conv_args args = {{1, H, W, c}, outputs, 1, window, {f, 0, 0}, x, &folded, residual, NULL, false, false};
  reference_conv(&args, y);
  reference_weights_free(&folded);
}

static void reference_residual(float *out) {
  static float y[H * W * C], z[H * W * E];
  reference_layer(x_data, C, w1_data, b_data, C, 3, SEPCL_RELU, NULL, y);
  reference_layer(y, C, w2_data, NULL, E, 1, SEPCL_RELU6, NULL, z);
  reference_layer(z, E, w3_data, NULL, C, 1, SEPCL_NONE, x_data, out);
}

static void run_graph(const sepcl_graph *g, const sepcl_network_options *options, const float *x, float *y) {
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  ck_assert_msg(sepcl_network_compile(&network, device, g, options) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_execution_create(&execution, network) == SEPCL_OK, "%s", sepcl_last_error());
  for (int i = 0; i < 3; i++)
    ck_assert_msg(sepcl_execution_run(execution, &x, &y) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_execution_free(execution);
  check_uses(network->graph);
  sepcl_network_free(network);
}

/* The graph's only output, of at most 2 C channels. */
static void expect_the_bits_of_no_pass(const sepcl_graph *g, const sepcl_network_options *options) {
  static float with[H * W * 2 * C], without[H * W * 2 * C];
  sepcl_io_info output;
  ck_assert_int_eq(sepcl_graph_output_info(&output, g, 0), SEPCL_OK);
  ck_assert_uint_le(output.elements, sizeof with / sizeof *with);
  sepcl_network_options none = *options;
  none.skip_passes = "all";
  run_graph(g, options, x_data, with);
  run_graph(g, &none, x_data, without);
  ck_assert_mem_eq(with, without, output.elements * sizeof *with);
}

START_TEST(test_every_replay_gives_the_reference_bits) {
  static float expected[H * W * C], actual[H * W * C];
  sepcl_graph *g = residual_graph();
  reference_residual(expected);
  const sepcl_replay replays[] = {SEPCL_REPLAY_LAUNCHES, SEPCL_REPLAY_COMMAND_BUFFER, SEPCL_REPLAY_ONE_LAUNCH,
                                  SEPCL_REPLAY_AUTO};
  for (size_t i = 0; i < sizeof replays / sizeof *replays; i++) {
    sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
    options.replay = replays[i];
    memset(actual, 0, sizeof actual);
    run_graph(g, &options, x_data, actual);
    ck_assert_mem_eq(actual, expected, sizeof actual);
  }
  w3_data[17] += 0.001f; /* negative control: one weight */
  run_graph(g, NULL, x_data, actual);
  ck_assert_mem_ne(actual, expected, sizeof actual);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_skipping_all_passes_changes_no_bit) {
  sepcl_graph *g = residual_graph();
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  expect_the_bits_of_no_pass(g, &options);
  sepcl_graph_free(g);
}
END_TEST

static sepcl_value shuffled(sepcl_graph *g, sepcl_value x, int64_t channels, int64_t parts) {
  x = sepcl_graph_reshape(g, x, 5, (int64_t[]){1, H, W, parts, channels / parts});
  x = sepcl_graph_transpose(g, x, (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, (int64_t[]){1, H, W, channels});
}

/* 1x1 in two groups, shuffled; then the same once more with a residual: both shuffles become orders of storing. */
static sepcl_graph *shuffle_graph(void) {
  fill(x_data, H * W * C, 6);
  fill(w1_data, C * C / 2, 7);
  fill(w2_data, C * C / 2, 8);
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){1, H, W, C}), y = x;
  const float *data[2] = {w1_data, w2_data};
  for (int i = 0; i < 2; i++) {
    sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
    a.outputs = C;
    a.groups = 2;
    y = sepcl_graph_conv(g, y, weights(g, data[i], C, C / 2, 1), SEPCL_NO_VALUE, &a);
    y = sepcl_graph_activation(g, y, (sepcl_activation){i ? SEPCL_NONE : SEPCL_HARD_SWISH, 0, 0});
    y = shuffled(g, y, C, 2);
  }
  sepcl_graph_output(g, "out", sepcl_graph_binary(g, SEPCL_ADD, y, x));
  return g;
}

START_TEST(test_shuffles_cost_no_launch_and_no_bit) {
  sepcl_graph *g = shuffle_graph();
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = SEPCL_REPLAY_LAUNCHES;
  sepcl_network *network = NULL;
  sepcl_network_info info;
  ck_assert_int_eq(sepcl_network_plan(&network, device, g, &options), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_int_eq(info.launches, 2);
  sepcl_network_free(network);
  expect_the_bits_of_no_pass(g, &options);
  sepcl_graph_free(g);
}
END_TEST

/* A part of an interleaved concatenation that has an order of its own already: it moves. */
START_TEST(test_a_shuffle_of_a_shuffle_changes_no_bit) {
  fill(x_data, H * W * C, 6);
  fill(w1_data, C * C, 7);
  fill(w2_data, C * C, 8);
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){1, H, W, C}), parts[2];
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = C;
  parts[0] = sepcl_graph_conv(g, x, weights(g, w1_data, C, C, 1), SEPCL_NO_VALUE, &a);
  parts[1] = shuffled(g, sepcl_graph_conv(g, x, weights(g, w2_data, C, C, 1), SEPCL_NO_VALUE, &a), C, 5);
  sepcl_graph_output(g, "out", shuffled(g, sepcl_graph_concat(g, parts, 2, 3), 2 * C, 2));
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  expect_the_bits_of_no_pass(g, &options);
  sepcl_graph_free(g);
}
END_TEST

/* relu6(depthwise(relu6(1x1(x)))), then 1x1 + x: an inverted residual; without the first 1x1, separable. */
static sepcl_graph *block_graph(bool expands) {
  fill(x_data, H * W * C, 9);
  fill(w1_data, E * 9, 10);
  fill(w2_data, E * C, 11);
  fill(w3_data, C * E, 12);
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){1, H, W, C}), y = x;
  int32_t inner = expands ? E : C;
  sepcl_activation relu6 = {SEPCL_RELU6, 0, 0};
  if (expands) y = sepcl_graph_activation(g, conv(g, y, weights(g, w2_data, E, C, 1), SEPCL_NO_VALUE, E, 1), relu6);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = a.groups = inner;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  y = sepcl_graph_conv(g, y, weights(g, w1_data, inner, 1, 3), SEPCL_NO_VALUE, &a);
  y = sepcl_graph_activation(g, y, relu6);
  y = conv(g, y, weights(g, w3_data, C, inner, 1), SEPCL_NO_VALUE, C, 1);
  sepcl_graph_output(g, "out", sepcl_graph_binary(g, SEPCL_ADD, y, x));
  return g;
}

START_TEST(test_fused_blocks_change_no_bit) {
  static float fused[H * W * C], apart[H * W * C];
  for (int expands = 0; expands < 2; expands++) {
    sepcl_graph *g = block_graph(expands);
    sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
    sepcl_network *network = NULL;
    sepcl_network_info info;
    options.fusion = SEPCL_FUSION_ALWAYS;
    options.replay = SEPCL_REPLAY_LAUNCHES;
    ck_assert_int_eq(sepcl_network_plan(&network, device, g, &options), SEPCL_OK);
    ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
    ck_assert_int_eq(info.launches, 1);
    sepcl_network_free(network);
    run_graph(g, &options, x_data, fused);
    options.fusion = SEPCL_FUSION_NEVER;
    run_graph(g, &options, x_data, apart);
    ck_assert_mem_eq(fused, apart, sizeof fused);
    sepcl_graph_free(g);
  }
}
END_TEST

/* Oclgrind reports races on a ticket loop that is right, so the loop is checked by equal bits, many times over. */
START_TEST(test_one_launch_gives_the_same_bits_every_time) {
  enum { RUNS = 200 };
  static float first[H * W * C], again[H * W * C];
  sepcl_graph *g = shuffle_graph();
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = SEPCL_REPLAY_ONE_LAUNCH;
  options.skip_passes = "all"; /* more stages, more waiting */
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  ck_assert_int_eq(sepcl_network_compile(&network, device, g, &options), SEPCL_OK);
  ck_assert_int_eq(sepcl_execution_create(&execution, network), SEPCL_OK);
  const float *x = x_data;
  float *y = first;
  ck_assert_int_eq(sepcl_execution_run(execution, &x, &y), SEPCL_OK);
  y = again;
  for (int i = 0; i < RUNS; i++) {
    ck_assert_int_eq(sepcl_execution_run(execution, &x, &y), SEPCL_OK);
    ck_assert_msg(!memcmp(first, again, sizeof first), "run %d differs", i);
  }
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  sepcl_graph_free(g);
}
END_TEST

/* Input and output further into the caller's buffers, in every way of replaying. */
START_TEST(test_operands_may_lie_anywhere) {
  enum { BEFORE = 24 };
  static float expected[H * W * C], whole[BEFORE + H * W * C];
  sepcl_graph *g = residual_graph();
  reference_residual(expected);
  const test_context *context = test_context_shared();
  for (int replay = SEPCL_REPLAY_LAUNCHES; replay <= SEPCL_REPLAY_ONE_LAUNCH; replay++) {
    sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
    sepcl_network *network = NULL;
    sepcl_execution *execution = NULL;
    options.replay = (sepcl_replay)replay;
    ck_assert_int_eq(sepcl_network_compile(&network, context->device, g, &options), SEPCL_OK);
    ck_assert_int_eq(sepcl_execution_create(&execution, network), SEPCL_OK);
    memset(whole, 0, sizeof whole);
    memcpy(whole + BEFORE, x_data, sizeof x_data);
    cl_mem x = test_buffer(context, whole, sizeof whole), y = test_buffer(context, NULL, sizeof whole);
    sepcl_operand operands[2] = {{x, BEFORE * sizeof(float), 0}, {y, BEFORE * sizeof(float), 0}};
    ck_assert_int_eq(sepcl_network_enqueue(execution, context->queue, operands, NULL), SEPCL_OK);
    ck_assert_int_eq(
        context->cl->clEnqueueReadBuffer(context->queue, y, CL_TRUE, 0, sizeof whole, whole, 0, NULL, NULL),
        CL_SUCCESS);
    ck_assert_mem_eq(whole + BEFORE, expected, sizeof expected);
    for (int i = 0; i < BEFORE; i++) ck_assert(whole[i] == 0.0f);
    operands[1].offset += sizeof(float); /* one float too far */
    ck_assert_int_eq(sepcl_network_enqueue(execution, context->queue, operands, NULL), SEPCL_BUFFER_TOO_SMALL);
    context->cl->clReleaseMemObject(x);
    context->cl->clReleaseMemObject(y);
    sepcl_execution_free(execution);
    sepcl_network_free(network);
  }
  sepcl_graph_free(g);
}
END_TEST

/* A process of its own: the counting library must be there before the first OpenCL call. */
START_TEST(test_an_inference_only_enqueues) {
  int code = system("mkdir -p " BINARY_DIR "/counted-pocl && POCL_CACHE_DIR=" BINARY_DIR
                    "/counted-pocl SEPCL_OPENCL=" BINARY_DIR "/tests/libsepcl_counting_opencl.so " BINARY_DIR
                    "/tests/sepcl_counted_network zoo:mobilenet_v2:resolution=64");
  ck_assert_int_eq(code, 0);
}
END_TEST

Suite *suite_network(void) {
  Suite *suite = suite_create("network");
  TCase *tcase = tcase_create("network");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_test(tcase, test_every_replay_gives_the_reference_bits);
  tcase_add_test(tcase, test_skipping_all_passes_changes_no_bit);
  tcase_add_test(tcase, test_shuffles_cost_no_launch_and_no_bit);
  tcase_add_test(tcase, test_a_shuffle_of_a_shuffle_changes_no_bit);
  tcase_add_test(tcase, test_an_inference_only_enqueues);
  tcase_add_test(tcase, test_fused_blocks_change_no_bit);
  tcase_add_test(tcase, test_operands_may_lie_anywhere);
  tcase_add_test(tcase, test_one_launch_gives_the_same_bits_every_time);
  suite_add_tcase(suite, tcase);
  return suite;
}
