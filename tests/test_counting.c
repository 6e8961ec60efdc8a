/* What needs a process of its own: counted OpenCL calls, and two threads. */
#include <check.h>
#include <stdlib.h>

#define SHIM BINARY_DIR "/tests/libsepcl_counting_opencl.so"

/* With an empty cache of PoCL's own, so that files it adds are seen. */
START_TEST(test_enqueue_only_enqueues) {
  ck_assert_int_eq(system("cache=$(mktemp -d) && POCL_CACHE_DIR=$cache SEPCL_OPENCL=" SHIM " " BINARY_DIR
                          "/tests/sepcl_counted; status=$?; rm -rf $cache; exit $status"),
                   0);
}
END_TEST

START_TEST(test_two_threads_with_two_ops_on_two_queues) {
  ck_assert_int_eq(system(BINARY_DIR "/tests/sepcl_stress --launches 20000"), 0);
}
END_TEST

/* A simulator that takes over the process' OpenCL does not get along with a sanitizer that takes over its memory. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
START_TEST(test_oclgrind_finds_nothing) {
  if (system("command -v oclgrind >/dev/null")) return;
  ck_assert_int_eq(system(SOURCE_DIR "/tests/oclgrind/run " BINARY_DIR " --count 2 --no-unfused --no-controls"), 0);
}
END_TEST
#define OCLGRIND_RUNS
#endif

Suite *suite_counting(void) {
  Suite *suite = suite_create("counting");
  TCase *tcase = tcase_create("counting");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, test_enqueue_only_enqueues);
  tcase_add_test(tcase, test_two_threads_with_two_ops_on_two_queues);
#ifdef OCLGRIND_RUNS
  tcase_add_test(tcase, test_oclgrind_finds_nothing);
#endif
  suite_add_tcase(suite, tcase);
  return suite;
}
