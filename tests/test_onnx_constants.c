/* Constants in each of ONNX's encodings, and external data, which may only lie inside the model's folder. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/graph.h"
#include "onnx.pb-c.h"

static char folder[64], model_path[128];

/* y = x + w, where w is the given tensor; written into the folder. */
static void write_model(Onnx__TensorProto *w, Onnx__SparseTensorProto *sparse) {
  Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
  Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
  Onnx__NodeProto add = ONNX__NODE_PROTO__INIT, *nodes[1] = {&add};
  Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[1] = {&opset};
  Onnx__ValueInfoProto x = ONNX__VALUE_INFO_PROTO__INIT, y = ONNX__VALUE_INFO_PROTO__INIT, *xs[1] = {&x}, *ys[1] = {&y};
  Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
  Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
  Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
  Onnx__TensorShapeProto__Dimension dim = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT, *dims[1] = {&dim};
  char *inputs[2] = {"x", "w"}, *outputs[1] = {"y"};
  dim.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE, dim.dim_value = 4;
  shape.dim = dims, shape.n_dim = 1;
  tensor.has_elem_type = 1, tensor.elem_type = 1, tensor.shape = &shape;
  type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE, type.tensor_type = &tensor;
  x.name = "x", x.type = &type, y.name = "y";
  add.op_type = "Add", add.input = inputs, add.n_input = 2, add.output = outputs, add.n_output = 1;
  graph.node = nodes, graph.n_node = 1, graph.input = xs, graph.n_input = 1, graph.output = ys, graph.n_output = 1;
  graph.initializer = &w, graph.n_initializer = w != NULL;
  graph.sparse_initializer = &sparse, graph.n_sparse_initializer = sparse != NULL;
  opset.has_version = 1, opset.version = 13;
  model.graph = &graph, model.opset_import = opsets, model.n_opset_import = 1;
  uint8_t *packed = malloc(onnx__model_proto__get_packed_size(&model));
  size_t bytes = onnx__model_proto__pack(&model, packed);
  FILE *file = fopen(model_path, "wb");
  ck_assert_uint_eq(fwrite(packed, 1, bytes, file), bytes);
  fclose(file);
  free(packed);
}

static void make_folder(void) {
  snprintf(folder, sizeof folder, "/tmp/sepcl-constants-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(model_path, sizeof model_path, "%s/m.onnx", folder);
}

static void put_file(const char *name, const void *data, size_t bytes) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
  fclose(file);
}

static void remove_folder(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
}

static void expect_values(const float wanted[4]) {
  sepcl_graph *graph = NULL;
  ck_assert_msg(sepcl_graph_load(&graph, model_path, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  const node *add = graph_node(graph, graph->outputs[0].value);
  ck_assert_mem_eq(graph_node(graph, add->inputs[1])->data, wanted, 4 * sizeof *wanted);
  sepcl_graph_free(graph);
}

static void expect_message(const char *message) {
  sepcl_graph *graph = NULL;
  ck_assert_int_ne(sepcl_graph_load(&graph, model_path, NULL), SEPCL_OK);
  ck_assert_msg(strstr(sepcl_last_error(), message) != NULL, "'%s' instead of '%s'", sepcl_last_error(), message);
}

static Onnx__TensorProto tensor_of(int type, int64_t *dims) {
  Onnx__TensorProto w = ONNX__TENSOR_PROTO__INIT;
  w.name = "w", w.has_data_type = 1, w.data_type = type, w.dims = dims, w.n_dims = 1;
  return w;
}

static const float values[4] = {1.0f, -2.5f, 0.5f, 65504.0f};

START_TEST(test_typed_fields) {
  int64_t dims[1] = {4};
  float floats[4];
  double doubles[4] = {1.0, -2.5, 0.5, 65504.0};
  int32_t halves[4] = {0x3c00, 0xc100, 0x3800, 0x7bff};
  memcpy(floats, values, sizeof floats);
  make_folder();
  Onnx__TensorProto w = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims);
  w.float_data = floats, w.n_float_data = 4;
  write_model(&w, NULL);
  expect_values(values);
  w.n_float_data = 3;
  write_model(&w, NULL);
  expect_message("constant 'w': 3 elements where its shape asks for 4");
  w = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, dims);
  w.double_data = doubles, w.n_double_data = 4;
  write_model(&w, NULL);
  expect_values(values);
  w = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, dims);
  w.int32_data = halves, w.n_int32_data = 4;
  write_model(&w, NULL);
  expect_values(values);
  remove_folder();
}
END_TEST

START_TEST(test_raw_data) {
  int64_t dims[1] = {4};
  uint16_t halves[4] = {0x3c00, 0xc100, 0x3800, 0x7bff}, odd[4] = {0x0001, 0x8000, 0xfc00, 0x03ff};
  uint16_t brain[4] = {0x3f80, 0xc020, 0x3f00, 0x4780};
  double doubles[4] = {1.0, -2.5, 0.5, 65504.0};
  make_folder();
  Onnx__TensorProto w = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims);
  w.has_raw_data = 1, w.raw_data = (ProtobufCBinaryData){sizeof values, (uint8_t *)values};
  write_model(&w, NULL);
  expect_values(values);
  w.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
  w.raw_data = (ProtobufCBinaryData){sizeof halves, (uint8_t *)halves};
  write_model(&w, NULL);
  expect_values(values);
  w.raw_data = (ProtobufCBinaryData){sizeof odd, (uint8_t *)odd};
  write_model(&w, NULL);
  expect_values((const float[4]){0x1p-24f, -0.0f, -__builtin_inff(), 1023 * 0x1p-24f});
  w.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
  w.raw_data = (ProtobufCBinaryData){sizeof brain, (uint8_t *)brain};
  write_model(&w, NULL);
  expect_values((const float[4]){1.0f, -2.5f, 0.5f, 65536.0f});
  w.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
  w.raw_data = (ProtobufCBinaryData){sizeof doubles, (uint8_t *)doubles};
  write_model(&w, NULL);
  expect_values(values);
  w.raw_data.len = 31;
  write_model(&w, NULL);
  expect_message("constant 'w': 31 bytes of data where its shape asks for 32");
  remove_folder();
}
END_TEST

