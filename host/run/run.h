/* What the files of host/run share. */
#ifndef SEPCL_RUN_H
#define SEPCL_RUN_H

#include "run/adapt.h"
#include "run/network.h"

/* network.c: a network that is planned, with stages that may still be bound otherwise (plan_weights again, then); and
 * the rest of its way to one that executes. */
sepcl_status network_lay_out(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                             const sepcl_network_options *options);
sepcl_status network_finish(sepcl_network *network);

/* tune.c: what options.tuning asks for before a network is compiled. */
sepcl_status tune_unless_known(sepcl_device *device, const sepcl_graph *graph, const sepcl_network_options *options);

/* network.c: the programs of a launch per stage. */
sepcl_status build_stage_programs(sepcl_network *network);

/* network.c: the kernels of its stages, each once; `used` has room for as many as there are steps. */
int32_t used_kernels(const sepcl_network *network, kernel_form *used);
int32_t kernel_index(const kernel_form *used, int32_t count, kernel_form form); /* -1: not among them */

/* weights.c: where each step's packed weights and each constant operand lie; then the buffer itself. */
void plan_weights(sepcl_network *network);
sepcl_status upload_weights(sepcl_network *network);
/* Takes other kernels for stages that would read the weights as an image, where the device's images are too small for
 * all weights together. */
sepcl_status settle_image(sepcl_network *network);

/* Not a view, and not CLBlast's: the step has a kernel of kernels/variants.inc. */
bool has_kernel(const step *p);

/* dependencies.c: the steps that step i must wait for are steps[first[i]] ... steps[first[i + 1] - 1]. */
typedef struct dependency_list {
  int32_t *first, *steps;
} dependency_list;
sepcl_status find_dependencies(dependency_list *out, const sepcl_network *network);
void free_dependencies(dependency_list *list);

/* one_launch.c: the whole network as one kernel, NULL where it cannot be. */
typedef struct one_launch one_launch;
/* The network's kernel; its program is built on first need and shared. */
sepcl_status one_launch_program(cl_kernel *out, const sepcl_network *network);
sepcl_status one_launch_create(one_launch **out, sepcl_execution *execution);
void one_launch_free(one_launch *launch, const cl_api *cl);
/* With one worker or with all (see adapt.h). */
sepcl_status one_launch_enqueue(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                                const sepcl_sync *sync);
/* NULL if the network can run in one launch on its device, else why not. */
const char *one_launch_refuses(const sepcl_network *network);

/* recorded.c: the launches as one command buffer. */
typedef struct recorded recorded;
/* NULL if the network's device has command buffers, else why the network cannot be replayed by one. */
const char *recorded_refuses(const sepcl_network *network);
sepcl_status recorded_create(recorded **out, const sepcl_network *network);
void recorded_free(recorded *r, const sepcl_network *network);
/* False where the driver would not: the launches must then be enqueued one by one. */
bool recorded_enqueue(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                      const sepcl_sync *sync);

struct sepcl_execution {
  sepcl_network *network;
  one_launch *one;    /* NULL: a launch per stage, */
  recorded *recorded; /* and, unless NULL, all of them recorded */
  adapt workers;      /* of the one launch */
  cl_mem arena;
  cl_kernel *kernels; /* kernel_sets times per step; NULL for views */
  int32_t kernel_sets;
  cl_command_queue queue, profiling_queue; /* made by sepcl_execution_run and _profile, when first needed */
  cl_mem *io;                              /* sepcl_execution_run's own buffers: inputs, then outputs */
};

/* Inputs, then outputs. */
static inline int32_t io_count(const sepcl_network *network) {
  return network->graph->input_count + network->graph->output_count;
}
/* The buffer that an operand's root lies in; adds where it begins, in a part of the batch, to *at, in floats. NULL
 * where there is no operand. */
cl_mem locate_operand(const sepcl_execution *execution, int32_t part, const sepcl_operand *io, const place *operand,
                      params_long *at);
/* Step `index`'s kernel and all that it is given in a part of the batch. */
stage_launch locate_step(const sepcl_execution *execution, int32_t part, int32_t index, const sepcl_operand *io);
/* Of all parts together. */
size_t io_elements(const sepcl_network *network, int32_t index);

#endif
