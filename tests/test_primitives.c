/* The primitives against the plain-C reference, bit for bit: a small sweep (sepcl_sweep is the full one), its negative
 * controls, and how many programs the kernels need. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#include "support/sweep.h"

enum { CASES = 120, CONTROLS = 12, MOST_PROGRAMS = 80, SEED = 2026 };

static const sweep_options options = {.seed = SEED,
                                      .count = CASES,
                                      .limits = {100000, 20, 90, false},
                                      .max_programs = MOST_PROGRAMS,
                                      .unfused = true,
                                      .shrink = true,
                                      .log = NULL};

static int32_t variants_hit(const uint64_t *hits) {
  int32_t hit = 0;
  for (int32_t v = 0; v < variant_count; v++) hit += hits[v] > 0;
  return hit;
}

START_TEST(test_random_cases_have_the_references_bits) {
  case_kind kind = (case_kind)_i;
  sweep_options o = options;
  o.log = stdout;
  sweep_result result = {0};
  uint64_t *hits = calloc((size_t)variant_count + 1, sizeof *hits);
  ck_assert_ptr_nonnull(hits);
  sweep_kind(test_context_shared(), kind, &o, &result, hits);
  int32_t hit = variants_hit(hits);
  free(hits);
  printf("%s: seed %d, %" PRIu64 " cases, %" PRIu64 " launches on %d kernels, %u programs built so far\n",
         case_kind_name(kind), SEED, result.cases, result.launches, hit, sweep_programs(test_context_shared()));
  ck_assert_uint_eq(result.wrong, 0);
  ck_assert_uint_eq(result.failed, 0);
  ck_assert_uint_gt(result.launches, 0);
  ck_assert_uint_le(sweep_programs(test_context_shared()), MOST_PROGRAMS);
}
END_TEST

START_TEST(test_a_wrong_reference_is_found) {
  case_kind kind = (case_kind)_i;
  sweep_options o = options;
  o.count = CONTROLS;
  uint64_t found, cases;
  sweep_negative_control(test_context_shared(), kind, &o, &found, &cases);
  printf("%s: %" PRIu64 " of %" PRIu64 " cases fail against a wrong reference\n", case_kind_name(kind), found, cases);
  ck_assert_uint_ge(found * 3, cases);
  ck_assert_uint_gt(found, 0);
}
END_TEST

/* Whole numbers add up exactly in any order, so a convolution written the other way round, as each input's
 * contributions to the outputs, must give what the reference gives. */
static void scatter(const test_case *c, const case_data *data, double *y) {
  sepcl_shape in = c->input, out = case_output(c);
  const sepcl_window *w = &c->window;
  int32_t inputs = in.c / c->groups, outputs = c->outputs / c->groups;
  for (size_t i = 0; i < reference_elements(in); i++) {
    int32_t ci = (int32_t)(i % (size_t)in.c), group = ci / inputs;
    size_t pixel = i / (size_t)in.c;
    int32_t x = (int32_t)(pixel % (size_t)in.w), row = (int32_t)(pixel / (size_t)in.w);
    int32_t n = row / in.h, top = row % in.h + w->pad_top, left = x + w->pad_left;
    for (int32_t tap = 0; tap < w->kernel_h * w->kernel_w * outputs; tap++) {
      int32_t o = group * outputs + tap % outputs, kx = tap / outputs % w->kernel_w, ky = tap / outputs / w->kernel_w;
      int32_t oy = top - ky * w->dilation_h, ox = left - kx * w->dilation_w;
      if (oy < 0 || ox < 0 || oy % w->stride_h || ox % w->stride_w) continue;
      oy /= w->stride_h;
      ox /= w->stride_w;
      if (oy >= out.h || ox >= out.w) continue;
      size_t weight = (((size_t)o * (size_t)inputs + (size_t)(ci % inputs)) * (size_t)w->kernel_h + (size_t)ky) *
                          (size_t)w->kernel_w +
                      (size_t)kx; /* OIHW */
      y[(((size_t)n * (size_t)out.h + (size_t)oy) * (size_t)out.w + (size_t)ox) * (size_t)out.c + (size_t)o] +=
          (double)data->x[i] * (double)data->sets[0].weights[weight];
    }
  }
}

static void round_all(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = (float)(int)(values[i] * 4.0f);
}

