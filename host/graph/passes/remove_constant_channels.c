/* Depthwise kernels often train to nothing. A channel between an expanding and a projecting convolution whose value is
 * provably constant is removed from all three. A zero is exact: a product with zero adds nothing to a sum that starts
 * at a bias that is never -0. A constant other than zero would enter the projection's bias and change its rounding:
 * only under SEPCL_FASTEST, and only into a 1x1 convolution without padding. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/bounds.h"
#include "graph/passes/passes.h"

/* expand -> depthwise -> project, each the only reader of the one before. */
typedef struct block {
  node *expand, *depthwise, *project;
} block;

/* All constants of the set are read by this set alone, so that they may be rewritten in place. */
static bool owns_constants(const sepcl_graph *graph, const node *n) {
  const weight_set *s = &n->sets[0];
  const sepcl_value all[6] = {s->weights, s->bias, s->gamma, s->beta, s->mean, s->variance};
  for (int i = 0; i < 6; i++)
    if (all[i] != SEPCL_NO_VALUE && (!is_constant(graph, all[i]) || value_uses(graph, all[i]) != 1)) return false;
  return s->weights != SEPCL_NO_VALUE;
}

static bool is_plain_conv(const node *n) {
  return n && !n->dead && n->kind == NODE_CONV && n->conv.groups == 1 && n->scale == SEPCL_NO_VALUE;
}

static bool find_block(block *out, sepcl_graph *graph, sepcl_value value) {
  node *d = &graph->nodes[value];
  if (d->dead || d->kind != NODE_CONV || !node_is_depthwise(graph, d) || d->conv.outputs != d->conv.groups)
    return false;
  if (d->residual != SEPCL_NO_VALUE || d->scale != SEPCL_NO_VALUE) return false;
  *out = (block){graph_node(graph, d->inputs[0]), d, sole_consumer(graph, value)};
  if (!is_plain_conv(out->expand) || out->expand->residual != SEPCL_NO_VALUE) return false;
  if (!is_plain_conv(out->project) || out->project->inputs[0] != value || out->project->residual == value) return false;
  if (sole_consumer(graph, d->inputs[0]) != d) return false;
  node *all[3] = {out->expand, d, out->project};
  for (int i = 0; i < 3; i++) {
    ensure_weight_set(all[i]);
    if (!owns_constants(graph, all[i])) return false;
  }
  return true;
}

/* ---- rewriting constants ---- */

static void replace_data(node *constant, float *data, int32_t rank, const int64_t *dims) {
  free(constant->owned);
  constant->owned = data;
  constant->data = data;
  constant->rank = rank;
  memcpy(constant->dims, dims, (size_t)rank * sizeof *dims);
}

static sepcl_status keep_in_vector(sepcl_graph *graph, sepcl_value value, const int32_t *keep, int32_t count) {
  node *n = graph_node(graph, value);
  if (!n) return SEPCL_OK;
  float *data = malloc((size_t)count * sizeof *data);
  if (!data) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  for (int32_t i = 0; i < count; i++) data[i] = n->data[keep[i]];
  replace_data(n, data, 1, (int64_t[]){count});
  return SEPCL_OK;
}

/* Weights [outputs][inputs][h][w] of the kept outputs and inputs; NULL keeps all. */
static sepcl_status keep_in_weights(sepcl_graph *graph, node *conv, const int32_t *outputs, int32_t output_count,
                                    const int32_t *inputs, int32_t input_count) {
  folded_channel f;
  if (!folded_channel_of(&f, graph, conv, 0)) return failure(SEPCL_BAD_GRAPH, "node '%s': weights unknown", conv->name);
  size_t taps = (size_t)f.kernel_h * (size_t)f.kernel_w, at = 0;
  float *data = malloc((size_t)output_count * (size_t)input_count * taps * sizeof *data);
  if (!data) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  for (int32_t o = 0; o < output_count; o++)
    for (int32_t i = 0; i < input_count; i++)
      for (int32_t t = 0; t < (int32_t)taps; t++)
        data[at++] = f.weights[weight_index(&f, outputs ? outputs[o] : o, inputs ? inputs[i] : i, t / f.kernel_w,
                                            t % f.kernel_w)];
  replace_data(graph_node(graph, conv->sets[0].weights), data, 4,
               (int64_t[]){output_count, input_count, f.kernel_h, f.kernel_w});
  conv->sets[0].layout = SEPCL_OIHW;
  conv->conv.layout = SEPCL_OIHW;
  return SEPCL_OK;
}

