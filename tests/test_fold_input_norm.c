/* A batch norm in front of a convolution or a matrix product: the pass against weights that this test folds itself, bit
 * for bit; and where it must keep its hands off. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "run/network.h"
#include "support/random.h"
#include "support/uses.h"
#include "support/zoo_outputs.h"

enum { SIDE = 7, INPUTS = 8, MOST = 12 * INPUTS * 9 };

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

/* norm -> reader, and what makes the reader a hard one. */
typedef struct shape {
  int outputs, groups, kernel, stride, dilation, pad;
  bool bias, norm; /* of the reader; norm: a batch norm behind it */
  bool fc, transposed;
  bool unshifted; /* the norm in front only scales */
  bool relu;      /* between the two */
  bool shared;    /* the norm has another reader, too */
  bool no_variance;
} shape;

/* All numbers of a case, drawn once. */
typedef struct numbers {
  float w[MOST], bias[64], in[4][64], out[4][64]; /* gamma, beta, mean, variance */
} numbers;

static void draw(numbers *n, const shape *s) {
  rng r = rng_of(23, 0, 0);
  for (int i = 0; i < MOST; i++) n->w[i] = rng_float(&r, -0.5f, 0.5f);
  for (int i = 0; i < 64; i++) {
    n->bias[i] = rng_float(&r, -1, 1);
    for (int k = 0; k < 4; k++) n->in[k][i] = rng_float(&r, k == 3 ? 0.3f : -1, 2);
    for (int k = 0; k < 4; k++) n->out[k][i] = rng_float(&r, k == 3 ? 0.3f : -1, 2);
    if (s->unshifted) n->in[1][i] = n->in[2][i] = 0;
  }
  if (s->no_variance) n->in[3][2] = 0;
}

static sepcl_value vector(sepcl_graph *g, const float *data, int64_t count) {
  return sepcl_graph_constant(g, 1, &count, data);
}

static sepcl_value norm(sepcl_graph *g, sepcl_value x, const float from[4][64], int64_t count, float epsilon) {
  sepcl_value parameters[4];
  for (int k = 0; k < 4; k++) parameters[k] = vector(g, from[k], count);
  return sepcl_graph_batch_norm(g, x, parameters, epsilon);
}

static sepcl_value reader(sepcl_graph *g, sepcl_value x, const shape *s, const float *w, const float *bias) {
  const int64_t inputs = INPUTS / (s->fc ? 1 : s->groups), dims[] = {s->outputs, inputs, s->kernel, s->kernel};
  const sepcl_value b = bias ? vector(g, bias, s->outputs) : SEPCL_NO_VALUE;
  if (!s->fc) {
    sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
    a.window = (sepcl_window){s->kernel,   s->kernel, s->stride, s->stride, s->dilation,
                              s->dilation, s->pad,    s->pad,    s->pad,    s->pad};
    a.outputs = s->outputs;
    a.groups = s->groups;
    return sepcl_graph_conv(g, x, sepcl_graph_constant(g, 4, dims, w), b, &a);
  }
  float turned[MOST];
  for (int o = 0; o < s->outputs; o++)
    for (int i = 0; i < INPUTS; i++) turned[i * s->outputs + o] = w[o * INPUTS + i];
  const int64_t rows[] = {s->outputs, INPUTS}, columns[] = {INPUTS, s->outputs};
  const sepcl_value m = sepcl_graph_constant(g, 2, s->transposed ? rows : columns, s->transposed ? w : turned);
  return sepcl_graph_matmul(g, x, m, b, s->transposed);
}

static sepcl_value input(sepcl_graph *g, const shape *s) {
  const int64_t image[] = {2, SIDE, SIDE, INPUTS};
  const sepcl_value x = sepcl_graph_input(g, "x", 4, image);
  const int64_t rows[] = {2 * SIDE * SIDE, INPUTS};
  return s->fc ? sepcl_graph_reshape(g, x, 2, rows) : x;
}

static sepcl_graph *created(void) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  return g;
}

static sepcl_graph *finished(sepcl_graph *g, sepcl_value y) {
  sepcl_graph_output(g, "y", y);
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  return g;
}

static float epsilon_of(const shape *s) { return s->no_variance ? 0.0f : 1e-3f; }

static sepcl_graph *build(const shape *s, const numbers *n) {
  sepcl_graph *g = created();
  sepcl_value x = norm(g, input(g, s), n->in, INPUTS, epsilon_of(s));
  const sepcl_value normed = x;
  if (s->relu) x = sepcl_graph_activation(g, x, (sepcl_activation){SEPCL_RELU, 0, 0});
  x = reader(g, x, s, n->w, s->bias ? n->bias : NULL);
  if (s->shared) x = sepcl_graph_concat(g, (sepcl_value[]){x, normed}, 2, 3);
  return finished(g, s->norm ? norm(g, x, n->out, s->outputs, 1e-3f) : x);
}

