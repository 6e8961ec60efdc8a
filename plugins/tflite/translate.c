/* The table of operators, and what its entries share. */
#include "tflite/translate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers as in the model format's schema. */
static const operator_entry table[] = {
    {0, "ADD", sizeof(tfl_activated), translate_add},
    {1, "AVERAGE_POOL_2D", sizeof(tfl_pool), translate_average_pool},
    {2, "CONCATENATION", sizeof(tfl_concatenation), translate_concatenation},
    {3, "CONV_2D", sizeof(tfl_conv), translate_conv},
    {4, "DEPTHWISE_CONV_2D", sizeof(tfl_depthwise), translate_depthwise},
    {5, "DEPTH_TO_SPACE", sizeof(tfl_block), translate_depth_to_space},
    {OPERATOR_DEQUANTIZE, "DEQUANTIZE", 0, translate_weights},
    {9, "FULLY_CONNECTED", sizeof(tfl_fully_connected), translate_fully_connected},
    {14, "LOGISTIC", 0, translate_logistic},
    {17, "MAX_POOL_2D", sizeof(tfl_pool), translate_max_pool},
    {18, "MUL", sizeof(tfl_activated), translate_mul},
    {19, "RELU", 0, translate_relu},
    {20, "RELU_N1_TO_1", 0, translate_relu_n1_to_1},
    {21, "RELU6", 0, translate_relu6},
    {22, "RESHAPE", 0, translate_reshape},
    {23, "RESIZE_BILINEAR", sizeof(tfl_resize), translate_resize_bilinear},
    {25, "SOFTMAX", sizeof(tfl_number), translate_softmax},
    {26, "SPACE_TO_DEPTH", sizeof(tfl_block), translate_space_to_depth},
    {28, "TANH", 0, translate_tanh},
    {34, "PAD", 0, translate_pad},
    {39, "TRANSPOSE", 0, translate_transpose},
    {40, "MEAN", sizeof(tfl_reducer), translate_mean},
    {41, "SUB", sizeof(tfl_activated), translate_sub},
    {42, "DIV", sizeof(tfl_activated), translate_div},
    {43, "SQUEEZE", 0, translate_squeeze},
    {45, "STRIDED_SLICE", sizeof(tfl_strided_slice), translate_strided_slice},
    {49, "SPLIT", 0, translate_split},
    {54, "PRELU", 0, translate_prelu},
    {55, "MAXIMUM", 0, translate_maximum},
    {57, "MINIMUM", 0, translate_minimum},
    {67, "TRANSPOSE_CONV", sizeof(tfl_transpose_conv), translate_transpose_conv},
    {70, "EXPAND_DIMS", 0, translate_expand_dims},
    {74, "SUM", sizeof(tfl_reducer), translate_sum},
    {82, "REDUCE_MAX", sizeof(tfl_reducer), translate_reduce_max},
    {97, "RESIZE_NEAREST_NEIGHBOR", sizeof(tfl_resize), translate_resize_nearest},
    {98, "LEAKY_RELU", sizeof(tfl_number), translate_leaky_relu},
    {111, "ELU", 0, translate_elu},
    {117, "HARD_SWISH", 0, translate_hard_swish},
    {OPERATOR_DENSIFY, "DENSIFY", 0, translate_weights},
    {OPERATOR_CUSTOM, "Convolution2DTransposeBias", 3 * sizeof(int), translate_transpose_conv_bias},
};

const operator_entry *find_operator(const tfl_registration *registration) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (table[i].code != registration->builtin_code) continue;
    if (table[i].code != OPERATOR_CUSTOM) return &table[i];
    if (registration->custom_name && !strcmp(registration->custom_name, table[i].name)) return &table[i];
  }
  return NULL;
}

const char *operator_name(const tfl_registration *registration, char text[32]) {
  const operator_entry *entry = find_operator(registration);
  if (entry) return entry->name;
  if (registration->custom_name) return registration->custom_name;
  snprintf(text, 32, "operator %d", registration->builtin_code);
  return text;
}

/* ---- shared by the entries ---- */

void refuse(translator *t, const char *format, ...) {
  char message[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  sepcl_graph_refuse(t->graph, SEPCL_UNSUPPORTED, message);
}

tfl_tensor *tensor_at(const translator *t, int tensor) {
  return tensor < 0 || (size_t)tensor >= t->context->tensor_count ? NULL : &t->context->tensors[tensor];
}

int input_tensor(const translator *t, int index) {
  const tfl_ints *inputs = t->node->inputs;
  return !inputs || index >= inputs->size ? -1 : inputs->data[index];
}

const tfl_node *producer_of(const translator *t, int tensor, int *code) {
  int index = tensor < 0 || (size_t)tensor >= t->context->tensor_count ? -1 : t->producers[tensor];
  tfl_node *node = NULL;
  tfl_registration *registration = NULL;
  if (index < 0 || t->context->get_node(t->context, index, &node, &registration) != TFL_OK) return NULL;
  *code = registration->builtin_code;
  return node;
}

static bool tensor_shape(translator *t, const tfl_tensor *tensor, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]) {
  if (!tensor || !tensor->dims || tensor->dims->size > SEPCL_MAX_RANK) {
    refuse(t, "a tensor has more than %d dimensions", SEPCL_MAX_RANK);
    return false;
  }
  *rank = tensor->dims->size;
  for (int32_t i = 0; i < *rank; i++) {
    dims[i] = tensor->dims->data[i];
    if (dims[i] > 0) continue;
    refuse(t, "the shape of '%s' is not known before it runs", tensor->name ? tensor->name : "");
    return false;
  }
  return true;
}

