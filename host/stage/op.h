/* What the files of the public primitives share. */
#ifndef SEPCL_OP_H
#define SEPCL_OP_H

#include "stage/stage.h"

struct sepcl_op {
  sepcl_device *device; /* lent: outlives the op */
  bound_stage bound;
  cl_kernel kernel;
  bool per_channel; /* elementwise: the second operand is [N][C] */
  /* The image over the weights of the last enqueue, where the variant reads one; and that buffer, retained. */
  cl_mem image, image_of;
  size_t image_floats;
};

/* The op of a stage; `variant` is a kernel's name or NULL. */
sepcl_status op_make(sepcl_op **out, sepcl_device *device, const stage *s, const char *variant);

/* Elementwise stages: dims and strides of operands with these pitches. */
void elementwise_set_strides(stage *s, bool per_channel, int64_t x_pitch, int64_t r_pitch, int64_t y_pitch);

#endif
