/* Weights for the zoo's networks from .npz and ONNX files: the numbers arrive, and whatever does not fit is named. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef TOOL_HAVE_LIBZIP
#include <zip.h>
#endif

#include "message.h"
#include "npy.h"
#include "support/command.h"
#include "support/fetched.h"
#include "weights.h"

static const char spec[] = "keras_separable:resolution=40:classes=3";

static zoo_arrays built(sepcl_graph **graph, const char *text) {
  zoo_arrays arrays;
  ck_assert_msg(zoo_build_arrays(graph, text, 0, &arrays) == SEPCL_OK, "%s", zoo_last_error());
  return arrays;
}

static size_t elements_of(const zoo_array *array) {
  size_t count = 1;
  for (int i = 0; i < array->rank; i++) count *= (size_t)array->dims[i];
  return count;
}

/* Whether `text` with the file's weights has the numbers of `expected`; the message says why if it cannot be read. */
static bool reads(const char *file, const char *text, const zoo_arrays *expected) {
  sepcl_graph *graph = NULL;
  zoo_arrays arrays = built(&graph, text);
  arrays.file = file;
  bool good = weights_read(&arrays, text);
  for (int i = 0; good && expected && i < arrays.count; i++)
    ck_assert_msg(!memcmp(arrays.items[i].data, expected->items[i].data, elements_of(&arrays.items[i]) * sizeof(float)),
                  "%s: other numbers", arrays.items[i].name);
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
  return good;
}

/* Names are those of layers that the graph has, of the kind that they say. */
START_TEST(test_names) {
  const zoo_entry *entry = &zoo_entries(NULL)[_i];
  sepcl_graph *graph = NULL;
  zoo_arrays arrays;
  uint64_t parameters = 0, counted = 0;
  ck_assert_int_eq(zoo_build_arrays(&graph, entry->name, 1, &arrays), SEPCL_OK);
  for (int i = 0; i < arrays.count; i++) {
    const size_t layer = strcspn(arrays.items[i].name, ".");
    int found = 0;
    for (int32_t k = 0; k < sepcl_graph_node_count(graph); k++) {
      sepcl_node_info n;
      ck_assert_int_eq(sepcl_graph_node_info(&n, graph, k), SEPCL_OK);
      found += strlen(n.name) == layer && !strncmp(n.name, arrays.items[i].name, layer) && n.parameters > 0;
      if (i == 0) counted += n.parameters;
    }
    ck_assert_msg(found == 1, "%s: %d layers", arrays.items[i].name, found);
    for (int k = 0; k < i; k++) ck_assert_str_ne(arrays.items[i].name, arrays.items[k].name);
    if (!strstr(arrays.items[i].name, ".running_")) parameters += elements_of(&arrays.items[i]);
  }
  ck_assert_uint_eq(parameters, counted);
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
}
END_TEST

