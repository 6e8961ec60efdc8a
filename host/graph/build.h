/* What the builders share: a node is begun, its rule checks the operands and sets the shape, then it is finished:
 *
 *   node *n = graph_begin(graph, NODE_CONV, inputs, 3, 2);
 *   return n ? graph_finish(graph, conv_rule(graph, n, attributes)) : SEPCL_NO_VALUE;
 *
 * Rules return failure(...) without the node's name: graph_finish adds it and poisons the graph. */
#ifndef SEPCL_GRAPH_BUILD_H
#define SEPCL_GRAPH_BUILD_H

#include "graph/graph.h"

/* Like graph_add; the first `required` inputs must be values. NULL when the graph is or becomes poisoned. */
node *graph_begin(sepcl_graph *graph, node_kind kind, const sepcl_value *inputs, int32_t input_count, int32_t required);
/* The last node's value, or, when its rule failed, SEPCL_NO_VALUE with the node gone and the graph poisoned. */
sepcl_value graph_finish(sepcl_graph *graph, sepcl_status status);
/* Records the thread's last error as the graph's first cause. */
void graph_poison(sepcl_graph *graph, sepcl_status status);
/* False, with the reason as the last error, if nothing can be added to the graph. */
bool graph_open(const sepcl_graph *graph);

/* Sets the node's shape after checking rank, signs and that the elements fit 31 bits. */
sepcl_status set_shape(node *n, int32_t rank, const int64_t *dims);
sepcl_status set_shape_of(node *n, const node *like);
/* "2x3x4", in the caller's text; returns it. */
enum { SHAPE_TEXT = 128 };
const char *shape_text(char text[SHAPE_TEXT], int32_t rank, const int64_t *dims);

/* The node that makes input `index` of n, or NULL where it is absent. */
const node *input_of(const sepcl_graph *graph, const node *n, int32_t index);
/* Input `index` is absent or a constant of so many elements; `what` names it. */
sepcl_status check_parameter(const sepcl_graph *graph, const node *n, int32_t index, const char *what,
                             int64_t elements);
sepcl_status check_rank4(const node *x);
/* Brings a negative axis, counted from the end, into [0, rank). */
sepcl_status resolve_axis(int32_t *axis, int32_t rank);
/* Copies the caller's attributes, of the size that it was compiled with, over the defaults in `to`. */
sepcl_status read_attributes(void *to, size_t size, const void *from);
/* The shape that a and b broadcast to, as NumPy does. */
sepcl_status broadcast_shape(const node *a, const node *b, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]);

sepcl_status check_window(const sepcl_window *window);
/* Positions of a window along one axis; <= 0 if it does not fit. `ceil` also counts a last window that overhangs. */
typedef struct window_axis {
  int64_t input, kernel, stride, dilation, before, after;
} window_axis;
window_axis window_axis_h(const sepcl_window *window, int64_t input);
window_axis window_axis_w(const sepcl_window *window, int64_t input);
int64_t window_positions(const window_axis *axis, bool ceil);

#endif
