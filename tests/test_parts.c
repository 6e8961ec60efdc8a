/* Batches in parts: as many images at a time as asked for, in every replay, with the bits of all at a time; and graphs
 * that mix images stay whole. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference_graph.h"
#include "sepcl.h"
#include "support/zoo_compare.h"

enum { N = 4, H = 5, W = 6, C = 8, IMAGE = H * W * C, ROOM = 1 << 16 };

static sepcl_device *device;
static float x_data[N * IMAGE], w_data[IMAGE * 16];

static void fill(float *values, size_t count, unsigned seed) {
  srand(seed);
  for (size_t i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
}

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  fill(x_data, N * IMAGE, 1);
  fill(w_data, sizeof w_data / sizeof *w_data, 2);
}

static void close_device(void) { sepcl_device_free(device); }

/* ---- one operation between other stages ---- */

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})
#define AXES(...) ((const int32_t[]){__VA_ARGS__})
#define CONSTANT(rank, ...) sepcl_graph_constant_borrowed(g, rank, DIMS(__VA_ARGS__), w_data)
#define OPERATION(name) static sepcl_value name(sepcl_graph *g, sepcl_value x)

static sepcl_value convolve(sepcl_graph *g, sepcl_value x, int32_t groups) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = C;
  a.groups = groups;
  a.window.kernel_h = a.window.kernel_w = 3;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = 1;
  return sepcl_graph_conv(g, x, CONSTANT(4, C, C / groups, 3, 3), CONSTANT(1, C), &a);
}

OPERATION(conv) { return convolve(g, x, 1); }
OPERATION(depthwise) { return convolve(g, x, C); }
OPERATION(conv_transpose) {
  sepcl_conv_transpose_attributes a = SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  a.outputs = C;
  a.window.kernel_h = a.window.kernel_w = a.window.stride_h = a.window.stride_w = 2;
  return sepcl_graph_conv_transpose(g, x, CONSTANT(4, C, C, 2, 2), SEPCL_NO_VALUE, &a);
}
OPERATION(batch_norm) {
  static const float ones[C] = {1, 1, 1, 1, 1, 1, 1, 1};
  const sepcl_value p = CONSTANT(1, C), variance = sepcl_graph_constant_borrowed(g, 1, DIMS(C), ones);
  return sepcl_graph_batch_norm(g, sepcl_graph_softmax(g, x, 3), (sepcl_value[]){p, p, p, variance}, 1e-3f);
}
OPERATION(pool) {
  sepcl_pool_attributes a = SEPCL_POOL_ATTRIBUTES_INIT;
  a.window.kernel_h = a.window.kernel_w = 2;
  return sepcl_graph_pool(g, x, &a);
}
OPERATION(resize) {
  sepcl_resize_attributes a = SEPCL_RESIZE_ATTRIBUTES_INIT;
  a.height = 7, a.width = 9, a.mode = SEPCL_LINEAR;
  return sepcl_graph_resize(g, x, &a);
}
static sepcl_value layer_norm(sepcl_graph *g, sepcl_value x, int32_t axis) {
  sepcl_norm_attributes a = SEPCL_NORM_ATTRIBUTES_INIT;
  a.axis = axis;
  return sepcl_graph_norm(g, x, SEPCL_NO_VALUE, SEPCL_NO_VALUE, &a);
}
OPERATION(norm_within) { return layer_norm(g, x, 1); }
OPERATION(scaled) {
  sepcl_value s = sepcl_graph_global_average_pool(g, x);
  return sepcl_graph_binary(g, SEPCL_MUL, x, sepcl_graph_activation(g, s, (sepcl_activation){SEPCL_SIGMOID, 0, 0}));
}
OPERATION(means) { return sepcl_graph_reduce(g, x, SEPCL_REDUCE_MEAN, 1u << 1 | 1u << 2, 0); }
OPERATION(plus_constant) { return sepcl_graph_binary(g, SEPCL_ADD, x, CONSTANT(4, 1, H, W, C)); }
OPERATION(plus_row) { return sepcl_graph_binary(g, SEPCL_ADD, x, CONSTANT(2, W, C)); }
OPERATION(fully_connected) {
  x = sepcl_graph_reshape(g, x, 2, DIMS(N, IMAGE));
  return sepcl_graph_matmul(g, x, CONSTANT(2, IMAGE, 10), CONSTANT(1, 10), 0);
}
OPERATION(rows_of_images) {
  x = sepcl_graph_reshape(g, x, 2, DIMS(N * H, W * C));
  return sepcl_graph_matmul(g, x, CONSTANT(2, W * C, 10), SEPCL_NO_VALUE, 0);
}
OPERATION(attention) {
  x = sepcl_graph_reshape(g, x, 3, DIMS(N, H * W, C));
  return sepcl_graph_matmul(g, sepcl_graph_matmul(g, x, x, SEPCL_NO_VALUE, 1), x, SEPCL_NO_VALUE, 0);
}
OPERATION(concat_channels) { return sepcl_graph_concat(g, (sepcl_value[]){x, conv(g, x)}, 2, 3); }
OPERATION(slice) { return sepcl_graph_slice(g, x, DIMS(0, 4, 1, 2), DIMS(N, 3, 4, 5), DIMS(1, -1, 1, 1)); }
OPERATION(pad) { return sepcl_graph_pad(g, x, SEPCL_PAD_REFLECT, DIMS(0, 1, 2, 0), DIMS(0, 2, 1, 0), 0); }
OPERATION(transpose) { return sepcl_graph_transpose(g, x, AXES(0, 3, 1, 2)); }
OPERATION(expand) {
  return sepcl_graph_expand(g, sepcl_graph_reduce(g, x, SEPCL_REDUCE_MAX, 1u << 2, 1), 4, DIMS(N, H, 3, C));
}
OPERATION(gather) { return sepcl_graph_gather(g, x, 3, DIMS(7, 0, 0, 3), 4); }
OPERATION(softmax) { return sepcl_graph_softmax(g, x, 1); }
OPERATION(deformable) {
  const sepcl_value offsets = sepcl_graph_slice(g, x, DIMS(0, 0, 0, 0), DIMS(N, H, W, 2), NULL);
  const sepcl_value mask = sepcl_graph_slice(g, x, DIMS(0, 0, 0, 3), DIMS(N, H, W, 1), NULL);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = C;
  return sepcl_graph_deform_conv(g, (sepcl_value[]){x, CONSTANT(4, C, C, 1, 1), offsets, SEPCL_NO_VALUE, mask}, 1, &a);
}

