/* What the device can do at best: multiply-adds and memory traffic. */
#ifndef TOOL_PEAK_H
#define TOOL_PEAK_H

#include <stdbool.h>

#include "sepcl.h"

typedef struct peak {
  double gflops;         /* of fma on 32-bit floats, two operations each */
  double gigabytes;      /* read and written in a second by a copy between large buffers */
  double near_gigabytes; /* the same between buffers that stay in the nearest cache: what no stage can exceed */
} peak;

/* Keeps the better of *out and what it measures: ask before and after, for other processes come and go. *out starts as
 * zeros. Takes about a twentieth of a second once its two kernels are in the cache. */
bool peak_measure(peak *out, sepcl_device *device, const sepcl_device_info *info);

#endif
