/* Every network of the zoo on the device, small, against the unoptimised graph on the plain-C reference: bit for bit.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference_graph.h"
#include "support/zoo_compare.h"
#include "zoo.h"

static sepcl_device *device; /* with the cache, unlike test_context's: there are hundreds of kernels */

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

static zoo_comparison compare(const char *spec, bool folds, sepcl_replay replay, bool perturb) {
  zoo_comparison c;
  zoo_comparison_options o = {SEPCL_NETWORK_OPTIONS_INIT, folds, perturb};
  o.network.keep_batch_norm = !folds;
  o.network.replay = replay;
  ck_assert_msg(zoo_compare(&c, device, spec, &o), "%s: %s", spec, c.message);
  ck_assert_msg(c.finite && c.range > 0, "%s: range %g", spec, c.range);
  return c;
}

/* With batch norm as steps of its own, no weight is rounded anew: the network as it was built. */
START_TEST(test_bits_with_batch_norm_kept) {
  const char *spec = zoo_small_spec(_i);
  zoo_comparison c = compare(spec, false, SEPCL_REPLAY_LAUNCHES, false);
  ck_assert_msg(c.different == 0, "%s: %zu of %zu outputs differ, by %g of the range", spec, c.different, c.elements,
                c.error);
}
END_TEST

/* Folded in the reference as in the network: the same bits. Against the network as built: within rounding. */
START_TEST(test_bits_with_batch_norm_folded) {
  const char *spec = zoo_small_spec(_i);
  zoo_comparison c = compare(spec, true, SEPCL_REPLAY_LAUNCHES, false);
  ck_assert_msg(c.different == 0, "%s: %zu of %zu outputs differ, by %g of the range", spec, c.different, c.elements,
                c.error);
  ck_assert_msg((double)c.info.arena_bytes <= 1.05 * (double)c.info.arena_lower_bound_bytes,
                "%s: an arena of %zu bytes, lower bound %zu", spec, c.info.arena_bytes, c.info.arena_lower_bound_bytes);
}
END_TEST

static const char *const few[] = {"separable", "keras_separable", "mobilenet_v1:alpha=0.25:resolution=32",
                                  "squeezenet_1.1:resolution=64", "deformable"};
enum { FEW = sizeof few / sizeof *few };

START_TEST(test_bits_in_one_launch) {
  zoo_comparison c = compare(few[_i], true, SEPCL_REPLAY_ONE_LAUNCH, false);
  ck_assert_msg(c.different == 0, "%s: %zu differ", few[_i], c.different);
}
END_TEST

/* The controls: a weight of the first layer that is off by a two-thousandth; a reference that folds, a network that
 * does not. */
START_TEST(test_a_perturbed_weight_shows) {
  ck_assert_uint_gt(compare(few[_i], true, SEPCL_REPLAY_LAUNCHES, true).different, 0);
}
END_TEST

START_TEST(test_folding_rounds_within_the_bound) {
  zoo_comparison c;
  zoo_comparison_options o = {SEPCL_NETWORK_OPTIONS_INIT, false, false};
  o.network.replay = SEPCL_REPLAY_LAUNCHES;
  ck_assert_msg(zoo_compare(&c, device, "mobilenet_v1:alpha=0.25:resolution=32", &o), "%s", c.message);
  ck_assert_uint_gt(c.different, 0);
  ck_assert_double_lt(c.error, 1e-5);
}
END_TEST

static sepcl_graph *built(const char *spec) {
  sepcl_graph *g = NULL;
  ck_assert_msg(zoo_build(&g, spec) == SEPCL_OK, "%s", zoo_last_error());
  return g;
}

/* How many pixels of the input one pixel in the middle of the output sees, on the reference. */
static int pixels_seen(const char *spec) {
  enum { SIDE = 16, MIDDLE = 8 * SIDE + 8 };
  static float x[SIDE * SIDE];
  const float *inputs[] = {x};
  sepcl_graph *g = built(spec);
  int seen = 0;
  float still = 0.0f;
  for (int i = -1; i < SIDE * SIDE; i++) {
    reference_values values;
    memset(x, 0, sizeof x);
    if (i >= 0) x[i] = 1.0f;
    ck_assert(reference_graph_run(&values, g, inputs, (reference_graph_options){false}));
    float y = reference_graph_output(&values, g, 0)[MIDDLE];
    if (i < 0) still = y;
    seen += y != still;
    reference_values_free(&values);
  }
  sepcl_graph_free(g);
  return seen;
}

START_TEST(test_receptive_fields) {
  /* Nine taps, spread over 5x5. */
  ck_assert_int_eq(pixels_seen("dilated:first=0"), 9);
  /* After a plain 3x3 they fill 7x7. */
  ck_assert_int_eq(pixels_seen("dilated"), 49);
  ck_assert_int_eq(pixels_seen("dilated:depthwise=1"), 49);
}
END_TEST

typedef struct plan_counts {
  int launches, copies, views;
} plan_counts;