/* What `sepcl export` wrote comes back, for every network: names are equal. */
START_TEST(test_exported_weights_come_back) {
  static const char *const small[] = {"mobilenet_v1:alpha=0.25:resolution=32",
                                      "shufflenet_v2:resolution=32",
                                      "densenet121:resolution=32",
                                      "deformable",
                                      "keras_separable",
                                      "alexnet:groups=2",
                                      "dead_channels",
                                      "se_mobilenet:alpha=0.25:resolution=32"};
  char other[96];
  snprintf(other, sizeof other, "%s:seed=2", small[_i]);
  sepcl_graph *graph = NULL, *plain = NULL;
  zoo_arrays arrays = built(&graph, other), own = built(&plain, small[_i]);
  ck_assert(memcmp(arrays.items[0].data, own.items[0].data, sizeof(float)));
  const char *path = command_path("weights.onnx");
  ck_assert_msg(sepcl_graph_save(graph, path) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(reads(path, small[_i], &arrays), "%s", complaint());
  zoo_arrays_free(&arrays);
  zoo_arrays_free(&own);
  sepcl_graph_free(graph);
  sepcl_graph_free(plain);
}
END_TEST

START_TEST(test_another_network_does_not_fit) {
  sepcl_graph *graph = NULL;
  zoo_arrays arrays = built(&graph, "keras_separable:classes=7");
  const char *path = command_path("weights.onnx");
  ck_assert_int_eq(sepcl_graph_save(graph, path), SEPCL_OK);
  ck_assert(!reads(path, "keras_separable", NULL));
  ck_assert_msg(strstr(complaint(), "matmul2.weight is 7x32, zoo:keras_separable wants 10x32"), "%s", complaint());
  ck_assert(!reads(path, "bottleneck", NULL));
  ck_assert(!reads(command_path("none.npz"), "separable", NULL));
  ck_assert_msg(strstr(complaint(), "cannot open"), "%s", complaint());
  command_file("text", "hello", 5);
  ck_assert(!reads(command_path("text"), "separable", NULL));
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
}
END_TEST

#ifdef TOOL_HAVE_LIBZIP
/* What is wrong with a file. */
typedef enum damage {
  NOTHING,
  STORED,
  MISSING,
  EXTRA,
  NO_NPY,
  NO_ARRAY,
  OTHER_SHAPE,
  BOMB,
  TWICE,
  CUT,
  FLIPPED
} damage;

static void add(zip_t *zip, const char *name, const void *bytes, size_t size, bool stored) {
  void *copy = malloc(size);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, bytes, size);
  zip_source_t *source = zip_source_buffer(zip, copy, size, 1);
  zip_int64_t index = zip_file_add(zip, name, source, 0);
  ck_assert_int_ge(index, 0);
  ck_assert_int_eq(zip_set_file_compression(zip, (zip_uint64_t)index, stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0), 0);
}

static char *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  char *bytes = malloc(1 << 22);
  *size = fread(bytes, 1, 1 << 22, file);
  fclose(file);
  return bytes;
}

static void add_array(zip_t *zip, const zoo_array *array, damage d) {
  const char *path = command_path("one.npy");
  size_t size;
  char name[64];
  int64_t flat = (int64_t)elements_of(array);
  if (d == OTHER_SHAPE)
    ck_assert(npy_write(path, 1, &flat, array->data));
  else
    ck_assert(npy_write(path, array->rank, array->dims, array->data));
  char *bytes = contents(path, &size);
  snprintf(name, sizeof name, "%s%s", array->name, d == NO_NPY ? ".txt" : ".npy");
  add(zip, name, d == NO_ARRAY ? "not an array at all" : bytes, d == NO_ARRAY ? 19 : size, d == STORED);
  free(bytes);
}

/* 256 MiB of zeros in a quarter of a MiB. */
static void add_bomb(zip_t *zip, const char *array) {
  size_t size = (size_t)1 << 28;
  char name[64], *zeros = calloc(size, 1);
  ck_assert_ptr_nonnull(zeros);
  snprintf(name, sizeof name, "%s.npy", array);
  zip_source_t *source = zip_source_buffer(zip, zeros, size, 1);
  ck_assert_int_ge(zip_file_add(zip, name, source, 0), 0);
}

/* Names that differ by one letter when they are written, and then do not. */
static void rename_in_place(const char *path, const char *from, const char *to) {
  size_t size, length = strlen(from);
  char *bytes = contents(path, &size);
  for (size_t i = 0; i + length <= size; i++)
    if (!memcmp(bytes + i, from, length)) memcpy(bytes + i, to, length);
  command_file("weights.npz", bytes, size);
  free(bytes);
}

static void spoil(const char *path, damage d) {
  size_t size;
  char *bytes = contents(path, &size);
  if (d == CUT) size -= size / 3;
  if (d == FLIPPED) bytes[size / 2] ^= 0x55;
  command_file("weights.npz", bytes, size);
  free(bytes);
}

