/* Tuning changes times, never bits; and what the cache holds of it may be anything. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cl/cache.h"
#include "error.h"
#include "run/run.h"
#include "select/tuning.h"
#include "support/context.h"

enum { SIZE = 14, CHANNELS = 24, OUTPUTS = 40, VALUES = SIZE * SIZE * OUTPUTS };

static char folder[64];
static float image[SIZE * SIZE * CHANNELS];

static sepcl_device *open_device(const char *cache_dir) {
  sepcl_device_options options = SEPCL_DEVICE_OPTIONS_INIT;
  sepcl_device *device = NULL;
  options.cache_dir = cache_dir;
  ck_assert_msg(!sepcl_device_open(&device, NULL, &options), "%s", sepcl_last_error());
  return device;
}

static float noise(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) * 0x1p-23f - 1.0f;
}

static sepcl_value constant(sepcl_graph *graph, const int64_t dims[4], float *data, unsigned seed) {
  for (int64_t i = 0; i < dims[0] * dims[1] * dims[2] * dims[3]; i++) data[i] = noise(&seed);
  return sepcl_graph_constant(graph, 4, dims, data);
}

/* Depthwise 3x3, pointwise, conv 3x3: the graph keeps no copies of its weights. */
static sepcl_graph *make_graph(void) {
  static float depthwise[CHANNELS * 9], pointwise[OUTPUTS * CHANNELS], dense[OUTPUTS * OUTPUTS * 9];
  static const int64_t dims[4] = {1, SIZE, SIZE, CHANNELS};
  static const int64_t weights[3][4] = {{CHANNELS, 1, 3, 3}, {OUTPUTS, CHANNELS, 1, 1}, {OUTPUTS, OUTPUTS, 3, 3}};
  float *const data[3] = {depthwise, pointwise, dense};
  sepcl_graph *graph = NULL;
  ck_assert(!sepcl_graph_create(&graph));
  sepcl_value x = sepcl_graph_input(graph, "x", 4, dims);
  for (int i = 0; i < 3; i++) {
    sepcl_conv_attributes conv = SEPCL_CONV_ATTRIBUTES_INIT;
    const int32_t pad = i != 1, kernel = i == 1 ? 1 : 3;
    conv.outputs = (int32_t)weights[i][0];
    conv.groups = i ? 1 : CHANNELS;
    conv.window = (sepcl_window){kernel, kernel, 1, 1, 1, 1, pad, pad, pad, pad};
    x = sepcl_graph_conv(graph, x, constant(graph, weights[i], data[i], 7u + (unsigned)i), SEPCL_NO_VALUE, &conv);
  }
  sepcl_graph_output(graph, "y", x);
  ck_assert_msg(!sepcl_graph_status(graph), "%s", sepcl_last_error());
  return graph;
}

static void run(float *out, sepcl_device *device, const sepcl_graph *graph, sepcl_tuning tuning, sepcl_replay replay) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  const float *const inputs[1] = {image};
  float *const outputs[1] = {out};
  options.tuning = tuning;
  options.replay = replay;
  ck_assert_msg(!sepcl_network_compile(&network, device, graph, &options), "%s", sepcl_last_error());
  ck_assert_msg(!sepcl_execution_create(&execution, network), "%s", sepcl_last_error());
  ck_assert_msg(!sepcl_execution_run(execution, inputs, outputs), "%s", sepcl_last_error());
  sepcl_execution_free(execution);
  sepcl_network_free(network);
}

static sepcl_network_options unfused(void) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.fusion = SEPCL_FUSION_NEVER;
  return options;
}

/* How many stages' kernels were chosen by tuning; of a block in one stage those of its parts would not count. */
static int tuned_stages(sepcl_device *device, const sepcl_graph *graph) {
  const sepcl_network_options options = unfused();
  sepcl_network *network = NULL;
  int count = 0;
  ck_assert(!sepcl_network_plan(&network, device, graph, &options));
  for (int32_t i = 0; i < sepcl_network_stage_count(network); i++) {
    sepcl_stage_info stage;
    ck_assert(!sepcl_network_stage_info(&stage, network, i));
    count += !strcmp(stage.reason, "tuned");
  }
  sepcl_network_free(network);
  return count;
}

