/* Decomposed activations: exporters write hard-swish, swish, GELU and mish as several nodes. When the node that
 * completes one is translated, the graph's nodes before it are looked at; the ones that nothing else reads are then
 * dropped with all that no output needs (prune.c). */
#include <math.h>

#include "graph/graph.h"
#include "model/operations.h"

static bool constant_is(const sepcl_graph *graph, sepcl_value value, double wanted) {
  const node *n = graph_node(graph, value);
  return n && n->kind == NODE_CONSTANT && node_elements(n) == 1 &&
         fabs((double)n->data[0] - wanted) <= 1e-6 * fabs(wanted);
}

static const node *binary_node(const sepcl_graph *graph, sepcl_value value, sepcl_binary kind) {
  const node *n = graph_node(graph, value);
  return n && n->kind == NODE_BINARY && n->mode == (int32_t)kind ? n : NULL;
}

static const node *function_node(const sepcl_graph *graph, sepcl_value value, sepcl_function kind) {
  const node *n = graph_node(graph, value);
  return n && n->kind == NODE_ACTIVATION && n->activation.kind == kind ? n : NULL;
}

/* value = x OP constant (either way round, as addition and multiplication allow): x, or SEPCL_NO_VALUE. */
static sepcl_value with_constant(const sepcl_graph *graph, sepcl_value value, sepcl_binary kind, double constant) {
  const node *n = binary_node(graph, value, kind);
  if (n && constant_is(graph, n->inputs[1], constant)) return n->inputs[0];
  if (n && kind != SEPCL_DIV && constant_is(graph, n->inputs[0], constant)) return n->inputs[1];
  return SEPCL_NO_VALUE;
}

static sepcl_value times(const sepcl_graph *graph, sepcl_value value, double factor) {
  sepcl_value x = with_constant(graph, value, SEPCL_MUL, factor);
  return x != SEPCL_NO_VALUE ? x : with_constant(graph, value, SEPCL_DIV, 1 / factor);
}

/* clip(x + 3, 0, 6): x. */
static sepcl_value shifted_relu6(const sepcl_graph *graph, sepcl_value value) {
  const node *n = function_node(graph, value, SEPCL_RELU6);
  return n ? with_constant(graph, n->inputs[0], SEPCL_ADD, 3) : SEPCL_NO_VALUE;
}

/* clip(x/6 + 1/2, 0, 1): x. */
static sepcl_value hard_sigmoid_of(const sepcl_graph *graph, sepcl_value value) {
  const node *n = function_node(graph, value, SEPCL_HARD_SIGMOID);
  return n && fabs(n->activation.a - 1.0 / 6) < 1e-6 && n->activation.b == 0.5f ? n->inputs[0] : SEPCL_NO_VALUE;
}

/* x * clip(x + 3, 0, 6): x. */
static sepcl_value six_hard_swish(const sepcl_graph *graph, sepcl_value value) {
  const node *n = binary_node(graph, value, SEPCL_MUL);
  for (int i = 0; n && i < 2; i++)
    if (shifted_relu6(graph, n->inputs[i]) == n->inputs[1 - i]) return n->inputs[1 - i];
  return SEPCL_NO_VALUE;
}

/* 1 + erf(x / sqrt 2): x. */
static sepcl_value one_plus_erf(const sepcl_graph *graph, sepcl_value value) {
  sepcl_value erf = with_constant(graph, value, SEPCL_ADD, 1);
  const node *n = function_node(graph, erf, SEPCL_ERF);
  return n ? times(graph, n->inputs[0], sqrt(0.5)) : SEPCL_NO_VALUE;
}

/* x^3: x. */
static sepcl_value cube(const sepcl_graph *graph, sepcl_value value) {
  sepcl_value x = with_constant(graph, value, SEPCL_POW, 3);
  const node *n = binary_node(graph, value, SEPCL_MUL);
  for (int i = 0; n && i < 2; i++) {
    const node *square = binary_node(graph, n->inputs[i], SEPCL_MUL);
    if (square && square->inputs[0] == n->inputs[1 - i] && square->inputs[1] == n->inputs[1 - i]) x = n->inputs[1 - i];
  }
  return x;
}

