/* The elementary functions: the kernels' bits against their definition in plain C, the definition's accuracy against
 * libm in double precision, special values. SEPCL_FUNCTION_VALUES sets how many random values each comparison takes. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "reference_functions.h"
#include "stage/stage.h"
#include "support/context.h"
#include "support/random.h"

static const float specials[] = {
    0.0f,    -0.0f,     1.0f,    -1.0f,    0.5f,    -0.5f,       2.0f,     -2.0f,     3.0f,  -3.0f,          6.0f,
    -6.0f,   1.5f,      2.5f,    -2.5f,    88.5f,   -87.0f,      104.0f,   -104.0f,   1e30f, -1e30f,         1e-30f,
    -1e-30f, 0x1p-126f, 0x1p23f, -0x1p23f, 0x1p24f, 16777217.0f, INFINITY, -INFINITY, NAN,   0x1.fffffep127f};
enum { SPECIALS = sizeof specials / sizeof *specials };

static size_t value_count(void) {
  const char *text = getenv("SEPCL_FUNCTION_VALUES");
  return text && *text ? (size_t)strtoull(text, NULL, 10) : 1 << 17;
}

/* Finite and normal, or 0: all exponents alike. */
static float random_bits(rng *r) {
  for (;;) {
    uint32_t bits = (uint32_t)(rng_next(r) >> 32);
    float value;
    memcpy(&value, &bits, sizeof value);
    if (isnormal(value)) return value;
  }
}

/* The first values pair each special with each; the others come from all floats, from those near 0, and from a line. */
static void fill(float *a, float *b, size_t count, rng *r) {
  for (size_t i = 0; i < count; i++) {
    const int32_t kind = rng_range(r, 0, 2);
    if (i < SPECIALS * SPECIALS) {
      a[i] = specials[i / SPECIALS];
      b[i] = specials[i % SPECIALS];
    } else if (kind == 0) {
      a[i] = random_bits(r);
      b[i] = random_bits(r);
    } else {
      a[i] = kind == 1 ? rng_float(r, -10.0f, 10.0f) : rng_float(r, -100.0f, 100.0f);
      b[i] = rng_float(r, -3.0f, 3.0f);
    }
  }
}

typedef struct job {
  const variant *v;
  int32_t mode;
  sepcl_activation activation;
  const float *a, *b;
  float *y;
  size_t count;
} job;

