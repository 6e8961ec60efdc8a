/* y = conv(x * s) with s one factor per image and channel (squeeze-excite): the convolution multiplies as it reads; so
 * does an addition, y = x * s + r. Exact: the product is rounded as before. Only 1x1 convolutions take it: others read
 * each pixel several times. */
#include "graph/passes/passes.h"

static bool is_channel_scale(const node *x, const node *s) {
  return x->rank == 4 && s->rank == 4 && s->dims[0] == x->dims[0] && s->dims[1] == 1 && s->dims[2] == 1 &&
         s->dims[3] == x->dims[3];
}

/* The operand of the product at `value` that is the scale, 0 or 1; -1: it is no such product, or others read it too. */
static int32_t scale_operand(const sepcl_graph *graph, sepcl_value value, const node *reader) {
  const node *product = graph_node(graph, value);
  if (!product || product->dead || product->kind != NODE_BINARY || product->mode != SEPCL_MUL) return -1;
  if (product->activation.kind != SEPCL_NONE || product->scale != SEPCL_NO_VALUE) return -1;
  if (sole_consumer(graph, value) != reader) return -1;
  const node *a = graph_node(graph, product->inputs[0]), *b = graph_node(graph, product->inputs[1]);
  if (same_shape(a, b)) return -1;
  return is_channel_scale(a, b) ? 1 : is_channel_scale(b, a) ? 0 : -1;
}

static bool reads_once(const node *n) {
  const sepcl_window *w = &n->conv.window;
  return n->kind == NODE_CONV && n->conv.groups == 1 && !n->input_order && w->kernel_h == 1 && w->kernel_w == 1;
}

/* Which input of the node may be multiplied as it is read, or -1. */
static int32_t scaled_input(const sepcl_graph *graph, const node *n) {
  if (n->dead || n->scale != SEPCL_NO_VALUE) return -1;
  if (reads_once(n)) return scale_operand(graph, n->inputs[0], n) < 0 ? -1 : 0;
  if (n->kind != NODE_BINARY || n->mode != SEPCL_ADD) return -1;
  for (int32_t i = 0; i < 2; i++)
    if (scale_operand(graph, n->inputs[i], n) >= 0 && same_shape(graph_node(graph, n->inputs[i]), n)) return i;
  return -1;
}

sepcl_status pass_fuse_scale(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *n = &graph->nodes[i];
    int32_t input = scaled_input(graph, n);
    if (input < 0) continue;
    const node *product = graph_node(graph, n->inputs[input]);
    int32_t scale = scale_operand(graph, n->inputs[input], n);
    sepcl_value other = n->kind == NODE_BINARY ? n->inputs[1 - input] : SEPCL_NO_VALUE;
    uses_forget(graph, i);
    if (n->kind == NODE_CONV) ensure_weight_set(n);
    n->scale = product->inputs[scale];
    n->inputs[0] = product->inputs[1 - scale];
    if (n->kind == NODE_BINARY) n->inputs[1] = other; /* additions commute */
    uses_add(graph, i);
    ++*changes;
  }
  return SEPCL_OK;
}
