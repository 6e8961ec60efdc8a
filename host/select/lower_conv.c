/* Convolutions, matrix products with constant weights, and batch norms that found no convolution. */
#include <string.h>

#include "error.h"
#include "select/lower.h"

static bool is_pointwise(const sepcl_window *w) {
  return w->kernel_h == 1 && w->kernel_w == 1 && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
}

static stage_kind conv_stage_kind(const sepcl_graph *graph, const node *n) {
  if (n->kind == NODE_SEPARABLE) return STAGE_SEPARABLE;
  if (n->kind == NODE_INVERTED_RESIDUAL) return STAGE_INVERTED_RESIDUAL;
  if (node_is_depthwise(graph, n)) return STAGE_DEPTHWISE;
  return is_pointwise(&n->conv.window) ? STAGE_POINTWISE : STAGE_CONV;
}

/* The sets that the passes made, or the node's own weights and bias. */
static void take_weights(step *p, const node *n, sepcl_weight_layout layout) {
  p->set_count = n->set_count;
  memcpy(p->sets, n->sets, sizeof p->sets);
  if (n->set_count) return;
  p->set_count = 1;
  p->sets[0] = (weight_set){n->inputs[1],
                            n->input_count > 2 ? n->inputs[2] : SEPCL_NO_VALUE,
                            SEPCL_NO_VALUE,
                            SEPCL_NO_VALUE,
                            SEPCL_NO_VALUE,
                            SEPCL_NO_VALUE,
                            0.0f,
                            layout};
}

sepcl_status lower_conv(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  step *p = lower_begin(network, value, conv_stage_kind(graph, n));
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = node_shape4(&graph->nodes[n->inputs[0]]);
  s->output = node_shape4(n);
  s->window = n->conv.window;
  s->groups = n->conv.groups;
  s->expanded = n->expanded;
  memcpy(s->inner, n->inner, sizeof s->inner);
  lower_read(network, &p->x, n->inputs[0]);
  if (n->residual != SEPCL_NO_VALUE) {
    s->has_residual = true;
    lower_read(network, &p->r, n->residual);
  }
  if (n->scale != SEPCL_NO_VALUE) {
    s->has_scale = true;
    lower_read(network, &p->s, n->scale);
  }
  take_weights(p, n, n->conv.layout);
  return SEPCL_OK;
}

static int64_t rows_of(const node *n) { return n->rank ? node_elements(n) / node_channels(n) : 1; }

sepcl_status lower_batch_norm(sepcl_network *network, sepcl_value value) {
  /* y = fma(x, gamma', beta'): a depthwise 1x1 convolution whose weights are ones before folding. */
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_DEPTHWISE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  int32_t channels = (int32_t)node_channels(n);
  s->input = n->rank == 4 ? node_shape4(n) : (sepcl_shape){1, 1, (int32_t)rows_of(n), channels};
  s->output = s->input;
  s->groups = channels;
  lower_read(network, &p->x, n->inputs[0]);
  p->set_count = 1;
  p->sets[0] = (weight_set){SEPCL_NO_VALUE, SEPCL_NO_VALUE, n->inputs[1], n->inputs[2],
                            n->inputs[3],   n->inputs[4],   n->epsilon,   SEPCL_OIHW};
  return SEPCL_OK;
}

/* Constant b and, if there is one, a constant c of one row: weights and bias of a pointwise stage. */
static bool is_fully_connected(const sepcl_graph *graph, const node *n) {
  const node *b = graph_node(graph, n->inputs[1]);
  if (!b || b->kind != NODE_CONSTANT) return false;
  for (int32_t i = 0; i < b->rank - 2; i++)
    if (b->dims[i] != 1) return false;
  if (n->set_count || n->input_count < 3 || n->inputs[2] == SEPCL_NO_VALUE) return true;
  const node *c = graph_node(graph, n->inputs[2]);
  return c->kind == NODE_CONSTANT && node_elements(c) == node_channels(n) && node_channels(c) == node_channels(n);
}

static sepcl_status lower_fully_connected(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value], *x = &graph->nodes[n->inputs[0]];
  step *p = lower_begin(network, value, STAGE_POINTWISE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = (sepcl_shape){1, 1, (int32_t)rows_of(x), (int32_t)node_channels(x)};
  s->output = (sepcl_shape){1, 1, (int32_t)rows_of(x), (int32_t)node_channels(n)};
  lower_read(network, &p->x, n->inputs[0]);
  take_weights(p, n, n->mode ? SEPCL_OIHW : SEPCL_HWIO);
  return SEPCL_OK;
}

sepcl_status lower_matmul(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  if (is_fully_connected(graph, n)) return lower_fully_connected(network, value);
  return failure(SEPCL_UNSUPPORTED, "node '%s': a matrix product of two activations is not supported yet", n->name);
}