static void run(const job *j) {
  const test_context *context = test_context_shared();
  const cl_api *cl = context->cl;
  const device_limits limits = device_limits_of(context->device);
  stage s = {.kind = STAGE_ELEMENTWISE,
             .mode = j->mode,
             .has_residual = j->mode >= 0,
             .activation = j->activation,
             .rank = 1,
             .dims = {(int64_t)j->count},
             .x_stride = {1},
             .r_stride = {1},
             .y_stride = {1}};
  bound_stage bound;
  cl_kernel kernel;
  ck_assert_msg(stage_bind(&bound, &s, j->v, SEPCL_FAMILY_AUTO, &limits) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_msg(program_kernel(&kernel, context->device, kernel_of(&bound)) == SEPCL_OK, "%s", sepcl_last_error());
  const size_t size = j->count * sizeof(float);
  stage_launch launch = {.kernel = kernel,
                         .v = j->v,
                         .params = bound.params,
                         .x = test_buffer(context, j->a, size),
                         .r = test_buffer(context, j->b, size),
                         .y = test_buffer(context, NULL, size)};
  ck_assert(launch.x && launch.r && launch.y);
  ck_assert_msg(stage_enqueue(cl, &launch, context->queue, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  ck_assert_int_eq(cl->clEnqueueReadBuffer(context->queue, launch.y, CL_TRUE, 0, size, j->y, 0, NULL, NULL),
                   CL_SUCCESS);
  cl->clReleaseMemObject(launch.x);
  cl->clReleaseMemObject(launch.r);
  cl->clReleaseMemObject(launch.y);
  cl->clReleaseKernel(kernel);
}

static bool same(float a, float b) { return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b)); }

/* A result below the normal numbers is outside the promise: a device may flush it. The comparison asks for it all the
 * same where the device has subnormals; the operands are never such. */
static void compare(const job *j, const char *what) {
  for (size_t i = 0; i < j->count; i++) {
    float v = j->a[i];
    if (j->mode >= 0) v = reference_binary((sepcl_binary)j->mode, v, j->b[i]);
    const float expected = reference_function(j->activation, v);
    ck_assert_msg(same(j->y[i], expected), "%s %s(%a, %a): got %a, expected %a", j->v->name, what, (double)j->a[i],
                  (double)j->b[i], (double)j->y[i], (double)expected);
  }
}

static const variant *elementwise_variant(int index) {
  for (int32_t i = 0; i < variant_count; i++)
    if (variants[i].stage == STAGE_ELEMENTWISE && index-- == 0) return &variants[i];
  return NULL;
}

START_TEST(kernels_equal_the_definition) {
  const variant *v = elementwise_variant(_i);
  if (!v) return;
  const size_t count = value_count();
  float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b), *y = malloc(count * sizeof *y);
  ck_assert(a && b && y);
  rng r = rng_of(3, (uint64_t)_i, 0);
  fill(a, b, count, &r);
  char what[32];
  for (int32_t kind = 0; kind < SEPCL_FUNCTION_COUNT; kind++) {
    job j = {v, -1, {(sepcl_function)kind, 0.25f, 0.75f}, a, b, y, count};
    run(&j);
    snprintf(what, sizeof what, "function %d", kind);
    compare(&j, what);
  }
  for (int32_t mode = 0; mode < SEPCL_BINARY_COUNT; mode++) {
    job j = {v, mode, SEPCL_ACTIVATION_INIT, a, b, y, count};
    run(&j);
    snprintf(what, sizeof what, "binary %d", mode);
    compare(&j, what);
  }
  free(a);
  free(b);
  free(y);
}
END_TEST

/* Division and square root against C's own operators, on every significand of a power of four, or a part of them. */
START_TEST(division_and_root_are_correctly_rounded) {
  const variant *v = elementwise_variant(0);
  const size_t count = value_count() * 4 < (1u << 24) ? value_count() * 4 : 1u << 24;
  float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b), *y = malloc(count * sizeof *y);
  ck_assert(a && b && y);
  rng r = rng_of(4, 0, 0);
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = 0x3f800000u + (uint32_t)(i * ((1u << 24) / count));
    memcpy(a + i, &bits, sizeof bits);
    b[i] = rng_one_in(&r, 2) ? rng_float(&r, 1.0f, 2.0f) : random_bits(&r);
  }
  job root = {v, -1, {SEPCL_SQRT, 0.0f, 0.0f}, a, b, y, count};
  run(&root);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(same(y[i], sqrtf(a[i])), "sqrt(%a): got %a", (double)a[i], (double)y[i]);
  job division = {v, SEPCL_DIV, SEPCL_ACTIVATION_INIT, a, b, y, count};
  run(&division);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(same(y[i], a[i] / b[i]), "%a / %a: got %a", (double)a[i], (double)b[i], (double)y[i]);
  free(a);
  free(b);
  free(y);
}
END_TEST

/* ---- accuracy ---- */

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double swish(double x) { return x * sigmoid(x); }
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double gelu(double x) { return x / 2 * erfc(-x / sqrt(2)); }
static double gelu_tanh(double x) { return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))); }
static double softsign(double x) { return x / (1 + fabs(x)); }

