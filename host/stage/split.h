/* Cutting a stage's work into tasks. */
#ifndef SEPCL_SPLIT_H
#define SEPCL_SPLIT_H

#include "stage/stage.h"

/* Sets params->tasks for `units` equal units (common.cl's FOR_UNITS) that read and write about `floats` in all. */
void split_units(stage_params *params, int64_t units, int64_t floats, const variant *v, const device_limits *limits);

#endif
