/* Which nodes sepcl takes: those that translate on their own, in the parts into which the host would divide them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite/delegate.h"
#include "tflite/translate.h"

/* A part with less than a tenth of the largest one's nodes costs more in copies than it gains. */
enum { SMALLEST_SHARE = 10 };

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
  free(p->wanted);
  free(p);
}

/* ---- what it says when asked ---- */

static void say_node(const delegate_state *state, const preparation *p, int index, const char *reason) {
  tfl_node *node = NULL;
  tfl_registration *registration = NULL;
  if (state->verbosity < (reason ? 1 : 2)) return;
  if (p->context->get_node(p->context, index, &node, &registration) != TFL_OK) return;
  int output = node->outputs && node->outputs->size ? node->outputs->data[0] : -1;
  const char *name = output < 0 ? NULL : p->context->tensors[output].name;
  char text[32];
  const char *what = operator_name(registration, text);
  if (reason)
    fprintf(stderr, "sepcl: leaves node %d, %s '%s': %s\n", index, what, name ? name : "", reason);
  else
    fprintf(stderr, "sepcl: takes node %d, %s '%s'\n", index, what, name ? name : "");
}

static void say_part(const delegate_state *state, const preparation *p, const subgraph *part) {
  int nodes;
  sepcl_network_info info;
  if (state->verbosity < 1) return;
  subgraph_counts(part, &nodes, &info);
  fprintf(stderr, "sepcl: one part of %d of the graph's %d nodes, %d launches, %.1f million multiply-adds\n", nodes,
          p->plan->size, info.launches, (double)info.macs / 1e6);
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
  if (!p->plan || !p->wanted || !p->producers) return false;
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

static void choose_nodes(const delegate_state *state, preparation *p) {
  for (int i = 0; i < p->plan->size; i++) {
    char reason[512] = "";
    int index = p->plan->data[i];
    bool runs = try_node(p->context, p->producers, index, reason);
    if (runs) p->wanted->data[p->wanted->size++] = index;
    say_node(state, p, index, runs ? NULL : reason);
  }
}

/* ---- the parts ---- */

static void keep_part(const delegate_state *state, preparation *p, const tfl_delegate_params *part, int largest) {
  char reason[REASON_SIZE] = "";
  subgraph_source source = {p->context, p->producers, part, state->device, state->policy, state->save_dir};
  if (part->nodes->size * SMALLEST_SHARE < largest)
    snprintf(reason, sizeof reason, "its part of %d nodes is too small to be worth the copies", part->nodes->size);
  else if (subgraph_create(&p->parts[p->part_count], &source, reason)) {
    memcpy(p->wanted->data + p->wanted->size, part->nodes->data, (size_t)part->nodes->size * sizeof(int));
    p->wanted->size += part->nodes->size;
    say_part(state, p, p->parts[p->part_count++]);
    return;
  }
  for (int i = 0; i < part->nodes->size; i++) say_node(state, p, part->nodes->data[i], reason);
}

/* The host's answer lives until it is asked again, and compiling asks nothing of it. */
bool prepare_parts(delegate_state *state, preparation *p, char reason[REASON_SIZE]) {
  tfl_delegate_params *parts = NULL;
  int count = 0, largest = 0;
  snprintf(reason, REASON_SIZE, "the host does not show its graph, or memory ran out");
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
