/* The ONNX Runtime provider in the newest host tried: the short version of tests/plugins/check. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/fetched.h"

#define LIBRARY BINARY_DIR "/plugins/libsepcl_ort.so"
#define COMMAND BINARY_DIR "/tools/sepcl"

#if defined HAVE_PLUGINS && !defined __SANITIZE_ADDRESS__
#define WITH_HOST
static int run(const char *script, const char *arguments) {
  char command[4096];
  fetched_command(command, sizeof command, script, arguments);
  return system(command);
}

START_TEST(divides_graphs) { ck_assert_int_eq(run("tests/plugins/ort_graphs.py", "'" LIBRARY "' >/dev/null"), 0); }
END_TEST

START_TEST(knows_what_it_cannot_know) {
  ck_assert_int_eq(run("tests/plugins/ort_open.py", "'" LIBRARY "' >/dev/null 2>&1 #"), 0);
}
END_TEST

START_TEST(refuses_bad_input) {
  ck_assert_int_eq(run("tests/plugins/ort_faults.py", "'" LIBRARY "' >/dev/null 2>&1 #"), 0);
}
END_TEST

START_TEST(runs_networks) {
  const char *networks = "'" LIBRARY "' '" COMMAND "' zoo:mobilenet_v2:resolution=96 zoo:shufflenet_v2:resolution=64 #";
  ck_assert_int_eq(run("tests/plugins/ort_models.py", networks), 0);
}
END_TEST

/* From an empty prefix, where it must find its library beside it. */
START_TEST(runs_from_a_prefix) {
  char python[4096], command[8192];
  fetched_command(python, sizeof python, "tests/plugins/ort_models.py",
                  "$(find $prefix -name libsepcl_ort.so) $prefix/bin/sepcl zoo:separable #");
  snprintf(command, sizeof command,
           "set -e; prefix=$(mktemp -d); trap 'rm -r $prefix' EXIT; unset LD_LIBRARY_PATH; "
           "cmake --install '%s' --prefix $prefix >/dev/null; "
           "ldd $(find $prefix -name libsepcl_ort.so) | grep -q libsepcl.so.*$prefix; %s",
           BINARY_DIR, python);
  ck_assert_int_eq(system(command), 0);
}
END_TEST
#endif

Suite *suite_ort_plugin(void) {
  Suite *suite = suite_create("ort_plugin");
#ifdef WITH_HOST
  TCase *tests = tcase_create("newest host");
  tcase_set_timeout(tests, 600);
  tcase_add_test(tests, divides_graphs);
  tcase_add_test(tests, knows_what_it_cannot_know);
  tcase_add_test(tests, refuses_bad_input);
  tcase_add_test(tests, runs_networks);
  tcase_add_test(tests, runs_from_a_prefix);
  suite_add_tcase(suite, tests);
#endif
  return suite;
}
