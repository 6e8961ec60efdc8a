/* The ONNX writer's inside: the reader's tracking the other way round. For each value of the graph it keeps an ONNX
 * tensor and the order of its axes; a graph transpose changes the order and nothing else, and a Transpose is written
 * only where an operation wants another one. The reader undoes those, so that reading the file gives the same graph. */
#ifndef SEPCL_MODEL_WRITER_H
#define SEPCL_MODEL_WRITER_H

#include "graph/graph.h"
#include "model/layout.h"
#include "model/memory.h"

/* The ONNX tensors of one graph value. */
typedef struct written {
  const char *name; /* NULL: a constant that was not asked for yet */
  layout layout;
  const char *other; /* the same in another order, once asked for */
  layout other_layout;
} written;

typedef struct list {
  void **items;
  size_t count, capacity;
} list;

typedef struct writer {
  const sepcl_graph *graph;
  model_memory *memory;
  written *values;
  list nodes, initializers;
  const char *prefix; /* of the names that the writer invents; no input or output starts with it */
  int32_t names;
  int64_t opset;
} writer;

/* ---- messages (write_proto.c) ---- */
sepcl_status writer_name(writer *w, const char **out);
/* A node with one output; `inputs` ends with NULL. `out` gets the node, for attributes. */
sepcl_status write_node(writer *w, const char *operation, const char *const *inputs, const char *output,
                        Onnx__NodeProto **out);
sepcl_status write_int(writer *w, Onnx__NodeProto *n, const char *name, int64_t value);
sepcl_status write_float(writer *w, Onnx__NodeProto *n, const char *name, float value);
sepcl_status write_text(writer *w, Onnx__NodeProto *n, const char *name, const char *value);
sepcl_status write_ints(writer *w, Onnx__NodeProto *n, const char *name, const int64_t *values, size_t count);
/* Initializers; *name is invented. Floats stay where they are. */
sepcl_status write_floats(writer *w, const shape *s, const float *data, const char **name);
sepcl_status write_scalar(writer *w, float value, const char **name);
sepcl_status write_integers(writer *w, const int64_t *values, int32_t count, const char **name);

/* ---- values (write.c) ---- */
shape node_shape(const node *n);
/* The ONNX name of a value with its axes in the order `l`. */
sepcl_status write_value(writer *w, sepcl_value value, const layout *l, const char **name);
/* The same, after axes of one element were put in front up to `rank`; `l` is of that rank. */
sepcl_status write_value_wide(writer *w, sepcl_value value, int32_t rank, const layout *l, const char **name);
/* The name that node `value`'s own tensor gets, and its order. */
sepcl_status write_result(writer *w, sepcl_value value, const layout *l, const char **name);

/* ---- nodes (write_nodes.c, write_functions.c) ---- */
sepcl_status write_graph_node(writer *w, sepcl_value value);
sepcl_status write_activation(writer *w, sepcl_value value);
sepcl_status write_window(writer *w, Onnx__NodeProto *n, const sepcl_window *window);
sepcl_status write_conv(writer *w, sepcl_value value);
sepcl_status write_conv_transpose(writer *w, sepcl_value value);
sepcl_status write_deform_conv(writer *w, sepcl_value value);

#endif
