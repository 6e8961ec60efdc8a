/* ONNX -> graph: which nodes come out. Numbers are compared by tests/conformance; here it is the structure that counts:
 * which transposes are gone, what was folded, what was recognised. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "support/onnx_text.h"

/* The kinds of all nodes but constants, such as "input transpose conv output". */
static char *kinds_of(const char *text) {
  static char kinds[2048];
  size_t bytes;
  uint8_t *model = onnx_text(text, &bytes);
  sepcl_graph *graph = NULL;
  sepcl_status status = sepcl_graph_load_memory(&graph, model, bytes, NULL);
  ck_assert_msg(status == SEPCL_OK, "%s\n%s", sepcl_last_error(), text);
  kinds[0] = 0;
  for (int32_t i = 0; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    if (n->kind == NODE_CONSTANT) continue;
    sepcl_node_info info;
    ck_assert_int_eq(sepcl_graph_node_info(&info, graph, i), SEPCL_OK);
    snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s%s", *kinds ? "," : "", info.kind);
    if (n->kind == NODE_ACTIVATION)
      snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), " %d", (int)n->activation.kind);
  }
  sepcl_graph_free(graph);
  free(model);
  return kinds;
}

static const struct {
  const char *text, *kinds;
} structures[] = {
    /* An NCHW network is transposed at its edges only. */
    {"input x float 1x3x8x8; const w float 4x3x3x3; const v float 5x4x1x1; Conv x,w -> a; Relu a -> b; Conv b,v -> y;"
     "output y",
     "input,transpose,conv 3x3,activation 1,conv 1x1,transpose"},
    /* One that comes in NHWC loses its transposes. */
    {"input x float 1x8x8x3; const w float 4x3x3x3; Transpose x -> t perm:is=0,3,1,2; Conv t,w -> a;"
     "Transpose a -> y perm:is=0,2,3,1; output y",
     "input,conv 3x3"},
    /* Channel shuffle: the last two axes of [N][H][W][g][C/g] change places. */
    {"input x float 1x8x8x6; const w float 6x6x1x1; const s int64 5 = 1 2 3 8 8; const r int64 4 = 1 6 8 8;"
     "Transpose x -> t perm:is=0,3,1,2; Conv t,w -> a; Reshape a,s -> b; Transpose b -> c perm:is=0,2,1,3,4;"
     "Reshape c,r -> d; Conv d,w -> e; Transpose e -> y perm:is=0,2,3,1; output y",
     "input,conv 1x1,reshape,transpose,reshape,conv 1x1"},
    /* Global pool and flatten: no transpose, whatever reshapes it. */
    {"input x float 1x8x8x3; const w float 4x3x1x1; const f float 5x4; Transpose x -> t perm:is=0,3,1,2; Conv t,w -> a;"
     "GlobalAveragePool a -> b; Flatten b -> c; Gemm c,f -> y transB:i=1; output y",
     "input,conv 1x1,reduce,reshape,fc"},
    {"input x float 2x8x8x3; const w float 4x3x1x1; const s int64 2 = 0 -1; Transpose x -> t perm:is=0,3,1,2;"
     "Conv t,w -> a; GlobalAveragePool a -> b; Reshape b,s -> c; Softmax c -> y axis:i=1; output y",
     "input,conv 1x1,reduce,reshape,softmax"},
    /* Flattening an image goes through ONNX's order. */
    {"input x float 1x3x4x4; const w float 4x3x1x1; const f float 64x5; Conv x,w -> a; Flatten a -> c; Gemm c,f -> y;"
     "output y",
     "input,transpose,conv 1x1,transpose,reshape,fc"},
    /* Two consumers of one input share its transpose. */
    {"input x float 1x3x8x8; const w float 4x3x3x3; Conv x,w -> a; Conv x,w -> b; Add a,b -> c;"
     "Transpose c -> y perm:is=0,2,3,1; output y",
     "input,transpose,conv 3x3,conv 3x3,binary"},
    /* Shape arithmetic leaves nothing behind. */
    {"input x float 2x3x4x4; const i int64 - = 0; const m int64 1 = -1; const z int64 1 = 0; Shape x -> s;"
     "Gather s,i -> n; Unsqueeze n,z -> u; Concat u,m -> r axis:i=0; Reshape x,r -> y; output y",
     "input,reshape"},
    /* Depth to space keeps the channels innermost. */
    {"input x float 1x4x4x8; Transpose x -> t perm:is=0,3,1,2; DepthToSpace t -> d blocksize:i=2;"
     "Transpose d -> y perm:is=0,2,3,1; output y",
     "input,reshape,transpose,reshape"},
    /* Squeeze-excite: the scale keeps the image's order. */
    {"input x float 1x8x8x4; const w float 4x4x1x1; Transpose x -> t perm:is=0,3,1,2; GlobalAveragePool t -> g;"
     "Conv g,w -> a; HardSigmoid a -> s alpha:f=0.16666667; Mul t,s -> m; Transpose m -> y perm:is=0,2,3,1; output y",
     "input,reduce,conv 1x1,activation 6,binary"},
    /* Nodes that no output needs are dropped. */
    {"input x float 1x4; Exp x -> unused; Relu x -> y; output y", "input,activation 1"},
    /* What no output needs may be what sepcl does not know. */
    {"input x float 1x4; NonZero x -> a; nowhere::Unheard a -> b; Constant -> t value_string:s=text; Relu x -> y; "
     "output y",
     "input,activation 1"},
    /* Nodes may come in any order; an output that is listed twice is one. */
    {"input x float 1x4; Tanh b -> y; Sigmoid a -> b; Relu x -> a; output y; output y",
     "input,activation 1,activation 8,activation 10"},
    /* Functions: names inside are of no concern outside; attributes and inputs may be left out. */
    {"function local::Twice a,s -> c slope; LeakyRelu a -> b alpha:ref=slope; Clip b,s -> c; end;"
     "input x float 1x4; const w float - = 2; local::Twice x -> a slope:f=0.5; local::Twice a,w -> b; Exp b -> y; "
     "output y",
     "input,activation 4,activation 3,activation 4,activation 3,activation 14"},
    {"function local::Inner a -> b; Relu a -> b; end; function local::Outer a -> b; local::Inner a -> c;"
     "local::Inner c -> b; end; input x float 1x4; local::Outer x -> y; output y",
     "input,activation 1,activation 1"},
    /* The last pool has less than a window: one output. */
    {"input x float 1x3x1x4; MaxPool x -> y kernel_shape:is=2,2 strides:is=2,2; output y",
     "input,transpose,pool,transpose"},
    {"input x float 1x3x9; const w float 4x3x3; Conv x,w -> y pads:is=1,1; output y",
     "input,reshape,transpose,conv 1x3,reshape,transpose"},
};

