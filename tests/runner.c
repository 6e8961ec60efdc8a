/* Runs every suite, or those whose names contain one of the arguments. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

static int wanted(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strstr(name, argv[i])) return 1;
  return argc < 2;
}

int main(int argc, char **argv) {
  SRunner *runner = srunner_create(NULL);
  for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
    if (wanted(suites[i].name, argc, argv)) srunner_add_suite(runner, suites[i].make());
  /* A forked child inherits PoCL's context but not its threads, and hangs: everything runs in this process, and what
   * may crash runs as a command of its own. */
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
