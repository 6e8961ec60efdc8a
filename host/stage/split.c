#include "stage/split.h"

/* A task moves about 64 KiB, some 5 microseconds of a core; more than MAX_TASKS_PER_UNIT tasks balance no better. */
enum { TASK_FLOATS = 16384, MAX_TASKS_PER_UNIT = 16, MAX_GROUPS = 1 << 16 };

static int64_t at_most(int64_t value, int64_t limit) { return value < limit ? value : limit; }

void split_units(stage_params *params, int64_t units, int64_t floats, const variant *v, const device_limits *limits) {
  if (v->local > 1 || limits->gpu) {
    params->tasks = (params_int)at_most((units + v->local - 1) / v->local, MAX_GROUPS);
    return;
  }
  int64_t cores = limits->compute_units ? limits->compute_units : 1;
  int64_t wanted = at_most(floats / TASK_FLOATS + 1, cores * MAX_TASKS_PER_UNIT);
  if (limits->tasks) wanted = limits->tasks;
  if (wanted > 1) wanted = (wanted + cores - 1) / cores * cores;
  params->tasks = (params_int)at_most(wanted, units);
}
