/* Translates the host's nodes into nodes of a graph. One table entry an operator (translate.c); what an entry refuses,
 * it refuses with sepcl_graph_refuse, so that a trial of a single node on a graph of its own tells whether it can run.
 */
#ifndef SEPCL_TFLITE_TRANSLATE_H
#define SEPCL_TFLITE_TRANSLATE_H

#include "plugin.h"
#include "tflite/abi.h"

enum { OPERATOR_DEQUANTIZE = 6, OPERATOR_CUSTOM = 32, OPERATOR_DENSIFY = 124 };

typedef struct translator {
  tfl_context *context;
  const int *producers; /* by tensor: the node that makes it, or -1 */
  sepcl_graph *graph;
  sepcl_value *values; /* by tensor; SEPCL_NO_VALUE where it is not translated yet */
  const bool *open;    /* by tensor, for a trial: its shape may be another one in each run */
  bool trial;          /* a node on its own: unknown operands become inputs, constants are not expanded */
  /* The node in translation. */
  const tfl_node *node;
  const void *options; /* its builtin_data, or the custom operator's own */
  const char *name;    /* of its output */
} translator;

typedef struct operator_entry {
  int code;
  const char *name; /* the custom operator's, where code is OPERATOR_CUSTOM */
  size_t options;   /* bytes that must be there */
  void (*translate)(translator *t);
} operator_entry;

/* NULL if there is no such entry. */
const operator_entry *find_operator(const tfl_registration *registration);
/* The operator's name for messages: an entry's, the custom one's, or "operator N" in `text`. */
const char *operator_name(const tfl_registration *registration, char text[32]);

/* Adds one node to the graph. What is wrong is found with sepcl_graph_status. */
void translate_node(translator *t, int index);
/* Whether the node runs: a trial on a graph of its own. The reason is written when it does not. */
bool try_node(tfl_context *context, const int *producers, const bool *open, int index, char reason[REASON_SIZE]);
/* The tensor's node before it, for the weights behind DEQUANTIZE and DENSIFY; NULL if no node makes it. */
const tfl_node *producer_of(const translator *t, int tensor, int *code);

/* ---- what the entries share (translate.c) ---- */

void refuse(translator *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
int input_tensor(const translator *t, int index); /* -1: absent */
tfl_tensor *tensor_at(const translator *t, int tensor);
bool is_stored(const tfl_tensor *tensor); /* its data come with the model, or are settled before it runs */
/* Operand `index` as a value; refuses where it is absent. `optional_operand` gives SEPCL_NO_VALUE instead. */
sepcl_value operand(translator *t, int index);
sepcl_value optional_operand(translator *t, int index);
/* The value's shape; false when there is none (the graph is refused then). */
bool shape_of(translator *t, sepcl_value value, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]);
bool image_of(translator *t, sepcl_value value, int64_t dims[SEPCL_MAX_RANK]); /* refuses other ranks than 4 */
/* A constant list of integers, at most `capacity` of them; the count, or -1 (refused). */
int integers(translator *t, int index, int64_t *out, int capacity);
/* The output's shape as the host states it: only for those whose operands that give it are constants. */
bool output_shape(translator *t, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]);
/* Makes `value` the output `index`, after one of the host's fused activations. */
void set_output(translator *t, int index, sepcl_value value);
void set_activated(translator *t, sepcl_value value, int activation);

/* ---- entries ---- */

void translate_conv(translator *t);
void translate_depthwise(translator *t);
void translate_transpose_conv(translator *t);
void translate_transpose_conv_bias(translator *t);
void translate_fully_connected(translator *t);
void translate_average_pool(translator *t);
void translate_max_pool(translator *t);

void translate_add(translator *t);
void translate_sub(translator *t);
void translate_mul(translator *t);
void translate_div(translator *t);
void translate_maximum(translator *t);
void translate_minimum(translator *t);
void translate_prelu(translator *t);
void translate_relu(translator *t);
void translate_relu6(translator *t);
void translate_relu_n1_to_1(translator *t);
void translate_leaky_relu(translator *t);
void translate_logistic(translator *t);
void translate_tanh(translator *t);
void translate_hard_swish(translator *t);
void translate_elu(translator *t);
void translate_softmax(translator *t);
void translate_mean(translator *t);
void translate_sum(translator *t);
void translate_reduce_max(translator *t);

void translate_concatenation(translator *t);
void translate_reshape(translator *t);
void translate_expand_dims(translator *t);
void translate_squeeze(translator *t);
void translate_transpose(translator *t);
void translate_pad(translator *t);
void translate_strided_slice(translator *t);
void translate_split(translator *t);
void translate_depth_to_space(translator *t);
void translate_space_to_depth(translator *t);
void translate_resize_bilinear(translator *t);
void translate_resize_nearest(translator *t);
void translate_weights(translator *t); /* DEQUANTIZE, DENSIFY: nothing to compute, the weights are read when used */

/* ---- weights.c ---- */

/* Whether the tensor's floats are known before the network runs: float32, float16 behind DEQUANTIZE, or sparse behind
 * DENSIFY. */
bool is_constant(const translator *t, int tensor);
/* Its floats: in the host's memory, or malloc'ed (then *owned is set too). NULL with a reason when it cannot be had. */
const float *constant_floats(const translator *t, int tensor, float **owned, const char **reason);

#endif