/* The same network without norms, folded here. `off` is added to one weight: the control. */
static sepcl_graph *build_folded(const shape *s, const numbers *n, float off) {
  float w[MOST], bias[64];
  const int inputs = INPUTS / (s->fc ? 1 : s->groups), taps = s->kernel * s->kernel;
  for (int o = 0; o < s->outputs; o++) {
    const double after = s->norm ? n->out[0][o] / sqrt((double)n->out[3][o] + (double)1e-3f) : 1;
    double sum = s->bias ? n->bias[o] : 0;
    if (s->norm) sum = (sum - n->out[2][o]) * after + n->out[1][o];
    for (int i = 0; i < inputs; i++) {
      const int c = s->fc ? i : o / (s->outputs / s->groups) * inputs + i;
      const double scale = n->in[0][c] / sqrt((double)n->in[3][c] + (double)1e-3f);
      for (int t = 0; t < taps; t++) {
        const int at = (o * inputs + i) * taps + t;
        w[at] = (float)((double)n->w[at] * after * scale);
        sum += (double)n->w[at] * after * (n->in[1][c] - n->in[2][c] * scale);
      }
    }
    bias[o] = (float)sum;
  }
  w[0] += off;
  sepcl_graph *g = created();
  return finished(g, reader(g, input(g, s), s, w, bias));
}

static int norms_left(const sepcl_graph *g, const sepcl_network_options *options, const char *report) {
  sepcl_network *network = NULL;
  ck_assert_msg(sepcl_network_plan(&network, device, g, options) == SEPCL_OK, "%s", sepcl_last_error());
  check_uses(network->graph);
  int count = 0, found = 0;
  for (int32_t i = 0; i < network->graph->count; i++)
    count += !network->graph->nodes[i].dead && network->graph->nodes[i].kind == NODE_BATCH_NORM;
  for (int i = 0; sepcl_network_pass_report(network, i); i++)
    found += !strncmp(sepcl_network_pass_report(network, i), report, strlen(report));
  ck_assert_msg(found == 1, "no line of the passes starts with '%s'", report);
  sepcl_network_free(network);
  return count;
}

static zoo_outputs outputs_of(const sepcl_graph *g, bool keep) {
  zoo_outputs out;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.keep_batch_norm = keep;
  ck_assert_msg(zoo_outputs_run(&out, device, g, &options, 0), "%s", out.message);
  return out;
}

static size_t different(const zoo_outputs *out, const float *expected) {
  size_t count = 0;
  for (size_t i = 0; i < out->elements; i++) count += !reference_same(out->values[i], expected[i]);
  return count;
}

static const shape folded[] = {
    {.outputs = 5, .groups = 1, .kernel = 1, .stride = 1, .dilation = 1},
    {.outputs = 5, .groups = 1, .kernel = 1, .stride = 2, .dilation = 1, .bias = true, .norm = true},
    {.outputs = 12, .groups = 1, .kernel = 3, .stride = 1, .dilation = 1, .bias = true},
    {.outputs = 6, .groups = 2, .kernel = 3, .stride = 2, .dilation = 2, .norm = true},
    {.outputs = 8, .groups = 8, .kernel = 3, .stride = 1, .dilation = 1, .norm = true},
    {.outputs = 16, .groups = 8, .kernel = 3, .stride = 1, .dilation = 1, .bias = true},
    {.outputs = 5, .groups = 1, .kernel = 3, .stride = 1, .dilation = 1, .pad = 1, .unshifted = true},
    {.outputs = 8, .groups = 8, .kernel = 3, .stride = 1, .dilation = 1, .pad = 1, .unshifted = true},
    {.outputs = 10, .groups = 1, .kernel = 1, .fc = true, .bias = true},
    {.outputs = 10, .groups = 1, .kernel = 1, .fc = true, .transposed = true, .norm = true},
};
enum { FOLDED = sizeof folded / sizeof *folded };

START_TEST(test_into_the_reader) {
  const shape *s = &folded[_i];
  numbers n;
  draw(&n, s);
  sepcl_graph *g = build(s, &n), *by_hand = build_folded(s, &n, 0), *wrong = build_folded(s, &n, 0.01f);
  const sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  ck_assert_int_eq(norms_left(g, &options, "fold-input-norm: 1 "), 0);
  zoo_outputs ours = outputs_of(g, false), same = outputs_of(by_hand, false), other = outputs_of(wrong, false);
  ck_assert_uint_eq(different(&ours, same.values), 0);
  ck_assert_uint_gt(different(&ours, other.values), 0);
  zoo_outputs kept = outputs_of(g, true);
  for (size_t i = 0; i < ours.elements; i++) ck_assert_float_eq_tol(ours.values[i], kept.values[i], 1e-4f);
  ck_assert_uint_gt(different(&ours, kept.values), 0);
  zoo_outputs_free(&ours);
  zoo_outputs_free(&same);
  zoo_outputs_free(&other);
  zoo_outputs_free(&kept);
  sepcl_graph_free(g);
  sepcl_graph_free(by_hand);
  sepcl_graph_free(wrong);
}
END_TEST

