/* What the files of host/run share. */
#ifndef SEPCL_RUN_H
#define SEPCL_RUN_H

#include "run/network.h"

/* weights.c: where each step's packed weights and each constant operand lie; then the buffer itself. */
void plan_weights(sepcl_network *network);
sepcl_status upload_weights(sepcl_network *network);

struct sepcl_execution {
  sepcl_network *network;
  cl_mem arena;
  cl_kernel *kernels; /* per step; NULL for views */
  cl_command_queue queue, profiling_queue; /* made by sepcl_execution_run and _profile, when first needed */
  cl_mem *io;         /* sepcl_execution_run's own buffers: inputs, then outputs */
};

/* Inputs, then outputs. */
static inline int32_t io_count(const sepcl_network *network) {
  return network->graph->input_count + network->graph->output_count;
}
size_t io_elements(const sepcl_network *network, int32_t index);

#endif
