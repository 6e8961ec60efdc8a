/* A channel shuffle whose only reader is a 1x1 convolution, perhaps behind depthwise convolutions and activations,
 * needs no one to move a channel: the 1x1 convolution reads each input where it lies, which costs it nothing, and what
 * stands between works on the channels in the order in which they are stored, depthwise weights being permuted. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/channels.h"
#include "graph/passes/shuffle.h"

static bool is_plain(const node *n) { return n->residual == SEPCL_NO_VALUE && n->scale == SEPCL_NO_VALUE; }

bool is_mappable(const sepcl_graph *graph, const node *n, sepcl_value x) {
  const sepcl_window *w = &n->conv.window;
  return n->kind == NODE_CONV && n->inputs[0] == x && is_plain(n) && !n->input_order &&
         is_constant(graph, node_weight_set(n).weights) && w->kernel_h == 1 && w->kernel_w == 1 && !w->pad_top &&
         !w->pad_left && !w->pad_bottom && !w->pad_right && !node_is_depthwise(graph, n);
}

static bool is_constant_or_absent(const sepcl_graph *graph, sepcl_value value) {
  return value == SEPCL_NO_VALUE || is_constant(graph, value);
}

/* Each channel's output depends on that channel alone, by constants that can be permuted with it. */
static bool keeps_channels_apart(const sepcl_graph *graph, const node *n, sepcl_value x) {
  if (n->inputs[0] != x || !is_plain(n)) return false;
  if (n->kind == NODE_ACTIVATION) return n->input_count == 1;
  if (!node_is_depthwise(graph, n) || n->conv.outputs != n->conv.groups || n->output_order) return false;
  const weight_set s = node_weight_set(n);
  return is_constant(graph, s.weights) && is_constant_or_absent(graph, s.bias);
}

/* The 1x1 convolution at the end of the chain of only readers that starts at n, or NULL. */
static node *mapped_reader(const sepcl_graph *graph, node *n, sepcl_value value) {
  while (n && keeps_channels_apart(graph, n, value)) {
    value = (sepcl_value)(n - graph->nodes);
    n = sole_consumer(graph, value);
  }
  return n && is_mappable(graph, n, value) ? n : NULL;
}

bool chain_takes_order(const sepcl_graph *graph, sepcl_value reader, sepcl_value shuffled) {
  return mapped_reader(graph, graph_node(graph, reader), shuffled) != NULL;
}

bool reader_takes_order(const sepcl_graph *graph, sepcl_value shuffled) {
  return mapped_reader(graph, sole_consumer(graph, shuffled), shuffled) != NULL;
}

/* Depthwise convolutions from `reader` on see stored channel i, which the shuffle moves to order[i]. */
static sepcl_status permute_chain(sepcl_graph *graph, sepcl_value reader, sepcl_value value, int32_t *order) {
  for (const node *n = graph_node(graph, reader); keeps_channels_apart(graph, n, value);) {
    value = (sepcl_value)(n - graph->nodes);
    if (n->kind == NODE_CONV) TRY(channels_permute(graph, value, order)); /* moves the graph's nodes */
    n = sole_consumer(graph, value);
  }
  return SEPCL_OK;
}

sepcl_status read_in_order(sepcl_graph *graph, sepcl_value producer, sepcl_value shuffled, int32_t *order) {
  const sepcl_value reader = (sepcl_value)(sole_consumer(graph, shuffled) - graph->nodes);
  return chain_reads_in_order(graph, reader, producer, shuffled, order);
}

sepcl_status chain_reads_in_order(sepcl_graph *graph, sepcl_value at, sepcl_value producer, sepcl_value shuffled,
                                  int32_t *order) {
  node *reader = mapped_reader(graph, graph_node(graph, at), shuffled);
  const int32_t channels = (int32_t)node_channels(graph_node(graph, shuffled));
  reader->input_order = malloc((size_t)channels * sizeof *reader->input_order);
  if (!reader->input_order) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
  for (int32_t c = 0; c < channels; c++) reader->input_order[order[c]] = c;
  TRY(permute_chain(graph, at, shuffled, order));
  uses_forget(graph, at);
  graph_node(graph, at)->inputs[0] = producer;
  uses_add(graph, at);
  return SEPCL_OK;
}