/* The trial looks at shapes only: any pointer stands for the data. */
static sepcl_value add_constant(translator *t, int tensor, int32_t rank, const int64_t *dims) {
  static const float nothing;
  float *owned = NULL;
  const char *reason = NULL;
  const float *data = t->trial ? &nothing : constant_floats(t, tensor, &owned, &reason);
  if (reason && !data) {
    refuse(t, "%s", reason);
    return SEPCL_NO_VALUE;
  }
  if (owned && sepcl_graph_keep(t->graph, owned, free) != SEPCL_OK) {
    free(owned);
    refuse(t, "%s", sepcl_last_error());
    return SEPCL_NO_VALUE;
  }
  /* The name that waits is the node's own, not its weights'. */
  sepcl_graph_name_next(t->graph, NULL);
  sepcl_value value = sepcl_graph_constant_borrowed(t->graph, rank, dims, data);
  sepcl_graph_name_next(t->graph, t->name);
  return value;
}

sepcl_value optional_operand(translator *t, int index) {
  int at = input_tensor(t, index);
  const tfl_tensor *tensor = tensor_at(t, at);
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  if (!tensor) return SEPCL_NO_VALUE;
  if (t->values[at] != SEPCL_NO_VALUE) return t->values[at];
  if (tensor->type != TFL_FLOAT32) {
    refuse(t, "'%s' is not of 32-bit floats", tensor->name ? tensor->name : "");
    return SEPCL_NO_VALUE;
  }
  if (!tensor_shape(t, tensor, &rank, dims)) return SEPCL_NO_VALUE;
  if (is_constant(t, at)) return t->values[at] = add_constant(t, at, rank, dims);
  if (!t->trial) {
    refuse(t, "'%s' comes from nowhere", tensor->name ? tensor->name : "");
    return SEPCL_NO_VALUE;
  }
  if (t->open[at] || tensor->allocation_type == TFL_DYNAMIC) {
    refuse(t, "the shape of '%s' is not known before it runs", tensor->name ? tensor->name : "");
    return SEPCL_NO_VALUE;
  }
  char name[24];
  snprintf(name, sizeof name, "t%d", at);
  return t->values[at] = sepcl_graph_input(t->graph, name, rank, dims);
}

sepcl_value operand(translator *t, int index) {
  sepcl_value value = optional_operand(t, index);
  if (value == SEPCL_NO_VALUE) refuse(t, "operand %d is missing", index);
  return value;
}

bool shape_of(translator *t, sepcl_value value, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]) {
  return sepcl_graph_status(t->graph) == SEPCL_OK && sepcl_graph_value_shape(t->graph, value, rank, dims) == SEPCL_OK;
}

bool image_of(translator *t, sepcl_value value, int64_t dims[SEPCL_MAX_RANK]) {
  int32_t rank;
  if (!shape_of(t, value, &rank, dims)) return false;
  if (rank != 4) refuse(t, "its operand has %d dimensions instead of 4", rank);
  return rank == 4;
}

bool is_stored(const tfl_tensor *tensor) {
  return tensor->data && (tensor->allocation_type == TFL_MMAP_RO || tensor->allocation_type == TFL_PERSISTENT_RO);
}

int integers(translator *t, int index, int64_t *out, int capacity) {
  const tfl_tensor *tensor = tensor_at(t, input_tensor(t, index));
  size_t bytes = !tensor ? 0 : tensor->type == TFL_INT32 ? 4 : tensor->type == TFL_INT64 ? 8 : 0;
  if (!bytes || !is_stored(tensor) || tensor->bytes / bytes > (size_t)capacity) {
    refuse(t, "operand %d is no constant list of at most %d integers", index, capacity);
    return -1;
  }
  int count = (int)(tensor->bytes / bytes);
  for (int i = 0; i < count; i++) {
    int64_t value = bytes == 4 ? ((const int32_t *)tensor->data)[i] : ((const int64_t *)tensor->data)[i];
    out[i] = value < -INT32_MAX ? -INT32_MAX : value > INT32_MAX ? INT32_MAX : value; /* so that sums of them fit */
  }
  return count;
}

