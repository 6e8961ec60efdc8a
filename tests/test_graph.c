/* The graph's builders: shapes, what they refuse and in which words, poisoning, copying. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

static const float numbers[8192] = {1.0f};

static sepcl_graph *new_graph(void) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  return g;
}

static sepcl_value image(sepcl_graph *g, int64_t h, int64_t w, int64_t c) {
  return sepcl_graph_input(g, "x", 4, (int64_t[]){2, h, w, c});
}

static sepcl_value numbers_of(sepcl_graph *g, int64_t count) {
  return sepcl_graph_constant_borrowed(g, 1, &count, numbers);
}

static void expect_shape(const sepcl_graph *g, sepcl_value value, const char *expected) {
  int32_t rank = 0;
  int64_t dims[SEPCL_MAX_RANK];
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_int_eq(sepcl_graph_value_shape(g, value, &rank, dims), SEPCL_OK);
  char text[128] = "";
  for (int i = 0; i < rank; i++) sprintf(text + strlen(text), i ? "x%d" : "%d", (int)dims[i]);
  ck_assert_str_eq(text, expected);
}

/* The value was refused, with this status and these words; the graph goes. */
static void expect_refusal(sepcl_graph *g, sepcl_value value, sepcl_status status, const char *words) {
  ck_assert_int_eq(value, SEPCL_NO_VALUE);
  ck_assert_int_eq(sepcl_graph_status(g), status);
  ck_assert_msg(strstr(sepcl_last_error(), words), "'%s' does not say '%s'", sepcl_last_error(), words);
  sepcl_graph_free(g);
}

static sepcl_conv_attributes conv3x3(int outputs, int groups) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  a.outputs = outputs;
  a.groups = groups;
  return a;
}

START_TEST(test_conv_shapes) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 7, 9, 4);
  sepcl_conv_attributes a = conv3x3(6, 1);
  expect_shape(g, sepcl_graph_conv(g, x, numbers_of(g, 6 * 4 * 9), numbers_of(g, 6), &a), "2x7x9x6");
  a.window.stride_h = 2;
  a.window.stride_w = 3;
  expect_shape(g, sepcl_graph_conv(g, x, numbers_of(g, 6 * 4 * 9), SEPCL_NO_VALUE, &a), "2x4x3x6");
  a = conv3x3(8, 4);
  a.window.dilation_h = 2;
  expect_shape(g, sepcl_graph_conv(g, x, numbers_of(g, 8 * 9), SEPCL_NO_VALUE, &a), "2x5x9x8");
  sepcl_conv_transpose_attributes t = SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  t.window = (sepcl_window){4, 4, 2, 2, 1, 1, 1, 1, 1, 1};
  t.outputs = 5;
  t.output_pad_w = 1;
  expect_shape(g, sepcl_graph_conv_transpose(g, x, numbers_of(g, 4 * 5 * 16), SEPCL_NO_VALUE, &t), "2x14x19x5");
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_conv_refusals) {
  sepcl_conv_attributes a = conv3x3(6, 1);
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  sepcl_value short_weights = numbers_of(g, 6 * 4 * 9 - 1);
  sepcl_graph_name_next(g, "conv3");
  expect_refusal(g, sepcl_graph_conv(g, x, short_weights, SEPCL_NO_VALUE, &a), SEPCL_INVALID_SHAPE,
                 "node 'conv3': the weights' constant has 215 elements (215) instead of 216");
  g = new_graph();
  x = image(g, 7, 7, 4), w = image(g, 6, 4, 9);
  ck_assert_int_eq(w, SEPCL_NO_VALUE); /* a second input of that name */
  expect_refusal(g, w, SEPCL_INVALID_ARGUMENT, "the name 'x' is taken");
  g = new_graph();
  x = image(g, 7, 7, 4);
  expect_refusal(g, sepcl_graph_conv(g, x, x, SEPCL_NO_VALUE, &a), SEPCL_UNSUPPORTED, "computed ('x')");
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, 17, &a), SEPCL_INVALID_ARGUMENT, "operand 2 (17)");
  a.groups = 3;
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a), SEPCL_INVALID_SHAPE, "3 groups do not divide");
  a = conv3x3(6, 1);
  a.window.dilation_h = INT32_MAX;
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a), SEPCL_INVALID_SHAPE, "does not fit into 9x9");
  a = conv3x3(INT32_MAX, 1);
  a.window.kernel_h = a.window.kernel_w = INT32_MAX;
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a), SEPCL_OVERFLOW, "2^31");
  a = conv3x3(6, 1);
  a.size = 3;
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a), SEPCL_INVALID_ARGUMENT, "_INIT");
  a = conv3x3(6, 1);
  a.window.pad_top = a.window.pad_bottom = a.window.pad_left = a.window.pad_right = 20000;
  g = new_graph();
  x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  expect_refusal(g, sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a), SEPCL_OVERFLOW, "2^31 elements");
}
END_TEST

