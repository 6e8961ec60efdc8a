/* Messages that the other suites do not come to: volumes, models that no exporter writes, files that cannot be written.
 * tests/conformance/messages shows that none is left out. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/graph.h"
#include "model/memory.h"
#include "model/replace_file.h"
#include "onnx.pb-c.h"
#include "support/onnx_text.h"

#define X "input x float 1x4x8x8;"
#define V "input v float 1x2x4x4x4;"
#define Y "; output y"

static const struct {
  const char *text, *message;
} refusals[] = {
    {X "const w float 0x4x600000000x1; Conv x,w -> y" Y, "a kernel of 600000000x1"},
    {"opset 18;" X "const s int64 2 = 4 4; Resize x,_,_,s -> y axes:is=2,3 keep_aspect_ratio_policy:s=not_larger" Y,
     "keep_aspect_ratio_policy 'not_larger' is not supported"},
    {X "const s float 4 = 1 1 1.3 1; Resize x,_,s -> y coordinate_transformation_mode:s=align_corners" Y,
     "give sizes instead"},
    {"input x float 4x5x6; const s float 3 = 2 1 2; Resize x,_,s -> y" Y, "two axes that are no neighbours"},
    {V "MaxPool v -> y kernel_shape:is=2,2" Y, "attribute 'kernel_shape' does not fit 3 spatial axes"},
    {V "MaxPool v -> y kernel_shape:is=2,2,2 auto_pad:s=SOME" Y, "attribute 'auto_pad' is 'SOME'"},
    {V "MaxPool v -> y kernel_shape:is=999999,1,1 dilations:is=999999,1,1 auto_pad:s=SAME_UPPER" Y,
     "a padding of 499998500001"},
    {"opset 18;" X "const w float 4; GroupNormalization x,w,w -> y num_groups:i=3" Y,
     "3 groups of an input of 4 dimensions"},
    {V "MaxPool v -> y" Y, "attribute 'kernel_shape' is missing"},
    {V "Conv v,v -> y" Y, "the weights ('v') must be constant and float"},
    {V "const w float 2x2x3x3; Conv v,w -> y" Y, "weights of 4 dimensions"},
    {V "const w float 2x2x0x1x1; Conv v,w -> y" Y, "weights of 0 along axis 2"},
    {V "const w float 2x3x1x1x1; Conv v,w -> y" Y, "weights for 3 channels and 1 groups on an input of 2 channels"},
    {V "const w float 2x2x9x1x1; Conv v,w -> y" Y, "the kernel does not fit into the depth of 4"},
    {X "Constant -> w sparse_value:i=3; Add x,w -> y" Y, "attribute 'sparse_value' is not a tensor"},
};

static void expect(sepcl_status status, const char *message, const char *text) {
  ck_assert_msg(status != SEPCL_OK, "accepted: %s", text);
  ck_assert_msg(strstr(sepcl_last_error(), message) != NULL, "'%s' instead of '%s' for %s", sepcl_last_error(), message,
                text);
}

static sepcl_status load(const uint8_t *model, size_t bytes) {
  sepcl_graph *graph = NULL;
  sepcl_status status = sepcl_graph_load_memory(&graph, model, bytes, NULL);
  sepcl_graph_free(graph);
  return status;
}

START_TEST(test_refusal) {
  size_t bytes;
  uint8_t *model = onnx_text(refusals[_i].text, &bytes);
  expect(load(model, bytes), refusals[_i].message, refusals[_i].text);
  free(model);
}
END_TEST

/* A text's model with the first attribute of its first node changed by `change`. */
static void expect_changed(const char *text, void (*change)(Onnx__AttributeProto *), const char *message) {
  size_t bytes;
  uint8_t *model = onnx_text(text, &bytes);
  Onnx__ModelProto *proto = onnx__model_proto__unpack(NULL, bytes, model);
  Onnx__AttributeProto *attribute = proto->graph->node[0]->attribute[0], saved = *attribute;
  free(model);
  change(attribute);
  model = malloc(onnx__model_proto__get_packed_size(proto));
  bytes = onnx__model_proto__pack(proto, model);
  *attribute = saved; /* nothing of what `change` put there is on the heap */
  onnx__model_proto__free_unpacked(proto, NULL);
  expect(load(model, bytes), message, text);
  free(model);
}

