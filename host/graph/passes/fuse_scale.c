/* y = conv(x * s) with s one factor per image and channel (squeeze-excite): the convolution multiplies as it reads; so
 * does an addition, y = x * s + r. Exact: the product is rounded as before, and what is padded stays zero. Where
 * several nodes read the product, all of them must be able to. */
#include <stdlib.h>

#include "error.h"
#include "graph/passes/passes.h"

static bool is_channel_scale(const node *x, const node *s) {
  return x->rank == 4 && s->rank == 4 && s->dims[0] == x->dims[0] && s->dims[1] == 1 && s->dims[2] == 1 &&
         s->dims[3] == x->dims[3];
}

/* The operand of the product at `value` that is the scale, 0 or 1; -1: it is no such product. */
static int32_t scale_operand(const sepcl_graph *graph, sepcl_value value) {
  const node *product = graph_node(graph, value);
  if (!product || product->dead || product->kind != NODE_BINARY || product->mode != SEPCL_MUL) return -1;
  if (product->activation.kind != SEPCL_NONE || product->scale != SEPCL_NO_VALUE) return -1;
  const node *a = graph_node(graph, product->inputs[0]), *b = graph_node(graph, product->inputs[1]);
  if (same_shape(a, b)) return -1;
  return is_channel_scale(a, b) ? 1 : is_channel_scale(b, a) ? 0 : -1;
}

/* Other windows read each pixel several times and would multiply it as often: measured, a product of its own is faster
 * (3x3, 64 channels to 64 at 56x56: by 13%), which depthwise kernels, whose loads serve several taps, are not. */
static bool multiplies(const sepcl_graph *graph, const node *n) {
  const sepcl_window *w = &n->conv.window;
  if (n->kind != NODE_CONV || n->input_order) return false;
  return node_is_depthwise(graph, n) || (n->conv.groups == 1 && w->kernel_h == 1 && w->kernel_w == 1);
}

/* Which input of the node may be multiplied as it is read, or -1. */
static int32_t scaled_input(const sepcl_graph *graph, const node *n) {
  if (n->dead || n->scale != SEPCL_NO_VALUE) return -1;
  if (multiplies(graph, n)) return scale_operand(graph, n->inputs[0]) < 0 ? -1 : 0;
  if (n->kind != NODE_BINARY || n->mode != SEPCL_ADD) return -1;
  for (int32_t i = 0; i < 2; i++)
    if (scale_operand(graph, n->inputs[i]) >= 0 && same_shape(graph_node(graph, n->inputs[i]), n)) return i;
  return -1;
}

bool is_scaled_for(const sepcl_graph *graph, sepcl_value value, const node *reader) {
  return scale_operand(graph, value) >= 0 && sole_consumer(graph, value) == reader;
}

static void take_scale(sepcl_graph *graph, sepcl_value reader, int32_t input) {
  node *n = &graph->nodes[reader];
  const node *product = graph_node(graph, n->inputs[input]);
  const int32_t scale = scale_operand(graph, n->inputs[input]);
  const sepcl_value other = n->kind == NODE_BINARY ? n->inputs[1 - input] : SEPCL_NO_VALUE;
  uses_forget(graph, reader);
  if (n->kind == NODE_CONV) ensure_weight_set(n);
  n->scale = product->inputs[scale];
  n->inputs[0] = product->inputs[1 - scale];
  if (n->kind == NODE_BINARY) n->inputs[1] = other; /* additions commute */
  uses_add(graph, reader);
}

/* Of how many uses of each value a reader could multiply itself. */
static void count_takers(const sepcl_graph *graph, int32_t *takers) {
  for (int32_t i = 0; i < graph->count; i++) {
    const int32_t input = scaled_input(graph, &graph->nodes[i]);
    if (input >= 0) takers[graph->nodes[i].inputs[input]]++;
  }
}

sepcl_status pass_fuse_scale(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  (void)options;
  int32_t *takers = calloc((size_t)graph->count + 1, sizeof *takers);
  if (!takers) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while fusing channel scales");
  count_takers(graph, takers);
  for (int32_t i = 0; i < graph->count; i++) {
    const int32_t input = scaled_input(graph, &graph->nodes[i]);
    if (input < 0) continue;
    const sepcl_value product = graph->nodes[i].inputs[input];
    const int32_t left = value_uses(graph, product);
    if (takers[product] != left) continue;
    take_scale(graph, i, input);
    takers[product]--;
    *changes += left == 1;
  }
  free(takers);
  return SEPCL_OK;
}
