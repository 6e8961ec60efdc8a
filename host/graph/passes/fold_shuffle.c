/* A channel shuffle is a reshape that splits the channels, a transpose of the two parts and a reshape that joins them.
 * It becomes a permutation. Where 1x1 convolutions read it, they read each channel where it lies (read_shuffled.c),
 * also where values that were shuffled alike are added (fold_alike.c); else the convolution before it stores each
 * output channel at its permuted place: no launch, no copy, and no sum is reordered. A shuffle of a concatenation of
 * equal parts into as many interleaves them: convolutions among them store their channels that far apart, anything else
 * (ShuffleNet v2's untouched half) is copied once. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/passes.h"
#include "graph/passes/shuffle.h"

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

sepcl_value shuffled_from(const sepcl_graph *graph, sepcl_value joined, int64_t *parts) {
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

/* c = part * size + i moves to i * parts + part. */
int32_t *shuffle_order(int64_t channels, int64_t parts) {
  int32_t *order = malloc((size_t)channels * sizeof *order);
  int64_t size = channels / parts;
  for (int64_t c = 0; order && c < channels; c++) order[c] = (int32_t)(c % size * parts + c / size);
  return order;
}

/* The concatenation of `parts` equal values along the channels that the shuffle at `joined` alone reads. */
bool interleaves(const sepcl_graph *graph, const node *n, int64_t parts) {
  if (n->dead || n->kind != NODE_CONCAT || n->axis != n->rank - 1 || n->input_count != parts || n->interleaved)
    return false;
  for (int32_t i = 0; i < n->input_count; i++)
    if (node_channels(graph_node(graph, n->inputs[i])) * parts != node_channels(n)) return false;
  return true;
}

static bool takes_order(const node *n) {
  return !n->dead && n->kind == NODE_CONV && !n->output_order && n->residual == SEPCL_NO_VALUE;
}

bool stores_in_order(const sepcl_graph *graph, const node *n) { return takes_order(n) && !node_is_depthwise(graph, n); }

static sepcl_status interleave(sepcl_graph *graph, sepcl_value producer, sepcl_value joined) {
  TRY(absorb(graph, producer, joined));
  node *join = graph_node(graph, joined);
  join->interleaved = true;
  for (int32_t k = 0; k < join->input_count; k++) {
    node *part = graph_node(graph, join->inputs[k]);
    if (!stores_in_order(graph, part) || sole_consumer(graph, join->inputs[k]) != join) continue;
    int32_t channels = (int32_t)node_channels(part);
    part->output_order = malloc((size_t)channels * sizeof *part->output_order);
    if (!part->output_order) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
    for (int32_t c = 0; c < channels; c++) part->output_order[c] = c * join->input_count + k;
    part->scattered = true;
  }
  return SEPCL_OK;
}

/* At the reader's end, or at the producer's. */
static sepcl_status reorder(sepcl_graph *graph, sepcl_value producer, sepcl_value joined, int64_t parts) {
  int32_t *order = shuffle_order(node_channels(graph_node(graph, joined)), parts);
  if (!order) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
  if (reader_takes_order(graph, joined)) {
    sepcl_status status = read_in_order(graph, producer, joined, order);
    free(order);
    return status;
  }
  sepcl_status status = absorb(graph, producer, joined);
  if (status == SEPCL_OK)
    graph->nodes[joined].output_order = order;
  else
    free(order);
  return status;
}

/* A model's reader gives each node that reads a reshaped value a reshape of its own: of equal ones the first stays, so
 * that a shuffle that several nodes read is seen as one. same[i]: what stands for value i; latest[i]: the reshape that
 * was found last among those of value i. */
static void merge_reshapes(sepcl_graph *graph, sepcl_value *same, sepcl_value *latest) {
  for (int32_t i = 0; i < graph->count; i++) {
    node *n = &graph->nodes[i];
    same[i] = i;
    latest[i] = SEPCL_NO_VALUE;
    if (n->dead) continue;
    uses_forget(graph, i);
    for (int32_t k = 0; k < n->input_count; k++)
      if (n->inputs[k] != SEPCL_NO_VALUE) n->inputs[k] = same[n->inputs[k]];
    uses_add(graph, i);
    if (n->kind != NODE_RESHAPE || graph_has_output(graph, i)) continue;
    const sepcl_value x = n->inputs[0];
    if (latest[x] != SEPCL_NO_VALUE && same_shape(&graph->nodes[latest[x]], n))
      same[i] = latest[x];
    else
      latest[x] = i;
  }
}

static sepcl_status share_reshapes(sepcl_graph *graph) {
  sepcl_value *block = malloc(2 * ((size_t)graph->count + 1) * sizeof *block);
  if (!block) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding channel shuffles");
  merge_reshapes(graph, block, block + graph->count + 1);
  free(block);
  remove_unread(graph);
  return SEPCL_OK;
}

sepcl_status pass_fold_shuffle(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  TRY(share_reshapes(graph));
  for (int32_t i = 0; i < graph->count; i++) TRY(fold_passed_through(graph, i, changes));
  for (int32_t i = 0; i < graph->count; i++) TRY(fold_alike(graph, i, changes));
  for (int32_t i = 0; i < graph->count; i++) {
    int64_t parts = 1;
    sepcl_value producer = shuffled_from(graph, i, &parts);
    if (producer == SEPCL_NO_VALUE) continue;
    const node *n = graph_node(graph, producer);
    const bool alone = value_uses(graph, producer) == 1, read = reader_takes_order(graph, i);
    if (!read && alone && interleaves(graph, n, parts))
      TRY(interleave(graph, producer, i));
    else if (read || (alone && stores_in_order(graph, n)))
      TRY(reorder(graph, producer, i, parts));
    else
      continue;
    ++*changes;
  }
  return SEPCL_OK;
}
