/* The host's graph, asked for once and kept as plain arrays. Everything in it is lent by the host and gone after the
 * call in which it was read. */
#ifndef SEPCL_ORT_HOST_GRAPH_H
#define SEPCL_ORT_HOST_GRAPH_H

#include "onnxruntime/abi.h"
#include "plugin.h"

typedef struct host_value {
  const char *name;
  int type;                     /* ONNX's number; 0: no tensor */
  int rank;                     /* -1: unknown, or more than sepcl has */
  int64_t dims[SEPCL_MAX_RANK]; /* -1: unknown */
  bool stated;                  /* the rank is the host's, not the reader's */
  const ort_value *constant;
  int producer; /* a node, or -1 */
  bool is_output;
} host_value;

typedef struct host_node {
  const ort_node *node;
  size_t id; /* as the file numbers them, where the host did not change them */
  const char *name, *operation, *domain;
  int *inputs, input_count; /* values; -1: left out; those that only the graphs inside of it read come last */
  int *outputs, output_count;
} host_node;

typedef struct host_graph {
  const ort_api *api;
  bool tells_ranks; /* the host tells a number from a tensor of unknown rank */
  int64_t opset;
  bool is_inner;    /* of a branch or loop: it reads values of the graph around it */
  host_node *nodes; /* none before those whose outputs it reads */
  int node_count;
  host_value *values;
  int value_count, value_capacity;
  void *names; /* of values, for tsearch */
} host_graph;

/* True if the status is none; else its message goes to `reason`. Releases it. */
bool succeeded(const ort_api *api, ort_status *status, char reason[REASON_SIZE]);

bool host_graph_read(host_graph *out, const ort_api *api, bool tells_ranks, const ort_graph *graph,
                     char reason[REASON_SIZE]);
void host_graph_free(host_graph *g);
/* The values that a node reads or makes, by their index; -1 where one is left out. The caller frees *out. */
bool host_graph_inputs(host_graph *g, const ort_node *node, int **out, int *count, char reason[REASON_SIZE]);
bool host_graph_outputs(host_graph *g, const ort_node *node, int **out, int *count, char reason[REASON_SIZE]);

#endif
