/* Every stage that is no convolution, on every variant, against its definition in plain C: all bits of the output's
 * buffer, what lies beside the tensor included. SEPCL_STAGE_CASES sets the cases of a kind, SEPCL_STAGE_SEED the seed.
 * Some cases run with halves in memory too: then the bits are those of the definition on the same halves, rounded once.
 * SEPCL_STAGE_HALVES=all takes all cases, all variants and operands of mixed types. SEPCL_STAGE_BEHIND: floats behind
 * each operand; 0 lets a simulator see what reads there. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "reference_stages.h"
#include "support/context.h"
#include "support/half.h"
#include "support/stage_cases.h"

static const uint32_t canary = 0xdeadbeefu;

typedef struct run {
  stage_case c;
  float *x, *r, *s, *y, *expected, *got;
  float *parts[6]; /* of the weight set */
  int64_t x_size, r_size, s_size, y_size;
} run;

static uint64_t setting(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static float *random_floats(rng *r, int64_t count, bool special) {
  float *values = malloc((size_t)count * sizeof *values);
  ck_assert_ptr_nonnull(values);
  rng_values(r, values, (size_t)count);
  /* Off rng_value's grid, on which short sums are exact. */
  for (int64_t i = 0; i < count; i++) values[i] *= rng_float(r, 0.1f, 1.5f);
  for (int64_t i = 0; special && i < count; i++)
    if (rng_one_in(r, 200)) values[i] = rng_one_in(r, 3) ? NAN : rng_one_in(r, 2) ? INFINITY : -INFINITY;
  return values;
}

static void make_weights(run *t, rng *r) {
  sepcl_weights *w = &t->c.weights;
  const int64_t outputs = t->c.s.output.c;
  if (!t->c.weight_count) return;
  for (int32_t i = 0; i < 6; i++) t->parts[i] = random_floats(r, i ? outputs : t->c.weight_count, false);
  w->weights = t->parts[0];
  if (rng_one_in(r, 2)) w->bias = t->parts[1];
  if (rng_one_in(r, 2)) {
    w->gamma = t->parts[2];
    w->beta = t->parts[3];
    w->mean = t->parts[4];
    w->variance = t->parts[5];
    for (int64_t i = 0; i < outputs; i++) t->parts[5][i] = fabsf(t->parts[5][i]) + 0.1f;
  }
}

/* Floats of an operand's buffer, of one that is not there too. */
static int64_t buffer_floats(int64_t from, int64_t floats) {
  const int64_t all = from + floats + (int64_t)setting("SEPCL_STAGE_BEHIND", 8);
  return all > 0 ? all : 1;
}

static void make_run(run *t, rng *r) {
  stage_case *c = &t->c;
  t->x_size = buffer_floats(c->x_at, c->x_floats);
  t->r_size = buffer_floats(c->r_at, c->r_floats);
  t->s_size = buffer_floats(c->s_at, c->s_floats);
  t->y_size = buffer_floats(c->y_at, c->y_floats);
  t->x = random_floats(r, t->x_size, c->special);
  t->r = random_floats(r, t->r_size, c->special && c->s.kind != STAGE_DEFORM_CONV);
  t->s = random_floats(r, t->s_size, false);
  for (int64_t i = 0; c->index_limit && i < c->r_floats; i++) {
    int32_t index = rng_range(r, 0, c->index_limit - 1);
    memcpy(t->r + c->r_at + i, &index, sizeof index);
  }
  t->y = malloc((size_t)t->y_size * sizeof(float));
  t->expected = malloc((size_t)t->y_size * sizeof(float));
  t->got = malloc((size_t)t->y_size * sizeof(float));
  ck_assert(t->y && t->expected && t->got);
  for (int64_t i = 0; i < t->y_size; i++) memcpy(t->y + i, &canary, sizeof canary);
  make_weights(t, r);
}

static void free_run(run *t) {
  float *all[] = {t->x, t->r, t->s, t->y, t->expected, t->got};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  for (int32_t i = 0; i < 6; i++) free(t->parts[i]);
}

static void define(run *t, int32_t block, bool swapped) {
  const stage_case *c = &t->c;
  memcpy(t->expected, t->y, (size_t)t->y_size * sizeof(float));
  reference_operands o = {.x = t->x + c->x_at,
                          .r = t->r + c->r_at,
                          .s = t->s + c->s_at,
                          .y = t->expected + c->y_at,
                          .x_pitch = c->x_pitch,
                          .r_pitch = c->r_pitch,
                          .s_pitch = c->s_pitch,
                          .y_pitch = c->y_pitch,
                          .weights = &c->weights,
                          .block = block,
                          .swapped = swapped};
  reference_stage(&c->s, &o);
}

static cl_mem upload_halves(const float *data, int64_t count) {
  uint16_t *bits = malloc((size_t)count * sizeof *bits);
  ck_assert_ptr_nonnull(bits);
  for (int64_t i = 0; i < count; i++) bits[i] = half_bits(data[i]);
  cl_mem buffer = test_buffer(test_context_shared(), bits, (size_t)count * sizeof *bits);
  ck_assert_ptr_nonnull(buffer);
  free(bits);
  return buffer;
}

static cl_mem upload(const float *data, int64_t count) {
  cl_mem buffer = test_buffer(test_context_shared(), data, (size_t)count * sizeof *data);
  ck_assert_ptr_nonnull(buffer);
  return buffer;
}

static cl_mem upload_operand(const run *t, const float *data, int64_t count, int32_t operand) {
  return t->c.s.halves & operand ? upload_halves(data, count) : upload(data, count);
}

static void read_result(run *t, cl_mem buffer, int64_t count) {
  const test_context *context = test_context_shared();
  const bool half = t->c.s.halves & HALF_Y;
  const size_t size = (size_t)count * (half ? sizeof(uint16_t) : sizeof(float));
  uint16_t *bits = malloc(size);
  ck_assert_ptr_nonnull(bits);
  ck_assert_int_eq(context->cl->clEnqueueReadBuffer(context->queue, buffer, CL_TRUE, 0, size, bits, 0, NULL, NULL),
                   CL_SUCCESS);
  if (!half) memcpy(t->got, bits, size);
  for (int64_t i = 0; half && i < count; i++) t->got[i] = half_value(bits[i]);
  free(bits);
}

static cl_mem upload_weights(const bound_stage *b, const sepcl_weights *weights) {
  const size_t floats = b->packed_floats ? b->packed_floats : 1;
  float *packed = calloc(floats, sizeof *packed);
  ck_assert_ptr_nonnull(packed);
  if (b->packed_floats) stage_classes[b->s.kind]->pack(&b->s, b->v, weights, packed);
  cl_mem buffer = upload(packed, (int64_t)floats);
  free(packed);
  return buffer;
}

static void place_operands(const stage_case *c, stage_params *p) {
  p->x_at = c->x_at;
  p->r_at = c->r_at;
  p->s_at = c->s_at;
  p->y_at = c->y_at;
  if (c->x_pitch) p->x_pitch = (params_int)c->x_pitch;
  if (c->r_pitch) p->r_pitch = (params_int)c->r_pitch;
  if (c->s_pitch) p->s_pitch = (params_int)c->s_pitch;
  if (c->y_pitch) p->y_pitch = (params_int)c->y_pitch;
}

/* Runs on a variant into t->got; `in_place` works on x's buffer. */
static void execute(run *t, const variant *v, bool in_place) {
  const test_context *context = test_context_shared();
  const cl_api *cl = context->cl;
  const device_limits limits = device_limits_of(context->device);
  bound_stage b;
  cl_kernel kernel;
  ck_assert_msg(stage_bind(&b, &t->c.s, v, SEPCL_FAMILY_AUTO, &limits) == SEPCL_OK, "%s: %s", v->name,
                sepcl_last_error());
  ck_assert_msg(program_kernel(&kernel, context->device, kernel_of(&b)) == SEPCL_OK, "%s", sepcl_last_error());
  place_operands(&t->c, &b.params);
  stage_launch launch = {.kernel = kernel,
                         .v = v,
                         .params = b.params,
                         .x = upload_operand(t, t->x, t->x_size, HALF_X),
                         .w = upload_weights(&b, &t->c.weights),
                         .r = upload_operand(t, t->r, t->r_size, HALF_R),
                         .s = upload_operand(t, t->s, t->s_size, HALF_S)};
  launch.y = in_place ? launch.x : upload_operand(t, t->y, t->y_size, HALF_Y);
  ck_assert_msg(stage_enqueue(cl, &launch, context->queue, NULL) == SEPCL_OK, "%s", sepcl_last_error());
  read_result(t, launch.y, in_place ? t->x_size : t->y_size);
  cl_mem all[] = {launch.x, launch.w, launch.r, launch.s};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cl->clReleaseMemObject(all[i]);
  if (!in_place) cl->clReleaseMemObject(launch.y);
  cl->clReleaseKernel(kernel);
}

/* The first float that differs, or -1; NaNs count as one. */
static int64_t first_difference(const run *t) {
  for (int64_t i = 0; i < t->y_size; i++)
    if (memcmp(t->got + i, t->expected + i, sizeof(float)) && !(isnan(t->got[i]) && isnan(t->expected[i]))) return i;
  return -1;
}

static void check_case(run *t, const variant *v, uint64_t seed, uint64_t index) {
  execute(t, v, false);
  const int64_t at = first_difference(t);
  if (at < 0) return;
  char text[700];
  stage_case_describe(&t->c, text, sizeof text);
  ck_abort_msg("%s, case %llu:%llu, float %lld: got %a, expected %a (%s)", v->name, (unsigned long long)seed,
               (unsigned long long)index, (long long)(at - t->c.y_at), (double)t->got[at], (double)t->expected[at],
               text);
}

static const stage_kind kinds[] = {STAGE_POOL,    STAGE_GLOBAL_POOL,    STAGE_ELEMENTWISE, STAGE_COPY,
                                   STAGE_SOFTMAX, STAGE_REDUCE,         STAGE_MATMUL,      STAGE_RESIZE,
                                   STAGE_NORM,    STAGE_CONV_TRANSPOSE, STAGE_DEFORM_CONV};

/* From here on the run's operands are what halves can hold, and so is what it should give. */
static void take_halves(run *t, int32_t halves) {
  if (t->c.index_limit) halves &= ~HALF_R; /* integers */
  t->c.s.halves = halves;
  for (int64_t i = 0; halves & HALF_X && i < t->x_size; i++) t->x[i] = half_nearest(t->x[i]);
  for (int64_t i = 0; halves & HALF_R && i < t->r_size; i++) t->r[i] = half_nearest(t->r[i]);
  for (int64_t i = 0; halves & HALF_S && i < t->s_size; i++) t->s[i] = half_nearest(t->s[i]);
  define(t, 64, false);
  for (int64_t i = 0; halves & HALF_Y && i < t->y_size; i++) t->expected[i] = half_nearest(t->expected[i]);
}

static uint64_t check_halves(run *t, stage_kind kind, uint64_t seed, uint64_t index) {
  enum { ALL = HALF_X | HALF_R | HALF_S | HALF_Y };
  static const int32_t mixed[] = {ALL, HALF_X | HALF_R | HALF_S, HALF_Y, HALF_X | HALF_Y, HALF_R | HALF_S | HALF_Y};
  const bool all = getenv("SEPCL_STAGE_HALVES") != NULL;
  uint64_t runs = 0;
  if (!all && index >= 10) return 0;
  take_halves(t, all ? mixed[index % 5] : ALL);
  for (int32_t i = 0; i < variant_count; i++) {
    const bool first = i == 0 || variants[i - 1].stage != kind;
    if (variants[i].stage != kind || !(all || first || variants[i].family == FAMILY_SCALAR)) continue;
    check_case(t, &variants[i], seed, index);
    runs++;
  }
  return runs;
}

START_TEST(every_variant_equals_the_definition) {
  const stage_kind kind = kinds[_i];
  const uint64_t cases = setting("SEPCL_STAGE_CASES", 40), seed = setting("SEPCL_STAGE_SEED", 1);
  uint64_t runs = 0, halves = 0;
  for (uint64_t index = 0; index < cases; index++) {
    run t = {0};
    rng r = rng_of(seed, (uint64_t)kind, index);
    ck_assert(stage_case_draw(&t.c, kind, &r));
    make_run(&t, &r);
    define(&t, 64, false);
    for (int32_t i = 0; i < variant_count; i++) {
      if (variants[i].stage != kind) continue;
      check_case(&t, &variants[i], seed, index);
      runs++;
    }
    halves += check_halves(&t, kind, seed, index);
    free_run(&t);
  }
  printf("%s: %llu runs of %llu cases, and %llu with halves, seed %llu\n", stage_kind_name(kind),
         (unsigned long long)runs, (unsigned long long)cases, (unsigned long long)halves, (unsigned long long)seed);
  ck_assert_uint_ge(runs, 2 * cases);
  ck_assert_uint_ge(halves, 2 * (cases < 10 ? cases : 10));
}
END_TEST

/* The comparison can fail: with two terms in another place, or blocks of another size, bits differ somewhere. */
START_TEST(another_order_differs) {
  static const struct {
    stage_kind kind;
    int32_t block;
    bool swapped;
  } controls[] = {{STAGE_POOL, 64, true},    {STAGE_GLOBAL_POOL, 64, true},    {STAGE_GLOBAL_POOL, 32, false},
                  {STAGE_SOFTMAX, 64, true}, {STAGE_SOFTMAX, 8, false},        {STAGE_REDUCE, 64, true},
                  {STAGE_REDUCE, 16, false}, {STAGE_MATMUL, 64, true},         {STAGE_RESIZE, 64, true},
                  {STAGE_NORM, 16, false},   {STAGE_CONV_TRANSPOSE, 64, true}, {STAGE_DEFORM_CONV, 64, true}};
  const variant *v = NULL;
  for (int32_t i = 0; i < variant_count && !v; i++)
    if (variants[i].stage == controls[_i].kind) v = &variants[i];
  ck_assert_ptr_nonnull(v);
  int different = 0;
  for (uint64_t index = 0; index < 40; index++) {
    run t = {0};
    rng r = rng_of(7, (uint64_t)controls[_i].kind, index);
    ck_assert(stage_case_draw(&t.c, controls[_i].kind, &r));
    make_run(&t, &r);
    define(&t, controls[_i].block, controls[_i].swapped);
    execute(&t, v, false);
    different += first_difference(&t) >= 0;
    free_run(&t);
  }
  ck_assert_int_gt(different, 0);
}
END_TEST

/* The comparison of halves can fail: results a five-hundredth off differ. */
START_TEST(halves_a_little_off_differ) {
  run t = {0};
  rng r = rng_of(3, 0, 0);
  ck_assert(stage_case_draw(&t.c, STAGE_ELEMENTWISE, &r));
  make_run(&t, &r);
  take_halves(&t, HALF_X | HALF_R | HALF_S | HALF_Y);
  execute(&t, variant_find("elementwise_scalar"), false);
  ck_assert_int_eq(first_difference(&t), -1);
  for (int64_t i = 0; i < t.y_size; i++) t.expected[i] = half_nearest(t.expected[i] * 1.002f);
  ck_assert_int_ge(first_difference(&t), 0);
  free_run(&t);
}
END_TEST

/* Elementwise stages may write over x. */
START_TEST(elementwise_in_place) {
  for (int32_t i = 0; i < variant_count; i++) {
    if (variants[i].stage != STAGE_ELEMENTWISE) continue;
    run t = {0};
    rng r = rng_of(11, 0, 0);
    t.c = (stage_case){.s = {.kind = STAGE_ELEMENTWISE,
                             .mode = SEPCL_MUL,
                             .rank = 2,
                             .dims = {37, 83},
                             .x_stride = {90, 1},
                             .y_stride = {90, 1},
                             .r_stride = {0, 1},
                             .has_residual = true},
                       .x_at = 3,
                       .y_at = 3,
                       .x_floats = 37 * 90,
                       .y_floats = 37 * 90,
                       .r_floats = 83};
    make_run(&t, &r);
    memcpy(t.y, t.x, (size_t)t.y_size * sizeof(float));
    define(&t, 64, false);
    execute(&t, &variants[i], true);
    ck_assert_int_eq(first_difference(&t), -1);
    free_run(&t);
  }
}
END_TEST

Suite *suite_stages(void);
Suite *suite_stages(void) {
  Suite *suite = suite_create("stages");
  TCase *equal = tcase_create("equal bits");
  tcase_set_timeout(equal, 600);
  tcase_add_loop_test(equal, every_variant_equals_the_definition, 0, (int)(sizeof kinds / sizeof *kinds));
  tcase_add_test(equal, elementwise_in_place);
  suite_add_tcase(suite, equal);
  TCase *control = tcase_create("negative controls");
  tcase_set_timeout(control, 600);
  tcase_add_loop_test(control, another_order_differs, 0, 12);
  tcase_add_test(control, halves_a_little_off_differ);
  suite_add_tcase(suite, control);
  return suite;
}