static sepcl_graph *graph;
static float expected[VALUES], got[VALUES];

static void set_up(void) {
  unsigned seed = 3;
  strcpy(folder, "/tmp/sepcl-tune-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  for (size_t i = 0; i < sizeof image / sizeof *image; i++) image[i] = noise(&seed);
  graph = make_graph();
  sepcl_device *device = open_device("");
  run(expected, device, graph, SEPCL_TUNING_OFF, SEPCL_REPLAY_AUTO);
  sepcl_device_free(device);
}

static void tear_down(void) {
  char command[192];
  sepcl_graph_free(graph);
  snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", folder, folder);
  ck_assert_int_eq(system(command), 0);
}

static void expect_bits(sepcl_device *device, const char *what, sepcl_replay replay) {
  memset(got, 0, sizeof got);
  run(got, device, graph, SEPCL_TUNING_REMEMBERED, replay);
  ck_assert_msg(!memcmp(got, expected, sizeof got), "%s: other bits", what);
}

static void shares(void *user, double share, const char *what) {
  double *last = user;
  ck_assert(share >= *last && share <= 1.0 && what);
  *last = share;
}

START_TEST(finds_and_remembers) {
  sepcl_device *device = open_device(folder);
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_tune_report report;
  double share = 0.0;
  how.progress = shares;
  how.user = &share;
  how.seconds = 2.0;
  ck_assert_int_eq(tuned_stages(device, graph), 0);
  ck_assert_msg(!sepcl_network_tune(&report, device, graph, NULL, &how), "%s", sepcl_last_error());
  ck_assert_int_eq(report.shapes, 3);
  ck_assert_int_gt(report.candidates, 3);
  ck_assert(report.rounds >= 1 && report.default_ms > 0.0 && report.tuned_ms <= report.default_ms && share == 1.0);
  expect_bits(device, "tuned", SEPCL_REPLAY_AUTO);
  sepcl_device_free(device);
  device = open_device(folder); /* another process, as it were */
  ck_assert_int_eq(tuned_stages(device, graph), 3);
  how.level = SEPCL_TUNING_OFF;
  ck_assert(!sepcl_network_tune(&report, device, graph, NULL, &how));
  ck_assert_int_eq(tuned_stages(device, graph), 0);
  run(got, device, graph, SEPCL_TUNING_QUICK, SEPCL_REPLAY_AUTO); /* tunes first */
  ck_assert(!memcmp(got, expected, sizeof got));
  ck_assert_int_eq(tuned_stages(device, graph), 3);
  sepcl_device_free(device);
}
END_TEST

/* Every variant and split that a cache could ask for, whoever finds it fast: the same bits. */
START_TEST(any_choice_gives_the_same_bits) {
  static const int32_t tasks[] = {0, 1, 2, 3, 7, 64, 65536}, panels[] = {0, 1, 2, 65536};
  sepcl_device *device = open_device(folder);
  sepcl_network *network = NULL;
  int bound = 0;
  ck_assert(!sepcl_network_plan(&network, device, graph, NULL));
  for (int32_t v = -1; v < variant_count; v++) {
    if (v >= 0 && variants[v].stage > STAGE_DEPTHWISE) continue;
    for (size_t i = 0; i < 7 * 4; i += v < 0 ? 1 : 17) {
      const tuned_choice choice = {v < 0 ? NULL : &variants[v], tasks[i % 7], panels[i / 7]};
      for (int32_t k = 0; k < network->step_count; k++)
        if (tuning_concerns(&network->steps[k].bound.s)) tuning_remember(device, &network->steps[k].bound.s, &choice);
      /* One launch would be another program for each variant: its table is the same as for the splits. */
      expect_bits(device, choice.v ? choice.v->name : "splits",
                  choice.v || i % 2 ? SEPCL_REPLAY_LAUNCHES : SEPCL_REPLAY_AUTO);
      bound += tuned_stages(device, graph);
    }
  }
  ck_assert_int_gt(bound, 3 * 28); /* the choices did count */
  sepcl_network_free(network);
  sepcl_device_free(device);
}
END_TEST

START_TEST(junk_in_the_cache_is_not_taken) {
  static const char *const junk[] = {"",
                                     "default",
                                     "default 1",
                                     "default -5 0",
                                     "default 0 99999999",
                                     "default 99999999999999999999 1",
                                     "no_such_kernel 1 1",
                                     "softmax_scalar 1 1",
                                     "%s%s%n 1 1",
                                     "\xff\xfe"};
  sepcl_device *device = open_device(folder);
  sepcl_network *network = NULL;
  char key[TUNING_KEY];
  const tuned_choice choice = {NULL, 2, 0};
  ck_assert(!sepcl_network_plan(&network, device, graph, NULL));
  for (int32_t k = 0; k < network->step_count; k++) tuning_remember(device, &network->steps[k].bound.s, &choice);
  ck_assert_int_eq(tuned_stages(device, graph), 3); /* the control */
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
    for (int32_t k = 0; k < network->step_count; k++) {
      tuning_key(key, device, &network->steps[k].bound.s);
      cache_put(device->cache, key, junk[i], strlen(junk[i]));
    }
    ck_assert_msg(tuned_stages(device, graph) == 0, "'%s' was taken", junk[i]);
    expect_bits(device, junk[i], SEPCL_REPLAY_AUTO);
  }
  sepcl_network_free(network);
  sepcl_device_free(device);
}
END_TEST

