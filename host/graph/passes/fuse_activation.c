/* An activation that is the only reader of a stage's output is applied before the output is stored. Exact. */
#include "graph/passes/passes.h"

#include "error.h"

static bool takes_activation(const node *n) {
  if (n->dead || n->activation.kind != SEPCL_NONE) return false;
  switch (n->kind) {
    case NODE_CONV:
    case NODE_MATMUL:
    case NODE_BATCH_NORM:
    case NODE_BINARY:
    case NODE_POOL: return true;
    default: return false;
  }
}

sepcl_status pass_fuse_activation(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *n = &graph->nodes[i];
    if (n->dead || n->kind != NODE_ACTIVATION) continue;
    sepcl_value producer = n->inputs[0];
    if (!takes_activation(&graph->nodes[producer]) || sole_consumer(graph, producer) != n) continue;
    sepcl_activation activation = n->activation;
    TRY(absorb(graph, producer, i));
    graph->nodes[i].activation = activation;
    ++*changes;
  }
  return SEPCL_OK;
}
