/* Weights as their owner has them, read one at a time in any layout, with batch norm folded in. */
#ifndef SEPCL_PACK_H
#define SEPCL_PACK_H

#include "stage/stage.h"

typedef struct weight_reader {
  const sepcl_weights *set;
  int32_t outputs, inputs, kernel_h, kernel_w; /* inputs of one group */
} weight_reader;

/* Output o's factor by batch norm, in double precision; 1 without one. */
double weight_factor(const weight_reader *reader, int32_t o);
/* Weight (o, ky, kx, i) times `factor`, rounded once. NULL weights are ones. */
float weight_at(const weight_reader *reader, double factor, int32_t o, int32_t ky, int32_t kx, int32_t i);
/* Never -0: then a skipped tap and a tap of zero leave the same bits. */
float weight_bias(const weight_reader *reader, double factor, int32_t o);

/* Panels of v->nr outputs, a group's last one as many vectors as it needs: biases, then weights for each (ky, kx, i);
 * groups one after another; tails zero. */
size_t panels_floats(const weight_reader *reader, int32_t groups, const variant *v);
void panels_pack(const weight_reader *reader, int32_t groups, const variant *v, float *packed);
/* The same, but of groups of at least v->vec outputs the last vector is whole and overlaps the one before: tile.cl's
 * `overlaps`, of the row family. */
void panels_pack_overlapping(const weight_reader *reader, int32_t groups, const variant *v, float *packed);

/* Cuts `groups x images` products of `rows` x `panels` into tasks: split as kernels/gemm.cl has it. */
void split_product(const variant *v, const device_limits *limits, stage_params *params);

#endif
