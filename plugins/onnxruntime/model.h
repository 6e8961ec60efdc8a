/* A part of the host's graph as the bytes of an ONNX model, so that sepcl's reader, with its table of operations and
 * its checks, is the only translation. */
#ifndef SEPCL_ORT_MODEL_H
#define SEPCL_ORT_MODEL_H

#include "onnxruntime/host_graph.h"

/* Nodes and values by their index in the host's graph. */
typedef struct model_part {
  int *nodes, node_count; /* in order */
  int *inputs, input_count;
  int *outputs, output_count; /* one that is not of floats is cast to them */
} model_part;

/* *bytes is to be freed with free(). Unknown dimensions stay open. */
bool model_pack(const host_graph *g, const model_part *part, uint8_t **bytes, size_t *size, char reason[REASON_SIZE]);

#endif
