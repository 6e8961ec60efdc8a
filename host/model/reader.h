/* The ONNX reader's inside: tensors as ONNX names them, on top of the graph's values.
 *
 * ONNX images are [N][C][H][W], the graph's are [N][H][W][C]. The reader never decides once and for all: for each ONNX
 * tensor it keeps the graph value and a permutation, so that ONNX axis i is axis perm[i] of the stored order. A
 * Transpose changes the permutation and nothing else, a Reshape whose merged axes are neighbours in stored order
 * changes the dimensions and nothing else; only a consumer that wants another order makes a node of it (layout.h). */
#ifndef SEPCL_MODEL_READER_H
#define SEPCL_MODEL_READER_H

#include <stdbool.h>

#include "error.h"
#include "model/memory.h"
#include "onnx.pb-c.h"
#include "sepcl.h"

enum {
  ONNX_FLOAT = 1,
  ONNX_UINT8 = 2,
  ONNX_INT8 = 3,
  ONNX_UINT16 = 4,
  ONNX_INT16 = 5,
  ONNX_INT32 = 6,
  ONNX_INT64 = 7,
  ONNX_STRING = 8,
  ONNX_BOOL = 9,
  ONNX_FLOAT16 = 10,
  ONNX_DOUBLE = 11,
  ONNX_UINT32 = 12,
  ONNX_UINT64 = 13,
  MAX_OPSET = 23,
  MAX_INPUTS = 256 /* of one node */
};

typedef struct shape {
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
} shape;

typedef struct layout {
  int32_t perm[SEPCL_MAX_RANK]; /* ONNX axis i is stored axis perm[i] */
} layout;

/* One ONNX tensor: either known now (floats or integers not NULL, in ONNX's order) or a value of the graph. */
typedef struct tensor {
  const char *name;
  int32_t type; /* ONNX_FLOAT for every kind of float, else the integer type */
  shape shape;
  const float *floats;
  const int64_t *integers; /* integers and booleans of every width */
  sepcl_value value;       /* its axes in the order of `layout`; the dimensions may be split or merged since */
  layout layout;
  sepcl_value other; /* the same tensor once asked for in another order; SEPCL_NO_VALUE: not yet */
  layout other_layout;
} tensor;

typedef struct name_table name_table;

typedef struct reader {
  sepcl_graph *graph;
  const Onnx__ModelProto *model;
  const Onnx__GraphProto *proto;
  const uint8_t *file;
  size_t file_bytes;
  const char *folder;    /* where external data may lie; NULL: nowhere */
  model_memory *memory;  /* lives as long as the graph */
  model_memory *scratch; /* until the end of loading */
  name_table *names;
  int64_t opset;
  int32_t calls;  /* of functions, each inside the one before */
  size_t inlined; /* nodes of functions so far */
  const sepcl_load_options *options;
} reader;

struct operation;
/* The translation of one node. */
typedef struct call {
  reader *reader;
  const Onnx__NodeProto *node;
  const struct operation *operation;
  tensor *inputs[MAX_INPUTS]; /* NULL: left out */
  int32_t input_count;
} call;

typedef sepcl_status translator_function(call *c);

/* One row of the table of operations (operations.inc). */
typedef struct operation {
  const char *name;
  int32_t since; /* the first opset that has it */
  int32_t min_inputs, max_inputs, max_outputs;
  const char *attributes; /* separated by blanks; any other is refused */
  translator_function *translate;
} operation;

/* ---- names (names.c) ---- */
sepcl_status names_create(name_table **out, size_t expected);
void names_free(name_table *names);
tensor *names_find(const name_table *names, const char *name);
/* SEPCL_BAD_MODEL if the name is taken. */
sepcl_status names_add(name_table *names, tensor *t);
/* Names have scopes: all but the first `count` that were added are free again. */
size_t names_count(const name_table *names);
void names_forget(name_table *names, size_t count);

