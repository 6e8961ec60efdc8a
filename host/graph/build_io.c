/* The graph's edges: inputs, constants, outputs, and the text that travels with it. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/build.h"

static sepcl_status append_io(graph_io **list, int32_t *count, const char *name, sepcl_value value) {
  for (int32_t i = 0; i < *count; i++)
    if (!strcmp((*list)[i].name, name)) return failure(SEPCL_INVALID_ARGUMENT, "the name '%s' is taken", name);
  graph_io *grown = realloc(*list, (size_t)(*count + 1) * sizeof **list);
  if (!grown) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for '%s'", name);
  *list = grown;
  char *copy = strdup(name);
  if (!copy) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for '%s'", name);
  grown[(*count)++] = (graph_io){copy, value};
  return SEPCL_OK;
}

/* The input's own name goes to its node; a name that waits for the next node goes on waiting. */
sepcl_value sepcl_graph_input(sepcl_graph *graph, const char *name, int32_t rank, const int64_t *dims) {
  if (!graph_open(graph)) return SEPCL_NO_VALUE;
  if (!name || !*name) {
    graph_poison(graph, failure(SEPCL_INVALID_ARGUMENT, "an input has no name"));
    return SEPCL_NO_VALUE;
  }
  char *waiting = graph->next_name;
  graph->next_name = NULL;
  sepcl_graph_name_next(graph, name);
  node *n = graph_begin(graph, NODE_INPUT, NULL, 0, 0);
  if (!graph->next_name)
    graph->next_name = waiting;
  else
    free(waiting);
  if (!n) return SEPCL_NO_VALUE;
  sepcl_status status = set_shape(n, rank, dims);
  if (!status) status = append_io(&graph->inputs, &graph->input_count, name, graph->count - 1);
  return graph_finish(graph, status);
}

static sepcl_status constant_rule(node *n, const int64_t *dims, const float *data, bool copy) {
  TRY(set_shape(n, n->rank, dims));
  if (!data) return failure(SEPCL_INVALID_ARGUMENT, "the data is NULL");
  n->data = data;
  if (!copy) return SEPCL_OK;
  size_t bytes = (size_t)node_elements(n) * sizeof *data;
  n->data = n->owned = malloc(bytes);
  if (!n->owned) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for %zu bytes", bytes);
  memcpy(n->owned, data, bytes);
  return SEPCL_OK;
}

sepcl_value sepcl_graph_constant(sepcl_graph *graph, int32_t rank, const int64_t *dims, const float *data) {
  node *n = graph_begin(graph, NODE_CONSTANT, NULL, 0, 0);
  if (!n) return SEPCL_NO_VALUE;
  n->rank = rank;
  return graph_finish(graph, constant_rule(n, dims, data, true));
}

sepcl_value sepcl_graph_constant_borrowed(sepcl_graph *graph, int32_t rank, const int64_t *dims, const float *data) {
  node *n = graph_begin(graph, NODE_CONSTANT, NULL, 0, 0);
  if (!n) return SEPCL_NO_VALUE;
  n->rank = rank;
  return graph_finish(graph, constant_rule(n, dims, data, false));
}

void sepcl_graph_output(sepcl_graph *graph, const char *name, sepcl_value value) {
  if (!graph_open(graph)) return;
  const node *n = graph_node(graph, value);
  if (!n) {
    graph_poison(graph,
                 failure(SEPCL_INVALID_ARGUMENT, "output '%s': %d is no value of the graph", name ? name : "", value));
    return;
  }
  if (!name || !*name) name = n->name;
  sepcl_status status = append_io(&graph->outputs, &graph->output_count, name, value);
  if (status) graph_poison(graph, failure(status, "output '%s': %s", name, sepcl_last_error()));
}

/* ---- looking ---- */

int32_t sepcl_graph_input_count(const sepcl_graph *graph) { return graph ? graph->input_count : 0; }
int32_t sepcl_graph_output_count(const sepcl_graph *graph) { return graph ? graph->output_count : 0; }

static sepcl_status io_info(sepcl_io_info *out, const sepcl_graph *graph, const graph_io *io) {
  const node *n = graph_node(graph, io->value);
  *out = (sepcl_io_info){.name = io->name, .rank = n->rank, .elements = (size_t)node_elements(n)};
  memcpy(out->dims, n->dims, sizeof out->dims);
  return SEPCL_OK;
}

sepcl_status sepcl_graph_input_info(sepcl_io_info *out, const sepcl_graph *graph, int32_t index) {
  if (!out || !graph) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_input_info: out or the graph is NULL");
  if (index < 0 || index >= graph->input_count)
    return failure(SEPCL_INVALID_ARGUMENT, "the graph has no input %d: it has %d", index, graph->input_count);
  return io_info(out, graph, &graph->inputs[index]);
}

sepcl_status sepcl_graph_output_info(sepcl_io_info *out, const sepcl_graph *graph, int32_t index) {
  if (!out || !graph) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_output_info: out or the graph is NULL");
  if (index < 0 || index >= graph->output_count)
    return failure(SEPCL_INVALID_ARGUMENT, "the graph has no output %d: it has %d", index, graph->output_count);
  return io_info(out, graph, &graph->outputs[index]);
}

sepcl_status sepcl_graph_value_shape(const sepcl_graph *graph, sepcl_value value, int32_t *rank,
                                     int64_t dims[SEPCL_MAX_RANK]) {
  if (!graph || !rank || !dims) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_value_shape: a pointer is NULL");
  const node *n = graph_node(graph, value);
  if (!n) return failure(SEPCL_INVALID_ARGUMENT, "%d is no value of the graph", value);
  *rank = n->rank;
  memcpy(dims, n->dims, sizeof n->dims);
  return SEPCL_OK;
}

/* ---- metadata ---- */

static int32_t find_metadata(const sepcl_graph *graph, const char *key) {
  for (int32_t i = 0; i < graph->metadata_count; i += 2)
    if (!strcmp(graph->metadata[i], key)) return i;
  return -1;
}

static void remove_metadata(sepcl_graph *graph, int32_t at) {
  free(graph->metadata[at]);
  free(graph->metadata[at + 1]);
  graph->metadata_count -= 2;
  memmove(graph->metadata + at, graph->metadata + at + 2,
          (size_t)(graph->metadata_count - at) * sizeof *graph->metadata);
}

static sepcl_status append_metadata(sepcl_graph *graph, char *key, char *value) {
  char **grown = key && value ? realloc(graph->metadata, (size_t)(graph->metadata_count + 2) * sizeof *grown) : NULL;
  if (!grown) {
    free(key);
    free(value);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory for metadata");
  }
  graph->metadata = grown;
  grown[graph->metadata_count++] = key;
  grown[graph->metadata_count++] = value;
  return SEPCL_OK;
}

sepcl_status sepcl_graph_set_metadata(sepcl_graph *graph, const char *key, const char *value) {
  if (!graph || !key) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_set_metadata: the graph or the key is NULL");
  int32_t at = find_metadata(graph, key);
  if (!value) {
    if (at >= 0) remove_metadata(graph, at);
    return SEPCL_OK;
  }
  char *copy = strdup(value);
  if (at < 0) return append_metadata(graph, strdup(key), copy);
  if (!copy) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for metadata");
  free(graph->metadata[at + 1]);
  graph->metadata[at + 1] = copy;
  return SEPCL_OK;
}

const char *sepcl_graph_metadata(const sepcl_graph *graph, const char *key) {
  int32_t at = graph && key ? find_metadata(graph, key) : -1;
  return at < 0 ? NULL : graph->metadata[at + 1];
}
