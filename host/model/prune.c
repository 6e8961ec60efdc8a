#include "model/prune.h"

#include <stdlib.h>

#include "error.h"
#include "graph/graph.h"

static void mark(const sepcl_graph *graph, int32_t *number) {
  for (int32_t i = 0; i < graph->output_count; i++) number[graph->outputs[i].value] = 1;
  for (int32_t i = graph->count - 1; i >= 0; i--) {
    const node *n = &graph->nodes[i];
    if (n->kind == NODE_INPUT) number[i] = 1;
    if (!number[i]) continue;
    for (int32_t k = 0; k < n->input_count; k++)
      if (n->inputs[k] != SEPCL_NO_VALUE) number[n->inputs[k]] = 1;
  }
}

static void release(node *n) {
  free(n->name);
  free(n->inputs);
  free(n->fused_from);
  free(n->indices);
  free(n->owned);
}

sepcl_status prune_graph(sepcl_graph *graph) {
  int32_t *number = calloc((size_t)graph->count + 1, sizeof *number), kept = 0;
  if (!number) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for %d nodes", graph->count);
  mark(graph, number);
  for (int32_t i = 0; i < graph->count; i++) {
    node *n = &graph->nodes[i];
    if (!number[i]) {
      release(n);
      continue;
    }
    for (int32_t k = 0; k < n->input_count; k++)
      if (n->inputs[k] != SEPCL_NO_VALUE) n->inputs[k] = number[n->inputs[k]];
    number[i] = kept;
    graph->nodes[kept++] = *n;
  }
  graph->count = kept;
  for (int32_t i = 0; i < graph->input_count; i++) graph->inputs[i].value = number[graph->inputs[i].value];
  for (int32_t i = 0; i < graph->output_count; i++) graph->outputs[i].value = number[graph->outputs[i].value];
  free(number);
  return SEPCL_OK;
}
