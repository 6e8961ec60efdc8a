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
static void take_weights(step *p, const node *n) {
  p->set_count = n->set_count ? n->set_count : 1;
  memcpy(p->sets, n->sets, sizeof p->sets);
  p->sets[0] = node_weight_set(n);
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
  s->input_order = n->input_order;
  s->output_order = n->output_order;
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
  take_weights(p, n);
  return offer_to_clblast(network, value);
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
  p->sets[0] = (weight_set){SEPCL_NO_VALUE, SEPCL_NO_VALUE, n->inputs[1], n->inputs[2], n->inputs[3],
                            n->inputs[4],   n->epsilon,     SEPCL_OIHW,   false};
  return SEPCL_OK;
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
  take_weights(p, n);
  return offer_to_clblast(network, value);
}

/* Strides of a factor along the product's axes before the last two, which broadcast; *rows and *columns: its own last
 * two. */
static void factor_strides(const node *out, const node *n, const place *at, int64_t outer[SEPCL_MAX_RANK],
                           int64_t *rows, int64_t *columns) {
  int64_t own[SEPCL_MAX_RANK] = {0};
  place_strides(n, at, own);
  *columns = n->rank > 0 ? own[n->rank - 1] : 0;
  *rows = n->rank > 1 ? own[n->rank - 2] : 0;
  for (int32_t axis = 0; axis < out->rank - 2; axis++) {
    int32_t k = axis - (out->rank - n->rank);
    outer[axis] = k < 0 || n->dims[k] == 1 ? 0 : own[k];
  }
}

static sepcl_status lower_product(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value], *a = &graph->nodes[n->inputs[0]], *b = &graph->nodes[n->inputs[1]];
  if (n->rank < 2 || n->rank > 5 || a->rank < 2 || b->rank < 2)
    return failure(SEPCL_UNSUPPORTED, "node '%s': products of activations need 2 to 5 axes", n->name);
  step *p = lower_begin(network, value, STAGE_MATMUL);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  int64_t a_rows, a_columns, b_rows, b_columns;
  s->rank = n->rank;
  memcpy(s->dims, n->dims, sizeof s->dims);
  lower_read(network, &p->x, n->inputs[0]);
  lower_read(network, &p->r, n->inputs[1]);
  factor_strides(n, a, &p->x, s->x_stride, &a_rows, &a_columns);
  factor_strides(n, b, &p->r, s->r_stride, &b_rows, &b_columns);
  s->x_stride[n->rank - 2] = a_rows;
  s->r_stride[n->rank - 1] = n->mode ? b_rows : b_columns;
  s->extra[0] = (int32_t)a->dims[a->rank - 1];
  s->extra[1] = (int32_t)a_columns;
  s->extra[2] = (int32_t)(n->mode ? b_columns : b_rows);
  place_strides(n, &p->y, s->y_stride);
  if (n->input_count > 2 && n->inputs[2] != SEPCL_NO_VALUE) {
    int64_t strides[SEPCL_MAX_RANK] = {0};
    s->has_scale = true;
    lower_read(network, &p->s, n->inputs[2]);
    broadcast_strides(n, &graph->nodes[n->inputs[2]], &p->s, strides);
    for (int32_t axis = 0; axis < n->rank; axis++) s->extra[3 + axis] = (int32_t)strides[axis];
  }
  return SEPCL_OK;
}

sepcl_status lower_matmul(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  if (node_is_fully_connected(graph, &graph->nodes[value])) return lower_fully_connected(network, value);
  return lower_product(network, value);
}

/* What conv_transpose and deform_conv share with the other convolutions. */
static void take_window(const sepcl_network *network, step *p, const node *n, sepcl_window window, int32_t groups) {
  stage *s = &p->bound.s;
  s->input = node_shape4(&network->graph->nodes[n->inputs[0]]);
  s->output = node_shape4(n);
  s->window = window;
  s->groups = groups;
  lower_read(network, &p->x, n->inputs[0]);
  take_weights(p, n);
}

sepcl_status lower_conv_transpose(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_CONV_TRANSPOSE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  take_window(network, p, n, n->conv_transpose.window, n->conv_transpose.groups);
  return SEPCL_OK;
}

sepcl_status lower_deform_conv(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_DEFORM_CONV);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  take_window(network, p, n, n->conv.window, n->conv.groups);
  p->bound.s.extra[0] = n->mode;
  lower_read(network, &p->r, n->inputs[2]);
  if (n->inputs[4] != SEPCL_NO_VALUE) {
    p->bound.s.has_scale = true;
    lower_read(network, &p->s, n->inputs[4]);
  }
  return SEPCL_OK;
}