static void refer(Onnx__AttributeProto *a) { a->ref_attr_name = (char *)"outer"; }

static Onnx__GraphProto branch;
static void branch_without_outputs(Onnx__AttributeProto *a) {
  onnx__graph_proto__init(&branch);
  branch.name = (char *)"branch";
  a->name = (char *)"then_branch", a->g = &branch, a->has_type = 1,
  a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
}

static void branch_of_nothing(Onnx__AttributeProto *a) {
  static Onnx__ValueInfoProto output, *outputs[1] = {&output};
  branch_without_outputs(a);
  onnx__value_info_proto__init(&output);
  output.name = (char *)"q";
  branch.output = outputs, branch.n_output = 1;
}

static Onnx__SparseTensorProto sparse;
static Onnx__TensorProto values, indices;
static int64_t sparse_dims[2] = {2, 2}, value_dims[1] = {1}, index_dims[2] = {1, 2}, position[3] = {0, 2, 0};
static float number[1] = {1};
static void sparse_outside(Onnx__AttributeProto *a) {
  onnx__sparse_tensor_proto__init(&sparse);
  onnx__tensor_proto__init(&values);
  onnx__tensor_proto__init(&indices);
  values.has_data_type = indices.has_data_type = 1;
  values.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, indices.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
  values.dims = value_dims, values.n_dims = 1, values.float_data = number, values.n_float_data = 1;
  indices.dims = index_dims, indices.n_dims = 2, indices.int64_data = position, indices.n_int64_data = 2;
  values.name = (char *)"w";
  index_dims[1] = 2;
  sparse.values = &values, sparse.indices = &indices, sparse.dims = sparse_dims, sparse.n_dims = 2;
  a->name = (char *)"sparse_value", a->sparse_tensor = &sparse;
  a->has_type = 1, a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR;
}

static void sparse_of_three(Onnx__AttributeProto *a) {
  sparse_outside(a);
  index_dims[1] = 3, indices.n_int64_data = 3;
}

START_TEST(test_changed) {
  expect_changed(X "LeakyRelu x -> y alpha:f=1" Y, refer, "attribute 'alpha' refers to a function's attribute");
  const char *condition = X "const t bool - = 1; If t -> y then_branch:i=1" Y;
  expect_changed(condition, branch_without_outputs, "the branch that is taken has 0 outputs instead of 1");
  expect_changed(condition, branch_of_nothing, "the branch's output 'q' is not made by any node");
  const char *constant = X "Constant -> w sparse_value:i=1; Add x,w -> y" Y;
  expect_changed(constant, sparse_outside, "an index is outside the shape");
  expect_changed(constant, sparse_of_three, "indices and values do not fit each other");
}
END_TEST

/* ---- the writer ---- */

static void expect_unwritten(sepcl_graph *graph, sepcl_value output, const char *name, const char *message) {
  sepcl_graph_output(graph, name, output);
  ck_assert_msg(sepcl_graph_status(graph) == SEPCL_OK, "%s", sepcl_last_error());
  expect(sepcl_graph_save(graph, "/tmp/sepcl-never-written.onnx"), message, message);
  ck_assert_int_ne(access("/tmp/sepcl-never-written.onnx", F_OK), 0);
  sepcl_graph_free(graph);
}

static sepcl_value start(sepcl_graph **graph) {
  ck_assert_int_eq(sepcl_graph_create(graph), SEPCL_OK);
  return sepcl_graph_input(*graph, "x", 3, (const int64_t[]){2, 3, 3});
}

START_TEST(test_no_onnx) {
  sepcl_graph *graph;
  sepcl_value x = start(&graph);
  expect_unwritten(graph, sepcl_graph_activation(graph, x, (sepcl_activation){.kind = SEPCL_RELU}), "x",
                   "input and output 'x' have one name");
  x = start(&graph);
  expect_unwritten(graph, sepcl_graph_matmul(graph, x, x, x, 0), "y", "that starts from an addend");
  x = start(&graph);
  sepcl_norm_attributes norm = SEPCL_NORM_ATTRIBUTES_INIT;
  sepcl_value scale = sepcl_graph_input(graph, "scale", 1, (const int64_t[]){3});
  expect_unwritten(graph, sepcl_graph_norm(graph, x, scale, SEPCL_NO_VALUE, &norm), "y", "a computed scale or shift");
}
END_TEST