START_TEST(test_structure) {
  const char *text = structures[_i].text;
  ck_assert_str_eq(kinds_of(text), structures[_i].kinds);
}
END_TEST

/* Decomposed activations become one node. */
static const struct {
  const char *nodes;
  sepcl_function function;
} activations[] = {
    {"Add x,three -> a; Clip a,zero,six -> b; Mul x,b -> c; Div c,six -> y", SEPCL_HARD_SWISH},
    {"Add x,three -> a; Clip a,zero,six -> b; Div b,six -> c; Mul c,x -> y", SEPCL_HARD_SWISH},
    {"Add three,x -> a; Clip a,zero,six -> b; Mul b,x -> c; Mul c,sixth -> y", SEPCL_HARD_SWISH},
    {"HardSigmoid x -> a alpha:f=0.16666667; Mul x,a -> y", SEPCL_HARD_SWISH},
    {"Add x,three -> a; Clip a,zero,six -> b; Div b,six -> y", SEPCL_HARD_SIGMOID},
    {"Sigmoid x -> a; Mul x,a -> y", SEPCL_SWISH},
    {"Sigmoid x -> a; Mul a,x -> y", SEPCL_SWISH},
    {"Softplus x -> a; Tanh a -> b; Mul x,b -> y", SEPCL_MISH},
    {"Div x,root -> a; Erf a -> b; Add b,one -> c; Mul x,c -> d; Mul d,half -> y", SEPCL_GELU},
    {"Mul x,half -> h; Div x,root -> a; Erf a -> b; Add b,one -> c; Mul h,c -> y", SEPCL_GELU},
    {"Mul x,inverse -> a; Erf a -> b; Add one,b -> c; Mul c,half -> d; Mul x,d -> y", SEPCL_GELU},
    {"Pow x,three -> a; Mul a,cubic -> b; Add x,b -> c; Mul c,pi -> d; Tanh d -> e; Add e,one -> f; Mul x,f -> g;"
     "Mul g,half -> y",
     SEPCL_GELU_TANH},
    {"Clip x,zero,six -> y", SEPCL_RELU6},
    {"Clip x,zero -> y", SEPCL_RELU},
    {"Clip x,half,six -> y", SEPCL_CLIP},
};