static int stages_of_kind(sepcl_device *device, stage_kind kind, sepcl_tuning tuning) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  int count = 0;
  options.tuning = tuning;
  ck_assert(!sepcl_network_plan(&network, device, graph, &options));
  for (int32_t i = 0; i < network->step_count; i++) count += network->steps[i].bound.s.kind == kind;
  sepcl_network_free(network);
  return count;
}

/* Blocks are fused where tuning found that faster, until it is forgotten or not asked for; with the same bits. */
START_TEST(remembers_fused_blocks) {
  sepcl_device *device = open_device(folder);
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_tune_report report;
  options.fusion = SEPCL_FUSION_ALWAYS;
  ck_assert(!sepcl_network_plan(&network, device, graph, &options));
  const stage *block = &network->steps[0].bound.s;
  ck_assert_int_eq(block->kind, STAGE_SEPARABLE);
  tuning_remember_fusion(device, block, false);
  ck_assert_int_eq(stages_of_kind(device, STAGE_SEPARABLE, SEPCL_TUNING_REMEMBERED), 0); /* the control */
  tuning_remember_fusion(device, block, true);
  ck_assert_int_eq(stages_of_kind(device, STAGE_SEPARABLE, SEPCL_TUNING_REMEMBERED), 1);
  ck_assert_int_eq(stages_of_kind(device, STAGE_SEPARABLE, SEPCL_TUNING_OFF), 0);
  expect_bits(device, "fused", SEPCL_REPLAY_AUTO);
  how.level = SEPCL_TUNING_OFF;
  ck_assert(!sepcl_network_tune(&report, device, graph, NULL, &how));
  ck_assert_int_eq(stages_of_kind(device, STAGE_SEPARABLE, SEPCL_TUNING_REMEMBERED), 0);
  sepcl_network_free(network);
  sepcl_device_free(device);
}
END_TEST

static int stages_with_images(sepcl_device *device) {
  sepcl_network *network = NULL;
  int count = 0;
  ck_assert(!sepcl_network_plan(&network, device, graph, NULL));
  for (int32_t i = 0; i < network->step_count; i++) count += network->steps[i].bound.reads_image;
  sepcl_network_free(network);
  return count;
}

/* Only where the kernel's registers are known, or the device is of a kind it is for. */
START_TEST(images_are_tried_where_they_may_win) {
  ck_assert(images_may_hold_weights(true, "cl_khr_fp16 cl_qcom_perf_hint"));
  ck_assert(images_may_hold_weights(true, "cl_intel_subgroups"));
  ck_assert(!images_may_hold_weights(false, "cl_intel_subgroups"));
  ck_assert(!images_may_hold_weights(true, "cl_khr_fp16 cl_amd_device_attribute_query"));
  ck_assert(!images_may_hold_weights(true, "cl_nv_device_attribute_query cl_khr_icd"));
}
END_TEST

