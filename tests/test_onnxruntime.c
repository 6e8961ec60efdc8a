/* The trained MobileNet v2 against ONNX Runtime and Pillow: tests/onnxruntime/compare.py, which needs what ./test
 * fetches. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const checks[] = {"logits", "control", "classify", "preprocess", "export"};
enum { CHECK_COUNT = sizeof checks / sizeof *checks };

START_TEST(test_against_onnxruntime) {
  const char *python = getenv("SEPCL_PYTHON"), *models = getenv("SEPCL_MODELS"), *home = getenv("HOME");
  char command[4096], own_python[1024], own_models[512];
  snprintf(own_models, sizeof own_models, "%s/.cache/sepcl", home ? home : "");
  snprintf(own_python, sizeof own_python, "%s/python/bin/python", own_models);
  snprintf(command, sizeof command, "'%s' '%s/tests/onnxruntime/compare.py' %s '%s/tools/sepcl' '%s'",
           python ? python : own_python, SOURCE_DIR, checks[_i], BINARY_DIR, models ? models : own_models);
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
