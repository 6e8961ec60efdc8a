/* Which nodes of a graph or function matter, and in which order they can be translated. */
#ifndef SEPCL_MODEL_ORDER_H
#define SEPCL_MODEL_ORDER_H

#include "model/reader.h"

typedef struct node_list {
  Onnx__NodeProto **nodes;
  size_t count;
} node_list;

/* Those that the named outputs need, each behind the nodes that it reads; otherwise in the file's order. The list lives
 * in r->scratch. */
sepcl_status order_nodes(reader *r, const node_list *all, char *const *outputs, size_t output_count, node_list *out);
/* The same for a graph and its outputs. */
sepcl_status order_graph(reader *r, const Onnx__GraphProto *graph, node_list *out);

#endif
