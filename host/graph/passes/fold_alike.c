/* IGCV3's residual blocks add values that were all shuffled alike. None of them has to be stored in order: each lies as
 * its convolution makes it, sums are made of channels that lie alike, and whoever else reads one of them reads each
 * channel where it lies. */
#include <stdlib.h>

#include "error.h"
#include "graph/passes/passes.h"
#include "graph/passes/shuffle.h"

/* Values whose channels must lie alike, since sums tie them together. */
typedef struct alike {
  sepcl_value *values;
  int32_t count;
  int64_t parts; /* of the shuffle that all have in common */
} alike;

static void include(alike *set, sepcl_value value) {
  for (int32_t i = 0; i < set->count; i++)
    if (set->values[i] == value) return;
  set->values[set->count++] = value;
}

static bool is_sum(const sepcl_graph *graph, const node *n) {
  if (n->kind != NODE_BINARY || n->residual != SEPCL_NO_VALUE || n->scale != SEPCL_NO_VALUE) return false;
  return same_shape(graph_node(graph, n->inputs[0]), n) && same_shape(graph_node(graph, n->inputs[1]), n);
}

/* What makes the value: the set's shuffle of a convolution that nothing else reads, or a sum, whose operands then
 * belong to the set. */
static bool include_operands(alike *set, const sepcl_graph *graph, sepcl_value value) {
  const node *n = graph_node(graph, value);
  int64_t parts = 0;
  const sepcl_value made = shuffled_from(graph, value, &parts);
  if (made != SEPCL_NO_VALUE)
    return parts == set->parts && value_uses(graph, made) == 1 && stores_in_order(graph, graph_node(graph, made));
  if (!is_sum(graph, n)) return false;
  include(set, n->inputs[0]);
  include(set, n->inputs[1]);
  return true;
}

/* Sums that read the value belong to the set; all other readers must read channels wherever they lie. */
static bool include_sums(alike *set, const sepcl_graph *graph, sepcl_value value) {
  sepcl_value readers[MAX_READERS];
  const int32_t count = readers_of(graph, value, readers);
  for (int32_t i = 0; i < count; i++) {
    if (is_sum(graph, &graph->nodes[readers[i]]))
      include(set, readers[i]);
    else if (!chain_takes_order(graph, readers[i], value))
      return false;
  }
  return count > 0;
}

/* Everything that sums tie to the shuffled value `first`; false: some of it must lie in order. */
static bool collect(alike *set, const sepcl_graph *graph, sepcl_value first) {
  include(set, first);
  for (int32_t i = 0; i < set->count; i++)
    if (!include_operands(set, graph, set->values[i]) || !include_sums(set, graph, set->values[i])) return false;
  return set->count > 1;
}

static sepcl_status read_where_it_lies(sepcl_graph *graph, sepcl_value value, int32_t *order) {
  sepcl_value readers[MAX_READERS];
  const int32_t count = readers_of(graph, value, readers);
  for (int32_t i = 0; i < count; i++)
    if (!is_sum(graph, &graph->nodes[readers[i]])) TRY(chain_reads_in_order(graph, readers[i], value, value, order));
  return SEPCL_OK;
}

static sepcl_status fold(sepcl_graph *graph, const alike *set, int32_t *changes) {
  int32_t *order = shuffle_order(node_channels(graph_node(graph, set->values[0])), set->parts);
  if (!order) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding channel shuffles");
  sepcl_status status = SEPCL_OK;
  for (int32_t i = 0; i < set->count && status == SEPCL_OK; i++) {
    int64_t parts = 0;
    const sepcl_value value = set->values[i], made = shuffled_from(graph, value, &parts);
    status = read_where_it_lies(graph, value, order);
    if (made == SEPCL_NO_VALUE || status != SEPCL_OK) continue;
    status = absorb(graph, made, value);
    ++*changes;
  }
  free(order);
  return status;
}

sepcl_status fold_alike(sepcl_graph *graph, sepcl_value shuffled, int32_t *changes) {
  alike set = {NULL, 0, 0};
  if (shuffled_from(graph, shuffled, &set.parts) == SEPCL_NO_VALUE) return SEPCL_OK;
  set.values = malloc(((size_t)graph->count + 1) * sizeof *set.values);
  if (!set.values) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding channel shuffles");
  const sepcl_status status = collect(&set, graph, shuffled) ? fold(graph, &set, changes) : SEPCL_OK;
  free(set.values);
  return status;
}
