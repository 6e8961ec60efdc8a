/* The TensorFlow Lite delegate under a host that is nothing but its binary interface (tests/support/fake_host.h):
 * results, wrong models, wrong options, threads. tests/plugins/check runs it in the real hosts. */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fake_host.h"

#define LIBRARY BINARY_DIR "/plugins/libsepcl_tflite.so"
enum { CONV_2D = 3, DEQUANTIZE = 6, LOGISTIC = 14, RELU = 19, RESHAPE = 22, PAD = 34, COS = 108, DENSIFY = 124 };
enum { PIXELS = 16, IN = 2, OUT = 3 };

typedef tfl_delegate *create_function(const char *const *, const char *const *, size_t, void (*)(const char *));
static create_function *create;
static void (*destroy)(tfl_delegate *);
static _Thread_local char refusal[1024];

static void refused(const char *text) { snprintf(refusal, sizeof refusal, "%s", text); }

static void load(void) {
  const char *installed = getenv("SEPCL_TEST_DELEGATE");
  void *library = dlopen(installed ? installed : LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(library, "%s", dlerror());
  *(void **)&create = dlsym(library, "tflite_plugin_create_delegate");
  *(void **)&destroy = dlsym(library, "tflite_plugin_destroy_delegate");
  ck_assert(create && destroy);
}

static tfl_delegate *make(void) {
  tfl_delegate *delegate = create(NULL, NULL, 0, refused);
  ck_assert_msg(delegate, "%s", refusal);
  return delegate;
}

/* ---- a small network: 16-bit weights -> DEQUANTIZE; x -> CONV_2D 1x1 -> RELU ---- */

/* 1, -0.5, 2, 0.25, -1, 3 as 16-bit floats and as what they are. */
static const uint16_t halves[OUT * IN] = {0x3C00, 0xB800, 0x4000, 0x3400, 0xBC00, 0x4200};
static const float weights[OUT * IN] = {1, -0.5f, 2, 0.25f, -1, 3}, biases[OUT] = {0.5f, -1, 0};

typedef struct small {
  fake_host host;
  tfl_conv conv;
  int x, half, weight, bias, y, z;
} small;

static void small_open(small *s) {
  host_open(&s->host);
  s->conv = (tfl_conv){TFL_SAME, 1, 1, TFL_ACT_NONE, 1, 1};
  s->x = host_tensor(&s->host, 4, (int[]){1, 4, 4, IN});
  s->half = host_tensor(&s->host, 4, (int[]){OUT, 1, 1, IN});
  s->weight = host_tensor(&s->host, 4, (int[]){OUT, 1, 1, IN});
  s->bias = host_tensor(&s->host, 1, (int[]){OUT});
  s->y = host_tensor(&s->host, 4, (int[]){1, 4, 4, OUT});
  s->z = host_tensor(&s->host, 4, (int[]){1, 4, 4, OUT});
  host_constant(&s->host, s->half, TFL_FLOAT16, halves, sizeof halves);
  host_constant(&s->host, s->bias, TFL_FLOAT32, biases, sizeof biases);
  s->host.tensors[s->weight].data = NULL; /* the host has not run DEQUANTIZE yet */
  host_node(&s->host, DEQUANTIZE, (int[]){s->half, -1, -1, -1}, s->weight, NULL);
  host_node(&s->host, CONV_2D, (int[]){s->x, s->weight, s->bias, -1}, s->y, &s->conv);
  host_node(&s->host, RELU, (int[]){s->y, -1, -1, -1}, s->z, NULL);
  float *x = s->host.tensors[s->x].data;
  for (int i = 0; i < PIXELS * IN; i++) x[i] = (float)(i * 7 % 11) - 5.0f;
}

/* Numbers of few bits: every sum is exact. */
static int small_differs(const small *s) {
  const float *x = s->host.tensors[s->x].data, *z = s->host.tensors[s->z].data;
  int wrong = 0;
  for (int pixel = 0; pixel < PIXELS; pixel++)
    for (int o = 0; o < OUT; o++) {
      float sum = biases[o];
      for (int i = 0; i < IN; i++) sum += x[pixel * IN + i] * weights[o * IN + i];
      wrong += z[pixel * OUT + o] != (sum < 0 ? 0 : sum);
    }
  return wrong;
}

static void run_small(tfl_delegate *delegate) {
  small s;
  small_open(&s);
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  ck_assert_int_eq(s.host.taken, 3);
  ck_assert_int_eq(s.host.kernel_count, 1);
  ck_assert_msg(host_run(&s.host) == TFL_OK, "%s", s.host.error);
  ck_assert_int_eq(small_differs(&s), 0);
  ((float *)s.host.tensors[s.x].data)[0] += 8; /* the negative control: the comparison sees another input */
  ck_assert_int_ne(small_differs(&s), 0);
  ck_assert_int_eq(host_run(&s.host), TFL_OK);
  ck_assert_int_eq(small_differs(&s), 0);
  host_close(&s.host);
}

START_TEST(runs_a_network) {
  tfl_delegate *delegate = make();
  for (int i = 0; i < 3; i++) run_small(delegate);
  destroy(delegate);
  destroy(NULL);
}
END_TEST

/* The delegate may go before its kernels. */
START_TEST(outlives_its_delegate) {
  small s;
  small_open(&s);
  tfl_delegate *delegate = make();
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  destroy(delegate);
  ck_assert_int_eq(host_run(&s.host), TFL_OK);
  ck_assert_int_eq(small_differs(&s), 0);
  host_close(&s.host);
}
END_TEST

START_TEST(leaves_what_it_does_not_know) {
  tfl_delegate *delegate = make();
  small s;
  small_open(&s);
  s.host.registrations[2].builtin_code = COS;
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  ck_assert_int_eq(s.host.taken, 2);
  ck_assert_int_eq(host_run(&s.host), TFL_OK);
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

START_TEST(refuses_a_changed_shape) {
  tfl_delegate *delegate = make();
  small s;
  small_open(&s);
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  s.host.tensors[s.x].dims->data[1] = 5;
  ck_assert_int_eq(host_run(&s.host), TFL_ERROR);
  ck_assert_msg(strstr(s.host.error, "changed"), "%s", s.host.error);
  s.host.tensors[s.x].dims->data[1] = 2; /* as many bytes */
  s.host.tensors[s.x].dims->data[2] = 8;
  ck_assert_int_eq(host_run(&s.host), TFL_ERROR);
  s.host.tensors[s.x].dims->data[1] = s.host.tensors[s.x].dims->data[2] = 4;
  s.host.tensors[s.x].data = NULL;
  ck_assert_int_eq(host_run(&s.host), TFL_ERROR);
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

/* A shape that comes with each call: the file's is no more than a guess, for the nodes behind it too. */
START_TEST(leaves_shapes_of_calls) {
  static const int32_t list[] = {1, 2, 8, OUT};
  static const char *const keys[] = {"custom_operators"}, *const values[] = {"1"};
  for (int constant = 0; constant < 2; constant++) {
    tfl_delegate *delegate = create(keys, values, 1, refused);
    small s;
    small_open(&s);
    int shape = host_tensor(&s.host, 1, (int[]){4}), reshaped = host_tensor(&s.host, 4, (int[]){1, 2, 8, OUT});
    int last = host_tensor(&s.host, 4, (int[]){1, 2, 8, OUT});
    host_constant(&s.host, shape, TFL_INT32, list, sizeof list);
    if (!constant) s.host.tensors[shape].allocation_type = 2;
    host_node(&s.host, RESHAPE, (int[]){s.z, shape, -1, -1}, reshaped, NULL);
    host_node(&s.host, RELU, (int[]){reshaped, -1, -1, -1}, last, NULL);
    ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
    ck_assert_int_eq(s.host.taken, constant ? 5 : 3);
    host_close(&s.host);
    destroy(delegate);
  }
}
END_TEST

/* ---- models that are wrong: the convolution must stay with the host ---- */

static void no_options(small *s) { s->host.nodes[1].builtin_data = NULL; }
static void no_stride(small *s) { s->conv.stride_h = 0; }
static void no_dilation(small *s) { s->conv.dilation_w = -1; }
static void no_padding(small *s) { s->conv.padding = 9; }
static void no_activation(small *s) { s->conv.activation = TFL_ACT_SIGN_BIT; }
static void tensor_out_of_range(small *s) { s->host.nodes[1].inputs->data[0] = 999; }
static void tensor_below_range(small *s) { s->host.nodes[1].inputs->data[1] = -7; }
static void output_out_of_range(small *s) { s->host.nodes[1].outputs->data[0] = 999; }
static void no_dims(small *s) { s->host.tensors[s->x].dims = NULL; }
static void unknown_dim(small *s) { s->host.tensors[s->x].dims->data[2] = -1; }
static void empty_dim(small *s) { s->host.tensors[s->x].dims->data[0] = 0; }
static void vast_dim(small *s) {
  s->host.tensors[s->x].dims->data[1] = s->host.tensors[s->x].dims->data[2] = INT32_MAX;
}
static void integers_in(small *s) { s->host.tensors[s->x].type = 9; }
static void integers_out(small *s) { s->host.tensors[s->y].type = 9; }
static void dynamic_input(small *s) { s->host.tensors[s->x].allocation_type = TFL_DYNAMIC; }
static void variable_input(small *s) { s->host.tensors[s->x].is_variable = true; }
static void other_output_shape(small *s) { s->host.tensors[s->y].dims->data[1] = 3; }
static void unknown_weights(small *s) { s->host.tensors[s->half].allocation_type = 2; }
static void short_weights(small *s) { s->host.tensors[s->half].bytes = 6; }
static void short_bias(small *s) { s->host.tensors[s->bias].bytes = 4; }
static void other_bias(small *s) { s->host.tensors[s->bias].dims->data[0] = 2; }

static void (*const faults[])(small *) = {
    no_options,          no_stride,    no_dilation,   no_padding,     no_activation,      tensor_out_of_range,
    tensor_below_range,  no_dims,      unknown_dim,   empty_dim,      vast_dim,           integers_in,
    output_out_of_range, integers_out, dynamic_input, variable_input, other_output_shape, unknown_weights,
    short_weights,       short_bias,   other_bias};

START_TEST(leaves_wrong_models) {
  tfl_delegate *delegate = make();
  small s;
  small_open(&s);
  faults[_i](&s);
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  for (int i = 0; i < s.host.part_count && s.host.taken; i++) {
    const tfl_ints *nodes = s.host.parts[i].nodes;
    for (int k = 0; k < nodes->size; k++) ck_assert_msg(nodes->data[k] != 1, "fault %d: it took the convolution", _i);
  }
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

/* ---- sparse weights: [2][1][1][2], the second dimension from the end first ---- */

typedef struct sparse {
  tfl_sparsity sparsity;
  tfl_dimension levels[4];
} sparse;

/* Rows 0 and 1 of two inputs each; stored: (0, 1) and (1, 0), (1, 1). */
static void make_sparse(small *s, sparse *p) {
  static const float stored[] = {-0.5f, 2, 0.25f};
  fake_host *h = &s->host;
  p->levels[0] = (tfl_dimension){0, OUT, NULL, NULL};
  p->levels[1] = p->levels[2] = (tfl_dimension){0, 1, NULL, NULL};
  p->levels[3] = (tfl_dimension){1, 0, host_list(h, 4, (int[]){0, 1, 3, 3}), host_list(h, 3, (int[]){1, 0, 1})};
  p->sparsity = (tfl_sparsity){host_list(h, 4, (int[]){0, 1, 2, 3}), NULL, p->levels, 4};
  host_constant(h, s->half, TFL_FLOAT32, stored, sizeof stored);
  h->tensors[s->half].sparsity = &p->sparsity;
  h->registrations[0].builtin_code = DENSIFY;
}

START_TEST(expands_sparse_weights) {
  static const float dense[OUT * IN] = {0, -0.5f, 2, 0.25f, 0, 0};
  tfl_delegate *delegate = make();
  small s;
  sparse p;
  small_open(&s);
  make_sparse(&s, &p);
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  ck_assert_int_eq(s.host.taken, 3);
  ck_assert_int_eq(host_run(&s.host), TFL_OK);
  const float *x = s.host.tensors[s.x].data, *z = s.host.tensors[s.z].data;
  for (int i = 0; i < PIXELS * OUT; i++) {
    const float *row = dense + i % OUT * IN, *pixel = x + i / OUT * IN;
    float sum = biases[i % OUT] + pixel[0] * row[0] + pixel[1] * row[1];
    ck_assert(z[i] == (sum < 0 ? 0 : sum));
  }
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

START_TEST(leaves_damaged_sparse_weights) {
  tfl_delegate *delegate = make();
  small s;
  sparse p;
  small_open(&s);
  make_sparse(&s, &p);
  switch (_i) {
    case 0: p.levels[3].segments->data[3] = 9; break;
    case 1: p.levels[3].indices->data[0] = 2; break;
    case 2: p.levels[3].indices->data[0] = -1; break;
    case 3: p.levels[3].segments->size = 2; break;
    case 4: p.sparsity.traversal_order->data[0] = 1; break;
    case 5: p.sparsity.dimension_count = 3; break;
    case 6: p.levels[0].dense_size = 1000; break;
    case 7: p.levels[3].format = 5; break;
    case 8: s.host.tensors[s.half].bytes = 4; break;
    case 9: p.sparsity.block_map = p.sparsity.traversal_order; break;
    default: p.levels[3].segments->data[0] = -5; break;
  }
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_OK);
  ck_assert_int_eq(s.host.taken, 0);
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

/* ---- options ---- */

START_TEST(refuses_wrong_options) {
  static const char *const wrong[][3] = {
      {"colour", "red", "'colour' is unknown"},
      {"precision", "f8", "reproducible, fastest or f16"},
      {"verbosity", "9", "0, 1 or 2"},
      {"verbosity", "", "0, 1 or 2"},
      {"custom_operators", "2", "0 or 1"},
      {"save_dir", "/nowhere/at/all", "a folder that can be written"},
      {"device", "no such device", "no such device"},
      {NULL, "1", "'' is unknown"},
      {"device", NULL, "device has no value"},
      {"input_range", "1,-1", "two finite numbers"},
      {"input_range", "0;1", "two finite numbers"},
      {"input_range", "0,1,2", "two finite numbers"},
      {"input_range", "-inf,inf", "two finite numbers"},
      {"input_range", "0,1e39", "two finite numbers"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    *refusal = '\0';
    ck_assert_ptr_null(create(&wrong[i][0], &wrong[i][1], 1, refused));
    ck_assert_msg(strstr(refusal, wrong[i][2]), "%s", refusal);
    ck_assert_ptr_null(create(&wrong[i][0], &wrong[i][1], 1, NULL));
  }
  static const char *const keys[] = {"precision", "cache_dir", "custom_operators"}, *const values[] = {"fastest", "",
                                                                                                       "1"};
  tfl_delegate *delegate = create(keys, values, 3, refused);
  ck_assert_msg(delegate, "%s", refusal);
  run_small(delegate);
  destroy(delegate);
}
END_TEST

/* Its numbers have few bits: halves hold them, so that results stay exact. */
START_TEST(runs_in_halves) {
  static const char *const keys[] = {"precision", "input_range"}, *const values[] = {"f16", "-5.5,5.5"};
  tfl_delegate *delegate = create(keys, values, 2, refused);
  ck_assert_msg(delegate, "%s", refusal);
  run_small(delegate);
  destroy(delegate);
}
END_TEST

/* Such a host's context ends earlier, or has nothing there. */
START_TEST(refuses_an_old_host) {
  tfl_delegate *delegate = make();
  small s;
  small_open(&s);
  s.host.context.preview_partitions = NULL;
  ck_assert_int_eq(host_delegate(&s.host, delegate), TFL_ERROR);
  ck_assert_msg(strstr(s.host.error, "too old"), "%s", s.host.error);
  host_close(&s.host);
  destroy(delegate);
}
END_TEST

/* ---- threads: one delegate for two hosts ---- */

static void *work(void *delegate) {
  for (int i = 0; i < 4; i++) run_small(delegate);
  return NULL;
}

START_TEST(serves_two_threads) {
  tfl_delegate *delegate = make();
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, work, delegate), 0);
  for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  destroy(delegate);
}
END_TEST

/* ---- installed: this program again, with the delegate of an empty prefix, which must find its library beside it ----
 */

#define INSTALLED                                                                              \
  "set -e; prefix=$(mktemp -d); trap 'rm -r $prefix' EXIT; cmake --install " BINARY_DIR        \
  " --prefix $prefix >/dev/null; "                                                             \
  "SEPCL_TEST_DELEGATE=$(find $prefix -name libsepcl_tflite.so); export SEPCL_TEST_DELEGATE; " \
  "unset LD_LIBRARY_PATH; ldd $SEPCL_TEST_DELEGATE | grep -q libsepcl.so.*$prefix; "           \
  "CK_RUN_CASE=network " BINARY_DIR "/tests/sepcl_tests plugins | grep -q '100%: Checks: 6,'"

START_TEST(runs_from_a_prefix) { ck_assert_int_eq(system(INSTALLED), 0); }
END_TEST

static TCase *new_case(Suite *suite, const char *name) {
  TCase *tests = tcase_create(name);
  tcase_set_timeout(tests, 300);
  tcase_add_checked_fixture(tests, load, NULL);
  suite_add_tcase(suite, tests);
  return tests;
}

Suite *suite_plugins(void) {
  Suite *suite = suite_create("plugins");
#ifdef HAVE_PLUGINS
  TCase *tests = new_case(suite, "network");
  tcase_add_test(tests, runs_a_network);
  tcase_add_test(tests, outlives_its_delegate);
  tcase_add_test(tests, leaves_what_it_does_not_know);
  tcase_add_test(tests, leaves_shapes_of_calls);
  tcase_add_test(tests, refuses_a_changed_shape);
  tcase_add_test(tests, expands_sparse_weights);
  tests = new_case(suite, "wrong");
  tcase_add_loop_test(tests, leaves_wrong_models, 0, sizeof faults / sizeof *faults);
  tcase_add_loop_test(tests, leaves_damaged_sparse_weights, 0, 11);
  tcase_add_test(tests, refuses_wrong_options);
  tcase_add_test(tests, runs_in_halves);
  tcase_add_test(tests, refuses_an_old_host);
  tests = new_case(suite, "threads");
  tcase_add_test(tests, serves_two_threads);
  tests = new_case(suite, "installed");
  tcase_add_test(tests, runs_from_a_prefix);
#endif
  return suite;
}