OPERATION(norm_across) { return layer_norm(g, x, 0); }
OPERATION(mean_of_batch) { return sepcl_graph_reduce(g, x, SEPCL_REDUCE_MEAN, 1, 1); }
OPERATION(plus_own_constants) { return sepcl_graph_binary(g, SEPCL_ADD, x, CONSTANT(4, N, 1, 1, C)); }
OPERATION(products_of_images) {
  x = sepcl_graph_reshape(g, x, 2, DIMS(N, IMAGE));
  return sepcl_graph_matmul(g, x, x, SEPCL_NO_VALUE, 1);
}
OPERATION(own_matrices) {
  x = sepcl_graph_reshape(g, x, 3, DIMS(N, H * W, C));
  return sepcl_graph_matmul(g, x, CONSTANT(3, N, C, 3), SEPCL_NO_VALUE, 0);
}
OPERATION(one_row) { return sepcl_graph_softmax(g, sepcl_graph_reshape(g, x, 2, DIMS(1, N * IMAGE)), 1); }
OPERATION(concat_images) { return sepcl_graph_concat(g, (sepcl_value[]){x, x}, 2, 0); }
OPERATION(concat_constant) { return sepcl_graph_concat(g, (sepcl_value[]){x, CONSTANT(4, N, H, W, 1)}, 2, 3); }
OPERATION(backwards) { return sepcl_graph_slice(g, x, DIMS(N - 1, 0, 0, 0), DIMS(N, H, W, C), DIMS(-1, 1, 1, 1)); }
OPERATION(half_of_them) { return sepcl_graph_slice(g, x, DIMS(0, 0, 0, 0), DIMS(N / 2, H, W, C), NULL); }
OPERATION(pad_images) { return sepcl_graph_pad(g, x, SEPCL_PAD_CONSTANT, DIMS(2, 0, 0, 0), DIMS(2, 0, 0, 0), 1); }
OPERATION(images_inside) { return sepcl_graph_transpose(g, x, AXES(1, 0, 2, 3)); }
OPERATION(swap_images) { return sepcl_graph_gather(g, x, 0, DIMS(1, 0, 3, 2), 4); }
OPERATION(softmax_of_batch) { return sepcl_graph_softmax(g, x, 0); }
OPERATION(constant_behind) {
  (void)x;
  return sepcl_graph_activation(g, CONSTANT(4, N, H, W, C), (sepcl_activation){SEPCL_RELU, 0, 0});
}