START_TEST(test_deformable) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 7, 7, 4), w = numbers_of(g, 6 * 4 * 9);
  sepcl_value offsets = sepcl_graph_input(g, "offsets", 4, (int64_t[]){2, 7, 7, 2 * 2 * 9});
  sepcl_value mask = sepcl_graph_input(g, "mask", 4, (int64_t[]){2, 7, 7, 2 * 9});
  sepcl_conv_attributes a = conv3x3(6, 1);
  sepcl_value inputs[5] = {x, w, offsets, SEPCL_NO_VALUE, mask};
  expect_shape(g, sepcl_graph_deform_conv(g, inputs, 2, &a), "2x7x7x6");
  inputs[4] = offsets;
  expect_refusal(g, sepcl_graph_deform_conv(g, inputs, 2, &a), SEPCL_INVALID_SHAPE,
                 "the mask have the shape 2x7x7x36 instead of 2x7x7x18");
}
END_TEST

START_TEST(test_pool_shapes) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 112, 113, 4);
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  a.window = (sepcl_window){3, 3, 2, 2, 1, 1, 0, 0, 0, 0};
  expect_shape(g, sepcl_graph_pool(g, x, &a), "2x55x56x4");
  a.ceil_mode = 1;
  expect_shape(g, sepcl_graph_pool(g, x, &a), "2x56x56x4");
  /* A last window that would start in the padding behind the input does not count. */
  a.window = (sepcl_window){2, 2, 2, 2, 1, 1, 1, 1, 1, 1};
  expect_shape(g, sepcl_graph_pool(g, x, &a), "2x57x57x4");
  a.window = (sepcl_window){2, 2, 1, 1, 1, 1, 2, 0, 0, 0};
  expect_refusal(g, sepcl_graph_pool(g, x, &a), SEPCL_INVALID_SHAPE, "in the padding alone");
  g = new_graph();
  x = image(g, 2, 2, 4); /* ONNX's ceil((2 - 3) / 2) + 1 = 1: one window, larger than the input */
  a.window = (sepcl_window){3, 3, 2, 2, 1, 1, 0, 0, 0, 0};
  expect_shape(g, sepcl_graph_pool(g, x, &a), "2x1x1x4");
  a.ceil_mode = 0;
  expect_refusal(g, sepcl_graph_pool(g, x, &a), SEPCL_INVALID_SHAPE, "does not fit into 2x2");
  a.ceil_mode = 1;
  g = new_graph();
  x = image(g, 1, 1, 4);
  a.window = (sepcl_window){2, 1, 1, 1, 2, 1, 1, 0, 1, 0}; /* taps at -1 and 1 around one pixel */
  expect_refusal(g, sepcl_graph_pool(g, x, &a), SEPCL_INVALID_SHAPE, "in the padding alone");
}
END_TEST

