/* CLBlast as a source of matrix products: when it is taken and when not. That its results keep their bounds is checked
 * by commands of their own, which run here too. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl/cache.h"
#include "select/lower.h"
#include "support/command.h"

enum { SIDE = 32, K = 64, OUTPUTS = 96 };

static float weights[OUTPUTS * K];
static sepcl_device *device;
static char folder[] = "/tmp/sepcl-clblast-XXXXXX";

static void open_device(void) {
  sepcl_device_options options = SEPCL_DEVICE_OPTIONS_INIT;
  ck_assert_ptr_nonnull(mkdtemp(folder));
  options.cache_dir = folder;
  ck_assert_msg(sepcl_device_open(&device, NULL, &options) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) {
  sepcl_device_free(device);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0);
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
}

/* One 1x1 convolution, 6.3 MMACs. */
static sepcl_graph *one_product(void) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = OUTPUTS;
  sepcl_value x = sepcl_graph_input(graph, "x", 4, (int64_t[]){1, SIDE, SIDE, K});
  sepcl_value w = sepcl_graph_constant_borrowed(graph, 4, (int64_t[]){OUTPUTS, K, 1, 1}, weights);
  sepcl_graph_output(graph, "y", sepcl_graph_conv(graph, x, w, SEPCL_NO_VALUE, &a));
  return graph;
}

static sepcl_status make(sepcl_network **out, sepcl_policy policy, sepcl_gemm_source gemm) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = policy;
  options.gemm = gemm;
  sepcl_graph *graph = one_product();
  sepcl_status status = sepcl_network_plan(out, device, graph, &options);
  sepcl_graph_free(graph);
  return status;
}

START_TEST(test_wrong_options_are_named) {
  sepcl_network_options halves = SEPCL_NETWORK_OPTIONS_INIT;
  halves.policy = SEPCL_FASTEST;
  halves.gemm = SEPCL_GEMM_CLBLAST;
  halves.precision = SEPCL_F16;
  sepcl_graph *graph = one_product();
  sepcl_network *network = NULL;
  ck_assert_int_eq(make(&network, SEPCL_REPRODUCIBLE, SEPCL_GEMM_CLBLAST), SEPCL_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "SEPCL_FASTEST"));
  ck_assert_int_eq(make(&network, SEPCL_FASTEST, (sepcl_gemm_source)99), SEPCL_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "options.gemm is 99"));
  ck_assert_int_eq(sepcl_network_plan(&network, device, graph, &halves), SEPCL_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "SEPCL_F32"));
  sepcl_graph_free(graph);
  ck_assert_ptr_null(network);
}
END_TEST

#ifdef SEPCL_HAVE_CLBLAST