START_TEST(test_decomposed_activation) {
  char text[1024], wanted[64];
  snprintf(text, sizeof text,
           "input x float 1x4x4x8; const three float - = 3; const six float - = 6; const zero float - = 0;"
           "const one float - = 1; const half float - = 0.5; const sixth float - = 0.16666667;"
           "const root float - = 1.41421356; const inverse float - = 0.70710678; const cubic float - = 0.044715;"
           "const pi float - = 0.79788456; %s; output y",
           activations[_i].nodes);
  snprintf(wanted, sizeof wanted, "input,activation %d", (int)activations[_i].function);
  ck_assert_str_eq(kinds_of(text), wanted);
}
END_TEST

/* What only looks like one stays as it is. */
static const char *const lookalikes[] = {
    "Add x,four -> a; Clip a,zero,six -> b; Mul x,b -> c; Div c,six -> y",
    "Add x,three -> a; Clip a,zero,six -> b; Mul a,b -> c; Div c,six -> y",
    "Sigmoid x -> a; Mul a,a -> y",
    "Div x,root -> a; Erf a -> b; Add b,four -> c; Mul x,c -> d; Mul d,half -> y",
    "HardSigmoid x -> a; Mul x,a -> y",
};

START_TEST(test_lookalike) {
  char text[1024];
  snprintf(text, sizeof text,
           "input x float 1x4x4x8; const three float - = 3; const four float - = 4; const six float - = 6;"
           "const zero float - = 0; const half float - = 0.5; const root float - = 1.41421356; %s; output y",
           lookalikes[_i]);
  ck_assert_msg(strstr(kinds_of(text), "binary") != NULL, "%s", lookalikes[_i]);
}
END_TEST

static sepcl_graph *load(const char *text, const sepcl_load_options *options, uint8_t **model) {
  size_t bytes;
  sepcl_graph *graph = NULL;
  *model = onnx_text(text, &bytes);
  ck_assert_msg(sepcl_graph_load_memory(&graph, *model, bytes, options) == SEPCL_OK, "%s", sepcl_last_error());
  return graph;
}

