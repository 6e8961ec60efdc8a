#include "graph/passes/channels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "graph/passes/passes.h"

static sepcl_status no_memory(void) { return failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels"); }

static sepcl_status keep_in_vector(sepcl_graph *graph, sepcl_value *vector, const int32_t *keep, int32_t count) {
  const node *n = graph_node(graph, *vector);
  if (!n) return SEPCL_OK;
  float *data = malloc((size_t)count * sizeof *data);
  if (!data) return no_memory();
  for (int32_t i = 0; i < count; i++) data[i] = n->data[keep[i]];
  return graph_add_constant(graph, vector, 1, (int64_t[]){count}, data);
}

/* Weights [outputs][inputs][h][w] of the listed outputs and inputs; NULL lists all. */
static sepcl_status keep_in_weights(sepcl_graph *graph, sepcl_value value, const channel_list *outputs,
                                    const channel_list *inputs) {
  folded_channel f;
  if (!weights_of(&f, graph, graph_node(graph, value)))
    return failure(SEPCL_BAD_GRAPH, "node '%s': weights unknown", graph_node(graph, value)->name);
  int32_t output_count = outputs ? outputs->count : f.outputs, input_count = inputs ? inputs->count : f.inputs,
          taps = f.kernel_h * f.kernel_w;
  float *data = malloc((size_t)output_count * (size_t)input_count * (size_t)taps * sizeof *data), *to = data;
  if (!data) return no_memory();
  for (int32_t o = 0; o < output_count; o++)
    for (int32_t i = 0; i < input_count; i++)
      for (int32_t t = 0; t < taps; t++)
        *to++ = f.weights[weight_index(&f, outputs ? outputs->kept[o] : o, inputs ? inputs->kept[i] : i, t / f.kernel_w,
                                       t % f.kernel_w)];
  sepcl_value weights = SEPCL_NO_VALUE;
  TRY(graph_add_constant(graph, &weights, 4, (int64_t[]){output_count, input_count, f.kernel_h, f.kernel_w}, data));
  node *conv = graph_node(graph, value);
  uses_forget(graph, value);
  conv->sets[0].weights = weights;
  uses_add(graph, value);
  conv->sets[0].layout = conv->conv.layout = SEPCL_OIHW;
  return SEPCL_OK;
}

/* Which outputs of `conv` make the channels that stay, ascending; a permuted order of storing shrinks with them. */
static sepcl_status outputs_of(channel_list *outputs, node *conv, const channel_list *list) {
  int32_t *place = malloc((size_t)list->total * sizeof *place); /* of each stored channel among those that stay */
  outputs->kept = malloc((size_t)list->count * sizeof *outputs->kept);
  outputs->count = 0;
  outputs->total = list->total;
  if (!place || !outputs->kept) {
    free(place);
    return no_memory();
  }
  for (int32_t c = 0; c < list->total; c++) place[c] = -1;
  for (int32_t i = 0; i < list->count; i++) place[list->kept[i]] = i;
  for (int32_t o = 0; o < list->total; o++) {
    int32_t to = place[conv->output_order ? conv->output_order[o] : o];
    if (to < 0) continue;
    if (conv->output_order) conv->output_order[outputs->count] = to;
    outputs->kept[outputs->count++] = o;
  }
  free(place);
  return SEPCL_OK;
}

static sepcl_status keep_outputs(sepcl_graph *graph, sepcl_value value, const channel_list *outputs) {
  TRY(keep_in_weights(graph, value, outputs, NULL));
  weight_set s = graph_node(graph, value)->sets[0];
  sepcl_value *const vectors[5] = {&s.bias, &s.gamma, &s.beta, &s.mean, &s.variance};
  for (int i = 0; i < 5; i++) TRY(keep_in_vector(graph, vectors[i], outputs->kept, outputs->count));
  node *conv = graph_node(graph, value);
  uses_forget(graph, value);
  conv->sets[0] = s;
  uses_add(graph, value);
  conv->conv.outputs = outputs->count;
  conv->dims[3] = outputs->count;
  return SEPCL_OK;
}

sepcl_status channels_keep_outputs(sepcl_graph *graph, sepcl_value conv, const channel_list *list) {
  ensure_weight_set(graph_node(graph, conv));
  channel_list outputs = {NULL, 0, 0};
  sepcl_status status = outputs_of(&outputs, graph_node(graph, conv), list);
  if (status == SEPCL_OK) status = keep_outputs(graph, conv, &outputs);
  free(outputs.kept);
  return status;
}

sepcl_status channels_permute(sepcl_graph *graph, sepcl_value depthwise, int32_t *order) {
  ensure_weight_set(graph_node(graph, depthwise));
  const int32_t channels = graph_node(graph, depthwise)->conv.outputs;
  const channel_list all = {order, channels, channels};
  return keep_outputs(graph, depthwise, &all);
}

sepcl_status channels_keep_inputs(sepcl_graph *graph, sepcl_value conv, const channel_list *list) {
  ensure_weight_set(graph_node(graph, conv));
  return keep_in_weights(graph, conv, NULL, list);
}

static double contribution(const folded_channel *f, int32_t output, const channel_list *list,
                           const interval *constants) {
  double sum = 0.0;
  for (int32_t c = 0, kept = 0; c < list->total; c++) {
    if (kept < list->count && list->kept[kept] == c) {
      kept++;
      continue;
    }
    for (int32_t t = 0; t < f->kernel_h * f->kernel_w; t++)
      sum += constants[c].low * f->weights[weight_index(f, output, c, t / f->kernel_w, t % f->kernel_w)];
  }
  return sum;
}

bool channel_reader_is_finite(const sepcl_graph *graph, sepcl_value conv, int32_t input) {
  folded_channel f;
  if (!weights_of(&f, graph, graph_node(graph, conv))) return false;
  for (int32_t o = 0; o < f.outputs; o++)
    for (int32_t t = 0; t < f.kernel_h * f.kernel_w; t++)
      if (!isfinite(f.weights[weight_index(&f, o, input, t / f.kernel_w, t % f.kernel_w)])) return false;
  return true;
}

sepcl_status channels_into_bias(sepcl_graph *graph, sepcl_value value, const channel_list *list,
                                const interval *constants) {
  node *conv = graph_node(graph, value);
  ensure_weight_set(conv);
  const int32_t outputs = conv->conv.outputs;
  const node *old = graph_node(graph, conv->sets[0].bias);
  folded_channel f;
  if (!weights_of(&f, graph, conv)) return failure(SEPCL_BAD_GRAPH, "node '%s': weights unknown", conv->name);
  float *data = malloc((size_t)outputs * sizeof *data);
  if (!data) return no_memory();
  for (int32_t o = 0; o < outputs; o++)
    data[o] = (float)((old ? old->data[o] : 0.0) + contribution(&f, o, list, constants));
  sepcl_value bias = SEPCL_NO_VALUE;
  TRY(graph_add_constant(graph, &bias, 1, (int64_t[]){outputs}, data));
  uses_forget(graph, value);
  graph_node(graph, value)->sets[0].bias = bias;
  graph_node(graph, value)->sets[0].rounded = true;
  uses_add(graph, value);
  return SEPCL_OK;
}