typedef struct operation {
  const char *name;
  sepcl_value (*add)(sepcl_graph *g, sepcl_value x);
  bool apart;
} operation;

#define APART(name) \
  { #name, name, true }
#define MIXED(name) \
  { #name, name, false }
static const operation operations[] = {APART(conv),
                                       APART(depthwise),
                                       APART(conv_transpose),
                                       APART(batch_norm),
                                       APART(pool),
                                       APART(resize),
                                       APART(norm_within),
                                       APART(scaled),
                                       APART(means),
                                       APART(plus_constant),
                                       APART(plus_row),
                                       APART(fully_connected),
                                       APART(rows_of_images),
                                       APART(attention),
                                       APART(concat_channels),
                                       APART(slice),
                                       APART(pad),
                                       APART(transpose),
                                       APART(expand),
                                       APART(gather),
                                       APART(softmax),
                                       APART(deformable),
                                       MIXED(norm_across),
                                       MIXED(mean_of_batch),
                                       MIXED(plus_own_constants),
                                       MIXED(products_of_images),
                                       MIXED(own_matrices),
                                       MIXED(one_row),
                                       MIXED(concat_images),
                                       MIXED(concat_constant),
                                       MIXED(backwards),
                                       MIXED(half_of_them),
                                       MIXED(pad_images),
                                       MIXED(images_inside),
                                       MIXED(swap_images),
                                       MIXED(softmax_of_batch),
                                       MIXED(constant_behind)};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* Behind a convolution, so that it reads the arena. */
static sepcl_graph *build(const operation *o) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  const sepcl_value x = sepcl_graph_input(g, "x", 4, DIMS(N, H, W, C)), first = conv(g, x);
  const sepcl_value y = o->add(g, first);
  sepcl_graph_output(g, "y", sepcl_graph_activation(g, y, (sepcl_activation){SEPCL_RELU, 0, 0}));
  sepcl_graph_output(g, "first", sepcl_graph_activation(g, first, (sepcl_activation){SEPCL_RELU, 0, 0}));
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s: %s", o->name, sepcl_last_error());
  return g;
}

/* Number of parts; y has ROOM floats. */
static int32_t run(const sepcl_graph *g, int32_t images_at_once, sepcl_replay replay, float *y, float *first) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  sepcl_network_info info;
  sepcl_io_info io;
  options.images_at_once = images_at_once;
  options.replay = replay;
  ck_assert_msg(!sepcl_network_compile(&network, device, g, &options), "%s", sepcl_last_error());
  ck_assert_msg(!sepcl_execution_create(&execution, network), "%s", sepcl_last_error());
  ck_assert_int_eq(sepcl_network_get_info(&info, network), SEPCL_OK);
  ck_assert_int_eq(sepcl_network_input_info(&io, network, 0), SEPCL_OK);
  ck_assert_int_eq(io.dims[0], N);
  ck_assert_uint_eq(io.elements, N * IMAGE);
  for (int i = 0; i < 2; i++) {
    memset(y, 0, ROOM * sizeof *y);
    ck_assert_msg(!sepcl_execution_run(execution, (const float *const[]){x_data}, (float *const[]){y, first}), "%s",
                  sepcl_last_error());
  }
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  return info.parts;
}

