/* Depthwise kernels often train to nothing. A channel that is provably constant wherever a convolution mixes it with
 * others is removed from all that it goes through (channel_sets.h): from the convolution that makes it, from depthwise
 * ones, pools and squeeze-excite in between, and from those that read it; where these have groups, each group loses as
 * many (equal_groups.h). What stays is counted by its reason (graph.h). A zero is exact: a product with zero adds
 * nothing to a sum that starts at a bias that is never -0. Another constant enters the reader's bias, which changes its
 * rounding: only under SEPCL_FASTEST, and only where no padding lets an output see less of it. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/bounds.h"
#include "graph/passes/channel_sets.h"
#include "graph/passes/channels.h"
#include "graph/passes/equal_groups.h"
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

/* Whether the reader can do without the channel: KEPT_NOT; else why it cannot. */
static kept_reason reader_spares(const removal *r, sepcl_value reader, int32_t channel) {
  const node *n = graph_node(r->graph, reader);
  const interval v = read_interval(r->known, n, channel);
  if (v.low != v.high) return KEPT_FOR_OTHERS;
  if (v.low != 0 && !takes_constants(n, r->options)) return KEPT_NOT_ZERO;
  return channel_reader_is_finite(r->graph, reader, channel) ? KEPT_NOT : KEPT_NOT_FINITE;
}

static kept_reason all_spare(const removal *r, sepcl_value root, int32_t channel) {
  kept_reason why = KEPT_NOT;
  for (EACH_ENTRY(entry, r, root))
    if (is_reader(entry) && !why) why = reader_spares(r, node_of(entry), channel);
  return why;
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

/* The group of each channel as it is stored, of those that the convolution makes or reads. */
static void find_groups(grouping *out, const removal *r, sepcl_value entry) {
  const node *n = graph_node(r->graph, node_of(entry));
  const node *value = is_reader(entry) ? graph_node(r->graph, n->inputs[0]) : n;
  const int32_t *order = is_reader(entry) ? n->input_order : n->output_order;
  const int32_t channels = (int32_t)node_channels(value), size = channels / n->conv.groups;
  for (int32_t c = 0; c < channels; c++) out->of[order ? order[c] : c] = c / size;
  out->groups = n->conv.groups;
  out->least = 2; /* of one input, it would be a depthwise convolution, which reads in order */
}

static bool has_groups(const removal *r, sepcl_value entry) {
  const node *n = graph_node(r->graph, node_of(entry));
  return n->kind == NODE_CONV && n->conv.groups > 1 && !node_keeps_channels(r->graph, n);
}

static bool same_grouping(const grouping *a, const grouping *b, int32_t channels) {
  return a->groups == b->groups && !memcmp(a->of, b->of, (size_t)channels * sizeof *a->of);
}

/* The groupings of all that make or read the channels; false: there are too many of them. */
static bool collect_groupings(const removal *r, sepcl_value root, int32_t channels, grouping g[MAX_GROUPINGS + 1]) {
  int32_t count = 0;
  for (EACH_ENTRY(entry, r, root)) {
    if (!has_groups(r, entry)) continue;
    find_groups(&g[count], r, entry);
    bool known = false;
    for (int32_t k = 0; k < count; k++) known = known || same_grouping(&g[k], &g[count], channels);
    if (known) continue;
    if (++count > MAX_GROUPINGS) return false;
  }
  for (; count < MAX_GROUPINGS; count++) {
    memset(g[count].of, 0, (size_t)channels * sizeof *g[count].of);
    g[count].groups = g[count].least = 1; /* a convolution needs an input; it may be constant */
  }
  return true;
}

static sepcl_status balance(const removal *r, sepcl_value root, bool *goes, int32_t channels) {
  grouping g[MAX_GROUPINGS + 1];
  int32_t *of = malloc((MAX_GROUPINGS + 1) * (size_t)channels * sizeof *of);
  if (!of) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  for (int32_t k = 0; k <= MAX_GROUPINGS; k++) g[k] = (grouping){of + (size_t)k * (size_t)channels, 1, 1};
  sepcl_status status = SEPCL_OK;
  if (collect_groupings(r, root, channels, g))
    status = equal_groups(goes, channels, g);
  else
    memset(goes, 0, (size_t)channels * sizeof *goes);
  free(of);
  return status;
}

static sepcl_status choose(const removal *r, sepcl_value root, channel_list *list) {
  bool *goes = malloc((size_t)list->total * sizeof *goes);
  if (!goes) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  for (int32_t c = 0; c < list->total; c++) goes[c] = !all_spare(r, root, c);
  const sepcl_status status = balance(r, root, goes, list->total);
  for (int32_t c = 0; c < list->total && status == SEPCL_OK; c++)
    if (!goes[c]) list->kept[list->count++] = c;
  free(goes);
  return status;
}

/* Channel `channel` of what the convolution makes is constant and stays. */
static void count_kept(const removal *r, sepcl_value value, int32_t channel, kept_reason why) {
  node *n = graph_node(r->graph, value);
  const interval *made = r->known->channels[value];
  if (n->kind == NODE_CONV && made && made[channel].low == made[channel].high) n->kept_channels[why]++;
}

static void count_kept_of(const removal *r, sepcl_value root, const channel_list *list) {
  for (int32_t i = 0; i < list->count; i++) {
    const kept_reason why = all_spare(r, root, list->kept[i]);
    for (EACH_ENTRY(entry, r, root))
      if (!is_reader(entry)) count_kept(r, node_of(entry), list->kept[i], why ? why : KEPT_FOR_GROUPS);
  }
}

/* Where none can go. */
static void count_kept_elsewhere(const removal *r) {
  for (int32_t i = 0; i < r->known->count; i++) {
    if (r->graph->nodes[i].dead || is_open(r, channel_set_of(r->sets, i))) continue;
    for (int32_t c = 0; r->known->channels[i] && c < node_channels(&r->graph->nodes[i]); c++)
      count_kept(r, i, c, KEPT_FOR_NEIGHBOUR);
  }
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
  const bool depthwise = n->kind == NODE_CONV && node_keeps_channels(r->graph, n);
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
  sepcl_status status = choose(r, root, &list);
  if (status == SEPCL_OK) count_kept_of(r, root, &list);
  if (status == SEPCL_OK && list.count < list.total) status = shrink(r, root, &list);
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
  if (status == SEPCL_OK) count_kept_elsewhere(&r);
  for (int32_t i = 0; status == SEPCL_OK && i < known.count; i++)
    if (is_open(&r, i)) status = remove_channels(&r, i, changes);
  channel_sets_free(&sets);
  bounds_free(&known);
  return status;
}
