/* Depthwise kernels often train to nothing. A channel that is provably constant wherever a convolution mixes it with
 * others is removed from all that it goes through (channel_sets.h): from the convolution that makes it, from depthwise
 * ones, pools and squeeze-excite in between, and from those that read it. A zero is exact: a product with zero adds
 * nothing to a sum that starts at a bias that is never -0. Another constant enters the reader's bias, which changes its
 * rounding: only under SEPCL_FASTEST, and only where no padding lets an output see less of it. */
#include <stdlib.h>

#include "error.h"
#include "graph/passes/bounds.h"
#include "graph/passes/channel_sets.h"
#include "graph/passes/channels.h"
#include "graph/passes/passes.h"

typedef struct removal {
  sepcl_graph *graph;
  const bounds *known;
  const channel_sets *sets;
  const sepcl_network_options *options;
} removal;

#define EACH_ENTRY(entry, r, root)            \
  sepcl_value entry = (r)->sets->first[root]; \
  entry != SEPCL_NO_VALUE;                    \
  entry = (r)->sets->next[entry]

static sepcl_value node_of(sepcl_value entry) { return entry / CHANNEL_ROLES; }
static bool is_reader(sepcl_value entry) { return entry % CHANNEL_ROLES == CHANNEL_READER; }

static bool takes_constants(const node *reader, const sepcl_network_options *options) {
  const sepcl_window *w = &reader->conv.window;
  return options->policy == SEPCL_FASTEST && reader->scale == SEPCL_NO_VALUE && !w->pad_top && !w->pad_left &&
         !w->pad_bottom && !w->pad_right;
}

/* Whether the reader can do without the channel. */
static bool reader_spares(const removal *r, sepcl_value reader, int32_t channel) {
  const node *n = graph_node(r->graph, reader);
  const interval v = read_interval(r->known, n, channel);
  if (v.low != v.high || (v.low != 0 && !takes_constants(n, r->options))) return false;
  return channel_reader_is_finite(r->graph, reader, channel);
}

static bool all_spare(const removal *r, sepcl_value root, int32_t channel) {
  for (EACH_ENTRY(entry, r, root))
    if (is_reader(entry) && !reader_spares(r, node_of(entry), channel)) return false;
  return true;
}

static bool is_open(const removal *r, sepcl_value root) {
  bool made = false, read = false;
  if (r->sets->parent[root] != root || r->sets->blocked[root]) return false;
  for (EACH_ENTRY(entry, r, root)) {
    made = made || !is_reader(entry);
    read = read || is_reader(entry);
  }
  return made && read;
}

static void choose(const removal *r, sepcl_value root, channel_list *list) {
  for (int32_t c = 0; c < list->total; c++)
    if (!all_spare(r, root, c)) list->kept[list->count++] = c;
  if (!list->count) list->kept[list->count++] = 0; /* a convolution needs an input; it may be constant */
}

/* Constants other than zero that the reader loses go into its bias. */
static sepcl_status keep_constants(const removal *r, sepcl_value reader, const channel_list *list) {
  const interval *x = r->known->channels[graph_node(r->graph, reader)->inputs[0]];
  int32_t nonzero = 0;
  if (graph_node(r->graph, reader)->scale != SEPCL_NO_VALUE) return SEPCL_OK;
  for (int32_t c = 0, kept = 0; c < list->total; c++)
    if (kept < list->count && list->kept[kept] == c)
      kept++;
    else
      nonzero += x[c].low != 0;
  if (nonzero) TRY(channels_into_bias(r->graph, reader, list, x));
  graph_node(r->graph, reader)->biased_channels += nonzero;
  return SEPCL_OK;
}

static sepcl_status shrink_maker(const removal *r, sepcl_value value, const channel_list *list) {
  node *n = graph_node(r->graph, value);
  const bool depthwise = n->kind == NODE_CONV && n->conv.groups > 1;
  if (n->kind == NODE_CONV) TRY(channels_keep_outputs(r->graph, value, list));
  n = graph_node(r->graph, value); /* constants moved the nodes */
  if (depthwise) n->conv.groups = list->count;
  n->dims[3] = list->count;
  return SEPCL_OK;
}

/* Entries go from the last node to the first, so that each finds what it reads as it was. */
static sepcl_status shrink(const removal *r, sepcl_value root, const channel_list *list) {
  for (EACH_ENTRY(entry, r, root)) {
    if (!is_reader(entry)) {
      TRY(shrink_maker(r, node_of(entry), list));
      continue;
    }
    TRY(keep_constants(r, node_of(entry), list));
    TRY(channels_keep_inputs(r->graph, node_of(entry), list));
  }
  return SEPCL_OK;
}

static sepcl_status remove_channels(const removal *r, sepcl_value root, int32_t *removed) {
  channel_list list = {NULL, 0, (int32_t)node_channels(graph_node(r->graph, root))};
  list.kept = malloc((size_t)list.total * sizeof *list.kept);
  if (!list.kept) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  choose(r, root, &list);
  sepcl_status status = SEPCL_OK;
  if (list.count < list.total) status = shrink(r, root, &list);
  *removed += list.total - list.count;
  free(list.kept);
  return status;
}

sepcl_status pass_remove_constant_channels(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  bounds known;
  channel_sets sets;
  TRY(bounds_compute(&known, graph));
  sepcl_status status = channel_sets_find(&sets, graph);
  const removal r = {graph, &known, &sets, options};
  for (int32_t i = 0; status == SEPCL_OK && i < known.count; i++)
    if (is_open(&r, i)) status = remove_channels(&r, i, changes);
  channel_sets_free(&sets);
  bounds_free(&known);
  return status;
}
