/* y = conv(x * s) with s one factor per image and channel (squeeze-excite): the convolution multiplies as it reads.
 * Exact: the product is rounded as before. Only 1x1 convolutions take it: others read each pixel several times. */
#include "graph/passes/passes.h"

static bool is_channel_scale(const node *x, const node *s) {
  return x->rank == 4 && s->rank == 4 && s->dims[0] == x->dims[0] && s->dims[1] == 1 && s->dims[2] == 1 &&
         s->dims[3] == x->dims[3];
}

sepcl_status pass_fuse_scale(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *conv = &graph->nodes[i];
    if (conv->dead || conv->kind != NODE_CONV || conv->scale != SEPCL_NO_VALUE || conv->conv.groups != 1) continue;
    const sepcl_window *w = &conv->conv.window;
    if (w->kernel_h != 1 || w->kernel_w != 1) continue;
    const node *product = graph_node(graph, conv->inputs[0]);
    if (!product || product->dead || product->kind != NODE_BINARY || product->mode != SEPCL_MUL) continue;
    if (product->activation.kind != SEPCL_NONE || sole_consumer(graph, conv->inputs[0]) != conv) continue;
    int32_t x = 0;
    if (!is_channel_scale(graph_node(graph, product->inputs[0]), graph_node(graph, product->inputs[1]))) x = 1;
    if (!is_channel_scale(graph_node(graph, product->inputs[x]), graph_node(graph, product->inputs[1 - x]))) continue;
    if (same_shape(graph_node(graph, product->inputs[0]), graph_node(graph, product->inputs[1]))) continue;
    ensure_weight_set(graph, conv);
    conv->scale = product->inputs[1 - x];
    conv->inputs[0] = product->inputs[x];
    ++*changes;
  }
  return SEPCL_OK;
}
