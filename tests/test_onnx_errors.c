/* What the ONNX reader refuses, and how it says so: each message is reached here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sepcl.h"
#include "support/onnx_text.h"

#define X "input x float 1x4x8x8;"
#define W "const w float 8x4x3x3;"
#define Y "; output y"

static const struct {
  const char *text, *message;
} refusals[] = {
    /* the model */
    {"opset 99;" X "Relu x -> y" Y, "opset 99"},
    {"opset 0;" X "Relu x -> y" Y, "opset 0"},
    {X "Relu x -> y", "no outputs"},
    {X "Relu x -> y; output z", "output 'z' is not made by any node"},
    {"input x int64 1x4; Relu x -> y" Y, "input 'x' is int64"},
    {"input x; Relu x -> y" Y, "input 'x' is not a tensor"},
    {"input x float none; Relu x -> y" Y, "input 'x' has no shape"},
    {"input x float 1x3x?x8; Relu x -> y" Y, "input 'x': dimension 2 is open; settle it with --input-shape x="},
    {"input x float 1x3xHx8; Relu x -> y" Y, "dimension 2 ('H') is open"},
    {"input x float 1x-7; Relu x -> y" Y, "dimension 1 is -7"},
    {"input x float 1x1x1x1x1x1x1x1x1; Relu x -> y" Y, "9 dimensions"},
    {"input x float 1x3; input x float 1x3; Relu x -> y" Y, "'x'"},
    {X "const x float 4; Relu x -> x; output x", "two tensors are called 'x'"},
    {X "const t uint64 1 = -1; Cast t -> u to:i=1; Add x,u -> y" Y, "constant 't': it holds a number over 2^63 - 1"},
    /* nodes */
    {X "LSTM x -> y" Y, "LSTM 'y' (opset 13): sepcl has no such operation"},
    {X "com.microsoft::FusedConv x -> y" Y, "domain 'com.microsoft'"},
    {X "QuantizeLinear x -> y" Y, "int8 and QDQ models are not supported yet"},
    {X "DequantizeLinear x -> y" Y, "int8 and QDQ models are not supported yet"},
    {X "ConvInteger x -> y" Y, "int8"},
    {X "QLinearConv x -> y" Y, "int8"},
    {X "If x -> y" Y, "control flow"},
    {X "Loop x -> y" Y, "control flow"},
    {X "const t bool - = 1; If t -> y" Y, "the branch that is taken is missing"},
    {X "Gelu x -> y" Y, "exists since opset 20"},
    {"opset 9;" X "const a float 4; BatchNormalization x,a,a,a,a -> y,m,v,s,t" Y,
     "it is in training mode: it gives statistics ('m')"},
    {"opset 9;" X "const s float 4 = 1 1 2 0.5; Upsample x,s -> y" Y, "axis 3 is scaled by 0.5, less than 1"},
    {"opset 10;" X "const s float 4 = 1 1 2 0.5; Resize x,s -> y" Y, "one axis is made larger and another smaller"},
    {X "const s float 2 = 1 2; Cast s -> t to:i=8; Add x,t -> y" Y, "a cast to string"},
    {X "const s int64 2 = 1 2; Sqrt s -> t; Reshape x,t -> y" Y, "its input is not float"},
    {X "const s int64 0; Gather x,s -> y" Y, "0 indices"},
    {X "Relu x -> y slope:f=1" Y, "attribute 'slope' is not supported"},
    {X "LeakyRelu x -> y alpha:f=1 alpha:f=2" Y, "attribute 'alpha' is given twice"},
    {X "LeakyRelu x -> y alpha:i=1" Y, "attribute 'alpha' is not a float"},
    {X W "Conv x,w -> y group:f=1" Y, "attribute 'group' is not an integer"},
    {X W "Conv x,w -> y group:i=0" Y, "attribute 'group' is 0"},
    {X W "Conv x,w -> y pads:i=1" Y, "attribute 'pads' is not a list of integers"},
    {X W "Conv x,w -> y auto_pad:i=1" Y, "attribute 'auto_pad' is not a text"},
    {X "Relu x,x -> y" Y, "it has 2 inputs instead of 1 to 1"},
    {X "Add x -> y" Y, "it has 1 inputs instead of 2 to 2"},
    {X "Add _,x -> y" Y, "input 0 is missing"},
    {X "Sum x,_,x -> y" Y, "input 1 is missing"},
    {X "Relu z -> y" Y, "reads 'z', which nothing makes"},
    {X "Relu b -> a; Relu a -> b; Relu b -> y" Y, "the graph has a cycle: it reads what depends on its own outputs"},
    {X "MaxPool x -> a,i kernel_shape:is=2,2; Relu i -> y" Y, "output 1 of a MaxPool, which sepcl does not compute"},
    {X "Relu x -> y; Relu x -> y" Y, "two tensors are called 'y'"},
    {X "Relu x -> y,z" Y, "Relu 'y' (opset 13): it has 2 outputs instead of 1"},
    {X "MaxPool x -> y,i,j kernel_shape:is=2,2" Y, "it has 3 outputs instead of 2"},
    /* functions */
    {"function l::F a -> b; Relu a -> b; end;" X "l::F x,x -> y" Y,
     "it has 2 inputs and 1 outputs, the function 1 and 1"},
    {"function l::F a -> b; Relu a -> b; end;" X "l::F z -> y" Y,
     "F 'y' (opset 13): it reads 'z', which nothing makes"},
    {"function l::F a -> b; Relu a -> c; end;" X "l::F x -> y" Y, "the function's output 'b' is not made by any node"},
    {"function l::F a -> b; l::F a -> b; end;" X "l::F x -> y" Y, "functions that call functions 32 deep"},
    {"function l::F a -> b; LeakyRelu a -> b alpha:ref=c; end;" X "l::F x -> y" Y,
     "it leaves out attribute 'c', whose default in the function is not read"},
    {"function l::F a -> b; LSTM a -> b; end;" X "l::F x -> y" Y, "LSTM 'y/b' (opset 13): sepcl has no such operation"},
    {X "Relu x -> " Y, "output 'y' is not made by any node"},
    /* constants */
    {X "const w string 8x4x3x3; Conv x,w -> y" Y, "its elements are string"},
    {X "const w float -2x4; Add x,w -> y" Y, "dimension 0 is -2"},
    {X "const w float 999999999x999999999x9; Add x,w -> y" Y, "does not fit"},
    {X "const w float 99999x9999; Add x,w -> y" Y, "bytes of data where its shape asks for"},
    {X "const w float 1x1x1x1x1x1x1x1x1; Add x,w -> y" Y, "9 dimensions"},
    {X "const w int64 1; Add x,w -> y" Y, "'w' is int64; sepcl computes with float32 only"},
    {X "const w float 0; Add x,w -> y" Y, "without elements"},
    {X "Constant -> w; Add x,w -> y" Y, "exactly one attribute"},
    {X "Constant -> w value:i=3; Add x,w -> y" Y, "attribute 'value' is not a tensor"},
    {X "const s int64 2 = 3 -1; ConstantOfShape s -> c; Add x,c -> y" Y, "dimension 1 is -1"},
    {X "const s int64 3 = 99999 99999 9; ConstantOfShape s -> c; Add x,c -> y" Y, "is too large"},
    {X "const s int64 9; ConstantOfShape s -> c; Add x,c -> y" Y, "more than 8 dimensions"},
    /* convolutions and pools */
    {"input x float 1x4; " W "Conv x,w -> y" Y, "an input of 2 dimensions"},
    {X "input w float 8x4x3x3; Conv x,w -> y" Y, "the weights ('w') must be constant"},
    {X "const w float 8x4x3; Conv x,w -> y" Y, "weights of 3 dimensions for an input of 4"},
    {X W "Conv x,w -> y kernel_shape:is=5,5" Y, "'kernel_shape' is not the weights' kernel size"},
    {X "const w float 8x3x3x3; Conv x,w -> y" Y, "weights for 3 channels and 1 groups on an input of 4"},
    {X W "Conv x,w -> y strides:is=0,1" Y, "attribute 'strides' has the entry 0"},
    {X W "Conv x,w -> y strides:is=1,1,1" Y, "attribute 'strides' has 3 entries for 2 spatial axes"},
    {X W "Conv x,w -> y pads:is=1,1" Y, "attribute 'pads' has 2 entries"},
    {X W "Conv x,w -> y pads:is=-1,0,0,0" Y, "attribute 'pads' has the entry -1"},
    {X W "Conv x,w -> y auto_pad:s=MAYBE" Y, "attribute 'auto_pad' is 'MAYBE'"},
    {X "const w float 8x4x9x9; Conv x,w -> y" Y, "does not fit into 8x8"},
    {X "const w float 3x4x3x3; ConvTranspose x,w -> y" Y, "weights for 3 channels on an input of 4"},
    {X "const w float 4x4x3x3; ConvTranspose x,w -> y output_padding:is=1" Y, "'output_padding' does not fit"},
    {X "const w float 4x4x3x3; ConvTranspose x,w -> y output_shape:is=1,1,2147483647,9" Y,
     "an output of 2147483647 pixels"},
    {"opset 19; input x float 1x4x8; const w float 8x4x3x3; DeformConv x,w,x -> y" Y, "must have 4 dimensions"},
    {X "MaxPool x -> y" Y, "'kernel_shape' does not fit 2 spatial axes"},
    {X "MaxPool x -> y kernel_shape:is=2,2 ceil_mode:i=7" Y, "attribute 'ceil_mode' is 7"},
    {"input x float 1x4; GlobalMaxPool x -> y" Y, "an input of 2 dimensions"},
    {X "ReduceMean x -> y axes:is=4" Y, "axis 4 of a tensor of 4 dimensions"},
    {X "const p float 3; BatchNormalization x,p,p,p,p -> y" Y, "is not one number for each of 4 channels"},
    {X "const p float 4; BatchNormalization x,p,p,p,p -> y training_mode:i=1" Y, "attribute 'training_mode' is 1"},
    {"input x float 4; const p float 4; BatchNormalization x,p,p,p,p -> y" Y, "an input of 1 dimensions"},
    {"input x float 1x4; const p float 4; InstanceNormalization x,p,p -> y" Y, "an input of 2 dimensions"},
    {X "LRN x -> y" Y, "attribute 'size' is 0"},
    /* functions */
    {X "const l float 1 = nan; Clip x,l -> y" Y, "a bound is not a number"},
    {X "Clip x,x -> y" Y, "input 'x' must be one float that is known"},
    {"opset 20;" X "Gelu x -> y approximate:s=maybe" Y, "attribute 'approximate' is 'maybe'"},
    {X "Celu x -> y alpha:f=-1" Y, "attribute 'alpha' is -1"},
    {X "Cast x -> y to:i=7" Y, "a cast to int64 of a value that is computed"},
    {X "const t bool - = 1; Dropout x,_,t -> y" Y, "training mode is not supported"},
    {X "const s float 3; Add x,s -> y" Y, "node 'y'"},
    {X "const s float 2x1x1x1; PRelu x,s -> y" Y, "the slope does not fit the input"},
    {"opset 6;" X "const b float 4; Add x,b -> y broadcast:i=1 axis:i=9" Y, "leaves no room for the second operand"},
    {X "Gemm x,x -> y" Y, "operands of 4 and 4 dimensions"},
    {X "const s float -; MatMul x,s -> y" Y, "an operand is a scalar"},
    /* shapes */
    {X "Reshape x -> y" Y, "no shape is given"},
    {X "Reshape x,x -> y" Y, "input 'x' (shape) must be known when the model is loaded"},
    {X "const s int64 1x2; Reshape x,s -> y" Y, "is not a list"},
    {X "const s int64 9; Reshape x,s -> y" Y, "9 dimensions; sepcl has at most 8"},
    {X "const s int64 2 = -1 -1; Reshape x,s -> y" Y, "more than one dimension is -1"},
    {X "const s int64 2 = -1 7; Reshape x,s -> y" Y, "256 elements do not fill a shape of 7 times something"},
    {X "const s int64 2 = 3 7; Reshape x,s -> y" Y, "256 elements cannot be reshaped into 21"},
    {X "const s int64 2 = -5 7; Reshape x,s -> y" Y, "dimension 0 is -5"},
    {X "const s int64 5 = 1 4 8 8 0; Reshape x,s -> y" Y, "dimension 4 copies an axis that the input lacks"},
    {X "const a int64 2 = 0 0; Squeeze x,a -> y" Y, "axis 0 is given twice"},
    {X "const a int64 1 = 1; Squeeze x,a -> y" Y, "axis 1 has 4 elements instead of one"},
    {X "Unsqueeze x -> y" Y, "no axes are given"},
    {X "const a int64 6; Unsqueeze x,a -> y" Y, "more than 8 dimensions"},
    {X "Transpose x -> y perm:is=0,1" Y, "'perm' has 2 entries for 4 dimensions"},
    {X "Transpose x -> y perm:is=0,1,1,2" Y, "is no permutation"},
    {X "DepthToSpace x -> y blocksize:i=3" Y, "4 channels are no multiple of 3 squared"},
    {X "DepthToSpace x -> y blocksize:i=2 mode:s=ABC" Y, "attribute 'mode' is 'ABC'"},
    {X "SpaceToDepth x -> y blocksize:i=3" Y, "8x8 pixels are no multiple of 3"},
    {"input x float 1x4; SpaceToDepth x -> y blocksize:i=2" Y, "an input of 2 dimensions"},
    {X "const s float 4; Concat x,s -> y axis:i=1" Y, "input 1 has not 4 dimensions"},
    {X "Concat x,x -> y axis:i=4" Y, "axis 4 of a tensor of 4 dimensions"},
    {X "const s int64 3 = 1 1 2; Split x,s -> y,z axis:i=1" Y, "3 sizes for 2 outputs"},
    {X "const s int64 2 = 1 4; Split x,s -> y,z axis:i=1" Y, "part 1 of 4 elements does not fit into 4"},
    {X "const s int64 2 = 1 1; Split x,s -> y,z axis:i=1" Y, "the parts do not make up the input"},
    {X "Split x -> y,z,a axis:i=1" Y, "4 elements cannot be split into 3"},
    {X "const s int64 1; const e int64 2; Slice x,s,e -> y" Y, "are not of one length"},
    {X "const s int64 1 = 0; const t int64 1 = 0; Slice x,s,s,s,t -> y" Y, "the step of axis 0 is 0"},
    {X "const s int64 1 = 5; const e int64 1 = 9; Slice x,s,e -> y" Y, "nothing is left of axis 0"},
    {X "const p int64 3; Pad x,p -> y" Y, "3 amounts for 4 axes"},
    {X "const p int64 8; Pad x,p -> y mode:s=wrap" Y, "pad mode 'wrap' is not supported"},
    {X "const s int64 4 = 1 3 8 8; Expand x,s -> y" Y, "axis 1 of 4 elements cannot become 3"},
    {X "const s int64 9; Expand x,s -> y" Y, "more than 8 dimensions"},
    {X "const s int64 2 = 1 1; Tile x,s -> y" Y, "2 repeats for 4 dimensions"},
    {X "Gather x,x -> y" Y, "the indices ('x') must be known"},
    {X "const i int64 1 = 9; Gather x,i -> y axis:i=1" Y, "index 9 of an axis of 4"},
    {X "const i int64 0; Gather x,i -> y axis:i=1" Y, "0 indices"},
    {X "NonZero x -> y" Y, "no such operation"},
    {X "Where x,x,x -> y" Y, "supported only where its inputs are known"},
    /* resize */
    {X "Resize x -> y" Y, "either scales or sizes must be given"},
    {X "const s float 4 = 1 1 -2 2; Resize x,_,s -> y" Y, "axis 2 of 8 is scaled by -2"},
    {X "const s float 3 = 1 1 2; Resize x,_,s -> y" Y, "3 scales or sizes for 4 axes"},
    {X "const s int64 4 = 1 4 0 2; Resize x,_,_,s -> y" Y, "axis 2 gets 0 elements"},
    {X "Resize x,_,_,x -> y" Y, "the sizes must be known"},
    {X "Resize x,_,x -> y" Y, "the scales must be known"},
    {X "const s float 4 = 1 1 2 2; Resize x,_,s -> y mode:s=odd" Y, "attribute 'mode' is 'odd'"},
    /* folding */
    {X "const a int64 1 = 4; const b int64 1 = 0; Div a,b -> c; Reshape x,c -> y" Y, "a division by zero"},
    {X "const a int64 2 = 4 4; const b int64 3; Add a,b -> c; Reshape x,c -> y" Y, "shapes do not broadcast"},
    {X "const a int64 2 = 4 4; const b float 2; Add a,b -> c; Reshape x,c -> y" Y, "the inputs' types differ"},
    {X "const a int64 - = 0; const b int64 - = 9; Range a,b,a -> c; Reshape x,c -> y" Y, "it has no end"},
    {X "const a int64 2; Range a,a,a -> c; Reshape x,c -> y" Y, "are not single numbers of one type"},
    {X "const a int64 2; const b float 2; Where a,a,b -> c; Reshape x,c -> y" Y, "the inputs' types differ"},
    {X "const a int64 2x2; ReduceMean a -> c; Reshape x,c -> y" Y, "integers are reduced to sums, products, least"},
    {X "const a int64 2; const b float 2; Concat a,b -> c axis:i=0; Reshape x,c -> y" Y, "does not fit the first one"},
};
#define COUNT(list) ((int)(sizeof list / sizeof *list))

