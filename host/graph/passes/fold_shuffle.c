/* A channel shuffle is a reshape that splits the channels, a transpose of the two parts and a reshape that joins them. It
 * becomes a permutation, and the convolution before it stores each output channel at its permuted place: no launch, no
 * copy, and no sum is reordered. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/passes.h"

/* Splits the last axis of x in two, others kept. */
static bool splits_channels(const node *n, const node *x) {
  if (n->dead || n->kind != NODE_RESHAPE || n->rank != x->rank + 1) return false;
  for (int32_t i = 0; i < x->rank - 1; i++)
    if (n->dims[i] != x->dims[i]) return false;
  return true;
}

static bool swaps_last_two(const node *n) {
  if (n->dead || n->kind != NODE_TRANSPOSE) return false;
  for (int32_t i = 0; i < n->rank - 2; i++)
    if (n->permutation[i] != i) return false;
  return n->permutation[n->rank - 1] == n->rank - 2;
}

/* The value before the shuffle that `joined` ends, or SEPCL_NO_VALUE. *parts: into how many the channels are split. */
static sepcl_value shuffled_from(const sepcl_graph *graph, sepcl_value joined, int64_t *parts) {
  const node *join = graph_node(graph, joined);
  if (join->dead || join->kind != NODE_RESHAPE || join->rank < 1) return SEPCL_NO_VALUE;
  const node *swap = graph_node(graph, join->inputs[0]);
  if (!swaps_last_two(swap) || sole_consumer(graph, join->inputs[0]) != join) return SEPCL_NO_VALUE;
  const node *split = graph_node(graph, swap->inputs[0]);
  if (split->kind != NODE_RESHAPE || sole_consumer(graph, swap->inputs[0]) != swap) return SEPCL_NO_VALUE;
  const node *x = graph_node(graph, split->inputs[0]);
  if (!splits_channels(split, x) || !same_shape(x, join)) return SEPCL_NO_VALUE;
  *parts = split->dims[split->rank - 2];
  return split->inputs[0];
}

/* Where each channel goes: c = part * size + i moves to i * parts + part. */
static int32_t *shuffle_order(int64_t channels, int64_t parts) {
  int32_t *order = malloc((size_t)channels * sizeof *order);
  int64_t size = channels / parts;
  for (int64_t c = 0; order && c < channels; c++) order[c] = (int32_t)(c % size * parts + c / size);
  return order;
}

static bool takes_order(const node *n) {
  return !n->dead && n->kind == NODE_CONV && !n->output_order && n->residual == SEPCL_NO_VALUE;
}

sepcl_status pass_fold_shuffle(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    int64_t parts = 1;
    sepcl_value producer = shuffled_from(graph, i, &parts);
    if (producer == SEPCL_NO_VALUE || !takes_order(graph_node(graph, producer))) continue;
    if (node_is_depthwise(graph, graph_node(graph, producer)) || value_uses(graph, producer) != 1) continue;
    int32_t *order = shuffle_order(node_channels(graph_node(graph, i)), parts);
    if (!order) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
    TRY(absorb(graph, producer, i));
    graph->nodes[i].output_order = order;
    ++*changes;
  }
  return SEPCL_OK;
}
