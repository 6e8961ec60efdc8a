/* An analytical cost model: what a bound stage is expected to take, before anything is measured. */
#ifndef SEPCL_COST_H
#define SEPCL_COST_H

#include "stage/stage.h"

/* What a device does in a second with all of its units. */
typedef struct device_rates {
  double macs;        /* multiply-adds of 32-bit floats: half its measured peak */
  double far_bytes;   /* read and written, to and from memory */
  double near_bytes;  /* the same in the nearest cache */
  double cache_bytes; /* of all nearest caches together */
  double launch;      /* seconds, of a launch of its own */
} device_rates;

/* Without measurements: the balance of a core as they are today. Good for ranking, not for milliseconds. */
device_rates rates_of_limits(const device_limits *limits);

/* Seconds of the stage with all units; `launched` adds a launch of its own. */
double stage_seconds(const bound_stage *b, const device_rates *rates, const device_limits *limits, bool launched);

/* What the stage reads and writes, each operand once. */
double stage_bytes(const bound_stage *b);

#endif
