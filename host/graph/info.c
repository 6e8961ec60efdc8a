/* What a node costs: multiply-adds, parameters, bytes, and the standard convolution that a separable block replaces. */
#include <string.h>

#include "error.h"
#include "graph/graph.h"

bool graph_has_output(const sepcl_graph *graph, sepcl_value value) {
  for (int32_t i = 0; i < graph->output_count; i++)
    if (graph->outputs[i].value == value) return true;
  return false;
}

bool node_is_depthwise(const sepcl_graph *graph, const node *n) {
  if (n->kind != NODE_CONV || n->conv.groups == 1) return false;
  const node *x = graph_node(graph, n->inputs[0]);
  return x && n->conv.groups == node_channels(x);
}

bool node_is_fully_connected(const sepcl_graph *graph, const node *n) {
  const node *b = n->kind == NODE_MATMUL ? graph_node(graph, n->inputs[1]) : NULL;
  if (!b || b->kind != NODE_CONSTANT) return false;
  for (int32_t i = 0; i < b->rank - 2; i++)
    if (b->dims[i] != 1) return false;
  if (n->set_count || n->input_count < 3 || n->inputs[2] == SEPCL_NO_VALUE) return true;
  const node *c = graph_node(graph, n->inputs[2]);
  return c->kind == NODE_CONSTANT && node_elements(c) == node_channels(n) && node_channels(c) == node_channels(n);
}

weight_set node_weight_set(const node *n) {
  if (n->set_count) return n->sets[0];
  const int32_t bias = n->kind == NODE_DEFORM_CONV ? 3 : 2;
  weight_set own = {.weights = n->inputs[1], .bias = n->input_count > bias ? n->inputs[bias] : SEPCL_NO_VALUE};
  own.gamma = own.beta = own.mean = own.variance = SEPCL_NO_VALUE;
  own.layout = n->conv.layout;
  if (n->kind == NODE_CONV_TRANSPOSE) own.layout = n->conv_transpose.layout;
  if (n->kind == NODE_MATMUL) own.layout = n->mode ? SEPCL_OIHW : SEPCL_HWIO;
  return own;
}

const char *node_kind_name(const sepcl_graph *graph, const node *n) {
  static const char *const names[NODE_KIND_COUNT] = {
      "input",  "constant",   "conv",   "conv transpose", "deform conv",      "batch norm",
      "norm",   "activation", "binary", "pool",           "reduce",           "matmul",
      "concat", "slice",      "pad",    "reshape",        "transpose",        "expand",
      "gather", "softmax",    "resize", "separable",      "inverted residual"};
  (void)graph;
  return n->label[0] ? n->label : names[n->kind];
}

static uint64_t elements(const sepcl_graph *graph, const node *n, int32_t input) {
  const node *x = input < n->input_count ? graph_node(graph, n->inputs[input]) : NULL;
  return x ? (uint64_t)node_elements(x) : 0;
}

static uint64_t constant_elements(const sepcl_graph *graph, const node *n, int32_t input) {
  const node *x = input < n->input_count ? graph_node(graph, n->inputs[input]) : NULL;
  return x && x->kind == NODE_CONSTANT ? (uint64_t)node_elements(x) : 0;
}

/* Multiply-adds of one output: the weights that it sees. */
static uint64_t macs_of(const sepcl_graph *graph, const node *n) {
  uint64_t outputs = (uint64_t)node_elements(n);
  switch (n->kind) {
    case NODE_CONV:
    case NODE_DEFORM_CONV: return outputs * (elements(graph, n, 1) / (uint64_t)n->conv.outputs);
    /* Each input is multiplied with every weight of its channel. */
    case NODE_CONV_TRANSPOSE: {
      const node *x = graph_node(graph, n->inputs[0]);
      return elements(graph, n, 0) * (elements(graph, n, 1) / (uint64_t)node_channels(x));
    }
    case NODE_MATMUL: return outputs * (uint64_t)node_channels(graph_node(graph, n->inputs[0]));
    default: return 0;
  }
}

static void count_parameters(sepcl_node_info *out, const sepcl_graph *graph, const node *n) {
  switch (n->kind) {
    case NODE_CONV:
    case NODE_CONV_TRANSPOSE:
    case NODE_MATMUL:
      out->weights = constant_elements(graph, n, 1);
      out->parameters = out->weights + constant_elements(graph, n, 2);
      break;
    case NODE_DEFORM_CONV:
      out->weights = constant_elements(graph, n, 1);
      out->parameters = out->weights + constant_elements(graph, n, 3);
      break;
    case NODE_BATCH_NORM: /* mean and variance are measured, not trained */
    case NODE_NORM: out->parameters = constant_elements(graph, n, 1) + constant_elements(graph, n, 2); break;
    default: break;
  }
}

