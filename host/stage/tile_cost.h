/* What a tile variant is expected to cost, for choosing among shapes before anything is measured. */
#ifndef SEPCL_TILE_COST_H
#define SEPCL_TILE_COST_H

#include "stage/stage.h"

typedef struct device_class {
  const char *name;
  bool gpu;
  uint64_t most_work_group;
  uint32_t most_units;
  bool local_is_global;
  double local_read, global_read;
} device_class;

/* The row of the built-in table that a device falls into; every device has one. */
const device_class *device_class_of(const device_limits *limits);

/* Multiply-adds of a task, those of its padding and of work that neighbours repeat included. */
double tile_work(const bound_stage *b);
/* Input pixels, the padding's included, under the tile of an inverted residual block. */
double tile_region(const bound_stage *b);
/* In multiply-adds of one compute unit; 0 where the variant has no tile. */
double tile_cost(const bound_stage *b, const device_limits *limits);

#endif