/* Kept, the bits are those of the graph run node by node. */
START_TEST(test_kept) {
  numbers n;
  draw(&n, &folded[_i]);
  sepcl_graph *g = build(&folded[_i], &n);
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.keep_batch_norm = 1;
  ck_assert_int_eq(norms_left(g, &options, "fold-input-norm: 0 "), 1 + folded[_i].norm);
  options.keep_batch_norm = 0;
  options.skip_passes = "fold-input-norm";
  ck_assert_int_eq(norms_left(g, &options, "fold-input-norm: off "), 1);
  reference_values values;
  float *x = zoo_pictures(g, 0);
  const float *inputs[] = {x};
  ck_assert(x && reference_graph_run(&values, g, inputs, (reference_graph_options){false}));
  zoo_outputs out = outputs_of(g, true);
  ck_assert_uint_eq(different(&out, reference_graph_output(&values, g, 0)), 0);
  free(x);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

static const shape left[] = {
    {.outputs = 5, .groups = 1, .kernel = 3, .stride = 1, .dilation = 1, .pad = 1},
    {.outputs = 8, .groups = 8, .kernel = 3, .stride = 1, .dilation = 1, .pad = 1},
    {.outputs = 5, .groups = 1, .kernel = 1, .stride = 1, .dilation = 1, .relu = true},
    {.outputs = 5, .groups = 1, .kernel = 1, .stride = 1, .dilation = 1, .shared = true},
    {.outputs = 5, .groups = 1, .kernel = 1, .stride = 1, .dilation = 1, .no_variance = true},
};
enum { LEFT = sizeof left / sizeof *left };

/* Behind zeros that the norm would have shifted, behind another reader's back, past a function, or past numbers that
 * are not finite: it stays, and so do the bits. */
START_TEST(test_left_alone) {
  const shape *s = &left[_i];
  numbers n;
  draw(&n, s);
  sepcl_graph *g = build(s, &n);
  const sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  ck_assert_int_eq(norms_left(g, &options, "fold-input-norm: 0 "), 1);
  zoo_outputs ours = outputs_of(g, false), kept = outputs_of(g, true);
  ck_assert_uint_eq(different(&ours, kept.values), 0);
  zoo_outputs_free(&ours);
  zoo_outputs_free(&kept);
  sepcl_graph_free(g);
}
END_TEST

/* A product of a stack of constant matrices is no layer: the norm behind it is computed, not lost. */
START_TEST(test_norm_behind_a_stack_of_matrices) {
  numbers n;
  draw(&n, &folded[0]);
  sepcl_graph *g = created();
  const int64_t left_dims[] = {2, 3, 4}, right_dims[] = {2, 4, 5};
  const int64_t image[] = {1, 2, 3, 4};
  sepcl_value x = sepcl_graph_reshape(g, sepcl_graph_input(g, "x", 4, image), 3, left_dims);
  x = sepcl_graph_matmul(g, x, sepcl_graph_constant(g, 3, right_dims, n.w), SEPCL_NO_VALUE, 0);
  finished(g, norm(g, x, n.out, 5, 1e-3f));
  reference_values values;
  float *pixels = zoo_pictures(g, 0);
  const float *inputs[] = {pixels};
  ck_assert(pixels && reference_graph_run(&values, g, inputs, (reference_graph_options){false}));
  zoo_outputs out = outputs_of(g, false);
  const float *expected = reference_graph_output(&values, g, 0);
  for (size_t i = 0; i < out.elements; i++) ck_assert_float_eq_tol(out.values[i], expected[i], 1e-5f);
  free(pixels);
  zoo_outputs_free(&out);
  reference_values_free(&values);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_fold_input_norm(void) {
  Suite *suite = suite_create("fold_input_norm");
  TCase *tcase = tcase_create("fold_input_norm");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_into_the_reader, 0, FOLDED);
  tcase_add_loop_test(tcase, test_kept, 0, FOLDED);
  tcase_add_loop_test(tcase, test_left_alone, 0, LEFT);
  tcase_add_test(tcase, test_norm_behind_a_stack_of_matrices);
  suite_add_tcase(suite, tcase);
  return suite;
}
