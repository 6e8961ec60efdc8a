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

/* On CPUs the library's large buffers are its own memory, which it frees when the driver says so: also where a
 * plug-in's host has unloaded the library by then. */
START_TEST(test_unloaded_while_the_driver_holds_buffers) {
  ck_assert_int_eq(system(BINARY_DIR "/tests/unload_command " BINARY_DIR "/libsepcl.so " BINARY_DIR
                                     "/tests/libsepcl_counting_opencl.so"),
                   0);
}
END_TEST

Suite *suite_install(void) {
  Suite *suite = suite_create("install");
  TCase *tcase = tcase_create("install");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, test_install);
  tcase_add_test(tcase, test_unloaded_while_the_driver_holds_buffers);
  suite_add_tcase(suite, tcase);
  return suite;
}
