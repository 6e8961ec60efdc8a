/* y = conv(x) + r: the addition moves into the convolution, which adds r before it stores. Exact: the same rounding at
 * the same place. Where both operands are convolutions, the one made later takes the other as its residual. A product
 * with a channel scale stays with the addition, which multiplies as it reads (fuse_scale.c). */
#include "graph/passes/passes.h"

#include "error.h"

static bool takes_residual(const sepcl_graph *graph, sepcl_value value, const node *sum) {
  const node *n = graph_node(graph, value);
  if (n->dead || n->kind != NODE_CONV || n->activation.kind != SEPCL_NONE || n->residual != SEPCL_NO_VALUE)
    return false;
  return same_shape(n, sum) && sole_consumer(graph, value) == sum;
}

sepcl_status pass_fuse_residual(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *sum = &graph->nodes[i];
    if (sum->dead || sum->kind != NODE_BINARY || sum->mode != SEPCL_ADD) continue;
    sepcl_value later = sum->inputs[0] > sum->inputs[1] ? sum->inputs[0] : sum->inputs[1];
    sepcl_value earlier = sum->inputs[0] > sum->inputs[1] ? sum->inputs[1] : sum->inputs[0];
    if (later == earlier) continue;
    sepcl_value producer = takes_residual(graph, later, sum) ? later : earlier;
    sepcl_value other = producer == later ? earlier : later;
    if (!takes_residual(graph, producer, sum) || !same_shape(graph_node(graph, other), sum)) continue;
    if (is_scaled_for(graph, other, sum)) continue;
    sepcl_activation after = sum->activation;
    TRY(absorb(graph, producer, i));
    uses_forget(graph, i);
    graph->nodes[i].residual = other;
    uses_add(graph, i);
    graph->nodes[i].activation = after;
    ++*changes;
  }
  return SEPCL_OK;
}