static void expect(sepcl_status status, sepcl_graph *graph, const char *message, const char *text) {
  ck_assert_msg(status != SEPCL_OK, "accepted: %s", text);
  ck_assert_ptr_null(graph);
  ck_assert_msg(strstr(sepcl_last_error(), message) != NULL, "'%s' instead of '%s' for %s", sepcl_last_error(), message,
                text);
  ck_assert_msg(strchr(sepcl_last_error(), '\n') == NULL, "more than a line: %s", sepcl_last_error());
}

START_TEST(test_refusal) {
  size_t bytes;
  sepcl_graph *graph = (sepcl_graph *)&bytes;
  uint8_t *model = onnx_text(refusals[_i].text, &bytes);
  sepcl_status status = sepcl_graph_load_memory(&graph, model, bytes, NULL);
  expect(status, graph, refusals[_i].message, refusals[_i].text);
  free(model);
}
END_TEST

static const struct {
  const char *shape, *message;
} shapes[] = {{"z=1x3", "the model has no such input; its first is x"},
              {"x", "the model has no such input"},
              {"x=1x3", "input 'x' has 4 dimensions, not 2"},
              {"x=1x3x8x8", "dimension 1 is 4 in the model, not 3"},
              {"x=1x4x8x", "are no dimensions such as 1x3x224x224"},
              {"x=1x4x8x0", "are no dimensions"},
              {"x=", "are no dimensions"},
              {"x=1x4x8x8q", "are no dimensions"},
              {"x=1x4x8x99999999999", "are no dimensions"},
              {"x=1x1x1x1x1x1x1x1x1", "are no dimensions"}};