/* ---- tensors (tensor.c) ---- */
int64_t shape_elements(const shape *s); /* checked before, see shape_check */
/* Dimensions not negative, and a product within what memory can hold. */
sepcl_status shape_check(const shape *s);
bool shape_equal(const shape *a, const shape *b);
static inline bool tensor_is_known(const tensor *t) { return t->floats || t->integers; }
sepcl_status tensor_new_floats(reader *r, tensor *out, const shape *s, float **data);
sepcl_status tensor_new_integers(reader *r, tensor *out, int32_t type, const shape *s, int64_t **data);
const char *type_name(int32_t type);
/* TensorProto -> tensor (initializer.c) */
sepcl_status read_initializer(reader *r, const Onnx__TensorProto *proto, tensor *out);
sepcl_status read_sparse_initializer(reader *r, const Onnx__SparseTensorProto *proto, tensor *out);

/* ---- a node's inputs, attributes and outputs (call.c) ---- */
/* Every translator's failure: the message gets the node in front. */
sepcl_status refuse(const call *c, sepcl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
tensor *call_input(const call *c, int32_t index); /* NULL if left out */
bool call_has_attribute(const call *c, const char *name);
sepcl_status call_int(const call *c, const char *name, int64_t fallback, int64_t *out);
/* The same, within [low, high]. */
sepcl_status call_int32(const call *c, const char *name, int32_t fallback, const int32_t range[2], int32_t *out);
sepcl_status call_float(const call *c, const char *name, float fallback, float *out);
/* *out is lent; the fallback may be NULL. */
sepcl_status call_text(const call *c, const char *name, const char *fallback, const char **out);
/* *count is -1 if the attribute is missing. */
sepcl_status call_ints(const call *c, const char *name, const int64_t **out, int32_t *count);
sepcl_status call_floats(const call *c, const char *name, const float **out, int32_t *count);
sepcl_status call_tensor(const call *c, const char *name, const Onnx__TensorProto **out);
/* The integers of a known input, or of the attribute where older opsets had it there. *count is -1 if missing. */
sepcl_status call_known_ints(const call *c, const char *name, int32_t input, const int64_t **out, int32_t *count);
/* The same for a known single float. */
sepcl_status call_known_float(const call *c, int32_t input, float fallback, float *out);
/* An axis in [-rank, rank) or [-rank, rank] (if `end`), counted from the front. */
sepcl_status call_axis(const call *c, int64_t axis, int32_t rank, bool end, int32_t *out);

/* Gives the node's output `index` its tensor. */
sepcl_status call_give(call *c, int32_t index, const tensor *t);
/* The same for a new value of the graph, whose axes lie as in `layout`. */
sepcl_status call_give_value(call *c, int32_t index, sepcl_value value, const layout *layout);
/* The tensor of a new value. */
sepcl_status tensor_of_value(const call *c, tensor *out, sepcl_value value, const layout *layout);
/* A known tensor with the node's name on it. */
const char *call_name(const call *c);

/* ---- copying known tensors, floats and integers alike (known.c) ---- */
sepcl_status known_slice(const call *c, const tensor *t, const int64_t *starts, const int64_t *counts,
                         const int64_t *steps, tensor *out);
sepcl_status known_expand(const call *c, const tensor *t, const shape *s, tensor *out);
sepcl_status known_transpose(const call *c, const tensor *t, const int32_t *axes, tensor *out);
sepcl_status known_gather(const call *c, const tensor *t, int32_t axis, const int64_t *indices, int64_t count,
                          tensor *out);
/* All inputs of the node, along `axis`. */
sepcl_status known_concat(const call *c, int32_t axis, tensor *out);

/* How many tensors nodes and the graphs inside them make at most (op_if.c). */
size_t count_tensors(Onnx__NodeProto *const *nodes, size_t count);
/* The version of ONNX's own operations among those that are imported (onnx.c). */
sepcl_status read_opset(Onnx__OperatorSetIdProto *const *imports, size_t count, int64_t *opset);

/* ---- nodes (operations.c) ---- */
sepcl_status translate_node(reader *r, const Onnx__NodeProto *node);
/* Folding of known inputs (fold.c): *done if the node's outputs are known now. */
sepcl_status fold_node(call *c, bool *done);

#endif
