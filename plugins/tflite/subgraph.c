#include "tflite/subgraph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite/translate.h"

/* One of the network's inputs or outputs in the host's memory. */
typedef struct edge {
  int tensor;
  size_t bytes;
  int rank, dims[SEPCL_MAX_RANK]; /* of an input */
  float *constant;                /* an output that is known: weights that another part of the graph reads too */
} edge;

struct subgraph {
  int *nodes, node_count;
  edge *inputs, *outputs;
  int input_count, output_count;
  const float **from;
  float **to;
  sepcl_network *network;
  sepcl_execution *execution;
};

void subgraph_free(subgraph *s) {
  if (!s) return;
  sepcl_execution_free(s->execution);
  sepcl_network_free(s->network);
  for (int i = 0; i < s->output_count; i++) free(s->outputs[i].constant);
  free(s->nodes);
  free(s->inputs);
  free(s->outputs);
  free(s->from);
  free(s->to);
  free(s);
}

static bool allocate(subgraph *s, const tfl_delegate_params *part) {
  s->node_count = part->nodes->size;
  s->nodes = malloc(((size_t)s->node_count + 1) * sizeof *s->nodes);
  s->inputs = calloc((size_t)part->inputs->size + 1, sizeof *s->inputs);
  s->outputs = calloc((size_t)part->outputs->size + 1, sizeof *s->outputs);
  s->from = calloc((size_t)part->inputs->size + 1, sizeof *s->from);
  s->to = calloc((size_t)part->outputs->size + 1, sizeof *s->to);
  if (!s->nodes || !s->inputs || !s->outputs || !s->from || !s->to) return false;
  memcpy(s->nodes, part->nodes->data, (size_t)s->node_count * sizeof *s->nodes);
  return true;
}

/* ---- translation ---- */

static void add_input(subgraph *s, translator *t, int tensor) {
  const tfl_tensor *from = tensor_at(t, tensor);
  if (!from || from->type != TFL_FLOAT32 || !from->dims || is_constant(t, tensor)) return;
  int64_t dims[SEPCL_MAX_RANK];
  size_t bytes = sizeof(float);
  char name[24];
  if (from->dims->size > SEPCL_MAX_RANK) {
    refuse(t, "an input has more than %d dimensions", SEPCL_MAX_RANK);
    return;
  }
  for (int i = 0; i < from->dims->size; i++) {
    dims[i] = from->dims->data[i];
    bytes *= (size_t)dims[i]; /* the builder refuses what does not fit */
  }
  snprintf(name, sizeof name, "t%d", tensor);
  t->values[tensor] = sepcl_graph_input(t->graph, name, from->dims->size, dims);
  edge *e = &s->inputs[s->input_count++];
  *e = (edge){.tensor = tensor, .bytes = bytes, .rank = from->dims->size};
  memcpy(e->dims, from->dims->data, (size_t)e->rank * sizeof *e->dims);
}

static void add_constant_output(subgraph *s, translator *t, int tensor) {
  float *owned = NULL;
  const char *reason = NULL;
  const float *data = constant_floats(t, tensor, &owned, &reason);
  size_t bytes = tensor_at(t, tensor)->bytes;
  if (data && !owned && (owned = malloc(bytes))) memcpy(owned, data, bytes);
  if (!owned)
    refuse(t, "%s", reason ? reason : "out of memory for weights");
  else
    s->outputs[s->output_count++] = (edge){.tensor = tensor, .bytes = bytes, .constant = owned};
}

/* The network's outputs come first in the list, then the constants. */
static void add_outputs(subgraph *s, translator *t, const tfl_ints *outputs) {
  for (int i = 0; i < outputs->size; i++) {
    int tensor = outputs->data[i];
    if (is_constant(t, tensor)) continue;
    sepcl_value value = tensor_at(t, tensor) ? t->values[tensor] : SEPCL_NO_VALUE;
    char name[24];
    snprintf(name, sizeof name, "o%d", tensor);
    if (sepcl_graph_status(t->graph) != SEPCL_OK) return;
    sepcl_graph_output(t->graph, name, value);
    int32_t rank;
    int64_t dims[SEPCL_MAX_RANK];
    size_t bytes = sizeof(float);
    if (!shape_of(t, value, &rank, dims)) return;
    while (rank-- > 0) bytes *= (size_t)dims[rank];
    s->outputs[s->output_count++] = (edge){.tensor = tensor, .bytes = bytes};
  }
  if (!s->output_count) refuse(t, "the part computes nothing");
  for (int i = 0; i < outputs->size && sepcl_graph_status(t->graph) == SEPCL_OK; i++)
    if (is_constant(t, outputs->data[i])) add_constant_output(s, t, outputs->data[i]);
}

