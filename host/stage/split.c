#include "stage/split.h"

/* A task moves about 64 KiB, some 5 microseconds of a core; more than MAX_TASKS_PER_UNIT tasks balance no better. Work
 * of less than a SHARED_PART of a task takes no longer than to tell another core of it. */
enum { TASK_FLOATS = 16384, MAX_TASKS_PER_UNIT = 16, SHARED_PART = 8, MAX_GROUPS = 1 << 16 };

static int64_t at_most(int64_t value, int64_t limit) { return value < limit ? value : limit; }

int64_t wanted_tasks(int64_t work, int64_t task_work, const device_limits *limits) {
  if (limits->tasks) return limits->tasks;
  if (work < task_work / SHARED_PART) return 1;
  const int64_t units = limits->compute_units ? limits->compute_units : 1;
  const int64_t rounds = (work / task_work + units) / units;
  return at_most(rounds, MAX_TASKS_PER_UNIT) * units;
}

void split_units(stage_params *params, int64_t units, int64_t floats, const variant *v, const device_limits *limits) {
  if (v->local > 1 || limits->gpu) {
    params->tasks = (params_int)at_most((units + v->local - 1) / v->local, MAX_GROUPS);
    return;
  }
  params->tasks = (params_int)at_most(wanted_tasks(floats, TASK_FLOATS, limits), units);
}
