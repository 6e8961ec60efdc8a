/* The machine code of the row family's tiles: tests/cpu/static.py. */
#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { NO_SUCH_MACHINE = 77 };

START_TEST(test_sums_stay_in_registers) {
  const int status = system("python3 '" SOURCE_DIR "/tests/cpu/static.py' '" BINARY_DIR "/tools/sepcl'");
  ck_assert(WIFEXITED(status));
  ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NO_SUCH_MACHINE, "exit status %d",
                WEXITSTATUS(status));
}
END_TEST

Suite *suite_cpu_static(void) {
  Suite *suite = suite_create("cpu_static");
  TCase *tcase = tcase_create("tiles");
  tcase_set_timeout(tcase, 600);
  tcase_add_test(tcase, test_sums_stay_in_registers);
  suite_add_tcase(suite, tcase);
  return suite;
}
