/* Graph -> ONNX: what is written reads as the same graph, and a file is replaced whole or not at all. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/graph.h"
#include "support/onnx_text.h"

static char folder[64];

static const char *path_of(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void make_folder(void) {
  snprintf(folder, sizeof folder, "/tmp/sepcl-write-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Removes the folder; returns how many files were in it. */
static int remove_folder(void) {
  int count = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *entry; (entry = readdir(dir));)
    if (entry->d_name[0] != '.') count += unlink(path_of(entry->d_name)) == 0;
  closedir(dir);
  rmdir(folder);
  return count;
}

static void check_attributes(const node *a, const node *b) {
  ck_assert_mem_eq(&a->activation, &b->activation, sizeof a->activation);
  ck_assert_mem_eq(&a->conv, &b->conv, sizeof a->conv);
  ck_assert_mem_eq(&a->conv_transpose, &b->conv_transpose, sizeof a->conv_transpose);
  ck_assert_mem_eq(&a->norm, &b->norm, sizeof a->norm);
  ck_assert_mem_eq(&a->pool, &b->pool, sizeof a->pool);
  ck_assert_mem_eq(&a->resize, &b->resize, sizeof a->resize);
  ck_assert_mem_eq(a->permutation, b->permutation, sizeof a->permutation);
  ck_assert_mem_eq(a->starts, b->starts, sizeof a->starts);
  ck_assert_mem_eq(a->steps, b->steps, sizeof a->steps);
  ck_assert_mem_eq(a->before, b->before, sizeof a->before);
  ck_assert_mem_eq(a->after, b->after, sizeof a->after);
  ck_assert_int_eq(a->mode, b->mode);
  ck_assert_int_eq(a->axis, b->axis);
  ck_assert_uint_eq(a->axes, b->axes);
  ck_assert_mem_eq(&a->epsilon, &b->epsilon, sizeof a->epsilon);
}

/* Equal up to the numbers of constants, which may be made in another order. */
static void check_same_value(const sepcl_graph *a, const sepcl_graph *b, sepcl_value va, sepcl_value vb) {
  const node *na = graph_node(a, va), *nb = graph_node(b, vb);
  ck_assert(!na == !nb);
  if (!na) return;
  ck_assert_int_eq(na->kind, nb->kind);
  ck_assert_int_eq(na->rank, nb->rank);
  ck_assert_mem_eq(na->dims, nb->dims, (size_t)na->rank * sizeof *na->dims);
  if (na->kind == NODE_CONSTANT) ck_assert_mem_eq(na->data, nb->data, (size_t)node_elements(na) * sizeof *na->data);
  check_attributes(na, nb);
  ck_assert_int_eq(na->input_count, nb->input_count);
  for (int32_t i = 0; i < na->input_count; i++) check_same_value(a, b, na->inputs[i], nb->inputs[i]);
}

static void check_same(const sepcl_graph *a, const sepcl_graph *b) {
  ck_assert_int_eq(a->output_count, b->output_count);
  ck_assert_int_eq(a->input_count, b->input_count);
  for (int32_t i = 0; i < a->input_count; i++) ck_assert_str_eq(a->inputs[i].name, b->inputs[i].name);
  for (int32_t i = 0; i < a->output_count; i++) {
    ck_assert_str_eq(a->outputs[i].name, b->outputs[i].name);
    check_same_value(a, b, a->outputs[i].value, b->outputs[i].value);
  }
}

#define NHWC "input x float 2x8x8x4; Transpose x -> t perm:is=0,3,1,2;"