START_TEST(test_files) {
  static char path[PATH_MAX + 8], beside[PATH_MAX + 64];
  sepcl_graph *graph;
  char folder[] = "/tmp/sepcl-messages-XXXXXX";
  sepcl_value x = start(&graph);
  sepcl_graph_output(graph, "y", sepcl_graph_activation(graph, x, (sepcl_activation){.kind = SEPCL_RELU}));
  memset(path, 'a', PATH_MAX);
  expect(sepcl_graph_save(graph, path), "the path is too long", "a long path");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m", folder);
  for (int i = 0; i < 100; i++) {
    snprintf(beside, sizeof beside, "%s.%ld-%d.tmp", path, (long)getpid(), i);
    fclose(fopen(beside, "w"));
  }
  expect(sepcl_graph_save(graph, path), "too many temporary files beside it", path);
  for (int i = 0; i < 100; i++) {
    snprintf(beside, sizeof beside, "%s.%ld-%d.tmp", path, (long)getpid(), i);
    unlink(beside);
  }
  ck_assert_int_eq(sepcl_graph_save(graph, path), SEPCL_OK);
  unlink(path);
  rmdir(folder);
  sepcl_graph_free(graph);
}
END_TEST

/* Weights that need no memory: pages of zeros that nothing reads. */
START_TEST(test_more_than_2_gib) {
  const int64_t side[2] = {1 << 15, (1 << 14) + 1}; /* a little more than 2 GiB */
  const size_t bytes = (size_t)side[0] * (size_t)side[1] * sizeof(float);
  void *zeros = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ck_assert(zeros != MAP_FAILED);
  sepcl_graph *graph;
  sepcl_value x;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  x = sepcl_graph_input(graph, "x", 2, (const int64_t[]){1, side[0]});
  x = sepcl_graph_matmul(graph, x, sepcl_graph_constant_borrowed(graph, 2, side, zeros), SEPCL_NO_VALUE, 0);
  expect_unwritten(graph, x, "y", "larger than 2 GiB");
  munmap(zeros, bytes);
}
END_TEST

/* What only the inside of the library can ask for. */
START_TEST(test_inside) {
  sepcl_graph *graph;
  model_memory *memory;
  void *block;
  sepcl_value x = start(&graph), y = sepcl_graph_activation(graph, x, (sepcl_activation){.kind = SEPCL_RELU});
  graph->nodes[y].kind = NODE_SEPARABLE;
  expect_unwritten(graph, y, "y", "it was made by a pass");
  ck_assert_int_eq(model_memory_create(&memory), SEPCL_OK);
  expect(model_memory_take(memory, &block, SIZE_MAX / 2, 3), "do not fit into memory", "a huge block");
  expect(model_memory_take(memory, &block, SIZE_MAX, 1), "do not fit into memory", "a huge block");
  model_memory_free(memory);
}
END_TEST

/* Moves away the folder that the file is being written into. */
static void leave(FILE *file, const void *folder) {
  char elsewhere[PATH_MAX];
  snprintf(elsewhere, sizeof elsewhere, "%s-gone", (const char *)folder);
  fputs("new", file);
  ck_assert_int_eq(rename(folder, elsewhere), 0);
}

START_TEST(test_folder_goes_away) {
  char folder[] = "/tmp/sepcl-messages-XXXXXX", path[64], command[128];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m", folder);
  expect(replace_file(path, leave, folder), "cannot be replaced: ", "a folder that goes away");
  snprintf(command, sizeof command, "rm -r %s-gone", folder);
  ck_assert_int_eq(system(command), 0);
}
END_TEST

Suite *suite_onnx_messages(void);
Suite *suite_onnx_messages(void) {
  Suite *suite = suite_create("onnx_messages");
  TCase *tcase = tcase_create("onnx_messages");
  tcase_add_loop_test(tcase, test_refusal, 0, sizeof refusals / sizeof *refusals);
  tcase_add_test(tcase, test_changed);
  tcase_add_test(tcase, test_no_onnx);
  tcase_add_test(tcase, test_files);
  tcase_add_test(tcase, test_more_than_2_gib);
  tcase_add_test(tcase, test_inside);
  tcase_add_test(tcase, test_folder_goes_away);
  suite_add_tcase(suite, tcase);
  return suite;
}
