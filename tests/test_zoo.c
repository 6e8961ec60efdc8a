/* The zoo's networks: every count of docs/networks.md, exactly; and the reading of specs. The counts come from formulas
 * written here, from the papers, or from tests/conformance-zoo, which counts over the exported ONNX files. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "support/fetched.h"
#include "zoo.h"

typedef struct counts {
  uint64_t macs, weights, parameters, standard_macs;
} counts;

static sepcl_graph *built(const char *spec) {
  sepcl_graph *g = NULL;
  sepcl_status status = zoo_build(&g, spec);
  ck_assert_msg(status == SEPCL_OK, "%s", zoo_last_error());
  return g;
}

/* Over the nodes whose kind is `kind`; all of them with NULL. */
static counts count_kind(const sepcl_graph *g, const char *kind) {
  counts sum = {0};
  for (int32_t i = 0; i < sepcl_graph_node_count(g); i++) {
    sepcl_node_info n;
    ck_assert_int_eq(sepcl_graph_node_info(&n, g, i), SEPCL_OK);
    if (kind && strcmp(kind, n.kind)) continue;
    sum.macs += n.macs;
    sum.weights += n.weights;
    sum.parameters += n.parameters;
    sum.standard_macs += n.standard_macs;
  }
  return sum;
}

static counts count_spec(const char *spec) {
  sepcl_graph *g = built(spec);
  counts sum = count_kind(g, NULL);
  sepcl_graph_free(g);
  return sum;
}

static const struct {
  const char *spec;
  uint64_t macs, parameters;
} networks[] = {
    {"mobilenet_v1", 568740352, 4231976},
    {"mobilenet_v1:alpha=0.75", 325400448, 2585560},
    {"mobilenet_v1:alpha=0.5", 149497088, 1331592},
    {"mobilenet_v1:alpha=0.25", 41030272, 470072},
    {"mobilenet_v1:resolution=192", 418121728, 4231976},
    {"mobilenet_v1:resolution=160", 290675200, 4231976},
    {"mobilenet_v1:resolution=128", 186400768, 4231976},
    {"mobilenet_v2", 300774272, 3504872},
    {"mobilenet_v3_large", 216589760, 5483032},
    {"mobilenet_v3_small", 56510400, 2542856},
    {"efficientnet_lite0", 385187552, 4652008},
    {"xception", 8357403496, 22855952},
    {"keras_separable", 20317676, 38949},
    {"igcv2", 180177408, 1976488},
    {"igcv3_d", 312970176, 3491688},
    {"shufflenet_v1", 137460672, 1865728},
    {"shufflenet_v2", 144907992, 2278604},
    {"se_mobilenet", 569220096, 4718044},
    {"se_resnet50", 4091699200, 28088024},
    {"resnet50", 4089184256, 25557032},
    {"densenet121", 2834161664, 7978856},
    {"googlenet", 1582671872, 7005832},
    {"squeezenet_1.1", 349151936, 1235496},
    {"vgg16", 15470264320, 138357544},
    {"alexnet", 724406816, 60965224},
    {"aspp_mobilenet_v2", 5003018240, 4375573},
    {"deformable", 1695744, 6715},
    {"dead_channels", 204800, 872},
};
enum { NETWORKS = sizeof networks / sizeof *networks };

START_TEST(test_counts) {
  counts sum = count_spec(networks[_i].spec);
  ck_assert_msg(sum.macs == networks[_i].macs, "%s: %llu MACs", networks[_i].spec, (unsigned long long)sum.macs);
  ck_assert_msg(sum.parameters == networks[_i].parameters, "%s: %llu parameters", networks[_i].spec,
                (unsigned long long)sum.parameters);
}
END_TEST

/* The small layers of the papers' arguments: weights alone. */
static const struct {
  const char *spec;
  uint64_t weights;
} layers[] = {
    {"separable:standard=1", 4 * 3 * 3 * 3},
    {"separable", 27 + 12},
    {"separable:inputs=3:outputs=256:standard=1", 6912},
    {"separable:inputs=3:outputs=256", 27 + 768},
    {"group_conv:groups=1", 256 * 256 * 9},
    {"group_conv", 256 * 256 * 9 / 8},
    {"group_conv:groups=256:outputs=1024", 1024 * 9},
    {"stack", 18},
    {"stack:kernel=5:depth=1", 25},
    {"bottleneck:direct=1", 589824},
    {"bottleneck", 69632},
    {"dilated:first=0", 9},
    {"dilated:first=0:depthwise=1:channels=16", 16 * 9},
    {"low_rank:direct=1", 10000},
    {"low_rank", 2000},
    {"mobilenet_v1", 4209088},
};
enum { LAYERS = sizeof layers / sizeof *layers };