static const struct {
  sepcl_function kind;
  double (*exact)(double);
  float low, high;
  double ulps;
} accuracies[] = {
    {SEPCL_EXP, exp, -87.0f, 88.7f, 1.1},
    {SEPCL_LOG, log, 1e-30f, 1e4f, 1.0},
    {SEPCL_LOG, log, 0.5f, 2.0f, 1.0},
    {SEPCL_ERF, erf, -4.5f, 4.5f, 1.2},
    {SEPCL_TANH, tanh, -10.0f, 10.0f, 2.5},
    {SEPCL_TANH, tanh, -1e-3f, 1e-3f, 2.5},
    {SEPCL_SIGMOID, sigmoid, -87.0f, 87.0f, 3.0},
    {SEPCL_SWISH, swish, -80.0f, 80.0f, 3.5},
    {SEPCL_SOFTPLUS, softplus, -80.0f, 80.0f, 2},
    {SEPCL_MISH, mish, -40.0f, 40.0f, 5},
    {SEPCL_GELU, gelu, 0.0f, 10.0f, 1.5},
    {SEPCL_GELU_TANH, gelu_tanh, 0.0f, 10.0f, 2.5},
    {SEPCL_SOFTSIGN, softsign, -50.0f, 50.0f, 2},
    {SEPCL_ELU, expm1, -20.0f, -1e-6f, 1.2},
};
enum { ACCURACIES = sizeof accuracies / sizeof *accuracies };