START_TEST(test_reference_agrees_with_a_scattered_convolution) {
  test_case c = case_draw(_i % 2 ? CASE_CONV : CASE_DEPTHWISE, SEED, (uint64_t)_i, &options.limits);
  c.activation.kind = SEPCL_NONE;
  c.has_residual = c.has_scale = c.special = c.bias[0] = c.batch_norm[0] = false;
  c.layout[0] = SEPCL_OIHW;
  case_data data;
  ck_assert(case_data_create(&data, &c, false));
  size_t count = reference_elements(case_output(&c));
  case_set sets[3];
  case_sets(&c, sets);
  round_all(data.x, reference_elements(c.input));
  round_all(data.owned[0], (size_t)(sets[0].outputs * sets[0].inputs * c.window.kernel_h * c.window.kernel_w));
  reference_weights_free(&data.folded[0]);
  ck_assert(reference_fold(&data.folded[0], &data.sets[0], sets[0].outputs, sets[0].inputs, &c.window));
  reference_conv_args args = {.input = c.input,
                              .outputs = c.outputs,
                              .groups = c.groups,
                              .window = c.window,
                              .activation = c.activation,
                              .x = data.x,
                              .w = &data.folded[0]};
  reference_conv(&args, data.expected);
  double *y = calloc(count, sizeof *y);
  ck_assert_ptr_nonnull(y);
  scatter(&c, &data, y);
  for (size_t i = 0; i < count; i++) ck_assert_double_eq((double)data.expected[i], y[i]);
  free(y);
  case_data_free(&data);
}
END_TEST

typedef struct block {
  int32_t stride, outputs;
} block;

/* The ops of MobileNet v1 at one resolution: each block fused, and as its two stages. */
static void make_mobilenet_ops(sepcl_device *device, int32_t resolution) {
  static const block blocks[13] = {{1, 64},  {2, 128}, {1, 128}, {2, 256}, {1, 256},  {2, 512}, {1, 512},
                                   {1, 512}, {1, 512}, {1, 512}, {1, 512}, {2, 1024}, {1, 1024}};
  test_case c = {.kind = CASE_CONV, .input = {1, resolution, resolution, 3}, .outputs = 32, .groups = 1};
  c.window = (sepcl_window){3, 3, 2, 2, 1, 1, 0, 0, 1, 1};
  c.activation.kind = c.inner[0].kind = SEPCL_RELU6;
  sepcl_op *op;
  ck_assert_int_eq(case_op_create(&op, device, &c, NULL), SEPCL_OK);
  c.input = sepcl_op_output_shape(op);
  sepcl_op_free(op);
  for (int i = 0; i < 13; i++) {
    c.window = (sepcl_window){3, 3, blocks[i].stride, blocks[i].stride, 1, 1, 1, 1, 1, 1};
    c.kind = CASE_SEPARABLE;
    c.groups = 1;
    c.outputs = blocks[i].outputs;
    ck_assert_msg(case_op_create(&op, device, &c, NULL) == SEPCL_OK, "%s", sepcl_last_error());
    sepcl_op_free(op);
    c.kind = CASE_DEPTHWISE;
    c.groups = c.outputs = c.input.c;
    ck_assert_int_eq(case_op_create(&op, device, &c, NULL), SEPCL_OK);
    c.input = sepcl_op_output_shape(op);
    sepcl_op_free(op);
    c.kind = CASE_POINTWISE;
    c.groups = 1;
    c.outputs = blocks[i].outputs;
    c.window = (sepcl_window)SEPCL_WINDOW_INIT;
    ck_assert_int_eq(case_op_create(&op, device, &c, NULL), SEPCL_OK);
    c.input = sepcl_op_output_shape(op);
    sepcl_op_free(op);
  }
  c.kind = CASE_POOL;
  c.mode = SEPCL_AVERAGE_POOL;
  c.outputs = c.input.c;
  c.window.kernel_h = c.input.h;
  c.window.kernel_w = c.input.w;
  ck_assert_int_eq(case_op_create(&op, device, &c, NULL), SEPCL_OK);
  sepcl_op_free(op);
  c = (test_case){.kind = CASE_GEMM, .input = {1, 1, 1, 1024}, .outputs = 1000, .groups = 1};
  ck_assert_int_eq(case_op_create(&op, device, &c, NULL), SEPCL_OK);
  sepcl_op_free(op);
}

START_TEST(test_another_input_size_builds_no_program) {
  test_context context;
  ck_assert(test_context_open(&context, getenv("SEPCL_TEST_DEVICE")));
  make_mobilenet_ops(context.device, 224);
  uint32_t first = sweep_programs(&context), sizes = 1;
  for (int32_t resolution = 96; resolution < 350; resolution += 13, sizes++)
    make_mobilenet_ops(context.device, resolution);
  printf("MobileNet v1: %u programs built for 224x224, %u after %u resolutions\n", first, sweep_programs(&context),
         sizes);
  ck_assert_uint_gt(first, 0);
  ck_assert_uint_ge(sizes, 20);
  ck_assert_uint_eq(sweep_programs(&context), first);
  test_context_close(&context);
}
END_TEST

Suite *suite_primitives(void) {
  Suite *suite = suite_create("primitives");
  TCase *tcase = tcase_create("primitives");
  tcase_set_timeout(tcase, 600);
  tcase_add_loop_test(tcase, test_reference_agrees_with_a_scattered_convolution, 0, 40);
  tcase_add_loop_test(tcase, test_random_cases_have_the_references_bits, 0, CASE_KIND_COUNT);
  tcase_add_loop_test(tcase, test_a_wrong_reference_is_found, 0, CASE_KIND_COUNT);
  tcase_add_test(tcase, test_another_input_size_builds_no_program);
  suite_add_tcase(suite, tcase);
  return suite;
}