static bool translate(subgraph *s, translator *t, const tfl_delegate_params *part) {
  for (size_t i = 0; i < t->context->tensor_count; i++) t->values[i] = SEPCL_NO_VALUE;
  for (int i = 0; i < part->inputs->size; i++) add_input(s, t, part->inputs->data[i]);
  for (int i = 0; i < part->nodes->size && sepcl_graph_status(t->graph) == SEPCL_OK; i++)
    translate_node(t, part->nodes->data[i]);
  if (sepcl_graph_status(t->graph) == SEPCL_OK) add_outputs(s, t, part->outputs);
  return sepcl_graph_status(t->graph) == SEPCL_OK;
}

/* As part-N.onnx, N being its first node: what the command can look into, and measure. */
static bool save(const subgraph *s, const sepcl_graph *graph, const char *folder) {
  if (!folder) return true;
  size_t room = strlen(folder) + 32;
  char *path = malloc(room);
  if (!path) return false;
  snprintf(path, room, "%s/part-%d.onnx", folder, s->node_count ? s->nodes[0] : 0);
  bool saved = sepcl_graph_save(graph, path) == SEPCL_OK;
  free(path);
  return saved;
}

static bool compile(subgraph *s, const sepcl_graph *graph, const subgraph_source *source) {
  return sepcl_network_compile(&s->network, source->device, graph, &source->options->network) == SEPCL_OK &&
         sepcl_execution_create(&s->execution, s->network) == SEPCL_OK;
}

bool subgraph_create(subgraph **out, const subgraph_source *source, char reason[REASON_SIZE]) {
  translator t = {.context = source->context, .producers = source->producers};
  subgraph *s = calloc(1, sizeof *s);
  t.values = malloc((source->context->tensor_count + 1) * sizeof *t.values);
  *out = NULL;
  bool made = false;
  if (!s || !t.values || !allocate(s, source->part) || sepcl_graph_create(&t.graph) != SEPCL_OK)
    refused(reason, "out of memory for a part of the graph");
  else
    made = (translate(s, &t, source->part) && save(s, t.graph, source->options->save_dir) &&
            compile(s, t.graph, source)) ||
           refused(reason, "%s", sepcl_last_error());
  sepcl_graph_free(t.graph);
  free(t.values);
  if (made)
    *out = s;
  else
    subgraph_free(s);
  return made;
}

bool subgraph_is(const subgraph *s, const tfl_ints *nodes) {
  return nodes->size == s->node_count && !memcmp(nodes->data, s->nodes, (size_t)s->node_count * sizeof *s->nodes);
}

void subgraph_counts(const subgraph *s, int *nodes, sepcl_network_info *info) {
  *nodes = s->node_count;
  if (sepcl_network_get_info(info, s->network) != SEPCL_OK) memset(info, 0, sizeof *info);
}

/* ---- running ---- */

static bool shape_changed(const tfl_tensor *tensor, char reason[REASON_SIZE]) {
  return refused(reason, "the shape of '%s' changed; allocate the tensors anew", tensor->name ? tensor->name : "");
}

static bool edge_fits(const edge *e, const tfl_context *context, char reason[REASON_SIZE]) {
  if ((size_t)e->tensor >= context->tensor_count) return refused(reason, "the host's tensors went away");
  const tfl_tensor *tensor = &context->tensors[e->tensor];
  size_t bytes = sizeof(float);
  for (int i = 0; tensor->dims && i < tensor->dims->size; i++)
    bytes *= tensor->dims->data[i] > 0 ? (size_t)tensor->dims->data[i] : 0;
  if (tensor->type == TFL_FLOAT32 && tensor->dims && bytes == e->bytes) return true;
  return shape_changed(tensor, reason);
}

/* Another shape may have as many bytes. */
static bool input_fits(const edge *e, const tfl_context *context, char reason[REASON_SIZE]) {
  if (!edge_fits(e, context, reason)) return false;
  const tfl_tensor *tensor = &context->tensors[e->tensor];
  bool same = tensor->dims->size == e->rank && !memcmp(tensor->dims->data, e->dims, (size_t)e->rank * sizeof *e->dims);
  return same || shape_changed(tensor, reason);
}

bool subgraph_fits(const subgraph *s, const tfl_context *context, char reason[REASON_SIZE]) {
  for (int i = 0; i < s->input_count; i++)
    if (!input_fits(&s->inputs[i], context, reason)) return false;
  for (int i = 0; i < s->output_count; i++)
    if (!edge_fits(&s->outputs[i], context, reason)) return false;
  return true;
}

bool subgraph_run(subgraph *s, const tfl_context *context, char reason[REASON_SIZE]) {
  if (!subgraph_fits(s, context, reason)) return false;
  for (int i = 0; i < s->input_count; i++) s->from[i] = context->tensors[s->inputs[i].tensor].data;
  for (int i = 0; i < s->output_count; i++) {
    const edge *e = &s->outputs[i];
    s->to[i] = context->tensors[e->tensor].data;
    if (e->constant && s->to[i]) memcpy(s->to[i], e->constant, e->bytes);
  }
  return sepcl_execution_run(s->execution, s->from, s->to) == SEPCL_OK || refused(reason, "%s", sepcl_last_error());
}
