/* Evaluates a graph node by node, as its builder left it: no pass, no fusion, no plan, on the plain-C reference. What a
 * compiled network must equal bit for bit. */
#ifndef SEPCL_TESTS_REFERENCE_GRAPH_H
#define SEPCL_TESTS_REFERENCE_GRAPH_H

#include "graph/graph.h"

typedef struct reference_graph_options {
  /* Batch norms right after a convolution or a matrix product that nothing else reads go into its weights, as the
   * product folds them; else each is a step of its own. */
  bool fold_batch_norm;
} reference_graph_options;

/* Every value of the graph; NULL for what nobody made. */
typedef struct reference_values {
  float **values;
  int32_t count;
} reference_values;

/* `inputs` in the graph's order. False: out of memory, or a kind of node that a built graph has not. */
bool reference_graph_run(reference_values *out, const sepcl_graph *graph, const float *const *inputs,
                         reference_graph_options options);
const float *reference_graph_output(const reference_values *values, const sepcl_graph *graph, int32_t index);
void reference_values_free(reference_values *values);

#endif
