/* The choice between all workers and one: follows the measurements, looks at one alone only where runs are held up, and
 * at the loser ever more rarely. */
#include <check.h>

#include "run/adapt.h"

enum { WORKERS = 2 };

/* What a run takes with all workers and with one, and how much of the cores' time all of them get. */
typedef struct machine {
  double all_seconds, one_seconds, share;
} machine;

static const machine quiet = {0.005, 0.009, 0.98}, busy = {0.200, 0.010, 0.5};

/* Runs `count` times; returns how often one worker was used. */
static int used_one(adapt *a, int count, machine m) {
  int ones = 0;
  for (int i = 0; i < count; i++) {
    int32_t used = adapt_next(a);
    double seconds = used ? m.one_seconds : m.all_seconds;
    adapt_learn(a, used, (run_cost){seconds, used ? seconds : WORKERS * m.share * seconds});
    ones += used;
  }
  return ones;
}

START_TEST(test_quiet_machine_keeps_all_workers) {
  adapt a;
  adapt_start(&a, WORKERS);
  used_one(&a, 1, (machine){0.020, 0.009, 0.5}); /* cold: memory is touched, kernels are loaded */
  ck_assert_int_eq(used_one(&a, 1000, quiet), 0);
  used_one(&a, 1, busy);
  ck_assert_int_eq(used_one(&a, 1000, quiet), 0);
}
END_TEST

START_TEST(test_held_up_without_gain_looks_ever_more_rarely) {
  adapt a;
  adapt_start(&a, WORKERS);
  ck_assert_int_ge(used_one(&a, 10000, (machine){0.005, 0.009, 0.5}), 5);
  adapt_start(&a, WORKERS);
  ck_assert_int_le(used_one(&a, 10000, (machine){0.005, 0.009, 0.5}), 30);
}
END_TEST

START_TEST(test_busy_machine_goes_to_one_worker_and_back) {
  adapt a;
  adapt_start(&a, WORKERS);
  ck_assert_int_ge(used_one(&a, 1000, busy), 970);
  used_one(&a, 600, quiet); /* falls quiet: the next look finds it */
  ck_assert_int_le(used_one(&a, 1000, quiet), 20);
}
END_TEST

/* Other threads of the same process hold the cores: their time counts as the workers', but runs differ in length. */
START_TEST(test_own_threads_hold_workers_up) {
  adapt a;
  adapt_start(&a, WORKERS);
  used_one(&a, 1, (machine){0.020, 0.010, 1});
  ck_assert_int_ge(used_one(&a, 1000, (machine){0.200, 0.010, 1}), 970);
}
END_TEST

START_TEST(test_stopped_never_looks) {
  adapt a;
  adapt_start(&a, WORKERS);
  adapt_stop(&a);
  ck_assert_int_eq(used_one(&a, 1000, busy), 0);
}
END_TEST

Suite *suite_adapt(void) {
  Suite *suite = suite_create("adapt");
  TCase *tcase = tcase_create("adapt");
  tcase_add_test(tcase, test_quiet_machine_keeps_all_workers);
  tcase_add_test(tcase, test_held_up_without_gain_looks_ever_more_rarely);
  tcase_add_test(tcase, test_busy_machine_goes_to_one_worker_and_back);
  tcase_add_test(tcase, test_own_threads_hold_workers_up);
  tcase_add_test(tcase, test_stopped_never_looks);
  suite_add_tcase(suite, tcase);
  return suite;
}
