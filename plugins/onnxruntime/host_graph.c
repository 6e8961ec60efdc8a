#include "onnxruntime/host_graph.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool succeeded(const ort_api *api, ort_status *status, char reason[REASON_SIZE]) {
  if (!status) return true;
  snprintf(reason, REASON_SIZE, "%s", api->status_message(status));
  api->release_status(status);
  return false;
}

/* ---- values ---- */

typedef struct named {
  const char *name;
  int index;
} named;

static int by_name(const void *a, const void *b) { return strcmp(((const named *)a)->name, ((const named *)b)->name); }

/* A number and a tensor of unknown rank both have no dimensions. Where the host does not tell which it is, only a
 * constant is sure to be a number. */
static bool read_shape(const host_graph *g, const ort_value_info *info, bool constant, host_value *v,
                       char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  const ort_type_info *type = NULL;
  const ort_tensor_info *tensor = NULL;
  size_t rank = 0;
  v->rank = -1;
  if (!succeeded(api, api->value_type(info, &type), reason)) return false;
  if (!type) return true;
  if (!succeeded(api, api->tensor_info(type, &tensor), reason)) return false;
  if (!tensor) return true;
  if (!succeeded(api, api->element_type(tensor, &v->type), reason) || !succeeded(api, api->rank(tensor, &rank), reason))
    return false;
  v->stated = rank || constant || (g->tells_ranks && api->has_shape(tensor));
  if (!v->stated || rank > SEPCL_MAX_RANK) return true;
  v->rank = (int)rank;
  return !rank || succeeded(api, api->dims(tensor, v->dims, rank), reason);
}

static bool read_value(host_graph *g, const ort_value_info *info, host_value *v, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  bool constant = false, outside = false;
  *v = (host_value){.producer = -1};
  if (!succeeded(api, api->value_name(info, &v->name), reason) ||
      !succeeded(api, api->is_constant(info, &constant), reason) || !read_shape(g, info, constant, v, reason) ||
      !succeeded(api, api->is_from_outside(info, &outside), reason))
    return false;
  if (outside && !constant) g->is_inner = true;
  return !constant || succeeded(api, api->initializer(info, &v->constant), reason);
}

static bool add_value(host_graph *g, const host_value *v, int *index, char reason[REASON_SIZE]) {
  if (g->value_count == g->value_capacity) {
    int capacity = 2 * g->value_capacity + 64;
    host_value *grown = realloc(g->values, (size_t)capacity * sizeof *grown);
    if (!grown) return refused(reason, "out of memory for the graph's values");
    g->values = grown;
    g->value_capacity = capacity;
  }
  named *entry = malloc(sizeof *entry);
  if (!entry) return refused(reason, "out of memory for the graph's values");
  *entry = (named){v->name, g->value_count};
  if (!tsearch(entry, &g->names, by_name)) {
    free(entry);
    return refused(reason, "out of memory for the graph's values");
  }
  *index = g->value_count;
  g->values[g->value_count++] = *v;
  return true;
}

static bool value_index(host_graph *g, const ort_value_info *info, int *index, char reason[REASON_SIZE]) {
  host_value v;
  *index = -1;
  if (!info) return true;
  named key;
  if (!succeeded(g->api, g->api->value_name(info, &key.name), reason)) return false;
  if (!key.name || !*key.name) return true;
  named **found = tfind(&key, &g->names, by_name);
  if (found) {
    *index = (*found)->index;
    return true;
  }
  return read_value(g, info, &v, reason) && add_value(g, &v, index, reason);
}

typedef ort_status *count_function(const ort_node *node, size_t *out);
typedef ort_status *list_function(const ort_node *node, const ort_value_info **out, size_t count);

/* Appends to *out. */
static bool add_values(host_graph *g, const ort_node *node, count_function *count_of, list_function *list_of, int **out,
                       int *count, char reason[REASON_SIZE]) {
  size_t found = 0;
  if (!succeeded(g->api, count_of(node, &found), reason)) return false;
  const ort_value_info **infos = calloc(found + 1, sizeof *infos);
  int *grown = realloc(*out, ((size_t)*count + found + 1) * sizeof *grown);
  if (grown) *out = grown;
  bool good = infos && grown;
  if (!good) refused(reason, "out of memory for a node's values");
  if (good && found) good = succeeded(g->api, list_of(node, infos, found), reason);
  for (size_t i = 0; good && i < found; i++) good = value_index(g, infos[i], &(*out)[(*count)++], reason);
  free(infos);
  return good;
}

