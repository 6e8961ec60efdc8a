/* Functions of one number, of two, and softmax. */
#include "error.h"
#include "graph/build.h"

static sepcl_status activation_rule(const sepcl_graph *graph, node *n, const sepcl_activation *activation) {
  if (activation->kind < SEPCL_NONE || activation->kind >= SEPCL_FUNCTION_COUNT)
    return failure(SEPCL_INVALID_ARGUMENT, "function %d is unknown", (int)activation->kind);
  n->activation = *activation;
  return set_shape_of(n, input_of(graph, n, 0));
}

sepcl_value sepcl_graph_activation(sepcl_graph *graph, sepcl_value x, sepcl_activation activation) {
  node *n = graph_begin(graph, NODE_ACTIVATION, &x, 1, 1);
  return n ? graph_finish(graph, activation_rule(graph, n, &activation)) : SEPCL_NO_VALUE;
}

static sepcl_status binary_rule(const sepcl_graph *graph, node *n, sepcl_binary kind) {
  if (kind < SEPCL_ADD || kind >= SEPCL_BINARY_COUNT)
    return failure(SEPCL_INVALID_ARGUMENT, "operation %d is unknown", (int)kind);
  n->mode = kind;
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  TRY(broadcast_shape(input_of(graph, n, 0), input_of(graph, n, 1), &rank, dims));
  return set_shape(n, rank, dims);
}

sepcl_value sepcl_graph_binary(sepcl_graph *graph, sepcl_binary kind, sepcl_value a, sepcl_value b) {
  node *n = graph_begin(graph, NODE_BINARY, (sepcl_value[]){a, b}, 2, 2);
  return n ? graph_finish(graph, binary_rule(graph, n, kind)) : SEPCL_NO_VALUE;
}

static sepcl_status softmax_rule(const sepcl_graph *graph, node *n, int32_t axis) {
  const node *x = input_of(graph, n, 0);
  n->axis = axis;
  TRY(resolve_axis(&n->axis, x->rank));
  return set_shape_of(n, x);
}

sepcl_value sepcl_graph_softmax(sepcl_graph *graph, sepcl_value x, int32_t axis) {
  node *n = graph_begin(graph, NODE_SOFTMAX, &x, 1, 1);
  return n ? graph_finish(graph, softmax_rule(graph, n, axis)) : SEPCL_NO_VALUE;
}