START_TEST(test_bad_input_shape) {
  size_t bytes;
  sepcl_graph *graph;
  uint8_t *model = onnx_text("input x float 1x4x?x?; Relu x -> y; output y", &bytes);
  sepcl_load_options options = SEPCL_LOAD_OPTIONS_INIT;
  const char *list[] = {shapes[_i].shape};
  options.input_shapes = list;
  options.input_shape_count = 1;
  sepcl_status status = sepcl_graph_load_memory(&graph, model, bytes, &options);
  expect(status, graph, shapes[_i].message, shapes[_i].shape);
  free(model);
}
END_TEST

START_TEST(test_bad_arguments) {
  sepcl_graph *graph;
  sepcl_status status;
  sepcl_load_options options = SEPCL_LOAD_OPTIONS_INIT;
  status = sepcl_graph_load(NULL, "x", NULL);
  expect(status, NULL, "NULL", "out");
  status = sepcl_graph_load(&graph, NULL, NULL);
  expect(status, graph, "NULL", "path");
  status = sepcl_graph_load_memory(&graph, NULL, 3, NULL);
  expect(status, NULL, "NULL", "data");
  status = sepcl_graph_load_memory(&graph, "", 0, NULL);
  expect(status, graph, "empty", "no bytes");
  options.size = 3;
  status = sepcl_graph_load_memory(&graph, "x", 1, &options);
  expect(status, graph, "another size", "size");
  options.size = sizeof options;
  options.batch = -1;
  status = sepcl_graph_load_memory(&graph, "x", 1, &options);
  expect(status, graph, "a batch of -1", "batch");
  options.batch = 0;
  options.input_shape_count = 1;
  status = sepcl_graph_load_memory(&graph, "x", 1, &options);
  expect(status, graph, "input_shapes is NULL", "shapes");
}
END_TEST

