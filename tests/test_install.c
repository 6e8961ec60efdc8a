/* Installs this build and builds a program against it: tests/install/check. */
#include <check.h>
#include <stdlib.h>

START_TEST(test_install) {
#ifdef __SANITIZE_ADDRESS__
  /* The compiler itself runs for seconds here: its leaks are not the subject. */
  const char *command = SOURCE_DIR "/tests/install/check " BINARY_DIR " -fsanitize=address,undefined";
#else
  const char *command = SOURCE_DIR "/tests/install/check " BINARY_DIR;
#endif
  ck_assert_int_eq(system(command), 0);
}
END_TEST

Suite *suite_install(void) {
  Suite *suite = suite_create("install");
  TCase *tcase = tcase_create("install");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, test_install);
  suite_add_tcase(suite, tcase);
  return suite;
}
