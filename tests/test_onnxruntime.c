/* The trained MobileNet v2 against ONNX Runtime and Pillow: tests/onnxruntime/compare.py, which needs what ./test
 * fetches. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/fetched.h"

static const char *const checks[] = {"logits", "control", "classify", "preprocess", "export"};
enum { CHECK_COUNT = sizeof checks / sizeof *checks };

START_TEST(test_against_onnxruntime) {
  char command[4096], arguments[1024];
  snprintf(arguments, sizeof arguments, "%s '%s/tools/sepcl'", checks[_i], BINARY_DIR);
  fetched_command(command, sizeof command, "tests/onnxruntime/compare.py", arguments);
  ck_assert_int_eq(system(command), 0);
}
END_TEST

Suite *suite_onnxruntime(void) {
  Suite *suite = suite_create("onnxruntime");
  TCase *tcase = tcase_create("trained MobileNet v2");
  tcase_set_timeout(tcase, 600);
  tcase_add_loop_test(tcase, test_against_onnxruntime, 0, CHECK_COUNT);
  suite_add_tcase(suite, tcase);
  return suite;
}
