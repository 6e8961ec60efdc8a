/* Batch norm after a convolution becomes part of its weights, folded in double precision when they are packed. A matrix
 * product's and a convolution's batch norm are the same thing. Rounds each weight and bias once, anew. */
#include "graph/passes/passes.h"

#include "error.h"

static bool folds_into(const sepcl_graph *graph, const node *n) {
  if (n->dead || (n->kind != NODE_CONV && n->kind != NODE_MATMUL)) return false;
  if (n->activation.kind != SEPCL_NONE || n->residual != SEPCL_NO_VALUE) return false;
  if (n->set_count) return n->sets[0].variance == SEPCL_NO_VALUE;
  return n->kind == NODE_MATMUL ? node_is_fully_connected(graph, n) : is_constant(graph, n->inputs[1]);
}

sepcl_status pass_fold_batch_norm(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  if (options->keep_batch_norm) return SEPCL_OK;
  for (int32_t i = 0; i < graph->count; i++) {
    node *norm = &graph->nodes[i];
    if (norm->dead || norm->kind != NODE_BATCH_NORM) continue;
    sepcl_value producer = norm->inputs[0];
    node *conv = graph_node(graph, producer);
    if (!folds_into(graph, conv) || sole_consumer(graph, producer) != norm) continue;
    uses_forget(graph, producer);
    ensure_weight_set(conv);
    weight_set *set = &conv->sets[0];
    set->gamma = norm->inputs[1];
    set->beta = norm->inputs[2];
    set->mean = norm->inputs[3];
    set->variance = norm->inputs[4];
    set->epsilon = norm->epsilon;
    uses_add(graph, producer);
    sepcl_activation after = norm->activation;
    TRY(absorb(graph, producer, i));
    graph->nodes[i].activation = after;
    ++*changes;
  }
  return SEPCL_OK;
}