static const char *const models[] = {
    "input x float 2x3x8x8; const w float 4x3x3x3; const b float 4; const p float 4; Conv x,w,b -> a pads:is=1,0,0,1;"
    "BatchNormalization a,p,p,p,p -> c; Relu c -> y; output y; output a; metadata mean 0.5",
    NHWC
    "const w float 8x1x3x3; Conv t,w -> a group:i=4 strides:is=2,2 dilations:is=1,2; Clip a,l,h -> c;"
    "const l float - = 0; const h float - = 6; Transpose c -> y perm:is=0,2,3,1; output y",
    NHWC "const w float 4x6x3x3; ConvTranspose t,w -> y strides:is=2,2 output_padding:is=1,1; output y",
    "opset 19; input x float 1x4x8x8; input o float 1x18x6x6; input m float 1x9x6x6; const w float 2x4x3x3;"
    "DeformConv x,w,o,_,m -> y; output y",
    NHWC
    "MaxPool t -> a kernel_shape:is=3,3 strides:is=2,2 ceil_mode:i=1; AveragePool a -> b kernel_shape:is=2,2 "
    "pads:is=1,1,0,0 count_include_pad:i=1; GlobalAveragePool b -> c; Flatten c -> y; output y",
    NHWC "const p float 4; InstanceNormalization t,p,p -> a; LRN a -> b size:i=3 alpha:f=0.01; output b",
    "opset 17; input x float 2x5x6; const s float 6; LayerNormalization x,s,s -> y axis:i=-1; output y",
    "opset 14;" NHWC
    "Sigmoid t -> a; Mul t,a -> b; HardSwish b -> c; Softplus c -> d; Tanh d -> e; Mul c,e -> f;"
    "LeakyRelu f -> g alpha:f=0.3; Selu g -> h; HardSigmoid h -> i; ThresholdedRelu i -> y; output y",
    "input x float 2x9; const r float - = 1.41421356; const one float - = 1; const half float - = 0.5; Div x,r -> a;"
    "Erf a -> b; Add b,one -> c; Mul x,c -> d; Mul d,half -> y; output y",
    "opset 20; input x float 2x9; Gelu x -> y approximate:s=tanh; output y",
    NHWC
    "const s float 4x1x1; const v float 8; Mul t,s -> a; Add a,v -> b; Sub v,b -> c; PRelu c,s -> d; Max d,t -> e;"
    "Pow e,v -> f; Min f,e,t -> y; output y",
    NHWC "ReduceMean t -> a axes:is=1 keepdims:i=0; ReduceMax a -> b axes:is=0,2; ReduceMin b -> y; output y",
    "input x float 3x4; input z float 5x3x4; const w float 4x5; const c float 5; Gemm x,w,c -> a; MatMul z,w -> b;"
    "Add a,b -> y; output y",
    NHWC
    "Split t -> a,b axis:i=1; Concat b,a -> c axis:i=1; const s int64 1 = 7; const e int64 1 = -9;"
    "const x2 int64 1 = 2; const m int64 1 = -2; Slice c,s,e,x2,m -> d; output d",
    NHWC
    "const p int64 8 = 0 0 1 2 0 0 3 -1; Pad t,p -> a; Pad a,p -> b mode:s=edge; const i int64 3 = 2 0 2;"
    "Gather b,i -> y axis:i=2; output y",
    "input x float 3x1; const e int64 3 = 2 3 4; Expand x,e -> y; output y",
    NHWC
    "const s float 4 = 1 1 2 1.5; Resize t,_,s -> a mode:s=linear; const z int64 4 = 2 4 9 7; Resize a,_,_,z -> b;"
    "Softmax b -> y axis:i=1; output y",
    "input x float 1x4; output x",
};

START_TEST(test_reads_as_the_same_graph) {
  size_t bytes;
  sepcl_graph *graph = NULL, *again = NULL;
  uint8_t *model = onnx_text(models[_i], &bytes);
  make_folder();
  ck_assert_msg(sepcl_graph_load_memory(&graph, model, bytes, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_graph_save(graph, path_of("m.onnx")) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(sepcl_graph_load(&again, path_of("m.onnx"), NULL) == SEPCL_OK, "%s", sepcl_last_error());
  check_same(graph, again);
  if (_i == 0) ck_assert_str_eq(sepcl_graph_metadata(again, "mean"), "0.5");
  sepcl_graph_free(again);
  sepcl_graph_free(graph);
  free(model);
  ck_assert_int_eq(remove_folder(), 1);
}
END_TEST

static sepcl_graph *small_graph(void) {
  sepcl_graph *graph = NULL;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(graph, "x", 2, (int64_t[]){1, 4});
  sepcl_graph_output(graph, "y", sepcl_graph_activation(graph, x, (sepcl_activation){SEPCL_RELU, 0, 0}));
  return graph;
}

static long size_of(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

START_TEST(test_what_cannot_be_written) {
  sepcl_graph *graph = small_graph();
  make_folder();
  ck_assert_int_eq(sepcl_graph_save(NULL, "x"), SEPCL_INVALID_ARGUMENT);
  ck_assert_int_eq(sepcl_graph_save(graph, ""), SEPCL_INVALID_ARGUMENT);
  ck_assert_int_eq(sepcl_graph_save(graph, path_of("none/m.onnx")), SEPCL_BAD_FILE);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "none/m.onnx: cannot be written"));
  ck_assert_int_eq(sepcl_graph_save(graph, folder), SEPCL_BAD_FILE);
  ck_assert_int_eq(sepcl_graph_save(graph, "/dev/full"), SEPCL_BAD_FILE);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "No space left"));
  ck_assert_int_eq(remove_folder(), 0);
  sepcl_graph_free(graph);
}
END_TEST

