#include "graph/passes/channel_sets.h"

#include <stdlib.h>

#include "error.h"
#include "graph/passes/passes.h"

static bool has_constant_weights(const sepcl_graph *graph, const node *n) {
  if (n->kind != NODE_CONV || n->rank != 4) return false;
  const weight_set s = node_weight_set(n);
  return is_constant(graph, s.weights) && (s.bias == SEPCL_NO_VALUE || is_constant(graph, s.bias));
}

static bool same_channels(const sepcl_graph *graph, const node *n, sepcl_value value) {
  const node *x = graph_node(graph, value);
  return x && x->kind != NODE_CONSTANT && x->rank == 4 && n->rank == 4 && x->dims[3] == n->dims[3];
}

bool node_keeps_channels(const sepcl_graph *graph, const node *n) {
  switch (n->kind) {
    case NODE_CONV:
      return node_is_depthwise(graph, n) && has_constant_weights(graph, n) && n->conv.outputs == n->conv.groups &&
             n->conv.groups > 1 && !n->output_order && !n->input_order;
    case NODE_ACTIVATION:
    case NODE_POOL: return n->input_count == 1 && same_channels(graph, n, n->inputs[0]);
    case NODE_REDUCE: return n->axes == (1u << 1 | 1u << 2) && same_channels(graph, n, n->inputs[0]);
    case NODE_BINARY: return same_channels(graph, n, n->inputs[0]) && same_channels(graph, n, n->inputs[1]);
    default: return false;
  }
}

/* Loses inputs and outputs one by one, or, in groups, each group as many. */
static bool mixes_channels(const sepcl_graph *graph, const node *n) {
  return has_constant_weights(graph, n) && !node_keeps_channels(graph, n);
}

sepcl_value channel_set_of(const channel_sets *sets, sepcl_value value) {
  while (sets->parent[value] != value) value = sets->parent[value] = sets->parent[sets->parent[value]];
  return value;
}

static void join(const channel_sets *sets, sepcl_value a, sepcl_value b) {
  if (a != SEPCL_NO_VALUE && b != SEPCL_NO_VALUE) sets->parent[channel_set_of(sets, a)] = channel_set_of(sets, b);
}

static void block(const channel_sets *sets, sepcl_value value) {
  if (value != SEPCL_NO_VALUE) sets->blocked[channel_set_of(sets, value)] = true;
}

static void join_of(const channel_sets *sets, const sepcl_graph *graph, sepcl_value value) {
  const node *n = &graph->nodes[value];
  if (n->kind == NODE_CONV || n->kind == NODE_BINARY) {
    join(sets, value, n->residual);
    join(sets, n->inputs[0], n->scale);
  }
  if (!node_keeps_channels(graph, n)) return;
  join(sets, value, n->inputs[0]);
  if (n->kind == NODE_BINARY) join(sets, value, n->inputs[1]);
}

static void enter(const channel_sets *sets, sepcl_value in, sepcl_value value, int32_t role) {
  const sepcl_value root = channel_set_of(sets, in), entry = value * CHANNEL_ROLES + role;
  sets->next[entry] = sets->first[root];
  sets->first[root] = entry;
}

static void enter_node(const channel_sets *sets, const sepcl_graph *graph, sepcl_value value) {
  const node *n = &graph->nodes[value];
  const bool mixes = mixes_channels(graph, n);
  if (mixes && channel_set_of(sets, value) == channel_set_of(sets, n->inputs[0])) block(sets, value);
  if (mixes) enter(sets, n->inputs[0], value, CHANNEL_READER);
  if (mixes || node_keeps_channels(graph, n)) {
    enter(sets, value, value, CHANNEL_MAKER);
    return;
  }
  block(sets, value);
  block(sets, n->residual);
  block(sets, n->scale);
  for (int32_t i = 0; i < n->input_count; i++) block(sets, n->inputs[i]);
}

sepcl_status channel_sets_find(channel_sets *out, const sepcl_graph *graph) {
  const size_t count = (size_t)graph->count + 1;
  *out = (channel_sets){malloc(count * sizeof *out->parent), calloc(count, sizeof *out->blocked),
                        malloc(count * sizeof *out->first), malloc(count * CHANNEL_ROLES * sizeof *out->next),
                        graph->count};
  if (!out->parent || !out->blocked || !out->first || !out->next) {
    channel_sets_free(out);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory while looking for constant channels");
  }
  for (int32_t i = 0; i < graph->count; i++) out->parent[i] = i, out->first[i] = SEPCL_NO_VALUE;
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead) join_of(out, graph, i);
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead) enter_node(out, graph, i);
  for (int32_t i = 0; i < graph->output_count; i++) block(out, graph->outputs[i].value);
  return SEPCL_OK;
}

void channel_sets_free(channel_sets *sets) {
  free(sets->parent);
  free(sets->blocked);
  free(sets->first);
  free(sets->next);
  *sets = (channel_sets){NULL, NULL, NULL, NULL, 0};
}
