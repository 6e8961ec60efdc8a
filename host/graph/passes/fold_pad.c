/* A pad with zeros over H and W before a convolution becomes the convolution's own padding. Exact: padding taps are
 * skipped, which adds the same as a product with zero. */
#include "graph/passes/passes.h"

static bool pads_pixels_with_zero(const node *n) {
  if (n->dead || n->kind != NODE_PAD || n->mode != SEPCL_PAD_CONSTANT || n->value != 0.0f || n->rank != 4) return false;
  for (int32_t axis = 0; axis < 4; axis++) {
    if (n->before[axis] < 0 || n->after[axis] < 0) return false;
    if ((axis == 0 || axis == 3) && (n->before[axis] || n->after[axis])) return false;
  }
  return true;
}

sepcl_status pass_fold_pad(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  for (int32_t i = 0; i < graph->count; i++) {
    node *conv = &graph->nodes[i];
    if (conv->dead || conv->kind != NODE_CONV) continue;
    const node *pad = graph_node(graph, conv->inputs[0]);
    if (!pad || !pads_pixels_with_zero(pad)) continue;
    sepcl_window *window = &conv->conv.window;
    window->pad_top += (int32_t)pad->before[1];
    window->pad_left += (int32_t)pad->before[2];
    window->pad_bottom += (int32_t)pad->after[1];
    window->pad_right += (int32_t)pad->after[2];
    uses_forget(graph, i);
    conv->inputs[0] = pad->inputs[0];
    uses_add(graph, i);
    ++*changes;
  }
  return SEPCL_OK;
}