static const char *npz_of(const zoo_arrays *arrays, damage d) {
  char path[512]; /* what command_path lends does not last */
  snprintf(path, sizeof path, "%s", command_path("weights.npz"));
  remove(path);
  zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
  ck_assert_ptr_nonnull(zip);
  for (int i = arrays->count - 1; i >= 0; i--) { /* any order */
    if (i == 1 && d == MISSING) continue;
    if (i == 1 && d == BOMB)
      add_bomb(zip, arrays->items[i].name);
    else
      add_array(zip, &arrays->items[i], i == 1 || d == STORED ? d : NOTHING);
  }
  zoo_array extra = arrays->items[0];
  snprintf(extra.name, sizeof extra.name, "%s", d == TWICE ? "conv1.weighT" : "conv99.weight");
  if (d == EXTRA || d == TWICE) add_array(zip, &extra, NOTHING);
  ck_assert_int_eq(zip_close(zip), 0);
  if (d == TWICE) rename_in_place(path, "conv1.weighT", "conv1.weight");
  if (d == CUT || d == FLIPPED) spoil(path, d);
  return command_path("weights.npz");
}

static const struct {
  damage damage;
  const char *words; /* NULL: it is read */
} files[] = {
    {NOTHING, NULL},
    {STORED, NULL},
    {MISSING, "lacks conv2.weight and 0 more of the 22 arrays"},
    {EXTRA, "has conv99.weight, zoo:keras_separable:resolution=40:classes=3 has not"},
    {NO_NPY, "is no .npy file"},
    {NO_ARRAY, "conv2.weight is no .npy file"},
    {OTHER_SHAPE, "conv2.weight is 96, zoo:keras_separable:resolution=40:classes=3 wants 32x3x1x1"},
    {BOMB, "conv2.weight: unpacks to 268435456 bytes, 96 floats are wanted"},
    {TWICE, "one name stands there twice"},
    {CUT, "weights.npz: "},
    {FLIPPED, "weights.npz: "},
};
enum { FILES = sizeof files / sizeof *files };

START_TEST(test_npz) {
  char other[96];
  snprintf(other, sizeof other, "%s:seed=3", spec);
  sepcl_graph *graph = NULL;
  zoo_arrays arrays = built(&graph, other);
  const char *path = npz_of(&arrays, files[_i].damage);
  bool good = reads(path, spec, &arrays);
  if (!files[_i].words)
    ck_assert_msg(good, "%s", complaint());
  else
    ck_assert_msg(!good && strstr(complaint(), files[_i].words) && !strstr(complaint(), "protobuf"), "%d: %s", _i,
                  good ? "was read" : complaint());
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
}
END_TEST
#endif

/* The trained network's checkpoint, through scripts/npz-weights, gives the bits of its ONNX file. */
START_TEST(test_trained_weights) {
  char command[4096];
  fetched_command(command, sizeof command, "tests/fetch/npz.py", BINARY_DIR "/tools/sepcl");
  ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(test_specs) {
  command_expect("summary zoo:separable:weights=", 1, "weights= names no file");
  command_expect("summary zoo:separable:weights=/none:such", 1, "cannot open /none:such");
  command_expect("zoo nonesuch", 1, "no network 'nonesuch'");
  cJSON *json = command_json("zoo separable --json");
  cJSON *arrays = cJSON_GetObjectItem(json, "arrays");
  ck_assert_int_eq(cJSON_GetArraySize(arrays), 2);
  ck_assert_str_eq(cJSON_GetObjectItem(cJSON_GetArrayItem(arrays, 1), "name")->valuestring, "conv2.weight");
  cJSON_Delete(json);
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(zoo_build(&graph, "zoo:separable:weights=x.npz"), SEPCL_INVALID_ARGUMENT);
}
END_TEST

Suite *suite_weights(void) {
  int entries = 0;
  zoo_entries(&entries);
  Suite *suite = suite_create("weights");
  TCase *tcase = tcase_create("weights");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, NULL, command_remove_folder);
  tcase_add_loop_test(tcase, test_names, 0, entries);
  tcase_add_loop_test(tcase, test_exported_weights_come_back, 0, 8);
  tcase_add_test(tcase, test_another_network_does_not_fit);
#ifdef TOOL_HAVE_LIBZIP
  tcase_add_loop_test(tcase, test_npz, 0, FILES);
#endif
  tcase_add_test(tcase, test_specs);
  tcase_add_test(tcase, test_trained_weights);
  suite_add_tcase(suite, tcase);
  return suite;
}
