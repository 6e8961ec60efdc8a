/* What the library measures with. */
#ifndef SEPCL_CLOCK_H
#define SEPCL_CLOCK_H

#include <time.h>

static inline double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds since some start; never goes back. */
static inline double seconds_now(void) { return seconds_of(CLOCK_MONOTONIC); }

/* Seconds that all threads of this process together spent on cores. */
static inline double cpu_seconds_now(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

#endif