static void write_external(const char *location, const char *offset, const char *length) {
  int64_t dims[1] = {4};
  Onnx__StringStringEntryProto entries[3], *list[3];
  const char *keys[3] = {"location", "offset", "length"}, *texts[3] = {location, offset, length};
  Onnx__TensorProto w = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims);
  w.external_data = list;
  for (int i = 0; i < 3; i++) {
    if (!texts[i]) continue;
    onnx__string_string_entry_proto__init(&entries[i]);
    entries[i].key = (char *)keys[i], entries[i].value = (char *)texts[i];
    list[w.n_external_data++] = &entries[i];
  }
  w.has_data_location = 1, w.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
  write_model(&w, NULL);
}

START_TEST(test_external_data) {
  char shifted[6 + sizeof values] = "abcdef", link[160];
  memcpy(shifted + 6, values, sizeof values);
  make_folder();
  put_file("w.bin", values, sizeof values);
  put_file("shifted.bin", shifted, sizeof shifted);
  write_external("w.bin", NULL, NULL);
  expect_values(values);
  write_external("w.bin", "0", "16");
  expect_values(values);
  write_external("shifted.bin", "6", "16");
  expect_values(values);
  write_external("./w.bin", NULL, NULL);
  expect_values(values);
  static const struct {
    const char *location, *offset, *length, *message;
  } refused[] = {
      {NULL, NULL, NULL, "without a location"},
      {"", NULL, NULL, "without a location"},
      {"none.bin", NULL, NULL, "'none.bin' cannot be found"},
      {"/etc/passwd", NULL, NULL, "which is not inside the model's folder"},
      {"../../etc/passwd", NULL, NULL, "which is not inside the model's folder"},
      {"passwd", NULL, NULL, "which is not inside the model's folder"},
      {"w.bin", "-1", NULL, "external data with offset '-1'"},
      {"w.bin", "x", NULL, "external data with offset 'x'"},
      {"w.bin", "99999999999999999999999", NULL, "external data with offset"},
      {"w.bin", "4", "16", "external data ends at byte 20 of a file of 16"},
      {"w.bin", "0", "12", "12 bytes of data where its shape asks for 16"},
      {".", NULL, NULL, "which is not inside"},
  };
  snprintf(link, sizeof link, "%s/passwd", folder);
  ck_assert_int_eq(symlink("/etc/passwd", link), 0);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    write_external(refused[i].location, refused[i].offset, refused[i].length);
    expect_message(refused[i].message);
  }
  remove_folder();
}
END_TEST

START_TEST(test_external_data_from_memory) {
  sepcl_graph *graph = NULL;
  char model[4096];
  make_folder();
  put_file("w.bin", values, sizeof values);
  write_external("w.bin", NULL, NULL);
  FILE *file = fopen(model_path, "rb");
  size_t bytes = fread(model, 1, sizeof model, file);
  fclose(file);
  ck_assert_int_eq(sepcl_graph_load_memory(&graph, model, bytes, NULL), SEPCL_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "a model that is not loaded from a file"));
  remove_folder();
}
END_TEST

START_TEST(test_sparse) {
  int64_t dims[1] = {4}, two[1] = {2}, at[2] = {1, 3};
  float numbers[2] = {5.0f, 7.0f};
  Onnx__TensorProto data = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, two);
  Onnx__TensorProto indices = tensor_of(ONNX__TENSOR_PROTO__DATA_TYPE__INT64, two);
  Onnx__SparseTensorProto sparse = ONNX__SPARSE_TENSOR_PROTO__INIT;
  data.float_data = numbers, data.n_float_data = 2;
  indices.int64_data = at, indices.n_int64_data = 2;
  sparse.values = &data, sparse.indices = &indices, sparse.dims = dims, sparse.n_dims = 1;
  make_folder();
  write_model(NULL, &sparse);
  expect_values((const float[4]){0, 5, 0, 7});
  at[1] = 4;
  write_model(NULL, &sparse);
  expect_message("sparse constant 'w': an index is outside the shape");
  two[0] = 1, indices.n_int64_data = 2;
  write_model(NULL, &sparse);
  expect_message("elements where its shape asks for 1");
  sparse.indices = NULL;
  write_model(NULL, &sparse);
  expect_message("no values or indices");
  sparse.values = NULL;
  remove_folder();
}
END_TEST

Suite *suite_onnx_constants(void) {
  Suite *suite = suite_create("onnx_constants");
  TCase *tcase = tcase_create("onnx_constants");
  tcase_add_test(tcase, test_typed_fields);
  tcase_add_test(tcase, test_raw_data);
  tcase_add_test(tcase, test_external_data);
  tcase_add_test(tcase, test_external_data_from_memory);
  tcase_add_test(tcase, test_sparse);
  suite_add_tcase(suite, tcase);
  return suite;
}
