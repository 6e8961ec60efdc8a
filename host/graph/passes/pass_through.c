/* ShuffleNet v2's units pass half of their channels on untouched, and shuffle them with the half that they compute. In
 * memory nothing has to move: the computed half takes the places of the half that was read for it, all others stay
 * where they are, and what reads a half or, at the chain's end, all of it knows where each channel lies. So the whole
 * chain of units lives in the tensor of its first concatenation. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/passes.h"
#include "graph/passes/shuffle.h"

/* A unit behind the shuffled value: shuffled -> kept, taken; taken -> reader -> ... -> made; kept, made -> join. */
typedef struct unit {
  sepcl_value taken, reader, made, join, shuffled;
} unit;

enum { MAX_CHAIN = 64 };

int32_t readers_of(const sepcl_graph *graph, sepcl_value value, sepcl_value readers[MAX_READERS]) {
  int32_t count = 0;
  for (int32_t i = value + 1; i < graph->count && count < MAX_READERS; i++) {
    const node *n = &graph->nodes[i];
    for (int32_t k = 0; !n->dead && k < n->input_count; k++)
      if (n->inputs[k] == value && count < MAX_READERS) readers[count++] = i;
  }
  return count == value_uses(graph, value) ? count : 0;
}

static bool is_half(const node *n, int64_t channels, int64_t from) {
  const int32_t last = n->rank - 1;
  if (n->kind != NODE_SLICE || n->dims[last] * 2 != channels || n->steps[last] != 1) return false;
  return n->starts[last] == from;
}

/* Only channels are cut: all else is whole. */
static bool cuts_channels(const sepcl_graph *graph, const node *n) {
  const node *x = graph_node(graph, n->inputs[0]);
  for (int32_t i = 0; i < n->rank - 1; i++)
    if (n->dims[i] != x->dims[i] || n->steps[i] != 1) return false;
  return true;
}

/* What is made depends on what the reader read: it is written after that was read, whatever other passes do. */
static bool comes_from(const sepcl_graph *graph, sepcl_value made, sepcl_value reader) {
  for (int32_t i = 0; i < MAX_CHAIN && made > reader; i++) made = graph->nodes[made].inputs[0];
  return made == reader;
}

static sepcl_value value_of(const sepcl_graph *graph, const node *n) {
  return n ? (sepcl_value)(n - graph->nodes) : SEPCL_NO_VALUE;
}

/* The shuffled value of `join`, or SEPCL_NO_VALUE. */
static sepcl_value shuffle_of(const sepcl_graph *graph, sepcl_value join) {
  sepcl_value value = join;
  int64_t parts = 0;
  for (int i = 0; i < 3 && value != SEPCL_NO_VALUE; i++) value = value_of(graph, sole_consumer(graph, value));
  return value != SEPCL_NO_VALUE && shuffled_from(graph, value, &parts) == join && parts == 2 ? value : SEPCL_NO_VALUE;
}

static bool find_unit(unit *out, const sepcl_graph *graph, sepcl_value shuffled) {
  const int64_t channels = node_channels(graph_node(graph, shuffled));
  sepcl_value readers[MAX_READERS];
  if (readers_of(graph, shuffled, readers) != 2) return false;
  const int32_t first = is_half(&graph->nodes[readers[0]], channels, 0) ? 0 : 1;
  const node *kept = &graph->nodes[readers[first]], *taken = &graph->nodes[readers[1 - first]];
  if (!is_half(kept, channels, 0) || !is_half(taken, channels, channels / 2)) return false;
  if (!cuts_channels(graph, kept) || !cuts_channels(graph, taken)) return false;
  const node *join = sole_consumer(graph, readers[first]), *reader = sole_consumer(graph, readers[1 - first]);
  if (!join || !reader || !interleaves(graph, join, 2) || join->inputs[0] != readers[first]) return false;
  *out = (unit){readers[1 - first], value_of(graph, reader), join->inputs[1], value_of(graph, join), SEPCL_NO_VALUE};
  const node *made = graph_node(graph, out->made);
  if (!stores_in_order(graph, made) || sole_consumer(graph, out->made) != join) return false;
  if (!is_mappable(graph, reader, out->taken) || !comes_from(graph, out->made, out->reader)) return false;
  out->shuffled = shuffle_of(graph, out->join);
  return out->shuffled != SEPCL_NO_VALUE;
}

/* Of the chain that starts at `shuffled`: how many units, and the shuffled value at its end, all of whose readers take
 * its channels in any order; -1: there is none. */