START_TEST(test_shape_nodes) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 4, 6, 12);
  expect_shape(g, sepcl_graph_reshape(g, x, 5, (int64_t[]){2, 4, 6, 3, 4}), "2x4x6x3x4");
  expect_shape(g, sepcl_graph_transpose(g, x, (int32_t[]){0, 3, 1, 2}), "2x12x4x6");
  expect_shape(g, sepcl_graph_concat(g, (sepcl_value[]){x, x, x}, 3, -1), "2x4x6x36");
  int64_t starts[] = {1, 3, 0, 2}, counts[] = {1, 2, 3, 10}, steps[] = {INT64_MIN, -3, 2, 1};
  expect_shape(g, sepcl_graph_slice(g, x, starts, counts, steps), "1x2x3x10");
  int64_t before[] = {0, 1, -2, 0}, after[] = {0, 2, 3, -4};
  expect_shape(g, sepcl_graph_pad(g, x, SEPCL_PAD_EDGE, before, after, 0.0f), "2x7x7x8");
  expect_shape(g, sepcl_graph_reduce(g, x, SEPCL_REDUCE_SUM, 5, 0), "4x12");
  expect_shape(g, sepcl_graph_reduce(g, x, SEPCL_REDUCE_MAX, 15, 0), "");
  expect_shape(g, sepcl_graph_global_average_pool(g, x), "2x1x1x12");
  expect_shape(g, sepcl_graph_expand(g, numbers_of(g, 12), 3, (int64_t[]){2, 5, 12}), "2x5x12");
  expect_shape(g, sepcl_graph_gather(g, x, 3, (int64_t[]){11, 0, 0}, 3), "2x4x6x3");
  expect_shape(g, sepcl_graph_softmax(g, x, 3), "2x4x6x12");
  expect_shape(g, sepcl_graph_binary(g, SEPCL_MUL, x, numbers_of(g, 12)), "2x4x6x12");
  sepcl_resize_attributes r = SEPCL_RESIZE_ATTRIBUTES_INIT;
  r.height = 8;
  r.width = 3;
  expect_shape(g, sepcl_graph_resize(g, x, &r), "2x8x3x12");
  sepcl_norm_attributes norm = SEPCL_NORM_ATTRIBUTES_INIT;
  expect_shape(g, sepcl_graph_norm(g, x, numbers_of(g, 12), SEPCL_NO_VALUE, &norm), "2x4x6x12");
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_matmul_shapes) {
  sepcl_graph *g = new_graph();
  sepcl_value a = sepcl_graph_input(g, "a", 3, (int64_t[]){5, 2, 3}),
              b = sepcl_graph_input(g, "b", 2, (int64_t[]){3, 4});
  expect_shape(g, sepcl_graph_matmul(g, a, b, numbers_of(g, 4), 0), "5x2x4");
  sepcl_value turned = sepcl_graph_transpose(g, b, (int32_t[]){1, 0});
  expect_shape(g, sepcl_graph_matmul(g, a, turned, SEPCL_NO_VALUE, 1), "5x2x4");
  sepcl_value wide = sepcl_graph_expand(g, numbers_of(g, 4), 4, (int64_t[]){7, 5, 2, 4});
  expect_refusal(g, sepcl_graph_matmul(g, a, b, wide, 0), SEPCL_INVALID_SHAPE, "does not broadcast to the product's");
}
END_TEST

typedef sepcl_value (*bad_builder)(sepcl_graph *g, sepcl_value x);
static sepcl_value bad_axis(sepcl_graph *g, sepcl_value x) { return sepcl_graph_softmax(g, x, 4); }
static sepcl_value bad_permutation(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_transpose(g, x, (int32_t[]){0, 1, 1, 3});
}
static sepcl_value bad_reshape(sepcl_graph *g, sepcl_value x) { return sepcl_graph_reshape(g, x, 1, (int64_t[]){7}); }
static sepcl_value bad_rank(sepcl_graph *g, sepcl_value x) { return sepcl_graph_reshape(g, x, 9, NULL); }
static sepcl_value bad_gather(sepcl_graph *g, sepcl_value x) { return sepcl_graph_gather(g, x, 3, (int64_t[]){-1}, 1); }
static sepcl_value bad_slice(sepcl_graph *g, sepcl_value x) {
  int64_t starts[] = {0, 0, 0, 1}, counts[] = {2, 4, 4, 2}, steps[] = {1, 1, 1, INT64_MIN};
  return sepcl_graph_slice(g, x, starts, counts, steps);
}
static sepcl_value bad_reflection(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_pad(g, x, SEPCL_PAD_REFLECT, (int64_t[]){0, 4, 0, 0}, (int64_t[]){0, 0, 0, 0}, 0.0f);
}
static sepcl_value bad_crop(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_pad(g, x, SEPCL_PAD_EDGE, (int64_t[]){0, -4, 0, 0}, (int64_t[]){0, 9, 0, 0}, 0.0f);
}
static sepcl_value bad_function(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_activation(g, x, (sepcl_activation){(sepcl_function)77, 0, 0});
}
static sepcl_value bad_axes(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_reduce(g, x, SEPCL_REDUCE_MEAN, 16, 1);
}
static sepcl_value no_operands(sepcl_graph *g, sepcl_value x) { return sepcl_graph_concat(g, &x, 0, 0); }
static sepcl_value no_norm(sepcl_graph *g, sepcl_value x) { return sepcl_graph_batch_norm(g, x, NULL, 1e-5f); }
static sepcl_value nan_epsilon(sepcl_graph *g, sepcl_value x) {
  sepcl_value c = numbers_of(g, 4), p[4] = {c, c, c, c};
  return sepcl_graph_batch_norm(g, x, p, NAN);
}
static sepcl_value huge_expand(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_expand(g, x, 5, (int64_t[]){1 << 30, 2, 4, 4, 4});
}
static sepcl_value no_attributes(sepcl_graph *g, sepcl_value x) { return sepcl_graph_pool(g, x, NULL); }
static sepcl_value no_data(sepcl_graph *g, sepcl_value x) {
  (void)x;
  return sepcl_graph_constant(g, 1, (int64_t[]){4}, NULL);
}

