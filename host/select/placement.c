/* Where values lie. A concatenation along the channels makes its inputs slices of its own storage, so that their
 * producers write straight into it; a slice of channels or a reshape is another look at its input. What cannot be such
 * a view gets storage of its own, and lowering adds a copy. */
#include <stdlib.h>

#include "error.h"
#include "run/network.h"

/* Values that a kernel of their own writes, wherever they lie: all but views and what exists before the network runs.
 */
static bool writes_slices(const node *n) {
  switch (n->kind) {
    case NODE_INPUT:
    case NODE_CONSTANT:
    case NODE_SLICE:
    case NODE_RESHAPE:
    case NODE_NORM: return false;
    default: return true;
  }
}

static bool joins_channels(const node *n) { return n->kind == NODE_CONCAT && n->axis == n->rank - 1; }

/* From the last node to the first, so that a concatenation inside another one finds its own place settled. */
static void place_concat_inputs(sepcl_network *network) {
  const sepcl_graph *graph = network->graph;
  for (int32_t i = graph->count - 1; i >= 0; i--) {
    const node *join = &graph->nodes[i];
    if (join->dead || !joins_channels(join)) continue;
    int64_t channel = 0;
    for (int32_t k = 0; k < join->input_count; k++) {
      sepcl_value v = join->inputs[k];
      const node *part = &graph->nodes[v];
      bool fits = !join->interleaved || part->scattered;
      if (fits && network->places[v].root == v && writes_slices(part) && !graph_has_output(graph, v)) {
        network->places[v].root = network->places[i].root;
        network->places[v].offset = network->places[i].offset + (join->interleaved ? 0 : channel);
        network->places[v].pitch = network->places[i].pitch;
      }
      channel += node_channels(part);
    }
  }
}

static bool slices_channels_only(const sepcl_graph *graph, const node *n) {
  const node *x = &graph->nodes[n->inputs[0]];
  for (int32_t axis = 0; axis < n->rank; axis++) {
    if (n->steps[axis] != 1 && n->dims[axis] > 1) return false;
    if (axis < n->rank - 1 && n->dims[axis] != x->dims[axis]) return false;
  }
  return n->rank > 0;
}

/* Looks at the input of a slice or reshape where that needs no copy. */
static void place_view(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  if (n->kind != NODE_SLICE && n->kind != NODE_RESHAPE) return;
  const node *x = &graph->nodes[n->inputs[0]];
  const place *from = &network->places[n->inputs[0]];
  place *to = &network->places[value];
  if (n->kind == NODE_SLICE && slices_channels_only(graph, n)) {
    *to = (place){from->root, from->offset + n->starts[n->rank - 1], from->pitch};
  } else if (n->kind == NODE_RESHAPE) {
    if (place_is_contiguous(x, from))
      *to = (place){from->root, from->offset, node_channels(n)};
    else if (node_channels(n) == node_channels(x))
      *to = *from;
  }
}

static void settle_storage(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  storage *s = &network->storages[value];
  s->floats = node_elements(n);
  s->first = -1;
  s->last = -1;
  s->kind = n->kind == NODE_CONSTANT ? STORAGE_WEIGHTS : STORAGE_ARENA;
}

/* An output's storage is the caller's buffer when the value fills it exactly. */
static void place_outputs(sepcl_network *network) {
  const sepcl_graph *graph = network->graph;
  for (int32_t i = 0; i < graph->input_count; i++) {
    storage *s = &network->storages[graph->inputs[i].value];
    s->kind = STORAGE_IO;
    s->index = i;
  }
  for (int32_t i = 0; i < graph->output_count; i++) {
    sepcl_value v = graph->outputs[i].value;
    const place *at = &network->places[v];
    storage *s = &network->storages[at->root];
    const node *n = &graph->nodes[v];
    if (s->kind != STORAGE_ARENA || at->offset != 0 || s->floats != node_elements(n) || !place_is_contiguous(n, at))
      continue; /* lowering copies it out */
    s->kind = STORAGE_IO;
    s->index = graph->input_count + i;
  }
}

sepcl_status place_values(sepcl_network *network) {
  const sepcl_graph *graph = network->graph;
  network->slot_count = 2 * graph->count + graph->output_count;
  size_t count = (size_t)network->slot_count + 1;
  network->places = calloc(count, sizeof *network->places);
  network->storages = calloc(count, sizeof *network->storages);
  if (!network->places || !network->storages) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the plan");
  for (int32_t i = 0; i < graph->count; i++) network->places[i] = (place){i, 0, node_channels(&graph->nodes[i])};
  place_concat_inputs(network);
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead) place_view(network, i);
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead && network->places[i].root == i) settle_storage(network, i);
  place_outputs(network);
  return SEPCL_OK;
}

void place_strides(const node *n, const place *at, int64_t strides[SEPCL_MAX_RANK]) {
  int64_t step = 1;
  for (int32_t axis = n->rank - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step = axis == n->rank - 1 ? at->pitch : step * n->dims[axis];
  }
}
