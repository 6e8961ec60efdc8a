/* An activation that is the only reader of a stage's output is applied before the output is stored; one that reads a
 * concatenation, by the stages that make its parts. Exact. */
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

/* Whether nothing but this concatenation reads its parts, and each part's stage can apply a function. */
static bool parts_take_activation(const sepcl_graph *graph, const node *join) {
  if (join->dead || join->kind != NODE_CONCAT) return false;
  for (int32_t i = 0; i < join->input_count; i++)
    if (!takes_activation(&graph->nodes[join->inputs[i]]) || sole_consumer(graph, join->inputs[i]) != join)
      return false;
  return true;
}

sepcl_status pass_fuse_activation(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *n = &graph->nodes[i];
    if (n->dead || n->kind != NODE_ACTIVATION) continue;
    sepcl_value producer = n->inputs[0];
    const bool to_parts = parts_take_activation(graph, &graph->nodes[producer]);
    if ((!to_parts && !takes_activation(&graph->nodes[producer])) || sole_consumer(graph, producer) != n) continue;
    sepcl_activation activation = n->activation;
    TRY(absorb(graph, producer, i));
    if (!to_parts) graph->nodes[i].activation = activation;
    for (int32_t k = 0; to_parts && k < graph->nodes[i].input_count; k++)
      graph->nodes[graph->nodes[i].inputs[k]].activation = activation;
    ++*changes;
  }
  return SEPCL_OK;
}