bool host_graph_inputs(host_graph *g, const ort_node *node, int **out, int *count, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  return add_values(g, node, api->node_input_count, api->node_input_list, out, count, reason) &&
         add_values(g, node, api->implicit_input_count, api->implicit_input_list, out, count, reason);
}

bool host_graph_outputs(host_graph *g, const ort_node *node, int **out, int *count, char reason[REASON_SIZE]) {
  return add_values(g, node, g->api->node_output_count, g->api->node_output_list, out, count, reason);
}

/* ---- the graph ---- */

static bool read_node(host_graph *g, int index, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  host_node *n = &g->nodes[index];
  if (!succeeded(api, api->node_id(n->node, &n->id), reason) ||
      !succeeded(api, api->node_name(n->node, &n->name), reason) ||
      !succeeded(api, api->node_operation(n->node, &n->operation), reason) ||
      !succeeded(api, api->node_domain(n->node, &n->domain), reason) ||
      !host_graph_inputs(g, n->node, &n->inputs, &n->input_count, reason) ||
      !host_graph_outputs(g, n->node, &n->outputs, &n->output_count, reason))
    return false;
  for (int i = 0; i < n->output_count; i++)
    if (n->outputs[i] >= 0) g->values[n->outputs[i]].producer = index;
  return true;
}

static bool read_nodes(host_graph *g, const ort_graph *graph, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  size_t count = 0;
  if (!succeeded(api, api->node_count(graph, &count), reason)) return false;
  const ort_node **list = calloc(count + 1, sizeof *list);
  g->nodes = calloc(count + 1, sizeof *g->nodes);
  bool good = list && g->nodes;
  if (!good) refused(reason, "out of memory for the graph's nodes");
  if (good && count) good = succeeded(api, api->node_list(graph, list, count), reason);
  for (size_t i = 0; good && i < count; i++) {
    g->nodes[i].node = list[i];
    g->node_count = (int)i + 1;
    good = read_node(g, (int)i, reason);
  }
  free(list);
  return good;
}

static bool mark_outputs(host_graph *g, const ort_graph *graph, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  size_t count = 0;
  if (!succeeded(api, api->graph_output_count(graph, &count), reason)) return false;
  const ort_value_info **list = calloc(count + 1, sizeof *list);
  if (!list) return refused(reason, "out of memory for the graph's outputs");
  bool good = !count || succeeded(api, api->graph_output_list(graph, list, count), reason);
  for (size_t i = 0; good && i < count; i++) {
    int index;
    good = value_index(g, list[i], &index, reason);
    if (good && index >= 0) g->values[index].is_output = true;
  }
  free(list);
  return good;
}

static bool read_opset(host_graph *g, const ort_graph *graph, char reason[REASON_SIZE]) {
  const ort_api *api = g->api;
  size_t count = 0;
  if (!succeeded(api, api->opset_count(graph, &count), reason)) return false;
  const char **domains = calloc(count + 1, sizeof *domains);
  int64_t *versions = calloc(count + 1, sizeof *versions);
  bool good = domains && versions;
  if (!good) refused(reason, "out of memory for the graph's operator sets");
  good = good && succeeded(api, api->opset_list(graph, domains, versions, count), reason);
  for (size_t i = 0; good && i < count; i++)
    if (!domains[i] || !*domains[i] || !strcmp(domains[i], "ai.onnx")) g->opset = versions[i];
  free(domains);
  free(versions);
  return good;
}

bool host_graph_read(host_graph *out, const ort_api *api, bool tells_ranks, const ort_graph *graph,
                     char reason[REASON_SIZE]) {
  *out = (host_graph){.api = api, .tells_ranks = tells_ranks};
  if (read_opset(out, graph, reason) && read_nodes(out, graph, reason) && mark_outputs(out, graph, reason)) return true;
  host_graph_free(out);
  return false;
}

void host_graph_free(host_graph *g) {
  while (g->names) { /* the root's entry goes with it */
    named *entry = *(named **)g->names;
    tdelete(entry, &g->names, by_name);
    free(entry);
  }
  for (int i = 0; i < g->node_count; i++) {
    free(g->nodes[i].inputs);
    free(g->nodes[i].outputs);
  }
  free(g->nodes);
  free(g->values);
  *g = (host_graph){0};
}
