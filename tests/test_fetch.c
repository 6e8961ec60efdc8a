/* How fetched weights are read: tests/fetch/check.py, which needs what ./test fetches. */
#include <check.h>
#include <stdlib.h>

#include "support/fetched.h"

START_TEST(test_checkpoint) {
  char command[4096];
  fetched_command(command, sizeof command, "tests/fetch/check.py", "");
  ck_assert_int_eq(system(command), 0);
}
END_TEST

Suite *suite_fetch(void) {
  Suite *suite = suite_create("fetch");
  TCase *tcase = tcase_create("checkpoint");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, test_checkpoint);
  suite_add_tcase(suite, tcase);
  return suite;
}
