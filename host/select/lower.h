/* Lowering: graph nodes to stages. One function a node kind in lower_*.c; what they share is here. */
#ifndef SEPCL_LOWER_H
#define SEPCL_LOWER_H

#include "run/network.h"

/* A step for `value` with its stage zeroed (window {1,..}), y set to the value's place; NULL: out of memory. */
step *lower_begin(sepcl_network *network, sepcl_value value, stage_kind kind);
/* Sets an operand to the place of a value. */
void lower_read(const sepcl_network *network, place *operand, sepcl_value value);
/* An operand that must be contiguous: a copy step comes before when it is not. */
sepcl_status lower_read_contiguous(sepcl_network *network, place *operand, sepcl_value value);

/* A copy of `count` elements laid out by dims: y[y_first + sum i*y_stride] = x[x_first + sum i*x_stride]. Merges axes.
 */
typedef struct strided_copy {
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK], x_stride[SEPCL_MAX_RANK], y_stride[SEPCL_MAX_RANK];
  int64_t x_first, y_first;
  const char *reason; /* why it cannot be a view; static */
} strided_copy;
sepcl_status lower_copy(sepcl_network *network, sepcl_value value, const place *x, const place *y,
                        const strided_copy *copy);

/* Strides of a value seen with the dims of `out`: missing and unit axes broadcast. */
void broadcast_strides(const node *out, const node *n, const place *at, int64_t strides[SEPCL_MAX_RANK]);

/* Merges neighbouring axes that all operands walk in one stride, and drops axes of one element. */
void merge_axes(stage *s);

/* lower_clblast.c: hands the pointwise step that was added last to CLBlast, where the options allow it and it is asked
 * for or was measured to win. clblast_race.c: the measurement; without may_measure only what the device's cache
 * remembers under clblast_key. */
sepcl_status offer_to_clblast(sepcl_network *network, sepcl_value value);
enum { CLBLAST_KEY = 1000 };
void clblast_key(char key[CLBLAST_KEY], const sepcl_device *device, const sepcl_gemm_desc *shape);
sepcl_status clblast_wins(bool *wins, sepcl_device *device, const sepcl_gemm_desc *shape, bool may_measure);

sepcl_status lower_conv(sepcl_network *network, sepcl_value value);
sepcl_status lower_conv_transpose(sepcl_network *network, sepcl_value value);
sepcl_status lower_deform_conv(sepcl_network *network, sepcl_value value);
sepcl_status lower_batch_norm(sepcl_network *network, sepcl_value value);
sepcl_status lower_norm(sepcl_network *network, sepcl_value value);
sepcl_status lower_elementwise(sepcl_network *network, sepcl_value value);
sepcl_status lower_pool(sepcl_network *network, sepcl_value value);
sepcl_status lower_reduce(sepcl_network *network, sepcl_value value);
sepcl_status lower_matmul(sepcl_network *network, sepcl_value value);
sepcl_status lower_concat(sepcl_network *network, sepcl_value value);
sepcl_status lower_slice(sepcl_network *network, sepcl_value value);
sepcl_status lower_pad(sepcl_network *network, sepcl_value value);
sepcl_status lower_reshape(sepcl_network *network, sepcl_value value);
sepcl_status lower_transpose(sepcl_network *network, sepcl_value value);
sepcl_status lower_expand(sepcl_network *network, sepcl_value value);
sepcl_status lower_gather(sepcl_network *network, sepcl_value value);
/* After all nodes: how many concatenations and splits are views, in a line of the passes' report. */
void report_views(sepcl_network *network);
sepcl_status lower_softmax(sepcl_network *network, sepcl_value value);
sepcl_status lower_resize(sepcl_network *network, sepcl_value value);

#endif