static bool is_pointwise(const node *n) {
  return n->kind == NODE_CONV && n->conv.window.kernel_h == 1 && n->conv.window.kernel_w == 1;
}

/* What may stand between the two halves of a separable block: norm, activation, a channel's scale, a permutation. */
static bool carries(const node *n, sepcl_value value) {
  switch (n->kind) {
    case NODE_BATCH_NORM:
    case NODE_ACTIVATION: return n->inputs[0] == value;
    case NODE_BINARY: return n->mode == SEPCL_MUL && (n->inputs[0] == value || n->inputs[1] == value);
    default: return false;
  }
}

/* The pointwise convolution that a depthwise one's result goes to, or -1. */
static int32_t pointwise_after(const sepcl_graph *graph, int32_t depthwise) {
  sepcl_value value = depthwise;
  for (int32_t i = depthwise + 1; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    if (is_pointwise(n) && !node_is_depthwise(graph, n) && n->inputs[0] == value) return i;
    if (carries(n, value) && node_elements(n) == node_elements(&graph->nodes[depthwise])) value = i;
  }
  return -1;
}

static int32_t depthwise_before(const sepcl_graph *graph, int32_t pointwise) {
  for (int32_t i = pointwise - 1; i >= 0; i--)
    if (node_is_depthwise(graph, &graph->nodes[i]) && pointwise_after(graph, i) == pointwise) return i;
  return -1;
}

/* A separable block counts at its depthwise half, so that sums over all nodes are right. */
static uint64_t standard_macs_of(const sepcl_graph *graph, int32_t index, uint64_t macs) {
  const node *n = &graph->nodes[index];
  if (node_is_depthwise(graph, n)) {
    int32_t pointwise = pointwise_after(graph, index);
    if (pointwise < 0) return macs;
    uint64_t kernel = (uint64_t)n->conv.window.kernel_h * (uint64_t)n->conv.window.kernel_w;
    return macs_of(graph, &graph->nodes[pointwise]) * kernel;
  }
  return is_pointwise(n) && depthwise_before(graph, index) >= 0 ? 0 : macs;
}

static uint64_t bytes_of(const sepcl_graph *graph, const node *n) {
  if (n->kind == NODE_INPUT || n->kind == NODE_CONSTANT || n->kind == NODE_RESHAPE) return 0;
  uint64_t count = (uint64_t)node_elements(n);
  for (int32_t i = 0; i < n->input_count; i++) {
    /* Slices, gathers and crops read what they keep. */
    bool part = n->kind == NODE_SLICE || n->kind == NODE_GATHER;
    count += part ? (uint64_t)node_elements(n) : elements(graph, n, i);
  }
  return count * sizeof(float);
}

static void fill_kernel(sepcl_node_info *out, const node *n) {
  const sepcl_window *window = NULL;
  if (n->kind == NODE_CONV || n->kind == NODE_DEFORM_CONV) window = &n->conv.window;
  if (n->kind == NODE_CONV_TRANSPOSE) window = &n->conv_transpose.window;
  if (n->kind == NODE_POOL) window = &n->pool.window;
  if (!window) return;
  out->kernel_h = window->kernel_h;
  out->kernel_w = window->kernel_w;
  out->groups = n->kind == NODE_POOL ? 1 : n->kind == NODE_CONV_TRANSPOSE ? n->conv_transpose.groups : n->conv.groups;
}

int32_t sepcl_graph_node_count(const sepcl_graph *graph) { return graph ? graph->count : 0; }

sepcl_status sepcl_graph_node_info(sepcl_node_info *out, const sepcl_graph *graph, int32_t index) {
  if (!out || !graph) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_node_info: out or the graph is NULL");
  const node *n = graph_node(graph, index);
  if (!n) return failure(SEPCL_INVALID_ARGUMENT, "the graph has no node %d: it has %d", index, graph->count);
  *out = (sepcl_node_info){.name = n->name, .kind = node_kind_name(graph, n), .rank = n->rank};
  memcpy(out->dims, n->dims, sizeof out->dims);
  out->macs = macs_of(graph, n);
  count_parameters(out, graph, n);
  out->standard_macs = standard_macs_of(graph, index, out->macs);
  out->bytes = bytes_of(graph, n);
  fill_kernel(out, n);
  return SEPCL_OK;
}
