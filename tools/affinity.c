#include "affinity.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* PoCL puts its thread i on core i and aborts where it may not: all cores must be this process's, and the number of
 * threads must be PoCL's own choice, the number of cores. */
static bool all_cores_are_ours(void) {
  cpu_set_t ours;
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  if (sched_getaffinity(0, sizeof ours, &ours) || CPU_COUNT(&ours) != online) return false;
  for (int i = 0; i < online; i++)
    if (!CPU_ISSET(i, &ours)) return false;
  return !getenv("POCL_MAX_PTHREAD_COUNT") && !getenv("POCL_CPU_MAX_CU_COUNT");
}

void affinity_ask(void) {
  if (all_cores_are_ours()) setenv("POCL_AFFINITY", "1", 0);
}
