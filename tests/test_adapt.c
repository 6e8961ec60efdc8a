/* The choice between all workers and one: follows the measurements, looks at the loser ever more rarely. */
#include <check.h>

#include "run/adapt.h"

/* Runs `count` times on a machine where a run takes all_seconds or one_seconds; returns how often one worker was used.
 */
static int used_one(adapt *a, int count, double all_seconds, double one_seconds) {
  int ones = 0;
  for (int i = 0; i < count; i++) {
    int32_t used = adapt_next(a);
    adapt_learn(a, used, used ? one_seconds : all_seconds);
    ones += used;
  }
  return ones;
}

START_TEST(test_quiet_machine_keeps_all_workers) {
  adapt a;
  adapt_start(&a);
  ck_assert_int_le(used_one(&a, 10000, 0.005, 0.009), 30);
}
END_TEST

START_TEST(test_busy_machine_goes_to_one_worker_and_back) {
  adapt a;
  adapt_start(&a);
  ck_assert_int_ge(used_one(&a, 1000, 0.200, 0.010), 970);
  used_one(&a, 600, 0.005, 0.010); /* falls quiet: the next look finds it */
  ck_assert_int_le(used_one(&a, 1000, 0.005, 0.010), 20);
}
END_TEST

Suite *suite_adapt(void) {
  Suite *suite = suite_create("adapt");
  TCase *tcase = tcase_create("adapt");
  tcase_add_test(tcase, test_quiet_machine_keeps_all_workers);
  tcase_add_test(tcase, test_busy_machine_goes_to_one_worker_and_back);
  suite_add_tcase(suite, tcase);
  return suite;
}
