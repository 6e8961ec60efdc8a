/* Depthwise kernels often train to nothing. A channel between two convolutions whose value is provably constant is
 * removed from the one that makes it and the one that reads it; where a depthwise convolution makes it, from the
 * convolution before that one too. A zero is exact: a product with zero adds nothing to a sum that starts at a bias
 * that is never -0. Another constant enters the reader's bias, which changes its rounding: only under SEPCL_FASTEST,
 * and only where no padding lets an output see less of it. */
#include <stdlib.h>

#include "error.h"
#include "graph/passes/bounds.h"
#include "graph/passes/channels.h"
#include "graph/passes/passes.h"

/* maker -> reader, the only one; with a depthwise maker expand -> maker -> reader. */
typedef struct link {
  sepcl_value expand, maker, reader; /* expand: SEPCL_NO_VALUE without a depthwise maker */
} link;

static bool is_conv(const sepcl_graph *graph, const node *n) {
  return n && !n->dead && n->kind == NODE_CONV && n->rank == 4 && is_constant(graph, node_weight_set(n).weights);
}

/* Its outputs can be taken away one by one. */
static bool can_lose_outputs(const sepcl_graph *graph, const node *n) {
  return is_conv(graph, n) && n->conv.groups == 1 && n->residual == SEPCL_NO_VALUE;
}

static bool can_lose_inputs(const sepcl_graph *graph, const node *n, sepcl_value x) {
  return is_conv(graph, n) && n->conv.groups == 1 && n->inputs[0] == x && n->residual != x &&
         n->scale == SEPCL_NO_VALUE;
}

static bool find_link(link *out, const sepcl_graph *graph, sepcl_value value) {
  const node *maker = graph_node(graph, value), *reader = sole_consumer(graph, value);
  if (!is_conv(graph, maker) || !can_lose_inputs(graph, reader, value)) return false;
  *out = (link){SEPCL_NO_VALUE, value, (sepcl_value)(reader - graph->nodes)};
  if (can_lose_outputs(graph, maker)) return true;
  if (!node_is_depthwise(graph, maker) || maker->conv.outputs != maker->conv.groups) return false;
  if (maker->residual != SEPCL_NO_VALUE || maker->scale != SEPCL_NO_VALUE || maker->output_order) return false;
  out->expand = maker->inputs[0];
  return can_lose_outputs(graph, graph_node(graph, out->expand)) && sole_consumer(graph, out->expand) == maker;
}

static bool takes_constants(const node *reader, const sepcl_network_options *options) {
  const sepcl_window *w = &reader->conv.window;
  return options->policy == SEPCL_FASTEST && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
}

/* Which channels stay; how many of the others are not zero. */
static int32_t choose(channel_list *list, const sepcl_graph *graph, sepcl_value reader, const interval *channels,
                      bool constants) {
  int32_t nonzero = 0;
  for (int32_t c = 0; c < list->total; c++) {
    const bool constant = channels[c].low == channels[c].high, zero = constant && channels[c].low == 0;
    if ((zero || (constant && constants)) && channel_reader_is_finite(graph, reader, c))
      nonzero += !zero;
    else
      list->kept[list->count++] = c;
  }
  if (list->count) return nonzero;
  nonzero -= channels[0].low != 0;
  list->kept[list->count++] = 0; /* a convolution needs an input; it may be constant */
  return nonzero;
}

static sepcl_status shrink(sepcl_graph *graph, const link *l, const channel_list *list) {
  TRY(channels_keep_inputs(graph, l->reader, list));
  TRY(channels_keep_outputs(graph, l->maker, list));
  if (l->expand == SEPCL_NO_VALUE) return SEPCL_OK;
  graph_node(graph, l->maker)->conv.groups = list->count;
  return channels_keep_outputs(graph, l->expand, list);
}

static sepcl_status remove_channels(sepcl_graph *graph, const link *l, const interval *channels,
                                    const sepcl_network_options *options, int32_t *removed) {
  channel_list list = {NULL, 0, graph_node(graph, l->maker)->conv.outputs};
  list.kept = malloc((size_t)list.total * sizeof *list.kept);
  if (!list.kept) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  int32_t nonzero = choose(&list, graph, l->reader, channels, takes_constants(graph_node(graph, l->reader), options));
  sepcl_status status = SEPCL_OK;
  if (nonzero) status = channels_into_bias(graph, l->reader, &list, channels);
  if (status == SEPCL_OK && list.count < list.total) status = shrink(graph, l, &list);
  graph_node(graph, l->reader)->biased_channels += nonzero;
  *removed += list.total - list.count;
  free(list.kept);
  return status;
}

sepcl_status pass_remove_constant_channels(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  bounds known;
  TRY(bounds_compute(&known, graph));
  sepcl_status status = SEPCL_OK;
  for (int32_t i = 0; status == SEPCL_OK && i < known.count; i++) {
    link l;
    if (known.channels[i] && find_link(&l, graph, i))
      status = remove_channels(graph, &l, known.channels[i], options, changes);
  }
  bounds_free(&known);
  return status;
}