/* The kernel of the only stage, and why. */
static void expect(sepcl_policy policy, sepcl_gemm_source gemm, bool clblast, const char *why) {
  sepcl_network *network = NULL;
  sepcl_stage_info stage;
  sepcl_network_info info;
  ck_assert_msg(make(&network, policy, gemm) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_int_eq(sepcl_network_stage_count(network), 1);
  ck_assert_int_eq(sepcl_network_stage_info(&stage, network, 0), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_msg(!strcmp(stage.kernel, "clblast_sgemm") == clblast, "the kernel is %s", stage.kernel);
  ck_assert_ptr_nonnull(strstr(stage.reason, why));
  if (clblast) ck_assert_int_eq(info.reproducible, 0);
  if (clblast) ck_assert_int_eq(info.replay, SEPCL_REPLAY_LAUNCHES);
  sepcl_network_free(network);
}

static void remember(const char *result) {
  sepcl_gemm_desc shape = SEPCL_GEMM_DESC_INIT;
  shape.m = SIDE * SIDE, shape.n = OUTPUTS, shape.k = K;
  char key[CLBLAST_KEY];
  clblast_key(key, device, &shape);
  cache_put(device->cache, key, result, 1);
}

START_TEST(test_chosen_when_measured_faster_or_asked_for) {
  expect(SEPCL_FASTEST, SEPCL_GEMM_AUTO, false, "first of its stage's list");
  remember("1");
  expect(SEPCL_FASTEST, SEPCL_GEMM_AUTO, true, "measured faster than ours; CLBlast compiles and allocates on its own");
  expect(SEPCL_FASTEST, SEPCL_GEMM_OURS, false, "first of its stage's list");
  expect(SEPCL_REPRODUCIBLE, SEPCL_GEMM_AUTO, false, "first of its stage's list");
  remember("0");
  expect(SEPCL_FASTEST, SEPCL_GEMM_AUTO, false, "first of its stage's list");
  expect(SEPCL_FASTEST, SEPCL_GEMM_CLBLAST, true, "asked for; CLBlast compiles and allocates on its own");
}
END_TEST

/* Which one wins is the machine's business; that it is found out and kept is ours. */
START_TEST(test_a_compile_measures_and_remembers) {
  sepcl_gemm_desc shape = SEPCL_GEMM_DESC_INIT;
  shape.m = SIDE * SIDE, shape.n = OUTPUTS, shape.k = K;
  char key[CLBLAST_KEY];
  clblast_key(key, device, &shape);
  size_t size = 0;
  ck_assert_ptr_null(cache_get(device->cache, key, &size));
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.policy = SEPCL_FASTEST;
  sepcl_graph *graph = one_product();
  sepcl_network *network = NULL;
  ck_assert_msg(sepcl_network_compile(&network, device, graph, &options) == SEPCL_OK, "%s", sepcl_last_error());
  char *kept = cache_get(device->cache, key, &size);
  ck_assert_ptr_nonnull(kept);
  sepcl_stage_info stage;
  ck_assert_int_eq(sepcl_network_stage_info(&stage, network, 0), SEPCL_OK);
  ck_assert_int_eq(*kept == '1', !strcmp(stage.kernel, "clblast_sgemm"));
  free(kept);
  sepcl_network_free(network);
  sepcl_graph_free(graph);
}
END_TEST

START_TEST(test_the_command_names_it) {
#define MODEL "plan zoo:mobilenet_v1:alpha=0.25:resolution=32 --gemm clblast"
  command_expect(MODEL, 1, "SEPCL_FASTEST");
  command_expect(MODEL " --fastest --replay one-launch", 1, "CLBlast launches kernels of its own");
  command_expect_with("SEPCL_OPENCL=" BINARY_DIR "/tests/libsepcl_counting_opencl.so", MODEL " --fastest", 1,
                      "$SEPCL_OPENCL names another library");
  cJSON *plan = command_json(MODEL " --fastest --json"), *stage;
  ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(plan, "reproducible")));
  int count = 0;
  cJSON_ArrayForEach(stage, cJSON_GetObjectItem(plan, "stages")) {
    const char *kernel = cJSON_GetStringValue(cJSON_GetObjectItem(stage, "kernel"));
    count += kernel && !strcmp(kernel, "clblast_sgemm");
  }
  cJSON_Delete(plan);
  ck_assert_int_eq(count, 14); /* 13 pointwise convolutions and the fully connected layer */
  command_remove_folder();
}
END_TEST

START_TEST(test_results_keep_their_bounds) {
  ck_assert_int_eq(system(BINARY_DIR "/tests/sepcl_clblast"), 0);
  ck_assert_int_eq(system(BINARY_DIR "/tests/sepcl_clblast_network"), 0);
}
END_TEST

static void add_tests(TCase *tcase) {
  tcase_add_test(tcase, test_chosen_when_measured_faster_or_asked_for);
  tcase_add_test(tcase, test_a_compile_measures_and_remembers);
  tcase_add_test(tcase, test_the_command_names_it);
  tcase_add_test(tcase, test_results_keep_their_bounds);
}

#else

START_TEST(test_a_build_without_it_says_so) {
  sepcl_network *network = NULL;
  ck_assert_int_eq(make(&network, SEPCL_FASTEST, SEPCL_GEMM_CLBLAST), SEPCL_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "built without CLBlast"));
  ck_assert_int_eq(make(&network, SEPCL_FASTEST, SEPCL_GEMM_AUTO), SEPCL_OK);
  sepcl_network_free(network);
}
END_TEST

static void add_tests(TCase *tcase) { tcase_add_test(tcase, test_a_build_without_it_says_so); }

#endif

Suite *suite_clblast(void) {
  Suite *suite = suite_create("clblast");
  TCase *tcase = tcase_create("clblast");
  tcase_set_timeout(tcase, 300);
  tcase_add_checked_fixture(tcase, open_device, close_device);
  tcase_add_test(tcase, test_wrong_options_are_named);
  add_tests(tcase);
  suite_add_tcase(suite, tcase);
  return suite;
}