static const bad_builder bad_builders[] = {
    bad_axis,     bad_permutation, bad_reshape, bad_rank, bad_gather,  bad_slice,   bad_reflection, bad_crop,
    bad_function, bad_axes,        no_operands, no_norm,  nan_epsilon, huge_expand, no_attributes,  no_data};

/* Each refusal names its node, and the first cause stays whatever follows. */
START_TEST(test_refusals_poison) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 4, 4, 4);
  ck_assert_int_eq(bad_builders[_i](g, x), SEPCL_NO_VALUE);
  char first[1024];
  sepcl_status status = sepcl_graph_status(g);
  ck_assert_int_ne(status, SEPCL_OK);
  snprintf(first, sizeof first, "%s", sepcl_last_error());
  ck_assert_msg(!strncmp(first, "node '", 6), "%s", first);
  ck_assert_int_eq(sepcl_graph_softmax(g, x, 3), SEPCL_NO_VALUE);
  sepcl_graph_output(g, "y", 99);
  sepcl_graph_refuse(g, SEPCL_BAD_MODEL, "later");
  ck_assert_int_eq(sepcl_graph_status(g), status);
  ck_assert_str_eq(sepcl_last_error(), first);
  sepcl_graph *copy = NULL;
  ck_assert_int_eq(graph_copy(&copy, g), status);
  ck_assert_ptr_null(copy);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_null_graph) {
  ck_assert_int_eq(sepcl_graph_create(NULL), SEPCL_INVALID_ARGUMENT);
  ck_assert_int_eq(sepcl_graph_status(NULL), SEPCL_INVALID_ARGUMENT);
  for (size_t i = 0; i < sizeof bad_builders / sizeof *bad_builders; i++)
    ck_assert_int_eq(bad_builders[i](NULL, 0), SEPCL_NO_VALUE);
  ck_assert_int_eq(sepcl_graph_input(NULL, "x", 0, NULL), SEPCL_NO_VALUE);
  ck_assert_int_eq(sepcl_graph_conv(NULL, 0, 1, 2, NULL), SEPCL_NO_VALUE);
  ck_assert_int_eq(sepcl_graph_node_count(NULL), 0);
  ck_assert_ptr_null(sepcl_graph_metadata(NULL, "key"));
  sepcl_graph_name_next(NULL, "name");
  sepcl_graph_output(NULL, "y", 0);
  sepcl_graph_refuse(NULL, SEPCL_BAD_MODEL, "no");
  sepcl_graph_free(NULL);
}
END_TEST

START_TEST(test_names) {
  sepcl_graph *g = new_graph();
  sepcl_graph_name_next(g, "line\nbreak");
  sepcl_value x = image(g, 4, 4, 4); /* has its own name: the other waits on */
  sepcl_value a = sepcl_graph_softmax(g, x, 3), b = sepcl_graph_softmax(g, a, 3);
  ck_assert_str_eq(graph_node(g, x)->name, "x");
  ck_assert_str_eq(graph_node(g, a)->name, "line_break");
  ck_assert_str_eq(graph_node(g, b)->name, "softmax2");
  sepcl_graph_output(g, NULL, b);
  sepcl_io_info info;
  ck_assert_int_eq(sepcl_graph_output_info(&info, g, 0), SEPCL_OK);
  ck_assert_str_eq(info.name, "softmax2");
  ck_assert_uint_eq(info.elements, 128);
  ck_assert_int_eq(sepcl_graph_output_info(&info, g, 1), SEPCL_INVALID_ARGUMENT);
  sepcl_graph_free(g);
}
END_TEST

static int releases;
static void release(void *object) { releases += *(int *)object; }