START_TEST(test_weights) {
  counts sum = count_spec(layers[_i].spec);
  ck_assert_msg(sum.weights == layers[_i].weights, "%s: %llu weights", layers[_i].spec,
                (unsigned long long)sum.weights);
}
END_TEST

START_TEST(test_output_shapes) {
  static const struct {
    const char *spec;
    int64_t dims[4];
  } shapes[] = {{"separable", {1, 3, 3, 4}},
                {"separable:same=1", {1, 5, 5, 4}},
                {"dilated", {1, 16, 16, 1}},
                {"aspp_mobilenet_v2", {1, 32, 32, 21}},
                {"keras_separable:batch=3", {3, 10, 0, 0}},
                {"mobilenet_v2:height=160:width=96:batch=2:classes=7", {2, 7, 0, 0}}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    sepcl_graph *g = built(shapes[i].spec);
    sepcl_io_info info;
    ck_assert_int_eq(sepcl_graph_output_info(&info, g, 0), SEPCL_OK);
    for (int d = 0; d < info.rank; d++) ck_assert_int_eq(info.dims[d], shapes[i].dims[d]);
    sepcl_graph_free(g);
  }
}
END_TEST

/* MobileNet's cost by its paper's formulas, with width multiplier a and resolution r. */
static uint64_t mobilenet_macs(double a, int r, uint64_t *standard) {
  static const int blocks[13][2] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                                    {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  uint64_t m = (uint64_t)(32 * a), f = (uint64_t)(r + 1) / 2, macs = 27 * m * f * f;
  *standard = macs;
  for (int i = 0; i < 13; i++) {
    uint64_t n = (uint64_t)(blocks[i][0] * a);
    if (blocks[i][1] == 2) f = (f + 1) / 2;
    macs += 9 * m * f * f + m * n * f * f;
    *standard += 9 * m * n * f * f;
    m = n;
  }
  *standard += 1000 * m;
  return macs + 1000 * m;
}

START_TEST(test_mobilenet_formulas) {
  static const double alphas[] = {1, 0.75, 0.5, 0.25};
  static const int resolutions[] = {224, 192, 160, 128};
  double alpha = alphas[_i / 4];
  int resolution = resolutions[_i % 4];
  char spec[64];
  snprintf(spec, sizeof spec, "zoo:mobilenet_v1:alpha=%g:resolution=%d", alpha, resolution);
  uint64_t standard, macs = mobilenet_macs(alpha, resolution, &standard);
  counts sum = count_spec(spec);
  ck_assert_uint_eq(sum.macs, macs);
  ck_assert_uint_eq(sum.standard_macs, standard);
}
END_TEST

static double share(uint64_t part, uint64_t whole) { return round(1e4 * (double)part / (double)whole) / 100; }

/* The paper's table 2, whose 1.19 for the stem is a slip for 1.91. */
START_TEST(test_mobilenet_shares) {
  static const struct {
    const char *kind;
    double macs, weights;
  } rows[] = {{"conv 1x1", 94.86, 74.59}, {"depthwise 3x3", 3.06, 1.06}, {"conv 3x3", 1.91, 0.02}, {"fc", 0.18, 24.33}};
  sepcl_graph *g = built("mobilenet_v1");
  counts all = count_kind(g, NULL), rest = all;
  for (int i = 0; i < 4; i++) {
    counts kind = count_kind(g, rows[i].kind);
    ck_assert_double_eq(share(kind.macs, all.macs), rows[i].macs);
    ck_assert_double_eq(share(kind.weights, all.weights), rows[i].weights);
    rest.macs -= kind.macs;
    rest.weights -= kind.weights;
  }
  ck_assert_uint_eq(rest.macs, 0);
  ck_assert_uint_eq(rest.weights, 0);
  sepcl_graph_free(g);
}
END_TEST

/* Each separable block of MobileNet costs 1/N + 1/9 of the standard convolution: 8 to 9 times less from 64 outputs on.
 */
START_TEST(test_separable_blocks_save) {
  sepcl_graph *g = built("mobilenet_v1");
  int blocks = 0;
  for (int32_t i = 0; i < sepcl_graph_node_count(g); i++) {
    sepcl_node_info n;
    sepcl_graph_node_info(&n, g, i);
    if (strcmp(n.kind, "depthwise 3x3")) continue;
    double saving = (double)n.standard_macs / (double)(n.macs + n.standard_macs / 9);
    double outputs = (double)n.standard_macs / (double)n.macs; /* 9 M N F F / (9 M F F) */
    ck_assert_double_eq_tol(saving, 1.0 / (1.0 / outputs + 1.0 / 9.0), 1e-9);
    ck_assert(saving > 7.8 && saving < 9.0);
    blocks++;
  }
  ck_assert_int_eq(blocks, 13);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_layer_counts) {
  static const struct {
    const char *spec;
    int layers; /* convolutions and fully connected; a separable pair counts as two */
  } rows[] = {{"mobilenet_v1", 28}, {"xception", 2 + 34 * 2 + 4 + 1},
              {"resnet50", 50 + 4}, {"densenet121", 121},
              {"vgg16", 16},        {"alexnet", 8}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    sepcl_graph *g = built(rows[i].spec);
    int layers_found = 0;
    for (int32_t k = 0; k < sepcl_graph_node_count(g); k++) {
      sepcl_node_info n;
      sepcl_graph_node_info(&n, g, k);
      layers_found += n.macs > 0;
    }
    ck_assert_msg(layers_found == rows[i].layers, "%s: %d layers", rows[i].spec, layers_found);
    sepcl_graph_free(g);
  }
}
END_TEST

static void expect_error(const char *spec, const char *words) {
  sepcl_graph *g = NULL;
  ck_assert_msg(zoo_build(&g, spec) != SEPCL_OK, "%s was built", spec);
  ck_assert_ptr_null(g);
  ck_assert_msg(strstr(zoo_last_error(), words), "%s: '%s' does not say '%s'", spec, zoo_last_error(), words);
}

START_TEST(test_specs) {
  expect_error("", "no network ''");
  expect_error("zoo:mobilenet_v9", "no network 'mobilenet_v9'");
  expect_error("mobilenet_v1:alpah=1", "has no option 'alpah'; it has alpha=1:");
  expect_error("mobilenet_v1:alpha", "gives no number");
  expect_error("mobilenet_v1:alpha=", "gives no number");
  expect_error("mobilenet_v1:alpha=1x", "gives no number");
  expect_error("mobilenet_v1:alpha=nan", "gives no number");
  expect_error("mobilenet_v1:alpha=0", "option alpha=0 is not above 0 and at most 16");
  expect_error("mobilenet_v1:alpha=-1", "option alpha=-1 is not above 0 and at most 16");
  expect_error("mobilenet_v1:resolution=22.5", "resolution=22.5 is no whole number");
  expect_error("mobilenet_v1:resolution=0", "resolution=0 is no whole number from 1 to 65536");
  expect_error("mobilenet_v1:classes=0", "classes=0 is no whole number from 1 to 65536");
  expect_error("mobilenet_v1:batch=65536:resolution=65536", "node 'input'");
  expect_error("shufflenet_v1:groups=5", "one of 1, 2, 3, 4 and 8");
  expect_error("shufflenet_v1:groups=4096", "one of 1, 2, 3, 4 and 8");
  expect_error("alexnet:resolution=8", "node 'pool1'");
  expect_error("group_conv:groups=7", "7 groups do not divide");
  expect_error("group_conv:groups=0", "option groups=0 is no whole number from 1 to 65536");
  expect_error("igcv2:groups=0", "option groups=0 is no whole number from 1 to 65536");
  expect_error("se_mobilenet:reduction=0", "option reduction=0 is no whole number from 1 to 65536");
  expect_error("stack:depth=0", "option depth=0 is no whole number from 1 to 65536");
  expect_error("mobilenet_v1:softmax=2", "option softmax=2 is no whole number from 0 to 1");
  expect_error("separable:standard=5", "option standard=5 is no whole number from 0 to 1");
  expect_error("mobilenet_v1:seed=65537", "option seed=65537 is no whole number from 0 to 65536");
  expect_error("mobilenet_v1:alpha=1:alpha=2", "option alpha is given twice");
  expect_error("mobilenet_v1:alpha=1:batch=2:alpha=1", "option alpha is given twice");
  expect_error("mobilenet_v1:alpha=17", "option alpha=17 is not above 0 and at most 16");
  expect_error("separable:kernel=2:same=1", "same=1 needs an odd kernel");
  expect_error("dead_channels:zero=40", "more dead channels");
  ck_assert_int_eq(zoo_build(NULL, "vgg16"), SEPCL_INVALID_ARGUMENT);
  sepcl_graph *g = built("zoo:mobilenet_v1:alpha=.25:resolution=32:"); /* an empty option is none */
  sepcl_graph_free(g);
}
END_TEST

/* The first constant's first weight. */
static float first_weight(const char *spec) {
  sepcl_graph *g = built(spec);
  int32_t i = 0;
  while (graph_node(g, i) && graph_node(g, i)->kind != NODE_CONSTANT) i++;
  ck_assert_ptr_nonnull(graph_node(g, i));
  float weight = graph_node(g, i)->data[0];
  sepcl_graph_free(g);
  return weight;
}

START_TEST(test_seeds) {
  ck_assert_float_eq(first_weight("separable:seed=1"), first_weight("separable"));
  ck_assert_float_ne(first_weight("separable:seed=2"), first_weight("separable"));
}
END_TEST

START_TEST(test_every_entry_builds) {
  int count = 0;
  const zoo_entry *entries = zoo_entries(&count);
  ck_assert_int_ge(count, 28);
  ck_assert(strlen(entries[_i].description) > 0);
  sepcl_graph *g = built(entries[_i].name);
  ck_assert_int_eq(sepcl_graph_output_count(g), 1);
  sepcl_graph_free(g);
}
END_TEST

/* The exported files counted by a Python program, but for those of hundreds of megabytes. The models' folder that
 * fetched_command appends is one more word that no network has. */
START_TEST(test_counts_over_exported_files) {
  char command[4096];
  fetched_command(command, sizeof command, "tests/conformance-zoo",
                  "--counts --quiet --sepcl " BINARY_DIR "/tools/sepcl --without vgg16 alexnet resnet50 xception");
  ck_assert_int_eq(system(command), 0);
}
END_TEST

/* Read and written: [1][5][5][3] and [1][3][3][4] pixels around [1][3][3][3], 27 and 12 weights. */
START_TEST(test_bytes) {
  sepcl_graph *g = built("separable");
  uint64_t bytes = 0;
  for (int32_t i = 0; i < sepcl_graph_node_count(g); i++) {
    sepcl_node_info n;
    ck_assert_int_eq(sepcl_graph_node_info(&n, g, i), SEPCL_OK);
    bytes += n.bytes;
  }
  ck_assert_uint_eq(bytes, 4 * (75 + 27 + 27 + 27 + 12 + 36));
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_zoo(void) {
  int entries = 0;
  zoo_entries(&entries);
  Suite *suite = suite_create("zoo");
  TCase *tcase = tcase_create("counts");
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, test_counts, 0, NETWORKS);
  tcase_add_loop_test(tcase, test_weights, 0, LAYERS);
  tcase_add_loop_test(tcase, test_mobilenet_formulas, 0, 16);
  tcase_add_test(tcase, test_counts_over_exported_files);
  tcase_add_test(tcase, test_bytes);
  tcase_add_test(tcase, test_mobilenet_shares);
  tcase_add_test(tcase, test_separable_blocks_save);
  tcase_add_test(tcase, test_layer_counts);
  tcase_add_test(tcase, test_output_shapes);
  tcase_add_loop_test(tcase, test_every_entry_builds, 0, entries);
  tcase_add_test(tcase, test_specs);
  tcase_add_test(tcase, test_seeds);
  suite_add_tcase(suite, tcase);
  return suite;
}
