/* A part of the host's graph that sepcl runs as one network. */
#ifndef SEPCL_TFLITE_SUBGRAPH_H
#define SEPCL_TFLITE_SUBGRAPH_H

#include "plugin.h"
#include "tflite/abi.h"

typedef struct subgraph subgraph;

typedef struct subgraph_source {
  tfl_context *context;
  const int *producers;            /* by tensor: the node that makes it, or -1 */
  const tfl_delegate_params *part; /* its nodes in order, inputs (constants among them) and outputs */
  sepcl_device *device;
  const options *options;
} subgraph_source;

/* Translates the part and compiles it. Needs no node of the host's afterwards. */
bool subgraph_create(subgraph **out, const subgraph_source *source, char reason[REASON_SIZE]);
void subgraph_free(subgraph *s);
bool subgraph_is(const subgraph *s, const tfl_ints *nodes);
/* Whether the host's tensors still have the shapes that it was compiled for. */
bool subgraph_fits(const subgraph *s, const tfl_context *context, char reason[REASON_SIZE]);
bool subgraph_run(subgraph *s, const tfl_context *context, char reason[REASON_SIZE]);
void subgraph_counts(const subgraph *s, int *nodes, sepcl_network_info *info);

#endif
