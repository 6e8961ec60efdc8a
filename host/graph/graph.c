/* The list of nodes: adding, naming, poisoning, copying, freeing. */
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/build.h"

sepcl_status sepcl_graph_create(sepcl_graph **out) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_create: out is NULL");
  *out = calloc(1, sizeof **out);
  return *out ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for a graph");
}

static void free_node(node *n) {
  free(n->name);
  free(n->inputs);
  free(n->fused_from);
  free(n->input_order);
  free(n->output_order);
  free(n->indices);
  free(n->owned);
}

static void free_ios(graph_io *ios, int32_t count) {
  for (int32_t i = 0; i < count; i++) free(ios[i].name);
  free(ios);
}

void sepcl_graph_free(sepcl_graph *graph) {
  if (!graph) return;
  for (int32_t i = 0; i < graph->count; i++) free_node(&graph->nodes[i]);
  free(graph->nodes);
  free_ios(graph->inputs, graph->input_count);
  free_ios(graph->outputs, graph->output_count);
  for (int32_t i = 0; i < graph->metadata_count; i++) free(graph->metadata[i]);
  free(graph->metadata);
  free(graph->next_name);
  for (int32_t i = graph->keeper_count - 1; i >= 0; i--) graph->keepers[i].release(graph->keepers[i].object);
  free(graph->keepers);
  free(graph);
}

/* ---- poisoning ---- */

sepcl_status sepcl_graph_status(const sepcl_graph *graph) {
  if (!graph) return failure(SEPCL_INVALID_ARGUMENT, "the graph is NULL");
  return graph->status ? failure(graph->status, "%s", graph->message) : SEPCL_OK;
}

bool graph_open(const sepcl_graph *graph) { return sepcl_graph_status(graph) == SEPCL_OK; }

void graph_poison(sepcl_graph *graph, sepcl_status status) {
  if (graph->status) return;
  graph->status = status;
  snprintf(graph->message, sizeof graph->message, "%s", sepcl_last_error());
}

void sepcl_graph_refuse(sepcl_graph *graph, sepcl_status status, const char *message) {
  if (!graph || graph->status) return;
  if (status == SEPCL_OK) status = SEPCL_BAD_GRAPH;
  graph_poison(graph, failure(status, "%s", message ? message : "the graph was refused"));
}

sepcl_status sepcl_graph_keep(sepcl_graph *graph, void *object, void (*release)(void *)) {
  if (!graph || !release) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_keep: the graph or `release` is NULL");
  graph_keeper *keepers = realloc(graph->keepers, (size_t)(graph->keeper_count + 1) * sizeof *keepers);
  if (!keepers) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an object that the graph keeps");
  graph->keepers = keepers;
  keepers[graph->keeper_count++] = (graph_keeper){object, release};
  return SEPCL_OK;
}

/* ---- naming ---- */