START_TEST(test_an_operation_in_parts) {
  static float y[ROOM], first[N * IMAGE];
  static const sepcl_replay replays[] = {SEPCL_REPLAY_LAUNCHES, SEPCL_REPLAY_COMMAND_BUFFER, SEPCL_REPLAY_ONE_LAUNCH};
  const operation *o = &operations[_i];
  sepcl_graph *g = build(o);
  reference_values expected;
  sepcl_io_info info;
  ck_assert(reference_graph_run(&expected, g, (const float *const[]){x_data}, (reference_graph_options){true}));
  ck_assert_int_eq(sepcl_graph_output_info(&info, g, 0), SEPCL_OK);
  ck_assert_uint_le(info.elements, ROOM);
  for (int32_t at_once = 1; at_once <= N; at_once++)
    for (int r = 0; r < 3; r++) {
      static const int32_t parts[] = {4, 2, 2, 1}; /* divisors only */
      const int32_t expected_parts = o->apart ? parts[at_once - 1] : 1;
      ck_assert_int_eq(run(g, at_once, replays[r], y, first), expected_parts);
      ck_assert_msg(!memcmp(y, reference_graph_output(&expected, g, 0), info.elements * sizeof *y), "%s, %d at once",
                    o->name, at_once);
      ck_assert_mem_eq(first, reference_graph_output(&expected, g, 1), sizeof first);
    }
  x_data[(N - 1) * IMAGE] += 0.5f; /* negative control: the last image counts */
  run(g, 1, SEPCL_REPLAY_AUTO, y, first);
  x_data[(N - 1) * IMAGE] -= 0.5f;
  ck_assert_mem_ne(first, reference_graph_output(&expected, g, 1), sizeof first);
  reference_values_free(&expected);
  sepcl_graph_free(g);
}
END_TEST

/* ---- networks ---- */

static const char *const networks[] = {"mobilenet_v3_small:resolution=64:batch=6",
                                       "shufflenet_v2:resolution=64:batch=6", "squeezenet_1.1:resolution=64:batch=6",
                                       "deformable:batch=6", "igcv3_d:resolution=64:batch=6"};
enum { NETWORKS = sizeof networks / sizeof *networks };

START_TEST(test_a_network_in_parts) {
  size_t whole = 0;
  for (int32_t at_once = 6; at_once > 0; at_once /= 2) {
    zoo_comparison c;
    zoo_comparison_options o = {SEPCL_NETWORK_OPTIONS_INIT, true, false};
    o.network.images_at_once = at_once;
    ck_assert_msg(zoo_compare(&c, device, networks[_i], &o), "%s: %s", networks[_i], c.message);
    ck_assert_msg(c.different == 0, "%s, %d at once: %zu differ", networks[_i], at_once, c.different);
    ck_assert_int_eq(c.info.parts, 6 / at_once);
    if (at_once == 6) whole = c.info.arena_bytes;
    ck_assert_uint_le(c.info.arena_bytes, whole);
    ck_assert_msg(at_once == 6 || c.info.arena_bytes < whole, "%s: the arena did not shrink", networks[_i]);
  }
}
END_TEST

START_TEST(test_fewer_than_no_images) {
  sepcl_graph *g = build(&operations[0]);
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  options.images_at_once = -1;
  ck_assert_int_eq(sepcl_network_plan(&network, device, g, &options), SEPCL_INVALID_ARGUMENT);
  ck_assert_ptr_null(network);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_parts(void);
Suite *suite_parts(void) {
  Suite *suite = suite_create("parts");
  TCase *cases = tcase_create("parts");
  tcase_add_unchecked_fixture(cases, open_device, close_device);
  tcase_set_timeout(cases, 300);
  tcase_add_loop_test(cases, test_an_operation_in_parts, 0, OPERATIONS);
  tcase_add_loop_test(cases, test_a_network_in_parts, 0, NETWORKS);
  tcase_add_test(cases, test_fewer_than_no_images);
  suite_add_tcase(suite, cases);
  return suite;
}
