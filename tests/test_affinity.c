/* The command asks PoCL for a core per thread only where PoCL can do that: else PoCL aborts the process. */
#define _GNU_SOURCE
#include "affinity.h"

#include <check.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *asked(void) {
  unsetenv("POCL_AFFINITY");
  affinity_ask();
  return getenv("POCL_AFFINITY");
}

static void keep_cores(const cpu_set_t *cores) { ck_assert_int_eq(sched_setaffinity(0, sizeof *cores, cores), 0); }

static bool all_online(const cpu_set_t *cores) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return CPU_COUNT(cores) == online && CPU_ISSET(online - 1, cores);
}

START_TEST(asks_where_all_cores_are_ours) {
  cpu_set_t all, one;
  ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
  if (all_online(&all)) ck_assert_ptr_nonnull(asked());
  if (CPU_COUNT(&all) == 1) return;
  CPU_ZERO(&one);
  for (int i = 0; !CPU_COUNT(&one); i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  keep_cores(&one);
  const char *with_one = asked();
  keep_cores(&all);
  ck_assert_ptr_null(with_one);
}
END_TEST

START_TEST(leaves_what_the_user_set) {
  setenv("POCL_MAX_PTHREAD_COUNT", "5", 1);
  const char *with_count = asked();
  unsetenv("POCL_MAX_PTHREAD_COUNT");
  ck_assert_ptr_null(with_count);
  setenv("POCL_AFFINITY", "0", 1);
  affinity_ask();
  ck_assert_str_eq(getenv("POCL_AFFINITY"), "0");
}
END_TEST

/* Other suites open devices in this process, as their users left the environment. */
static char *before;

static void remember(void) {
  const char *value = getenv("POCL_AFFINITY");
  before = value ? strdup(value) : NULL;
}

static void restore(void) {
  if (before)
    setenv("POCL_AFFINITY", before, 1);
  else
    unsetenv("POCL_AFFINITY");
  free(before);
}

Suite *suite_affinity(void) {
  Suite *suite = suite_create("affinity");
  TCase *tests = tcase_create("affinity");
  tcase_add_checked_fixture(tests, remember, restore);
  tcase_add_test(tests, asks_where_all_cores_are_ours);
  tcase_add_test(tests, leaves_what_the_user_set);
  suite_add_tcase(suite, tests);
  return suite;
}
