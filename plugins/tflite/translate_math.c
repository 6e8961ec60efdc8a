/* Functions of one number and of two, softmax, reductions. */
#include "tflite/translate.h"

static void binary(translator *t, sepcl_binary kind, int activation) {
  sepcl_value a = operand(t, 0), b = operand(t, 1);
  set_activated(t, sepcl_graph_binary(t->graph, kind, a, b), activation);
}

static int fused(const translator *t) { return ((const tfl_activated *)t->options)->activation; }

void translate_add(translator *t) { binary(t, SEPCL_ADD, fused(t)); }
void translate_sub(translator *t) { binary(t, SEPCL_SUB, fused(t)); }
void translate_mul(translator *t) { binary(t, SEPCL_MUL, fused(t)); }
void translate_div(translator *t) { binary(t, SEPCL_DIV, fused(t)); }
void translate_maximum(translator *t) { binary(t, SEPCL_MAX, TFL_ACT_NONE); }
void translate_minimum(translator *t) { binary(t, SEPCL_MIN, TFL_ACT_NONE); }
void translate_prelu(translator *t) { binary(t, SEPCL_PRELU, TFL_ACT_NONE); }

static void function(translator *t, sepcl_function kind, float a, float b) {
  sepcl_activation activation = {kind, a, b};
  set_output(t, 0, sepcl_graph_activation(t->graph, operand(t, 0), activation));
}

void translate_relu(translator *t) { function(t, SEPCL_RELU, 0, 0); }
void translate_relu6(translator *t) { function(t, SEPCL_RELU6, 0, 0); }
void translate_relu_n1_to_1(translator *t) { function(t, SEPCL_CLIP, -1, 1); }
void translate_logistic(translator *t) { function(t, SEPCL_SIGMOID, 0, 0); }
void translate_tanh(translator *t) { function(t, SEPCL_TANH, 0, 0); }
void translate_hard_swish(translator *t) { function(t, SEPCL_HARD_SWISH, 0, 0); }
void translate_elu(translator *t) { function(t, SEPCL_ELU, 1, 0); }
void translate_leaky_relu(translator *t) { function(t, SEPCL_LEAKY_RELU, ((const tfl_number *)t->options)->value, 0); }

void translate_softmax(translator *t) {
  float beta = ((const tfl_number *)t->options)->value;
  sepcl_value x = operand(t, 0);
  if (beta != 1.0f) {
    sepcl_value factor = sepcl_graph_constant(t->graph, 0, NULL, &beta);
    x = sepcl_graph_binary(t->graph, SEPCL_MUL, x, factor);
  }
  set_output(t, 0, sepcl_graph_softmax(t->graph, x, -1));
}

static void reduce(translator *t, sepcl_reduction kind) {
  const tfl_reducer *p = t->options;
  sepcl_value x = operand(t, 0);
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK], axes[SEPCL_MAX_RANK];
  uint32_t bits = 0;
  int count = integers(t, 1, axes, SEPCL_MAX_RANK);
  if (count < 0 || !shape_of(t, x, &rank, dims)) return;
  for (int i = 0; i < count; i++) {
    int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (axis < 0 || axis >= rank) {
      refuse(t, "axis %lld of %d dimensions", (long long)axes[i], rank);
      return;
    }
    bits |= 1u << axis;
  }
  set_output(t, 0, sepcl_graph_reduce(t->graph, x, kind, bits, p->keep_dims));
}

void translate_mean(translator *t) { reduce(t, SEPCL_REDUCE_MEAN); }
void translate_sum(translator *t) { reduce(t, SEPCL_REDUCE_SUM); }
void translate_reduce_max(translator *t) { reduce(t, SEPCL_REDUCE_MAX); }
