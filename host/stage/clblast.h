/* CLBlast's matrix product as a way to compute pointwise stages whose rows lie at one pitch. Outside the promise of
 * equal bits, compiles and allocates on its own: only SEPCL_FASTEST allows it. docs/decisions/0007. */
#ifndef SEPCL_STAGE_CLBLAST_H
#define SEPCL_STAGE_CLBLAST_H

#include "stage/stage.h"

/* Stands for CLBlast where other stages have a kernel of kernels/variants.inc; never chosen by stage_bind itself.
 * Packed weights: biases [N], which CLBlast does not add, then the matrix [K][N]. */
extern const variant clblast_variant;

/* Loads CLBlast at first use; SEPCL_UNSUPPORTED with the reason where it cannot be had. Thread-safe. */
sepcl_status clblast_load(void);

/* NULL if CLBlast can compute the stage, else why not. */
const char *clblast_refuses(const stage *s);

/* y = x w, or y = y + x w for a stage with a residual, whose r is y; launch->kernel is not used. CLBlast must be
 * loaded. */
sepcl_status clblast_enqueue(const cl_api *cl, const stage_launch *launch, cl_command_queue queue,
                             const sepcl_sync *sync);

#endif
