/* The definition of every stage that is no plain convolution: plain C, fmaf, one order of operations
 * (docs/numerics.md). */
#ifndef SEPCL_TESTS_REFERENCE_STAGES_H
#define SEPCL_TESTS_REFERENCE_STAGES_H

#include "stage/stage.h"

/* Operands at their first elements; pitches as in stage_params. */
typedef struct reference_operands {
  const float *x, *r, *s;
  float *y;
  int64_t x_pitch, r_pitch, s_pitch, y_pitch;
  const sepcl_weights *weights;
  int32_t block; /* terms in a block of a long sum: 64; a negative control sets another */
  bool swapped;  /* negative control: the first two terms of each sum change places */
} reference_operands;

/* Any stage but the convolutions of reference.h. */
void reference_stage(const stage *s, const reference_operands *o);

/* By kind; reference_stage calls these. */
void reference_pool_stage(const stage *s, const reference_operands *o);
void reference_global_pool_stage(const stage *s, const reference_operands *o);
void reference_resize_stage(const stage *s, const reference_operands *o);
void reference_norm_stage(const stage *s, const reference_operands *o);
void reference_conv_transpose_stage(const stage *s, const reference_operands *o);
void reference_deform_conv_stage(const stage *s, const reference_operands *o);
void reference_elementwise_stage(const stage *s, const reference_operands *o);
void reference_copy_stage(const stage *s, const reference_operands *o);
void reference_softmax_stage(const stage *s, const reference_operands *o);
void reference_reduce_stage(const stage *s, const reference_operands *o);
void reference_matmul_stage(const stage *s, const reference_operands *o);

/* The sum of `count` terms: serial in blocks, the blocks by a tree of neighbours. Overwrites `terms`. */
float reference_sum(float *terms, int64_t count, const reference_operands *o);
float reference_max(float best, float value);
float reference_min(float best, float value);

/* Contiguous [N][H][W][C]. */
void reference_pool(const sepcl_pool_desc *desc, const float *x, float *y);
/* `second` of x's shape, or [N][C] with per_channel; NULL for a unary function. */
void reference_elementwise(const sepcl_elementwise_desc *desc, const float *x, const float *second, float *y);

#endif