START_TEST(test_open_dimensions) {
  uint8_t *model;
  const char *shapes[] = {"x=2x3x5x7"};
  sepcl_load_options options = SEPCL_LOAD_OPTIONS_INIT;
  sepcl_io_info info;
  options.input_shapes = shapes;
  options.input_shape_count = 1;
  sepcl_graph *graph = load("input x float Bx3xHx?; input z float Bx3xHx7; Add x,z -> y; output y", &options, &model);
  ck_assert_int_eq(sepcl_graph_input_info(&info, graph, 1), SEPCL_OK);
  ck_assert(info.rank == 4 && info.dims[0] == 2 && info.dims[2] == 5 && info.dims[3] == 7);
  sepcl_graph_free(graph);
  free(model);

  sepcl_load_options batch = SEPCL_LOAD_OPTIONS_INIT;
  batch.batch = 3;
  graph = load("input x float 0x3x4x4; Relu x -> y; output y", &batch, &model);
  ck_assert_int_eq(sepcl_graph_output_info(&info, graph, 0), SEPCL_OK);
  ck_assert(info.dims[0] == 3 && info.dims[1] == 3 && !strcmp(info.name, "y"));
  sepcl_graph_free(graph);
  free(model);

  graph = load("input x float -1x3x4x4; Relu x -> y; output y", NULL, &model);
  ck_assert_int_eq(sepcl_graph_output_info(&info, graph, 0), SEPCL_OK);
  ck_assert_int_eq(info.dims[0], 1);
  sepcl_graph_free(graph);
  free(model);
}
END_TEST

/* Aligned weights stay in the caller's memory; nothing else may. */
START_TEST(test_weights_are_borrowed) {
  uint8_t *model;
  size_t bytes;
  sepcl_graph *graph = NULL;
  model = onnx_text("input x float 1x4x4x4; const w float 8x4x3x3; Conv x,w -> y; output y", &bytes);
  /* Wherever raw_data begins, one of four copies has it aligned. */
  int borrowed = 0;
  uint8_t *buffer = malloc(bytes + 4);
  for (size_t shift = 0; shift < 4; shift++) {
    memcpy(buffer + shift, model, bytes);
    ck_assert_int_eq(sepcl_graph_load_memory(&graph, buffer + shift, bytes, NULL), SEPCL_OK);
    for (int32_t i = 0; i < graph->count; i++) {
      const uint8_t *data = (const uint8_t *)graph->nodes[i].data;
      if (data) borrowed += data >= buffer && data < buffer + bytes + 4;
    }
    sepcl_graph_free(graph);
  }
  ck_assert_int_eq(borrowed, 1);
  free(buffer);
  free(model);
}
END_TEST

START_TEST(test_metadata_travels) {
  uint8_t *model;
  sepcl_graph *graph =
      load("input x float 1x4; Relu x -> y; output y; metadata mean 0.5; metadata std 2", NULL, &model);
  ck_assert_str_eq(sepcl_graph_metadata(graph, "mean"), "0.5");
  ck_assert_str_eq(sepcl_graph_metadata(graph, "std"), "2");
  ck_assert_ptr_null(sepcl_graph_metadata(graph, "bias"));
  sepcl_graph_free(graph);
  free(model);
}
END_TEST

START_TEST(test_operations_are_listed) {
  int32_t count = 0;
  for (const char *row; (row = sepcl_operation_row(count)); count++) {
    const char *next = sepcl_operation_row(count + 1);
    int tabs = 0;
    for (const char *p = row; *p; p++) tabs += *p == '\t';
    ck_assert_msg(tabs == 3, "%s", row);
    ck_assert_msg(!next || strcmp(row, next) < 0, "%s is not sorted before %s", row, next);
  }
  ck_assert_int_gt(count, 80);
  ck_assert_ptr_null(sepcl_operation_row(-1));
}
END_TEST

#define COUNT(list) ((int)(sizeof list / sizeof *list))

Suite *suite_onnx_read(void) {
  Suite *suite = suite_create("onnx_read");
  TCase *tcase = tcase_create("onnx_read");
  tcase_add_loop_test(tcase, test_structure, 0, COUNT(structures));
  tcase_add_loop_test(tcase, test_decomposed_activation, 0, COUNT(activations));
  tcase_add_loop_test(tcase, test_lookalike, 0, COUNT(lookalikes));
  tcase_add_test(tcase, test_open_dimensions);
  tcase_add_test(tcase, test_weights_are_borrowed);
  tcase_add_test(tcase, test_metadata_travels);
  tcase_add_test(tcase, test_operations_are_listed);
  suite_add_tcase(suite, tcase);
  return suite;
}
