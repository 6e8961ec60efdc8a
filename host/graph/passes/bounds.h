/* Interval bounds: between which numbers each channel of a value provably lies, whatever the network's input. */
#ifndef SEPCL_BOUNDS_H
#define SEPCL_BOUNDS_H

#include "graph/graph.h"

typedef struct interval {
  double low, high;
} interval;

/* Per value, [channels] intervals of the innermost axis; NULL where nothing is known. Rounding in the network's own
 * arithmetic is covered: a bound holds for the computed numbers, not only for the exact ones. */
typedef struct bounds {
  interval **channels;
  int32_t count;
} bounds;

sepcl_status bounds_compute(bounds *out, const sepcl_graph *graph);
void bounds_free(bounds *b);
/* Channel `channel` of what the convolution `n` reads, multiplied by its scale if it has one. */
interval read_interval(const bounds *b, const node *n, int32_t channel);

/* One output channel's weights, of a convolution or a fully connected layer, batch norm folded, as double: weight (i,
 * y, x) of group-local input channel i. */
typedef struct folded_channel {
  const float *weights;
  int32_t outputs, inputs, kernel_h, kernel_w; /* inputs: of one group */
  int32_t groups;
  sepcl_weight_layout layout;
  double factor, bias; /* of the batch norm; weights are still to be multiplied by factor */
} folded_channel;
/* Without batch norm and bias. False when the node's weights are not known. */
bool weights_of(folded_channel *out, const sepcl_graph *graph, const node *n);
/* False when the node's weights are not known, or the batch norm's factor or the bias is not finite. */
bool folded_channel_of(folded_channel *out, const sepcl_graph *graph, const node *n, int32_t output);
size_t weight_index(const folded_channel *f, int32_t output, int32_t input, int32_t y, int32_t x);

#endif
