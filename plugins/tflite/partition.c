/* Which nodes sepcl takes: those that translate on their own, in the parts into which the host would divide them. */
#include <stdlib.h>
#include <string.h>

#include "tflite/delegate.h"
#include "tflite/translate.h"

static tfl_ints *new_ints(int size, const int *data) {
  tfl_ints *list = malloc(sizeof *list + (size_t)(size > 0 ? size : 1) * sizeof *data);
  if (!list) return NULL;
  list->size = size;
  if (data && size > 0) memcpy(list->data, data, (size_t)size * sizeof *data);
  return list;
}

void preparation_free(preparation *p) {
  if (!p) return;
  for (int i = 0; i < p->part_count; i++) subgraph_free(p->parts[i]);
  free(p->parts);
  free(p->plan);
  free(p->producers);
  free(p->open);
  free(p->wanted);
  free(p);
}

/* ---- what it says when asked ---- */

static void say_about(const delegate_state *state, const preparation *p, int index, const char *reason) {
  tfl_node *node = NULL;
  tfl_registration *registration = NULL;
  if (p->context->get_node(p->context, index, &node, &registration) != TFL_OK) return;
  int output = node->outputs && node->outputs->size ? node->outputs->data[0] : -1;
  const tfl_tensor *tensor =
      output < 0 || (size_t)output >= p->context->tensor_count ? NULL : &p->context->tensors[output];
  char text[32];
  say_node(&state->options, index, operator_name(registration, text), tensor ? tensor->name : NULL, reason);
}

static void say_counts(const delegate_state *state, const preparation *p, const subgraph *part) {
  int nodes;
  sepcl_network_info info;
  subgraph_counts(part, &nodes, &info);
  say_part(&state->options, nodes, p->plan->size, &info);
}

/* ---- the host's graph ---- */

static bool copy_plan(preparation *p) {
  tfl_ints *plan = NULL;
  tfl_context *context = p->context;
  size_t tensors = context->tensor_count;
  if (context->get_execution_plan(context, &plan) != TFL_OK || !plan) return false;
  p->plan = new_ints(plan->size, plan->data); /* the host may reuse its own */
  p->wanted = new_ints(plan->size, NULL);
  p->producers = malloc((tensors + 1) * sizeof *p->producers);
  p->open = calloc(tensors + 1, sizeof *p->open);
  if (!p->plan || !p->wanted || !p->producers || !p->open) return false;
  p->wanted->size = 0;
  for (size_t i = 0; i < tensors; i++) p->producers[i] = -1;
  for (int i = 0; i < p->plan->size; i++) {
    tfl_node *node = NULL;
    tfl_registration *registration = NULL;
    if (context->get_node(context, p->plan->data[i], &node, &registration) != TFL_OK) return false;
    for (int k = 0; node->outputs && k < node->outputs->size; k++) {
      int tensor = node->outputs->data[k];
      if (tensor >= 0 && (size_t)tensor < tensors) p->producers[tensor] = p->plan->data[i];
    }
  }
  return true;
}

/* The host marks as dynamic what has no shape before the model runs. But one that is asked before it looks at its graph
 * (custom_operators) shows what the file states, which may be wrong behind integers that are no constants. */
static bool may_change(const delegate_state *state, const preparation *p, const tfl_node *node) {
  for (int i = 0; node->inputs && i < node->inputs->size; i++) {
    int at = node->inputs->data[i];
    if (at < 0 || (size_t)at >= p->context->tensor_count) continue;
    const tfl_tensor *tensor = &p->context->tensors[at];
    bool integers = tensor->type == TFL_INT32 || tensor->type == TFL_INT64 || tensor->type == TFL_BOOL;
    if (p->open[at] || (state->options.custom_operators && integers && !is_stored(tensor))) return true;
  }
  return false;
}

static void note_open(const delegate_state *state, preparation *p, int index) {
  tfl_node *node = NULL;
  tfl_registration *registration = NULL;
  if (p->context->get_node(p->context, index, &node, &registration) != TFL_OK) return;
  bool changes = may_change(state, p, node);
  for (int i = 0; node->outputs && i < node->outputs->size; i++) {
    int at = node->outputs->data[i];
    if (at < 0 || (size_t)at >= p->context->tensor_count) continue;
    p->open[at] = changes;
  }
}

static void choose_nodes(const delegate_state *state, preparation *p) {
  for (int i = 0; i < p->plan->size; i++) {
    char reason[REASON_SIZE] = "";
    int index = p->plan->data[i];
    bool runs = try_node(p->context, p->producers, p->open, index, reason);
    if (runs)
      p->wanted->data[p->wanted->size++] = index;
    else
      note_open(state, p, index);
    say_about(state, p, index, runs ? NULL : reason);
  }
}

/* ---- the parts ---- */

static void keep_part(const delegate_state *state, preparation *p, const tfl_delegate_params *part, int largest) {
  char reason[REASON_SIZE] = "";
  subgraph_source source = {p->context, p->producers, part, state->device, &state->options};
  if (!too_small(part->nodes->size, largest, reason) && subgraph_create(&p->parts[p->part_count], &source, reason)) {
    memcpy(p->wanted->data + p->wanted->size, part->nodes->data, (size_t)part->nodes->size * sizeof(int));
    p->wanted->size += part->nodes->size;
    say_counts(state, p, p->parts[p->part_count++]);
    return;
  }
  for (int i = 0; i < part->nodes->size; i++) say_about(state, p, part->nodes->data[i], reason);
}

/* The host's answer lives until it is asked again, and compiling asks nothing of it. */
bool prepare_parts(delegate_state *state, preparation *p, char reason[REASON_SIZE]) {
  tfl_delegate_params *parts = NULL;
  int count = 0, largest = 0;
  refused(reason, "the host does not show its graph, or memory ran out");
  if (!copy_plan(p)) return false;
  choose_nodes(state, p);
  if (!p->wanted->size) return true;
  if (p->context->preview_partitions(p->context, p->wanted, &parts, &count) != TFL_OK || count < 0) return false;
  p->parts = calloc((size_t)count + 1, sizeof *p->parts);
  if (!p->parts) return false;
  for (int i = 0; i < count; i++) largest = parts[i].nodes->size > largest ? parts[i].nodes->size : largest;
  p->wanted->size = 0;
  for (int i = 0; i < count; i++) keep_part(state, p, &parts[i], largest);
  return true;
}