START_TEST(test_bad_files) {
  sepcl_graph *graph;
  sepcl_status status;
  char folder[] = "/tmp/sepcl-onnx-XXXXXX", path[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m.onnx", folder);
  status = sepcl_graph_load(&graph, path, NULL);
  expect(status, graph, "m.onnx: No such file", path);
  status = sepcl_graph_load(&graph, folder, NULL);
  expect(status, graph, "not a regular file", folder);
  FILE *file = fopen(path, "w");
  fclose(file);
  status = sepcl_graph_load(&graph, path, NULL);
  expect(status, graph, "the file is empty", path);
  file = fopen(path, "w");
  fputs("GIF89a, not a model", file);
  fclose(file);
  status = sepcl_graph_load(&graph, path, NULL);
  expect(status, graph, "m.onnx: ", path);
  unlink(path);
  rmdir(folder);
}
END_TEST

Suite *suite_onnx_errors(void) {
  Suite *suite = suite_create("onnx_errors");
  TCase *tcase = tcase_create("onnx_errors");
  tcase_add_loop_test(tcase, test_refusal, 0, COUNT(refusals));
  tcase_add_loop_test(tcase, test_bad_input_shape, 0, COUNT(shapes));
  tcase_add_test(tcase, test_bad_arguments);
  tcase_add_test(tcase, test_bad_files);
  suite_add_tcase(suite, tcase);
  return suite;
}