bool output_shape(translator *t, int32_t *rank, int64_t dims[SEPCL_MAX_RANK]) {
  const tfl_ints *outputs = t->node->outputs;
  return tensor_shape(t, tensor_at(t, outputs && outputs->size ? outputs->data[0] : -1), rank, dims);
}

/* The host made room for a shape of its own reckoning: another one must not be written there. */
static void check_output(translator *t, int tensor, sepcl_value value) {
  int32_t rank, stated;
  int64_t dims[SEPCL_MAX_RANK], wanted[SEPCL_MAX_RANK] = {0};
  if (!shape_of(t, value, &rank, dims) || !tensor_shape(t, tensor_at(t, tensor), &stated, wanted)) return;
  bool same = rank == stated;
  for (int32_t i = 0; same && i < rank; i++) same = dims[i] == wanted[i];
  if (!same) refuse(t, "its output's shape differs from the one that the model states");
  if (tensor_at(t, tensor)->type != TFL_FLOAT32) refuse(t, "its output is not of 32-bit floats");
}

void set_output(translator *t, int index, sepcl_value value) {
  const tfl_ints *outputs = t->node->outputs;
  int tensor = outputs && index < outputs->size ? outputs->data[index] : -1;
  if (!tensor_at(t, tensor)) {
    refuse(t, "output %d is missing", index);
    return;
  }
  check_output(t, tensor, value);
  t->values[tensor] = value;
}

void set_activated(translator *t, sepcl_value value, int activation) {
  static const sepcl_activation functions[] = {
      [TFL_ACT_RELU] = {SEPCL_RELU, 0, 0},       [TFL_ACT_RELU_N1_TO_1] = {SEPCL_CLIP, -1, 1},
      [TFL_ACT_RELU6] = {SEPCL_RELU6, 0, 0},     [TFL_ACT_TANH] = {SEPCL_TANH, 0, 0},
      [TFL_ACT_SIGMOID] = {SEPCL_SIGMOID, 0, 0},
  };
  if (activation < 0 || activation > TFL_ACT_SIGMOID || activation == TFL_ACT_SIGN_BIT)
    refuse(t, "its fused activation %d is unknown", activation);
  else if (activation != TFL_ACT_NONE)
    value = sepcl_graph_activation(t->graph, value, functions[activation]);
  set_output(t, 0, value);
}

void translate_weights(translator *t) {
  const tfl_ints *outputs = t->node->outputs;
  if (!outputs || outputs->size != 1 || !is_constant(t, outputs->data[0]))
    refuse(t, "only weights of 16-bit floats and sparse weights are expanded");
}

/* ---- one node ---- */

void translate_node(translator *t, int index) {
  tfl_node *node = NULL;
  tfl_registration *registration = NULL;
  if (t->context->get_node(t->context, index, &node, &registration) != TFL_OK) {
    refuse(t, "the host does not know node %d", index);
    return;
  }
  const operator_entry *entry = find_operator(registration);
  if (!entry) {
    refuse(t, "sepcl does not know the operator");
    return;
  }
  t->node = node;
  t->options = entry->code == OPERATOR_CUSTOM ? node->custom_initial_data : node->builtin_data;
  bool there = t->options && (entry->code != OPERATOR_CUSTOM || node->custom_initial_data_size >= (int)entry->options);
  if (entry->options && !there) {
    refuse(t, "its options are missing");
    return;
  }
  const tfl_tensor *out = tensor_at(t, node->outputs && node->outputs->size ? node->outputs->data[0] : -1);
  t->name = out && out->name && *out->name ? out->name : NULL;
  sepcl_graph_name_next(t->graph, t->name);
  entry->translate(t);
}

/* Custom operators that sepcl does not know have no shape of their own; a variable tensor has a state. */
static bool has_variables(const translator *t, const tfl_node *node) {
  for (int i = 0; node->inputs && i < node->inputs->size; i++) {
    const tfl_tensor *tensor = tensor_at(t, node->inputs->data[i]);
    if (tensor && tensor->is_variable) return true;
  }
  return false;
}

bool try_node(tfl_context *context, const int *producers, const bool *open, int index, char reason[REASON_SIZE]) {
  translator t = {.context = context, .producers = producers, .open = open, .trial = true};
  size_t count = context->tensor_count;
  bool runs = false;
  t.values = malloc((count + 1) * sizeof *t.values);
  if (t.values && sepcl_graph_create(&t.graph) == SEPCL_OK) {
    for (size_t i = 0; i < count; i++) t.values[i] = SEPCL_NO_VALUE;
    translate_node(&t, index);
    if (t.node && has_variables(&t, t.node)) refuse(&t, "it keeps a state");
    runs = sepcl_graph_status(t.graph) == SEPCL_OK;
    if (!runs) refused(reason, "%s", sepcl_last_error());
  } else {
    refused(reason, "out of memory");
  }
  sepcl_graph_free(t.graph);
  free(t.values);
  return runs;
}
