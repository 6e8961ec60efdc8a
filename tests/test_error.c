/* The thread-local last error. */
#include <check.h>

#include "error.h"

START_TEST(test_message_survives_being_its_own_argument) {
  ck_assert_int_eq(failure(SEPCL_BAD_MODEL, "inner %d", 7), SEPCL_BAD_MODEL);
  failure(SEPCL_BAD_MODEL, "outer: %s", sepcl_last_error());
  ck_assert_str_eq(sepcl_last_error(), "outer: inner 7");
}
END_TEST

START_TEST(test_every_status_has_a_name) {
  for (int s = SEPCL_OK; s <= SEPCL_BAD_GRAPH; s++)
    ck_assert_str_ne(sepcl_status_name((sepcl_status)s), "SEPCL_UNKNOWN_STATUS");
  ck_assert_str_eq(sepcl_status_name((sepcl_status)99), "SEPCL_UNKNOWN_STATUS");
}
END_TEST

Suite *suite_error(void) {
  Suite *suite = suite_create("error");
  TCase *tcase = tcase_create("error");
  tcase_add_test(tcase, test_message_survives_being_its_own_argument);
  tcase_add_test(tcase, test_every_status_has_a_name);
  suite_add_tcase(suite, tcase);
  return suite;
}
