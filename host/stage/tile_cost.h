/* What a tile variant is expected to cost, for choosing among shapes before anything is measured. */
#ifndef SEPCL_TILE_COST_H
#define SEPCL_TILE_COST_H

#include "stage/stage.h"

/* Multiply-adds of a task, those of its padding and of work that neighbours repeat included. */
double tile_work(const bound_stage *b);
/* Input pixels, the padding's included, under the tile of an inverted residual block. */
double tile_region(const bound_stage *b);
/* In multiply-adds of one compute unit; 0 where the variant has no tile. */
double tile_cost(const bound_stage *b, const device_limits *limits);

#endif
