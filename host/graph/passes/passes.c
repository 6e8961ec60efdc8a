#include "graph/passes/passes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static const pass passes[] = {
    {"fold-pad", pass_fold_pad, "pads into convolutions"},
    {"fold-batch-norm", pass_fold_batch_norm, "batch norms into weights (double precision, rounds once per weight)"},
    {"fold-input-norm", pass_fold_input_norm,
     "batch norms into the weights that read them (double precision, rounds once per weight)"},
    {"fuse-activation", pass_fuse_activation, "activations into their producers"},
    {"fold-shuffle", pass_fold_shuffle, "channel shuffles into the order in which convolutions store"},
    {"fuse-residual", pass_fuse_residual, "residual additions into their producers"},
    {"fuse-scale", pass_fuse_scale, "channel scales into their consumers"},
    {"remove-constant-channels", pass_remove_constant_channels, "channels that are provably constant"},
};
enum { PASS_COUNT = sizeof passes / sizeof *passes };

static bool skipped(const char *list, const char *name) {
  if (!list) return false;
  if (!strcmp(list, "all")) return true;
  size_t length = strlen(name);
  for (const char *at = list; (at = strstr(at, name)); at += length)
    if ((at == list || at[-1] == ',') && (!at[length] || at[length] == ',')) return true;
  return false;
}

/* Constants other than zero that went into biases round them anew: the report says so. */
static void report_rounding(const sepcl_graph *graph, char *line, size_t size) {
  int32_t channels = 0;
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead) channels += graph->nodes[i].biased_channels;
  size_t used = strlen(line);
  if (channels) snprintf(line + used, size - used, ", %d of them not zero: into biases (changes rounding)", channels);
}

/* A line for each reason for which constant channels stay. */
static void report_kept(const sepcl_graph *graph, pass_report *report) {
  static const char *const texts[KEPT_REASONS] = {
      [KEPT_FOR_NEIGHBOUR] =
          "an input or output of the network, a concatenation, a split or a reshape makes or reads them",
      [KEPT_FOR_OTHERS] = "the same channel is not constant where something else makes or reads it",
      [KEPT_FOR_GROUPS] = "the groups of a convolution lose equally many, and one input stays",
      [KEPT_NOT_ZERO] =
          "they are not zero, and moving them into a bias would change rounding (--fastest) or meet padding",
      [KEPT_NOT_FINITE] = "a weight that reads them is not finite"};
  for (int why = KEPT_NOT + 1; why < KEPT_REASONS; why++) {
    int32_t count = 0;
    for (int32_t i = 0; i < graph->count; i++)
      if (!graph->nodes[i].dead) count += graph->nodes[i].kept_channels[why];
    if (count && report->count < MAX_PASSES)
      snprintf(report->lines[report->count++], sizeof report->lines[0], "constant channels that stay: %d (%s)", count,
               texts[why]);
    report->kept_channels += count;
  }
}

sepcl_status passes_run(sepcl_graph *graph, const sepcl_network_options *options, pass_report *report) {
  report->count = 0;
  report->removed_channels = report->kept_channels = 0;
  uses_count(graph);
  remove_unread(graph);
  for (int i = 0; i < PASS_COUNT; i++) {
    int32_t changes = 0;
    const char *how = "off";
    char number[16];
    if (!skipped(options->skip_passes, passes[i].name)) {
      TRY(passes[i].run(graph, options, &changes));
      snprintf(number, sizeof number, "%d", changes);
      how = number;
    }
    char *line = report->lines[report->count++];
    snprintf(line, sizeof report->lines[0], "%s: %s %s", passes[i].name, how, passes[i].effect);
    if (passes[i].run == pass_remove_constant_channels) {
      report->removed_channels = changes;
      report_rounding(graph, line, sizeof report->lines[0]);
    }
    remove_unread(graph);
  }
  report_kept(graph, report);
  return SEPCL_OK;
}

static char *joined_names(const node *a, const node *b) {
  const char *first = a->fused_from ? a->fused_from : a->name, *second = b->fused_from ? b->fused_from : b->name;
  size_t size = strlen(first) + strlen(second) + 2;
  char *text = malloc(size);
  if (text) snprintf(text, size, "%s,%s", first, second);
  return text;
}

sepcl_status absorb(sepcl_graph *graph, sepcl_value producer, sepcl_value consumer) {
  node *from = &graph->nodes[producer], *to = &graph->nodes[consumer];
  char *names = joined_names(from, to);
  if (!names) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while fusing node '%s'", from->name);
  uses_forget(graph, producer);
  uses_forget(graph, consumer);
  node moved = *from; /* the two swap what they own, so that each is freed once */
  *from = *to;
  from->dead = true;
  from->use_count = moved.use_count, from->use_sum = moved.use_sum; /* the readers are of the place */
  moved.use_count = to->use_count, moved.use_sum = to->use_sum;
  *to = moved;
  to->rank = from->rank;
  memcpy(to->dims, from->dims, sizeof to->dims);
  free(to->fused_from);
  to->fused_from = names;
  uses_add(graph, consumer);
  return SEPCL_OK;
}

sepcl_status fused_name(sepcl_graph *graph, sepcl_value from, sepcl_value to) {
  node *n = graph_node(graph, to);
  char *names = joined_names(graph_node(graph, from), n);
  if (!names) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while fusing node '%s'", n->name);
  free(n->fused_from);
  n->fused_from = names;
  return SEPCL_OK;
}

sepcl_status graph_add_constant(sepcl_graph *graph, sepcl_value *out, int32_t rank, const int64_t *dims, float *data) {
  node *n = graph_add(graph, NODE_CONSTANT, NULL, 0);
  if (!n) {
    free(data);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory while passes make constants");
  }
  n->rank = rank;
  memcpy(n->dims, dims, (size_t)rank * sizeof *dims);
  n->data = n->owned = data;
  *out = graph->count - 1;
  return SEPCL_OK;
}

void ensure_weight_set(node *n) {
  if (n->set_count) return;
  n->sets[0] = node_weight_set(n);
  n->set_count = 1;
}

bool is_constant(const sepcl_graph *graph, sepcl_value value) {
  const node *n = graph_node(graph, value);
  return n && n->kind == NODE_CONSTANT;
}

bool same_shape(const node *a, const node *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}