/* Frees the graph. */
static plan_counts planned_without(sepcl_graph *g, const char *passes, sepcl_network_info *info) {
  sepcl_network *network = NULL;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.skip_passes = passes;
  ck_assert_msg(sepcl_network_plan(&network, device, g, &options) == SEPCL_OK, "%s", sepcl_last_error());
  plan_counts counts = {0};
  for (int32_t i = 0; i < sepcl_network_stage_count(network); i++) {
    sepcl_stage_info stage;
    ck_assert_int_eq(sepcl_network_stage_info(&stage, network, i), SEPCL_OK);
    counts.launches += stage.launches;
    counts.views += stage.launches == 0;
    counts.copies += !strcmp(stage.stage, "copy") && stage.launches > 0;
    if (!strcmp(stage.stage, "copy")) ck_assert_ptr_null(strstr(stage.reason, "first of its stage's list"));
    if (stage.launches == 0) ck_assert_uint_eq(stage.bytes, 0);
    ck_assert_uint_eq(stage.workspace_bytes, 0);
  }
  if (info) ck_assert_int_eq(sepcl_network_get_info(info, network), SEPCL_OK);
  sepcl_network_free(network);
  sepcl_graph_free(g);
  return counts;
}

static plan_counts planned_graph(sepcl_graph *g, sepcl_network_info *info) { return planned_without(g, NULL, info); }

static plan_counts planned(const char *spec, sepcl_network_info *info) { return planned_graph(built(spec), info); }

/* The network written to ONNX and read again. */
static sepcl_graph *reread(const char *spec) {
  char path[] = "/tmp/sepcl-zoo-run-XXXXXX";
  sepcl_graph *g = built(spec), *read = NULL;
  int file = mkstemp(path);
  ck_assert_int_ge(file, 0);
  close(file);
  ck_assert_msg(sepcl_graph_save(g, path) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_graph_load(&read, path, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  unlink(path);
  sepcl_graph_free(g);
  return read;
}

/* Files say a shuffle in more nodes, and give each of its readers a reshape. */
START_TEST(test_files_have_the_same_plan) {
  static const char *const specs[] = {"shufflenet_v1", "shufflenet_v2", "igcv2", "igcv3_d"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    sepcl_network_info built_info, read_info;
    const plan_counts built = planned(specs[i], &built_info), read = planned_graph(reread(specs[i]), &read_info);
    ck_assert_int_eq(read.launches, built.launches);
    ck_assert_int_eq(read.copies, built.copies);
    ck_assert_uint_eq(read_info.arena_bytes, built_info.arena_bytes);
  }
}
END_TEST

/* Shuffles, interleavings and concatenations: no launch, no byte moved, at full size. */
START_TEST(test_nothing_is_copied) {
  static const char *const specs[] = {
      "shufflenet_v1", "shufflenet_v1:groups=8", "shufflenet_v2", "igcv2", "igcv3_d", "densenet121",
      "googlenet",     "squeezenet_1.1"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    ck_assert_msg(planned(specs[i], NULL).copies == 0, "%s: %d copies", specs[i], planned(specs[i], NULL).copies);
  /* The control: without the pass they do copy. */
  ck_assert_int_gt(planned_without(built("shufflenet_v2"), "fold-shuffle", NULL).copies, 0);
}
END_TEST

/* Batches, large and small pictures, pictures that are not square: the arena is as small as can be, within 5%. */
START_TEST(test_arenas) {
  static const char *const suffixes[] = {"", ":resolution=32", ":batch=32", ":batch=4:height=96:width=352",
                                         ":resolution=512"};
  const zoo_entry *entry = &zoo_entries(NULL)[_i];
  bool flattens = !strcmp(entry->name, "vgg16") || !strcmp(entry->name, "alexnet"); /* gigabytes of weights at 512 */
  for (int k = 0; k < (flattens ? 4 : 5); k++) {
    char spec[96];
    sepcl_network_info info;
    if (k == 1 && !strcmp(entry->name, "alexnet")) continue; /* its last pool needs 67 pixels */
    snprintf(spec, sizeof spec, "%s%s", entry->name, suffixes[k]);
    planned(spec, &info);
    ck_assert_msg((double)info.arena_bytes <= 1.05 * (double)info.arena_lower_bound_bytes,
                  "%s: an arena of %zu bytes, lower bound %zu", spec, info.arena_bytes, info.arena_lower_bound_bytes);
  }
}
END_TEST

START_TEST(test_dead_channels_go) {
  sepcl_network_info info;
  planned("dead_channels", &info);
  ck_assert_int_eq(info.removed_channels, 5 + 3);
  planned("dead_channels:zero=0:negative=0", &info);
  ck_assert_int_eq(info.removed_channels, 0);
  /* Constants other than zero stay: to take them into a bias would round anew. */
  planned("dead_channels:zero=1:negative=0:constant=4", &info);
  ck_assert_int_eq(info.removed_channels, 1);
}
END_TEST

Suite *suite_zoo_run(void) {
  int specs = 0;
  while (zoo_small_spec(specs)) specs++;
  Suite *suite = suite_create("zoo_run");
  TCase *tcase = tcase_create("zoo_run");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_bits_with_batch_norm_kept, 0, specs);
  tcase_add_loop_test(tcase, test_bits_with_batch_norm_folded, 0, specs);
  tcase_add_loop_test(tcase, test_bits_in_one_launch, 0, FEW);
  tcase_add_loop_test(tcase, test_a_perturbed_weight_shows, 0, FEW);
  tcase_add_test(tcase, test_folding_rounds_within_the_bound);
  tcase_add_test(tcase, test_receptive_fields);
  tcase_add_test(tcase, test_nothing_is_copied);
  tcase_add_test(tcase, test_files_have_the_same_plan);
  int entries = 0;
  zoo_entries(&entries);
  tcase_add_loop_test(tcase, test_arenas, 0, entries);
  tcase_add_test(tcase, test_dead_channels_go);
  suite_add_tcase(suite, tcase);
  return suite;
}
