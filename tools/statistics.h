/* Order statistics of a few measurements. */
#ifndef TOOL_STATISTICS_H
#define TOOL_STATISTICS_H

#include <stddef.h>

typedef struct statistics {
  double min, median, p90, p99;
} statistics;

/* Sorts `values`, of which there is at least one. A percentile between two values is interpolated. */
statistics statistics_of(double *values, size_t count);

/* Milliseconds of a clock that never goes backwards. */
double now_ms(void);

#endif