static sepcl_status keep_outputs(sepcl_graph *graph, node *conv, const int32_t *keep, int32_t count, int32_t inputs) {
  TRY(keep_in_weights(graph, conv, keep, count, NULL, inputs));
  const weight_set *s = &conv->sets[0];
  const sepcl_value vectors[5] = {s->bias, s->gamma, s->beta, s->mean, s->variance};
  for (int i = 0; i < 5; i++) TRY(keep_in_vector(graph, vectors[i], keep, count));
  conv->conv.outputs = count;
  conv->dims[3] = count;
  return SEPCL_OK;
}

/* Adds what the channels outside `keep` contributed to the projection's outputs: sum of w k, into bias or mean. */
static void absorb_constants(sepcl_graph *graph, node *project, const interval *channels, const int32_t *keep,
                             int32_t count) {
  node *bias = graph_node(graph, project->sets[0].bias), *mean = graph_node(graph, project->sets[0].mean);
  float *target = bias ? bias->owned : mean ? mean->owned : NULL;
  double sign = bias ? 1.0 : -1.0;
  folded_channel f;
  if (!target || !folded_channel_of(&f, graph, project, 0)) return;
  for (int32_t o = 0; o < project->conv.outputs; o++) {
    double sum = 0;
    for (int32_t c = 0, kept = 0; c < f.inputs; c++) {
      if (kept < count && keep[kept] == c)
        kept++;
      else
        sum += channels[c].low * f.weights[weight_index(&f, o, c, 0, 0)];
    }
    target[o] = (float)(target[o] + sign * sum);
  }
}

static sepcl_status own_data(sepcl_graph *graph, sepcl_value value) {
  node *n = graph_node(graph, value);
  if (!n || n->owned) return SEPCL_OK;
  size_t size = (size_t)node_elements(n) * sizeof(float);
  float *data = malloc(size);
  if (!data) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  memcpy(data, n->data, size);
  n->owned = data;
  n->data = data;
  return SEPCL_OK;
}

/* ---- the pass ---- */

static bool takes_constants(const block *b, const sepcl_network_options *options) {
  const sepcl_window *w = &b->project->conv.window;
  const weight_set *s = &b->project->sets[0];
  return options->policy == SEPCL_FASTEST && w->kernel_h == 1 && w->kernel_w == 1 && !w->pad_top && !w->pad_left &&
         !w->pad_bottom && !w->pad_right && (s->bias != SEPCL_NO_VALUE || s->mean != SEPCL_NO_VALUE);
}

static sepcl_status shrink(sepcl_graph *graph, block *b, const int32_t *keep, int32_t count) {
  int32_t expand_inputs = (int32_t)node_channels(graph_node(graph, b->expand->inputs[0]));
  TRY(keep_in_weights(graph, b->project, NULL, b->project->conv.outputs, keep, count));
  TRY(keep_outputs(graph, b->depthwise, keep, count, 1));
  b->depthwise->conv.groups = count;
  return keep_outputs(graph, b->expand, keep, count, expand_inputs);
}

static sepcl_status shrink_block(sepcl_graph *graph, block *b, const interval *channels,
                                 const sepcl_network_options *options, int32_t *removed) {
  int32_t total = b->depthwise->conv.outputs, count = 0;
  bool constants = takes_constants(b, options);
  int32_t *keep = malloc((size_t)total * sizeof *keep);
  if (!keep) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  bool absorbed = false;
  for (int32_t c = 0; c < total; c++) {
    bool constant = channels[c].low == channels[c].high;
    if (constant && (channels[c].low == 0 || constants))
      absorbed |= channels[c].low != 0;
    else
      keep[count++] = c;
  }
  if (count == 0) keep[count++] = 0; /* a convolution needs an input; a constant zero adds nothing */
  sepcl_status status = SEPCL_OK;
  if (count < total) {
    if (absorbed) {
      status = own_data(graph, b->project->sets[0].bias);
      if (status == SEPCL_OK) status = own_data(graph, b->project->sets[0].mean);
      if (status == SEPCL_OK) absorb_constants(graph, b->project, channels, keep, count);
    }
    if (status == SEPCL_OK) status = shrink(graph, b, keep, count);
    *removed += total - count;
  }
  free(keep);
  return status;
}

static bool has_depthwise(const sepcl_graph *graph) {
  for (int32_t i = 0; i < graph->count; i++)
    if (!graph->nodes[i].dead && graph->nodes[i].kind == NODE_CONV && node_is_depthwise(graph, &graph->nodes[i]))
      return true;
  return false;
}

sepcl_status pass_remove_constant_channels(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  if (!has_depthwise(graph)) return SEPCL_OK;
  bounds known;
  TRY(bounds_compute(&known, graph));
  sepcl_status status = SEPCL_OK;
  for (int32_t i = 0; status == SEPCL_OK && i < graph->count; i++) {
    block b;
    if (known.channels[i] && find_block(&b, graph, i))
      status = shrink_block(graph, &b, known.channels[i], options, changes);
  }
  bounds_free(&known);
  return status;
}
