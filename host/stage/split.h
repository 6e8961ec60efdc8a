/* Cutting a stage's work into tasks. */
#ifndef SEPCL_SPLIT_H
#define SEPCL_SPLIT_H

#include "stage/stage.h"

static inline int32_t ceil_div(int64_t a, int64_t b) { return (int32_t)((a + b - 1) / b); }

/* Into how many tasks to cut `work` where `task_work` keeps a compute unit busy for long enough: a multiple of the
 * units, so that they finish together, or 1. What tuning asks for comes first. */
int64_t wanted_tasks(int64_t work, int64_t task_work, const device_limits *limits);

/* Sets params->tasks for `units` equal units (common.cl's FOR_UNITS) that read and write about `floats` in all. */
void split_units(stage_params *params, int64_t units, int64_t floats, const variant *v, const device_limits *limits);

#endif
