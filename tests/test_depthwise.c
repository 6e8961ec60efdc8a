/* Depthwise stages at the shapes that networks have and at awkward ones: every variant gives the reference's bits. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "reference.h"
#include "stage/stage.h"

typedef struct shape_case {
  int32_t n, h, w, c, multiplier, kh, kw, stride, dilation, pad;
  bool residual, scale;
} shape_case;

static const shape_case cases[] = {
    {1, 5, 5, 3, 1, 3, 3, 1, 1, 1, false, false},   {2, 9, 14, 58, 1, 3, 3, 1, 1, 1, true, false},
    {1, 7, 7, 64, 1, 3, 3, 2, 1, 1, false, true},   {1, 13, 28, 33, 1, 3, 3, 2, 1, 0, false, false},
    {1, 10, 3, 16, 1, 5, 5, 1, 1, 2, false, false}, {1, 1, 1, 40, 1, 5, 5, 2, 1, 2, true, true},
    {1, 12, 11, 24, 1, 7, 7, 1, 1, 3, false, true}, {2, 16, 9, 32, 1, 3, 3, 1, 2, 2, false, false},
    {1, 6, 6, 10, 3, 3, 3, 1, 1, 1, true, false},   {1, 20, 20, 17, 1, 9, 9, 1, 1, 4, false, false},
    {1, 8, 50, 116, 1, 3, 3, 1, 1, 1, false, false}, {1, 15, 15, 48, 1, 5, 5, 2, 1, 2, false, false}};

static sepcl_device *device;
static cl_command_queue queue;

static void set_up(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  queue = device->cl->clCreateCommandQueue(device->context, device->id, 0, NULL);
}

static void tear_down(void) {
  device->cl->clReleaseCommandQueue(queue);
  sepcl_device_free(device);
}

static float *random_floats(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (float)(rand() % 4001 - 2000) / 1000.0f;
  return values;
}

static cl_mem upload(const float *data, size_t count) {
  cl_int code = CL_SUCCESS;
  cl_mem m = device->cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                        count * sizeof(float), (void *)data, &code);
  ck_assert_int_eq(code, CL_SUCCESS);
  return m;
}

/* Runs the stage on the variant into `y`; false: the variant refuses the shape. */
static bool run_variant(const stage *s, const variant *v, const sepcl_weights *set, const stage_buffers *buffers,
                        float *y, size_t count) {
  device_limits limits = device_limits_of(device);
  bound_stage b;
  if (stage_bind(&b, s, v, SEPCL_FAMILY_AUTO, &limits) != SEPCL_OK) return false;
  float *packed = malloc(b.packed_floats * sizeof *packed);
  stage_classes[s->kind]->pack(s, v, set, packed);
  stage_buffers all = *buffers;
  all.w = upload(packed, b.packed_floats);
  cl_kernel kernel = NULL;
  ck_assert_msg(program_kernel(&kernel, device, v) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(stage_enqueue(device->cl, kernel, v, &b.params, &all, queue, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  device->cl->clEnqueueReadBuffer(queue, all.y, CL_TRUE, 0, count * sizeof *y, y, 0, NULL, NULL);
  device->cl->clReleaseKernel(kernel);
  device->cl->clReleaseMemObject(all.w);
  free(packed);
  return true;
}

static int32_t run_case(const shape_case *k) {
  sepcl_window w = {k->kh, k->kw, k->stride, k->stride, k->dilation, k->dilation, k->pad, k->pad, k->pad, k->pad};
  stage s = {.kind = STAGE_DEPTHWISE, .input = {k->n, k->h, k->w, k->c}, .window = w, .groups = k->c};
  s.output = (sepcl_shape){k->n, reference_output_size(k->h, 2 * k->pad, k->kh, k->dilation, k->stride),
                           reference_output_size(k->w, 2 * k->pad, k->kw, k->dilation, k->stride), k->c * k->multiplier};
  s.activation = (sepcl_activation){SEPCL_RELU6, 0, 0};
  s.has_residual = k->residual;
  s.has_scale = k->scale;
  size_t in = (size_t)k->n * k->h * k->w * k->c, out = (size_t)k->n * s.output.h * s.output.w * s.output.c;
  float *x = random_floats(in), *r = random_floats(out), *sc = random_floats((size_t)k->n * k->c);
  float *weights = random_floats((size_t)s.output.c * k->kh * k->kw), *bias = random_floats(s.output.c);
  float *expected = malloc(out * sizeof *expected), *actual = malloc(out * sizeof *actual);
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = weights;
  set.bias = bias;
  reference_weights folded;
  ck_assert(reference_fold(&folded, &set, s.output.c, 1, &w));
  reference_conv_args args = {s.input, s.output.c, k->c, w, s.activation, x, &folded, k->residual ? r : NULL,
                              k->scale ? sc : NULL, false};
  reference_conv(&args, expected);
  stage_buffers buffers = {upload(x, in), NULL, upload(r, out), upload(sc, (size_t)k->n * k->c), upload(r, out)};
  int32_t ran = 0;
  for (int32_t i = 0; i < variant_count; i++) {
    if (variants[i].stage != STAGE_DEPTHWISE || !run_variant(&s, &variants[i], &set, &buffers, actual, out)) continue;
    ck_assert_msg(!memcmp(actual, expected, out * sizeof *actual), "%s differs at %dx%dx%d", variants[i].name, k->h,
                  k->w, k->c);
    ran++;
  }
  args.swapped = true; /* negative control */
  reference_conv(&args, actual);
  ck_assert(k->kh * k->kw == 1 || k->h == 1 || memcmp(actual, expected, out * sizeof *actual));
  cl_mem all[] = {buffers.x, buffers.r, buffers.s, buffers.y};
  for (size_t i = 0; i < 4; i++) device->cl->clReleaseMemObject(all[i]);
  reference_weights_free(&folded);
  float *owned[] = {x, r, sc, weights, bias, expected, actual};
  for (size_t i = 0; i < 7; i++) free(owned[i]);
  return ran;
}

START_TEST(test_every_variant_gives_the_reference_bits) {
  srand(3);
  int32_t ran = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) ran += run_case(&cases[i]);
  ck_assert_int_ge(ran, 24); /* each shape on the scalar kernel at least, most on several */
}
END_TEST

Suite *suite_depthwise(void) {
  Suite *suite = suite_create("depthwise");
  TCase *tcase = tcase_create("depthwise");
  tcase_set_timeout(tcase, 300);
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, test_every_variant_gives_the_reference_bits);
  suite_add_tcase(suite, tcase);
  return suite;
}
