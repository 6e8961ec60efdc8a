/* What the library measures with. */
#ifndef SEPCL_CLOCK_H
#define SEPCL_CLOCK_H

#include <time.h>

/* Seconds since some start; never goes back. */
static inline double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