/* |value - exact| in units of the last place of a float of that size. */
static double error_in_ulps(float value, double exact) {
  int exponent;
  frexp(exact, &exponent);
  return fabs((double)value - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

START_TEST(functions_are_accurate) {
  const sepcl_activation activation = {accuracies[_i].kind, 1.0f, 1.0f};
  rng r = rng_of(5, (uint64_t)_i, 0);
  double worst = 0.0;
  for (size_t i = 0; i < value_count(); i++) {
    const float x = rng_float(&r, accuracies[_i].low, accuracies[_i].high);
    const double error = error_in_ulps(reference_function(activation, x), accuracies[_i].exact((double)x));
    if (error > worst) worst = error;
  }
  ck_assert_msg(worst <= accuracies[_i].ulps, "function %d: %.3f ulp", (int)activation.kind, worst);
  ck_assert_double_gt(worst, 0.4); /* the measure itself works: nothing here is exact */
}
END_TEST

START_TEST(power_is_accurate) {
  rng r = rng_of(6, 0, 0);
  double worst = 0.0;
  for (size_t i = 0; i < value_count(); i++) {
    const bool near_one = rng_one_in(&r, 2);
    const float a = near_one ? rng_float(&r, 0.9f, 1.1f) : rng_float(&r, 1e-6f, 1e6f);
    const float b = near_one ? rng_float(&r, -500.0f, 500.0f) : rng_float(&r, -6.0f, 6.0f);
    const double exact = pow((double)a, (double)b);
    if (!(exact < 3e38) || exact < 0x1p-126) continue;
    const double error = error_in_ulps(reference_pow(a, b), exact);
    if (error > worst) worst = error;
  }
  ck_assert_msg(worst <= 2.0, "pow: %.3f ulp", worst);
  ck_assert_double_gt(worst, 0.4);
}
END_TEST

START_TEST(special_values) {
  static const struct {
    sepcl_function kind;
    float x, y;
  } cases[] = {{SEPCL_RELU, -0.0f, -0.0f},
               {SEPCL_RELU, -INFINITY, 0.0f},
               {SEPCL_RELU, NAN, NAN},
               {SEPCL_RELU6, INFINITY, 6.0f},
               {SEPCL_RELU6, NAN, NAN},
               {SEPCL_EXP, -INFINITY, 0.0f},
               {SEPCL_EXP, INFINITY, INFINITY},
               {SEPCL_EXP, 0.0f, 1.0f},
               {SEPCL_EXP, 89.0f, INFINITY},
               {SEPCL_EXP, NAN, NAN},
               {SEPCL_LOG, 0.0f, -INFINITY},
               {SEPCL_LOG, -0.0f, -INFINITY},
               {SEPCL_LOG, -1.0f, NAN},
               {SEPCL_LOG, 1.0f, 0.0f},
               {SEPCL_LOG, INFINITY, INFINITY},
               {SEPCL_SQRT, -0.0f, -0.0f},
               {SEPCL_SQRT, -1.0f, NAN},
               {SEPCL_SQRT, INFINITY, INFINITY},
               {SEPCL_TANH, -0.0f, -0.0f},
               {SEPCL_TANH, -INFINITY, -1.0f},
               {SEPCL_TANH, INFINITY, 1.0f},
               {SEPCL_ERF, -0.0f, -0.0f},
               {SEPCL_ERF, INFINITY, 1.0f},
               {SEPCL_SIGMOID, -INFINITY, 0.0f},
               {SEPCL_SIGMOID, 0.0f, 0.5f},
               {SEPCL_SIGMOID, INFINITY, 1.0f},
               {SEPCL_RECIPROCAL, -0.0f, -INFINITY},
               {SEPCL_RECIPROCAL, INFINITY, 0.0f},
               {SEPCL_SIGN, -0.0f, -0.0f},
               {SEPCL_SIGN, NAN, NAN},
               {SEPCL_ROUND, 2.5f, 2.0f},
               {SEPCL_ROUND, -0.4f, -0.0f},
               {SEPCL_THRESHOLDED, NAN, NAN},
               {SEPCL_HARD_SWISH, -3.0f, -0.0f},
               {SEPCL_HARD_SWISH, 3.0f, 3.0f},
               {SEPCL_HARD_SWISH, NAN, NAN},
               {SEPCL_SOFTPLUS, -INFINITY, 0.0f},
               {SEPCL_SOFTPLUS, INFINITY, INFINITY},
               {SEPCL_SWISH, -INFINITY, NAN},
               {SEPCL_ELU, -INFINITY, -1.0f},
               {SEPCL_GELU, INFINITY, INFINITY},
               {SEPCL_ABS, -0.0f, 0.0f}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const float y = reference_function((sepcl_activation){cases[i].kind, 1.0f, 1.0f}, cases[i].x);
    ck_assert_msg(same(y, cases[i].y), "function %d of %a is %a, not %a", (int)cases[i].kind, (double)cases[i].x,
                  (double)y, (double)cases[i].y);
  }
  for (int kind = 0; kind < SEPCL_FUNCTION_COUNT; kind++)
    ck_assert_msg(isnan(reference_function((sepcl_activation){(sepcl_function)kind, 1.0f, 1.0f}, NAN)),
                  "function %d loses a NaN", kind);
  for (int kind = 0; kind < SEPCL_BINARY_COUNT; kind++)
    ck_assert_msg(isnan(reference_binary((sepcl_binary)kind, NAN, 1.0f)) &&
                      (kind == SEPCL_PRELU || isnan(reference_binary((sepcl_binary)kind, 1.0f, NAN))),
                  "binary %d loses a NaN", kind);
}
END_TEST

/* libm's own functions are no stand-in: their bits differ, so the comparison above says something. */
START_TEST(library_functions_differ) {
  rng r = rng_of(8, 0, 0);
  int exponentials = 0, tangents = 0;
  for (int i = 0; i < 20000; i++) {
    const float x = rng_float(&r, -5.0f, 5.0f);
    exponentials += !same(expf(x), reference_function((sepcl_activation){SEPCL_EXP, 0.0f, 0.0f}, x));
    tangents += !same(tanhf(x), reference_function((sepcl_activation){SEPCL_TANH, 0.0f, 0.0f}, x));
  }
  ck_assert_int_gt(exponentials, 0);
  ck_assert_int_gt(tangents, 0);
}
END_TEST

Suite *suite_functions(void);
Suite *suite_functions(void) {
  Suite *suite = suite_create("functions");
  TCase *equal = tcase_create("equal bits");
  tcase_set_timeout(equal, 600);
  tcase_add_loop_test(equal, kernels_equal_the_definition, 0, 4);
  tcase_add_test(equal, division_and_root_are_correctly_rounded);
  tcase_add_test(equal, library_functions_differ);
  suite_add_tcase(suite, equal);
  TCase *accuracy = tcase_create("accuracy");
  tcase_set_timeout(accuracy, 600);
  tcase_add_loop_test(accuracy, functions_are_accurate, 0, ACCURACIES);
  tcase_add_test(accuracy, power_is_accurate);
  tcase_add_test(accuracy, special_values);
  suite_add_tcase(suite, accuracy);
  return suite;
}
