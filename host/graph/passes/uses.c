/* Who reads a value. A scan of the graph at each question made large graphs slow to compile: so each value counts its
 * readers and sums up their numbers, and where there is one reader only, the sum is its number. */
#include "graph/passes/passes.h"

/* Graph outputs count as readers with the number 0, nodes are numbered from 1. */
static void count_use(sepcl_graph *graph, sepcl_value value, int64_t reader, int32_t by) {
  node *n = graph_node(graph, value);
  if (!n) return;
  n->use_count += by;
  n->use_sum += by * reader;
}

/* Once a node has weight sets, they stand for all its inputs but the first. */
static void count_reads(sepcl_graph *graph, sepcl_value reader, int32_t by) {
  const node *n = &graph->nodes[reader];
  const int64_t number = (int64_t)reader + 1;
  const int32_t inputs = n->set_count && n->input_count > 1 ? 1 : n->input_count;
  if (n->dead) return;
  count_use(graph, n->residual, number, by);
  count_use(graph, n->scale, number, by);
  for (int32_t i = 0; i < inputs; i++) count_use(graph, n->inputs[i], number, by);
  for (int32_t i = 0; i < n->set_count; i++) {
    const weight_set *s = &n->sets[i];
    const sepcl_value values[6] = {s->weights, s->bias, s->gamma, s->beta, s->mean, s->variance};
    for (int k = 0; k < 6; k++) count_use(graph, values[k], number, by);
  }
}

void uses_count(sepcl_graph *graph) {
  for (int32_t i = 0; i < graph->count; i++) graph->nodes[i].use_count = 0, graph->nodes[i].use_sum = 0;
  for (int32_t i = 0; i < graph->count; i++) count_reads(graph, i, 1);
  for (int32_t i = 0; i < graph->output_count; i++) count_use(graph, graph->outputs[i].value, 0, 1);
}

void uses_forget(sepcl_graph *graph, sepcl_value reader) { count_reads(graph, reader, -1); }
void uses_add(sepcl_graph *graph, sepcl_value reader) { count_reads(graph, reader, 1); }

int32_t value_uses(const sepcl_graph *graph, sepcl_value value) { return graph_node(graph, value)->use_count; }

node *sole_consumer(const sepcl_graph *graph, sepcl_value value) {
  const node *n = graph_node(graph, value);
  return n->use_count == 1 && n->use_sum ? graph_node(graph, (sepcl_value)(n->use_sum - 1)) : NULL;
}

void remove_unread(sepcl_graph *graph) {
  /* Constants that a pass made come after what reads them: twice is enough, since they read nothing themselves. */
  for (int round = 0; round < 2; round++)
    for (int32_t i = graph->count - 1; i >= 0; i--) {
      node *n = &graph->nodes[i];
      if (n->dead || n->kind == NODE_INPUT || n->use_count) continue;
      uses_forget(graph, i);
      n->dead = true;
    }
}