/* A graph that cannot be written leaves the old file as it was. */
START_TEST(test_old_file_survives) {
  sepcl_graph *graph = small_graph();
  make_folder();
  ck_assert_int_eq(sepcl_graph_save(graph, path_of("m.onnx")), SEPCL_OK);
  long size = size_of(path_of("m.onnx"));
  ck_assert_int_gt(size, 0);
  sepcl_activation crossed = {SEPCL_CLIP, 2.0f, 1.0f};
  sepcl_graph_output(graph, "z", sepcl_graph_activation(graph, 0, crossed));
  ck_assert_int_eq(sepcl_graph_save(graph, path_of("m.onnx")), SEPCL_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "bounds cross"));
  ck_assert_int_eq(size_of(path_of("m.onnx")), size);
  sepcl_graph_refuse(graph, SEPCL_BAD_MODEL, "poisoned for the test");
  ck_assert_int_eq(sepcl_graph_save(graph, path_of("m.onnx")), SEPCL_BAD_MODEL);
  ck_assert_int_eq(size_of(path_of("m.onnx")), size);
  ck_assert_int_eq(remove_folder(), 1);
  sepcl_graph_free(graph);
}
END_TEST

/* Weights in each layout come out as ONNX's. */
START_TEST(test_weight_layouts) {
  static const sepcl_weight_layout layouts[] = {SEPCL_OIHW, SEPCL_OHWI, SEPCL_HWIO};
  float weights[3][2 * 3 * 2 * 2];
  for (int o = 0; o < 2; o++)
    for (int i = 0; i < 3; i++)
      for (int h = 0; h < 2; h++)
        for (int w = 0; w < 2; w++) {
          float value = (float)(1000 * o + 100 * i + 10 * h + w);
          weights[0][((o * 3 + i) * 2 + h) * 2 + w] = value;
          weights[1][((o * 2 + h) * 2 + w) * 3 + i] = value;
          weights[2][((h * 2 + w) * 3 + i) * 2 + o] = value;
        }
  make_folder();
  for (int k = 0; k < 3; k++) {
    sepcl_graph *graph = NULL, *again = NULL;
    sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
    a.window.kernel_h = a.window.kernel_w = 2;
    a.outputs = 2;
    a.layout = layouts[k];
    ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
    sepcl_value x = sepcl_graph_input(graph, "x", 4, (int64_t[]){1, 4, 4, 3});
    sepcl_value w = sepcl_graph_constant(graph, 1, (int64_t[]){24}, weights[k]);
    sepcl_graph_output(graph, "y", sepcl_graph_conv(graph, x, w, SEPCL_NO_VALUE, &a));
    ck_assert_msg(sepcl_graph_save(graph, path_of("m.onnx")) == SEPCL_OK, "%s", sepcl_last_error());
    ck_assert_int_eq(sepcl_graph_load(&again, path_of("m.onnx"), NULL), SEPCL_OK);
    const node *conv = graph_node(again, again->outputs[0].value);
    ck_assert_int_eq(conv->kind, NODE_CONV);
    ck_assert_mem_eq(graph_node(again, conv->inputs[1])->data, weights[0], sizeof weights[0]);
    sepcl_graph_free(again);
    sepcl_graph_free(graph);
  }
  remove_folder();
}
END_TEST

Suite *suite_onnx_write(void) {
  Suite *suite = suite_create("onnx_write");
  TCase *tcase = tcase_create("onnx_write");
  tcase_add_loop_test(tcase, test_reads_as_the_same_graph, 0, (int)(sizeof models / sizeof *models));
  tcase_add_test(tcase, test_what_cannot_be_written);
  tcase_add_test(tcase, test_old_file_survives);
  tcase_add_test(tcase, test_weight_layouts);
  suite_add_tcase(suite, tcase);
  return suite;
}
