/* Wrong calls: each has its status and names its argument. */
#include <check.h>
#include <stdlib.h>

#include "support/invalid_arguments.h"

START_TEST(test_every_wrong_call_names_its_argument) {
  test_context other;
  ck_assert(test_context_open(&other, getenv("SEPCL_TEST_DEVICE")));
  int calls = 0, statuses[SEPCL_BAD_GRAPH + 1] = {0};
  int failures = invalid_arguments_run(test_context_shared(), &other, stdout, &calls, statuses);
  test_context_close(&other);
  printf("%d wrong calls, %d answered otherwise\n", calls, failures);
  ck_assert_int_eq(failures, 0);
  ck_assert_int_gt(calls, 60);
  const sepcl_status expected[] = {SEPCL_INVALID_ARGUMENT, SEPCL_INVALID_SHAPE, SEPCL_OVERFLOW,
                                   SEPCL_BUFFER_TOO_SMALL, SEPCL_MISALIGNED,    SEPCL_WRONG_CONTEXT};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) ck_assert_int_gt(statuses[expected[i]], 2);
}
END_TEST

Suite *suite_invalid_arguments(void) {
  Suite *suite = suite_create("invalid_arguments");
  TCase *tcase = tcase_create("invalid_arguments");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, test_every_wrong_call_names_its_argument);
  suite_add_tcase(suite, tcase);
  return suite;
}