static char *clean_copy(const char *name) {
  char *copy = strdup(name);
  /* Names appear in one-line messages and tables. */
  for (char *c = copy; c && *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '_';
  return copy;
}

void sepcl_graph_name_next(sepcl_graph *graph, const char *name) {
  if (!graph || graph->status) return;
  free(graph->next_name);
  graph->next_name = name ? clean_copy(name) : NULL;
  if (name && !graph->next_name) graph_poison(graph, failure(SEPCL_OUT_OF_MEMORY, "out of memory for a node's name"));
}

static const char *const kind_names[NODE_KIND_COUNT] = {
    [NODE_INPUT] = "input",
    [NODE_CONSTANT] = "constant",
    [NODE_CONV] = "conv",
    [NODE_CONV_TRANSPOSE] = "conv_transpose",
    [NODE_DEFORM_CONV] = "deform_conv",
    [NODE_BATCH_NORM] = "batch_norm",
    [NODE_NORM] = "norm",
    [NODE_ACTIVATION] = "activation",
    [NODE_BINARY] = "binary",
    [NODE_POOL] = "pool",
    [NODE_REDUCE] = "reduce",
    [NODE_MATMUL] = "matmul",
    [NODE_CONCAT] = "concat",
    [NODE_SLICE] = "slice",
    [NODE_PAD] = "pad",
    [NODE_RESHAPE] = "reshape",
    [NODE_TRANSPOSE] = "transpose",
    [NODE_EXPAND] = "expand",
    [NODE_GATHER] = "gather",
    [NODE_SOFTMAX] = "softmax",
    [NODE_RESIZE] = "resize",
    [NODE_SEPARABLE] = "separable",
    [NODE_INVERTED_RESIDUAL] = "inverted_residual",
};

/* The pending name, or the kind and a number. */
static char *take_name(sepcl_graph *graph, node_kind kind) {
  char *name = graph->next_name;
  graph->next_name = NULL;
  if (name) return name;
  char text[48];
  snprintf(text, sizeof text, "%s%d", kind_names[kind], graph->kind_counts[kind] + 1);
  return strdup(text);
}

/* ---- adding ---- */

static bool grow(sepcl_graph *graph) {
  if (graph->count < graph->capacity) return true;
  if (graph->capacity > INT32_MAX / 2) return false;
  int32_t capacity = graph->capacity ? 2 * graph->capacity : 64;
  node *nodes = realloc(graph->nodes, (size_t)capacity * sizeof *nodes);
  if (!nodes) return false;
  graph->nodes = nodes;
  graph->capacity = capacity;
  return true;
}

static node *append(sepcl_graph *graph, node_kind kind, int32_t input_count) {
  if (!grow(graph)) return NULL;
  char *name = take_name(graph, kind);
  sepcl_value *inputs = calloc(input_count > 0 ? (size_t)input_count : 1, sizeof *inputs);
  if (!name || !inputs) {
    free(name);
    free(inputs);
    return NULL;
  }
  node *n = &graph->nodes[graph->count++];
  *n = (node){.kind = kind, .name = name, .inputs = inputs, .input_count = input_count};
  n->residual = n->scale = SEPCL_NO_VALUE;
  graph->kind_counts[kind]++;
  return n;
}

static void remove_last(sepcl_graph *graph) {
  node *n = &graph->nodes[--graph->count];
  graph->kind_counts[n->kind]--;
  free_node(n);
}

node *graph_begin(sepcl_graph *graph, node_kind kind, const sepcl_value *inputs, int32_t input_count,
                  int32_t required) {
  if (!graph_open(graph)) return NULL;
  node *n = append(graph, kind, input_count);
  if (!n) {
    graph_poison(graph, failure(SEPCL_OUT_OF_MEMORY, "out of memory for a %s node", kind_names[kind]));
    return NULL;
  }
  int32_t made = graph->count - 1;
  for (int32_t i = 0; i < input_count; i++) {
    sepcl_value value = inputs ? inputs[i] : SEPCL_NO_VALUE;
    bool absent = value == SEPCL_NO_VALUE && i >= required;
    n->inputs[i] = value;
    if (absent || (value >= 0 && value < made)) continue;
    graph_finish(graph, failure(SEPCL_INVALID_ARGUMENT, "operand %d (%d) is no value of the graph", i, value));
    return NULL;
  }
  return n;
}

node *graph_add(sepcl_graph *graph, node_kind kind, const sepcl_value *inputs, int32_t input_count) {
  return graph_begin(graph, kind, inputs, input_count, 0);
}

sepcl_value graph_finish(sepcl_graph *graph, sepcl_status status) {
  if (status == SEPCL_OK) return graph->count - 1;
  node *n = &graph->nodes[graph->count - 1];
  graph_poison(graph, failure(status, "node '%s': %s", n->name, sepcl_last_error()));
  remove_last(graph);
  return SEPCL_NO_VALUE;
}

/* ---- copying ---- */

static bool copy_text(char **to, const char *from) {
  *to = from ? strdup(from) : NULL;
  return *to || !from;
}

static bool copy_node(node *to, const node *from) {
  *to = *from;
  to->owned = NULL; /* the data stays the original's */
  to->inputs = calloc(from->input_count > 0 ? (size_t)from->input_count : 1, sizeof *to->inputs);
  if (to->inputs && from->input_count) memcpy(to->inputs, from->inputs, (size_t)from->input_count * sizeof *to->inputs);
  to->indices = NULL;
  to->input_order = to->output_order = NULL; /* made by passes, on the copy */
  size_t indices = from->indices ? (size_t)from->dims[from->axis] : 0;
  if (indices) to->indices = calloc(indices, sizeof *to->indices);
  if (to->indices) memcpy(to->indices, from->indices, indices * sizeof *to->indices);
  bool named = copy_text(&to->name, from->name);
  bool fused = copy_text(&to->fused_from, from->fused_from);
  return named && fused && to->inputs && (to->indices || !indices);
}

static bool copy_nodes(sepcl_graph *to, const sepcl_graph *from) {
  to->nodes = calloc(from->count > 0 ? (size_t)from->count : 1, sizeof *to->nodes);
  if (!to->nodes) return false;
  to->capacity = from->count > 0 ? from->count : 1;
  memcpy(to->kind_counts, from->kind_counts, sizeof to->kind_counts);
  for (int32_t i = 0; i < from->count; i++) {
    to->count = i + 1; /* a node that was copied in part is freed with the rest */
    if (!copy_node(&to->nodes[i], &from->nodes[i])) return false;
  }
  return true;
}

static bool copy_ios(graph_io **to, int32_t *to_count, const graph_io *from, int32_t count) {
  *to = calloc(count > 0 ? (size_t)count : 1, sizeof **to);
  if (!*to) return false;
  for (int32_t i = 0; i < count; i++) {
    *to_count = i + 1;
    (*to)[i].value = from[i].value;
    if (!copy_text(&(*to)[i].name, from[i].name)) return false;
  }
  return true;
}

static bool copy_metadata(sepcl_graph *to, const sepcl_graph *from) {
  to->metadata = calloc(from->metadata_count > 0 ? (size_t)from->metadata_count : 1, sizeof *to->metadata);
  if (!to->metadata) return false;
  for (int32_t i = 0; i < from->metadata_count; i++) {
    to->metadata_count = i + 1;
    if (!copy_text(&to->metadata[i], from->metadata[i])) return false;
  }
  return true;
}

sepcl_status graph_copy(sepcl_graph **out, const sepcl_graph *graph) {
  *out = NULL;
  TRY(sepcl_graph_status(graph));
  sepcl_graph *copy = NULL;
  TRY(sepcl_graph_create(&copy));
  if (copy_nodes(copy, graph) && copy_ios(&copy->inputs, &copy->input_count, graph->inputs, graph->input_count) &&
      copy_ios(&copy->outputs, &copy->output_count, graph->outputs, graph->output_count) &&
      copy_metadata(copy, graph)) {
    *out = copy;
    return SEPCL_OK;
  }
  sepcl_graph_free(copy);
  return failure(SEPCL_OUT_OF_MEMORY, "out of memory while copying a graph of %d nodes", graph->count);
}
