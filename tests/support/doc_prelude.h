/* What the fragments of C in the documentation take for granted. */
#include <sepcl.h>
#include <stdio.h>
#include <stdlib.h>

extern cl_context context;
extern cl_device_id device_id;
extern cl_command_queue queue;
extern cl_event uploaded;
extern cl_mem image, result, packed_weights;
extern sepcl_device *device;
extern sepcl_op *op;
extern sepcl_graph *graph;
extern sepcl_network *network;
extern sepcl_execution *execution;
extern const float *weights, *bias, *gamma, *beta, *mean, *variance;