/* Weights are read as an image where tuning found that faster and all of them fit one. */
START_TEST(weights_are_images_where_they_fit) {
  sepcl_device *device = open_device(folder);
  sepcl_network *network = NULL;
  const tuned_choice choice = {variant_find("pointwise_image_64x32"), 0, 0};
  ck_assert(!sepcl_network_plan(&network, device, graph, NULL));
  ck_assert_int_eq(stages_with_images(device), 0);
  for (int32_t k = 0; k < network->step_count; k++)
    if (network->steps[k].bound.s.kind == STAGE_POINTWISE) tuning_remember(device, &network->steps[k].bound.s, &choice);
  ck_assert_int_eq(stages_with_images(device), device->image_texels > 0);
  expect_bits(device, "image", SEPCL_REPLAY_LAUNCHES);
  expect_bits(device, "recorded image", SEPCL_REPLAY_COMMAND_BUFFER);
  device->image_texels = device->image_texels ? OUTPUTS * CHANNELS / 4 + 100 : 0; /* the stage's own would fit */
  ck_assert_int_eq(stages_with_images(device), 0);
  expect_bits(device, "too small an image", SEPCL_REPLAY_LAUNCHES);
  sepcl_network_free(network);
  sepcl_device_free(device);
}
END_TEST

/* Nothing to keep results in: tuning works and is forgotten. */
START_TEST(needs_no_cache) {
  sepcl_device *device = open_device("");
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_tune_report report;
  how.seconds = 0.1;
  ck_assert_msg(!sepcl_network_tune(&report, device, graph, NULL, &how), "%s", sepcl_last_error());
  ck_assert_int_eq(report.shapes, 3);
  ck_assert_int_eq(tuned_stages(device, graph), 0);
  expect_bits(device, "without a cache", SEPCL_REPLAY_AUTO);
  sepcl_device_free(device);
}
END_TEST

START_TEST(refuses_bad_arguments) {
  sepcl_device *device = open_device("");
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  sepcl_tune_report report;
  ck_assert_int_eq(sepcl_network_tune(NULL, device, graph, NULL, &how), SEPCL_INVALID_ARGUMENT);
  ck_assert_int_eq(sepcl_network_tune(&report, NULL, graph, NULL, &how), SEPCL_INVALID_ARGUMENT);
  ck_assert_int_eq(sepcl_network_tune(&report, device, NULL, NULL, &how), SEPCL_INVALID_ARGUMENT);
  how.level = (sepcl_tuning)4;
  ck_assert_int_eq(sepcl_network_tune(&report, device, graph, NULL, &how), SEPCL_INVALID_ARGUMENT);
  how = (sepcl_tune_options)SEPCL_TUNE_OPTIONS_INIT;
  how.seconds = -1.0;
  ck_assert_int_eq(sepcl_network_tune(&report, device, graph, NULL, &how), SEPCL_INVALID_ARGUMENT);
  how.size = 3;
  ck_assert_int_eq(sepcl_network_tune(&report, device, graph, NULL, &how), SEPCL_INVALID_ARGUMENT);
  options.tuning = (sepcl_tuning)-1;
  ck_assert_int_eq(sepcl_network_compile(&network, device, graph, &options), SEPCL_INVALID_ARGUMENT);
  sepcl_device_free(device);
}
END_TEST

Suite *suite_tune(void);
Suite *suite_tune(void) {
  Suite *suite = suite_create("tune");
  TCase *tests = tcase_create("tune");
  tcase_set_timeout(tests, 0);
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, finds_and_remembers);
  tcase_add_test(tests, any_choice_gives_the_same_bits);
  tcase_add_test(tests, junk_in_the_cache_is_not_taken);
  tcase_add_test(tests, remembers_fused_blocks);
  tcase_add_test(tests, weights_are_images_where_they_fit);
  tcase_add_test(tests, images_are_tried_where_they_may_win);
  tcase_add_test(tests, needs_no_cache);
  tcase_add_test(tests, refuses_bad_arguments);
  suite_add_tcase(suite, tests);
  return suite;
}