/* 1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)): x. */
static sepcl_value one_plus_tanh(const sepcl_graph *graph, sepcl_value value) {
  const node *n = function_node(graph, with_constant(graph, value, SEPCL_ADD, 1), SEPCL_TANH);
  sepcl_value inner = n ? times(graph, n->inputs[0], sqrt(2 / acos(-1.0))) : SEPCL_NO_VALUE;
  const node *sum = binary_node(graph, inner, SEPCL_ADD);
  for (int i = 0; sum && i < 2; i++) {
    sepcl_value x = cube(graph, times(graph, sum->inputs[i], 0.044715));
    if (x != SEPCL_NO_VALUE && x == sum->inputs[1 - i]) return x;
  }
  return SEPCL_NO_VALUE;
}

/* What a * b is, b being the part that is a function of a; *x becomes its argument. */
static sepcl_function product_of(const sepcl_graph *graph, sepcl_value a, sepcl_value b, sepcl_value *x) {
  const node *sigmoid = function_node(graph, b, SEPCL_SIGMOID), *tanh_node = function_node(graph, b, SEPCL_TANH);
  const node *softplus = tanh_node ? function_node(graph, tanh_node->inputs[0], SEPCL_SOFTPLUS) : NULL;
  if (sigmoid && sigmoid->inputs[0] == a) return SEPCL_SWISH;
  if (softplus && softplus->inputs[0] == a) return SEPCL_MISH;
  if (hard_sigmoid_of(graph, b) == a) return SEPCL_HARD_SWISH;
  sepcl_value sixth = times(graph, b, 1.0 / 6);
  if (sixth != SEPCL_NO_VALUE && shifted_relu6(graph, sixth) == a) return SEPCL_HARD_SWISH;
  /* x (1 + f) / 2, in each of the orders */
  sepcl_value half = times(graph, b, 0.5), whole = times(graph, a, 0.5);
  if (half != SEPCL_NO_VALUE && one_plus_erf(graph, half) == a) return SEPCL_GELU;
  if (half != SEPCL_NO_VALUE && one_plus_tanh(graph, half) == a) return SEPCL_GELU_TANH;
  if (whole == SEPCL_NO_VALUE) return SEPCL_NONE;
  *x = whole;
  if (one_plus_erf(graph, b) == whole) return SEPCL_GELU;
  if (one_plus_tanh(graph, b) == whole) return SEPCL_GELU_TANH;
  return SEPCL_NONE;
}

/* factor * value, where value is x (1 + f) or x clip(x + 3, 0, 6). */
static sepcl_function scaled_product(const sepcl_graph *graph, sepcl_value value, bool half, sepcl_value *x) {
  const node *n = binary_node(graph, value, SEPCL_MUL);
  if (!half) {
    *x = six_hard_swish(graph, value);
    if (*x != SEPCL_NO_VALUE) return SEPCL_HARD_SWISH;
    *x = shifted_relu6(graph, value);
    return *x != SEPCL_NO_VALUE ? SEPCL_HARD_SIGMOID : SEPCL_NONE;
  }
  for (int i = 0; n && i < 2; i++) {
    *x = n->inputs[1 - i];
    if (one_plus_erf(graph, n->inputs[i]) == *x) return SEPCL_GELU;
    if (one_plus_tanh(graph, n->inputs[i]) == *x) return SEPCL_GELU_TANH;
  }
  return SEPCL_NONE;
}

sepcl_value recognise_function(sepcl_graph *graph, sepcl_binary kind, sepcl_value a, sepcl_value b) {
  sepcl_function function = SEPCL_NONE;
  sepcl_value x = SEPCL_NO_VALUE;
  if (kind != SEPCL_MUL && kind != SEPCL_DIV) return SEPCL_NO_VALUE;
  for (int i = 0; i < (kind == SEPCL_MUL ? 2 : 1) && function == SEPCL_NONE; i++) {
    sepcl_value first = i ? b : a, second = i ? a : b;
    bool half = constant_is(graph, second, kind == SEPCL_MUL ? 0.5 : 2);
    bool sixth = constant_is(graph, second, kind == SEPCL_MUL ? 1.0 / 6 : 6);
    x = first;
    if (half || sixth)
      function = scaled_product(graph, first, half, &x);
    else if (kind == SEPCL_MUL)
      function = product_of(graph, first, second, &x);
  }
  if (function == SEPCL_NONE) return SEPCL_NO_VALUE;
  bool hard = function == SEPCL_HARD_SIGMOID;
  return sepcl_graph_activation(graph, x, (sepcl_activation){function, hard ? 1.0f / 6 : 0, hard ? 0.5f : 0});
}