static int32_t chain_length(const sepcl_graph *graph, sepcl_value shuffled) {
  sepcl_value readers[MAX_READERS];
  int32_t length = 0;
  unit u;
  for (; find_unit(&u, graph, shuffled); shuffled = u.shuffled) length++;
  const int32_t count = readers_of(graph, shuffled, readers);
  for (int32_t i = 0; i < count; i++)
    if (!chain_takes_order(graph, readers[i], shuffled)) return -1;
  return count ? length : -1;
}

/* place[c]: where in the pixel shuffled channel c lies. */
static void shuffle_places(int32_t *place, const int32_t *before, int32_t channels) {
  for (int32_t c = 0; c < channels; c++) place[c % (channels / 2) * 2 + c / (channels / 2)] = before[c];
}

static int ascending(const void *a, const void *b) { return *(const int32_t *)a - *(const int32_t *)b; }

static sepcl_status fold_unit(sepcl_graph *graph, sepcl_value before, const unit *u, int32_t *place, int32_t *next) {
  node *taken = &graph->nodes[u->taken], *join = &graph->nodes[u->join];
  const int32_t channels = (int32_t)node_channels(join), half = channels / 2;
  int32_t *inputs = malloc((size_t)half * sizeof *inputs), *outputs = malloc((size_t)half * sizeof *outputs);
  graph->nodes[u->reader].input_order = inputs;
  graph->nodes[u->made].output_order = outputs;
  if (!inputs || !outputs) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
  memcpy(inputs, place + half, (size_t)half * sizeof *inputs);
  memcpy(outputs, inputs, (size_t)half * sizeof *outputs);
  qsort(outputs, (size_t)half, sizeof *outputs, ascending);
  memcpy(next, place, (size_t)half * sizeof *next);
  memcpy(next + half, outputs, (size_t)half * sizeof *next);
  shuffle_places(place, next, channels);
  uses_forget(graph, u->taken);
  uses_forget(graph, u->join);
  taken->inputs[0] = before;
  taken->starts[taken->rank - 1] = 0; /* the reader's order counts from the pixel's beginning */
  join->inputs[0] = before;
  join->interleaved = true;
  graph->nodes[before].scattered = graph->nodes[u->made].scattered = true;
  uses_add(graph, u->taken);
  uses_add(graph, u->join);
  return SEPCL_OK;
}

/* `order`: its inverse, as read_in_order wants it. */
static sepcl_status fold_end(sepcl_graph *graph, sepcl_value join, sepcl_value shuffled, const int32_t *place,
                             int32_t *order) {
  sepcl_value readers[MAX_READERS];
  const int32_t count = readers_of(graph, shuffled, readers);
  for (int32_t c = 0; c < node_channels(graph_node(graph, shuffled)); c++) order[place[c]] = c;
  for (int32_t i = 0; i < count; i++) TRY(chain_reads_in_order(graph, readers[i], join, shuffled, order));
  return SEPCL_OK;
}

static sepcl_status fold_chain(sepcl_graph *graph, sepcl_value join, sepcl_value shuffled, int32_t *place,
                               int32_t *scratch) {
  const int32_t channels = (int32_t)node_channels(graph_node(graph, join));
  unit u;
  for (int32_t c = 0; c < channels; c++) scratch[c] = c;
  shuffle_places(place, scratch, channels);
  while (find_unit(&u, graph, shuffled)) {
    TRY(fold_unit(graph, join, &u, place, scratch));
    join = u.join;
    shuffled = u.shuffled;
  }
  return fold_end(graph, join, shuffled, place, scratch);
}

/* Nothing else may read the parts: their places are written anew. */
static bool owns_parts(const sepcl_graph *graph, const node *join) {
  for (int32_t i = 0; i < join->input_count; i++)
    if (sole_consumer(graph, join->inputs[i]) != join) return false;
  return true;
}

sepcl_status fold_passed_through(sepcl_graph *graph, sepcl_value shuffled, int32_t *changes) {
  int64_t parts = 0;
  const sepcl_value join = shuffled_from(graph, shuffled, &parts);
  if (join == SEPCL_NO_VALUE || parts != 2 || value_uses(graph, join) != 1) return SEPCL_OK;
  const node *n = graph_node(graph, join);
  if (!interleaves(graph, n, 2) || !owns_parts(graph, n)) return SEPCL_OK;
  const int32_t length = chain_length(graph, shuffled);
  if (length < 1) return SEPCL_OK;
  const size_t channels = (size_t)node_channels(n);
  int32_t *block = malloc(2 * channels * sizeof *block);
  if (!block) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a channel shuffle");
  const sepcl_status status = fold_chain(graph, join, shuffled, block, block + channels);
  free(block);
  if (status != SEPCL_OK) return status;
  *changes += length + 1;
  remove_unread(graph);
  return SEPCL_OK;
}
