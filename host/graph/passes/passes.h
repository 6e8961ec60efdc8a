/* The graph's rewrites: an ordered list, one file a pass. Each is exact or says how it rounds, and reports in a line.
 */
#ifndef SEPCL_PASSES_H
#define SEPCL_PASSES_H

#include "graph/graph.h"

typedef struct pass {
  const char *name;
  /* Rewrites the graph and adds to *changes how often it did. */
  sepcl_status (*run)(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
  const char *effect; /* what a change is, for the report: "batch norms into weights" */
} pass;

enum { MAX_PASSES = 24 };

typedef struct pass_report {
  char lines[MAX_PASSES][160];
  int32_t count;
  int32_t removed_channels, kept_channels; /* kept: constant nevertheless */
} pass_report;

/* Runs all passes that options do not skip, in order, then drops what nothing reads. */
sepcl_status passes_run(sepcl_graph *graph, const sepcl_network_options *options, pass_report *report);

sepcl_status pass_fold_pad(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fold_shuffle(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fold_batch_norm(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fold_input_norm(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fuse_residual(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fuse_activation(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_fuse_scale(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);
sepcl_status pass_remove_constant_channels(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes);

/* ---- what passes share ---- */

/* Counts the readers of all values; afterwards whoever changes what a node reads brackets that with the other two. */
void uses_count(sepcl_graph *graph);
void uses_forget(sepcl_graph *graph, sepcl_value reader);
void uses_add(sepcl_graph *graph, sepcl_value reader);
/* Nothing reads a dead node; nodes before inputs and outputs that nothing reads die too. */
void remove_unread(sepcl_graph *graph);
/* How many live nodes and graph outputs read the value. */
int32_t value_uses(const sepcl_graph *graph, sepcl_value value);
/* The one live node that reads the value, or NULL if there are several, none, or the value is an output. */
node *sole_consumer(const sepcl_graph *graph, sepcl_value value);
/* Moves `producer`'s work to the place of `consumer`, its sole consumer, whose value it now makes: topological order
 * stays, since everything that either reads exists there. The producer is dead afterwards. */
sepcl_status absorb(sepcl_graph *graph, sepcl_value producer, sepcl_value consumer);
/* Whether `value` is a product with one factor per image and channel that `reader` alone reads. */
bool is_scaled_for(const sepcl_graph *graph, sepcl_value value, const node *reader);
/* `to` does what `from` did before it: says so in the report. */
sepcl_status fused_name(sepcl_graph *graph, sepcl_value from, sepcl_value to);
/* A new constant that owns `data`, also where it fails. Moves the graph's nodes: pointers to them are void afterwards.
 */
sepcl_status graph_add_constant(sepcl_graph *graph, sepcl_value *out, int32_t rank, const int64_t *dims, float *data);
/* Makes sets[0] of a convolution or matrix product from its inputs, if not yet done. */
void ensure_weight_set(node *n);
bool is_constant(const sepcl_graph *graph, sepcl_value value);
bool same_shape(const node *a, const node *b);

#endif