START_TEST(test_copy_borrows_and_keepers_release) {
  sepcl_graph *g = new_graph(), *copy = NULL;
  int one = 1;
  releases = 0;
  ck_assert_int_eq(sepcl_graph_keep(g, &one, release), SEPCL_OK);
  float data[12] = {0};
  sepcl_value x = image(g, 4, 4, 12), c = sepcl_graph_constant(g, 1, (int64_t[]){12}, data);
  sepcl_value y = sepcl_graph_gather(g, sepcl_graph_binary(g, SEPCL_ADD, x, c), 3, (int64_t[]){3, 1, 2}, 3);
  sepcl_graph_output(g, "y", y);
  ck_assert_int_eq(sepcl_graph_set_metadata(g, "labels", "cat"), SEPCL_OK);
  ck_assert_int_eq(sepcl_graph_set_metadata(g, "labels", "dog"), SEPCL_OK);
  ck_assert_int_eq(graph_copy(&copy, g), SEPCL_OK);
  ck_assert_ptr_eq(graph_node(copy, c)->data, graph_node(g, c)->data);
  ck_assert_ptr_ne(graph_node(g, c)->data, data);
  ck_assert_ptr_null(graph_node(copy, c)->owned);
  ck_assert_int_eq(graph_node(copy, y)->indices[2], 2);
  ck_assert_str_eq(sepcl_graph_metadata(copy, "labels"), "dog");
  ck_assert_int_eq(sepcl_graph_set_metadata(copy, "labels", NULL), SEPCL_OK);
  ck_assert_ptr_null(sepcl_graph_metadata(copy, "labels"));
  ck_assert_str_eq(sepcl_graph_metadata(g, "labels"), "dog");
  sepcl_graph_free(copy);
  ck_assert_int_eq(releases, 0);
  sepcl_graph_free(g);
  ck_assert_int_eq(releases, 1);
}
END_TEST

START_TEST(test_node_costs) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 8, 8, 4);
  sepcl_conv_attributes a = conv3x3(4, 4);
  sepcl_value y = sepcl_graph_conv(g, x, numbers_of(g, 36), SEPCL_NO_VALUE, &a);
  sepcl_value c = numbers_of(g, 4), parameters[4] = {c, c, c, c};
  sepcl_value norm = sepcl_graph_batch_norm(g, y, parameters, 1e-5f);
  a = (sepcl_conv_attributes)SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = 6;
  sepcl_value z = sepcl_graph_conv(g, norm, numbers_of(g, 24), numbers_of(g, 6), &a);
  sepcl_node_info info;
  ck_assert_int_eq(sepcl_graph_node_info(&info, g, y), SEPCL_OK);
  ck_assert_str_eq(info.kind, "depthwise 3x3");
  ck_assert_uint_eq(info.macs, 2 * 64 * 4 * 9);
  ck_assert_uint_eq(info.standard_macs, 2 * 64 * 4 * 9 * 6);
  ck_assert_uint_eq(info.bytes, 4 * (2 * 64 * 4 + 36 + 2 * 64 * 4));
  ck_assert_int_eq(sepcl_graph_node_info(&info, g, norm), SEPCL_OK);
  ck_assert_uint_eq(info.parameters, 8);
  ck_assert_int_eq(sepcl_graph_node_info(&info, g, z), SEPCL_OK);
  ck_assert_str_eq(info.kind, "conv 1x1");
  ck_assert_uint_eq(info.macs, 2 * 64 * 4 * 6);
  ck_assert_uint_eq(info.standard_macs, 0);
  ck_assert_uint_eq(info.weights, 24);
  ck_assert_uint_eq(info.parameters, 30);
  ck_assert_int_eq(sepcl_graph_node_info(&info, g, z + 1), SEPCL_INVALID_ARGUMENT);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_graph(void) {
  Suite *suite = suite_create("graph");
  TCase *tcase = tcase_create("builders");
  tcase_add_test(tcase, test_conv_shapes);
  tcase_add_test(tcase, test_conv_refusals);
  tcase_add_test(tcase, test_deformable);
  tcase_add_test(tcase, test_pool_shapes);
  tcase_add_test(tcase, test_shape_nodes);
  tcase_add_test(tcase, test_matmul_shapes);
  tcase_add_loop_test(tcase, test_refusals_poison, 0, (int)(sizeof bad_builders / sizeof *bad_builders));
  tcase_add_test(tcase, test_null_graph);
  tcase_add_test(tcase, test_names);
  tcase_add_test(tcase, test_copy_borrows_and_keepers_release);
  tcase_add_test(tcase, test_node_costs);
  suite_add_tcase(suite, tcase);
  return suite;
}
