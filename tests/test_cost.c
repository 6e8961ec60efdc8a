/* The cost model ranks candidates as arithmetic says it must. */
#include <check.h>

#include "select/cost.h"
#include "support/context.h"

static const device_limits limits = {
    .vector_width = 16, .compute_units = 2, .max_work_group = 4096, .local_memory = 1 << 16};

static stage pointwise(int32_t pixels, int32_t inputs, int32_t outputs) {
  return (stage){.kind = STAGE_POINTWISE,
                 .input = {1, 1, pixels, inputs},
                 .output = {1, 1, pixels, outputs},
                 .window = SEPCL_WINDOW_INIT,
                 .groups = 1,
                 .mode = -1};
}

static double seconds(const stage *s, const char *name, int32_t tasks) {
  const device_rates rates = rates_of_limits(&limits);
  device_limits cut = limits;
  bound_stage bound;
  cut.tasks = tasks;
  const variant *v = variant_find(name);
  ck_assert_ptr_nonnull(v);
  ck_assert_msg(!stage_bind(&bound, s, v, SEPCL_FAMILY_AUTO, &cut), "%s", sepcl_last_error());
  return stage_seconds(&bound, &rates, &limits, false);
}

START_TEST(one_task_leaves_a_unit_idle) {
  const stage s = pointwise(768, 128, 128);
  const double one = seconds(&s, "pointwise_row16", 1), two = seconds(&s, "pointwise_row16", 2);
  ck_assert_double_gt(one, 1.8 * two);
  ck_assert_double_lt(one, 2.2 * two);
}
END_TEST

START_TEST(narrow_vectors_cost_what_they_leave_idle) {
  const stage s = pointwise(196, 512, 512), small = pointwise(196, 512, 8);
  ck_assert_double_gt(seconds(&s, "pointwise_row8", 4), 1.8 * seconds(&s, "pointwise_row16", 4));
  /* The control: where the wide one only pads, it is no better. */
  ck_assert_double_le(seconds(&small, "pointwise_row8", 4), 1.01 * seconds(&small, "pointwise_row16", 4));
}
END_TEST

START_TEST(grows_with_the_work) {
  const stage s = pointwise(196, 512, 512), twice = pointwise(392, 512, 512), padded = pointwise(193, 512, 512);
  const double one = seconds(&s, "pointwise_row16", 4);
  ck_assert_double_gt(seconds(&twice, "pointwise_row16", 4), 1.9 * one);
  ck_assert_double_eq_tol(seconds(&padded, "pointwise_row16", 4), one, 0.01 * one); /* whole tiles */
}
END_TEST

/* A fully connected layer reads its weights once: bytes decide. With a hundred times the bandwidth they do not. */
START_TEST(bytes_bound_what_computes_little) {
  const stage s = pointwise(1, 1024, 1000);
  bound_stage bound;
  device_rates rates = rates_of_limits(&limits);
  ck_assert(!stage_bind(&bound, &s, variant_find("pointwise_row16"), SEPCL_FAMILY_AUTO, &limits));
  ck_assert_double_ge(stage_bytes(&bound), 4.0 * 1024 * 1000);
  const double before = stage_seconds(&bound, &rates, &limits, false);
  rates.macs *= 100.0;
  ck_assert_double_eq_tol(stage_seconds(&bound, &rates, &limits, false), before, 1e-3 * before);
  rates.far_bytes *= 100.0;
  rates.near_bytes *= 100.0;
  ck_assert_double_lt(stage_seconds(&bound, &rates, &limits, false), 0.05 * before);
}
END_TEST

Suite *suite_cost(void);
Suite *suite_cost(void) {
  Suite *suite = suite_create("cost");
  TCase *tests = tcase_create("cost");
  tcase_add_test(tests, one_task_leaves_a_unit_idle);
  tcase_add_test(tests, narrow_vectors_cost_what_they_leave_idle);
  tcase_add_test(tests, grows_with_the_work);
  tcase_add_test(tests, bytes_bound_what_computes_little);
  suite_add_tcase(suite, tests);
  return suite;
}
