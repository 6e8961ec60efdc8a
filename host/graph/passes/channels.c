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

/* Weights [outputs][inputs][h][w] of the listed outputs and inputs; NULL lists all. Of inputs in groups, each group
 * keeps as many. */
static sepcl_status keep_in_weights(sepcl_graph *graph, sepcl_value value, const channel_list *outputs,
                                    const channel_list *inputs) {
  folded_channel f;
  if (!weights_of(&f, graph, graph_node(graph, value)))
    return failure(SEPCL_BAD_GRAPH, "node '%s': weights unknown", graph_node(graph, value)->name);
  int32_t output_count = outputs ? outputs->count : f.outputs,
          input_count = inputs ? inputs->count / f.groups : f.inputs, taps = f.kernel_h * f.kernel_w;
  float *data = malloc((size_t)output_count * (size_t)input_count * (size_t)taps * sizeof *data), *to = data;
  if (!data) return no_memory();
  for (int32_t o = 0; o < output_count; o++) {
    const int32_t first = o / (f.outputs / f.groups) * input_count; /* where inputs are listed, outputs are not */
    for (int32_t i = 0; i < input_count; i++)
      for (int32_t t = 0; t < taps; t++)
        *to++ =
            f.weights[weight_index(&f, outputs ? outputs->kept[o] : o, inputs ? inputs->kept[first + i] % f.inputs : i,
                                   t / f.kernel_w, t % f.kernel_w)];
  }
  sepcl_value weights = SEPCL_NO_VALUE;
  TRY(graph_add_constant(graph, &weights, 4, (int64_t[]){output_count, input_count, f.kernel_h, f.kernel_w}, data));
  node *conv = graph_node(graph, value);
  uses_forget(graph, value);
  conv->sets[0].weights = weights;
  uses_add(graph, value);
  conv->sets[0].layout = conv->conv.layout = SEPCL_OIHW;
  return SEPCL_OK;
}

/* Which inputs or outputs of a convolution are the stored channels that stay, ascending. `order`: where each lies in
 * its pixel (NULL: in order), which shrinks with them. */
static sepcl_status in_order(channel_list *out, int32_t *order, const channel_list *list) {
  int32_t *place = malloc((size_t)list->total * sizeof *place); /* of each stored channel among those that stay */
  out->kept = malloc((size_t)list->count * sizeof *out->kept);
  out->count = 0;
  out->total = list->total;
  if (!place || !out->kept) {
    free(place);
    return no_memory();
  }
  for (int32_t c = 0; c < list->total; c++) place[c] = -1;
  for (int32_t i = 0; i < list->count; i++) place[list->kept[i]] = i;
  for (int32_t c = 0; c < list->total; c++) {
    int32_t to = place[order ? order[c] : c];
    if (to < 0) continue;
    if (order) order[out->count] = to;
    out->kept[out->count++] = c;
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
  sepcl_status status = in_order(&outputs, graph_node(graph, conv)->output_order, list);
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
  channel_list inputs = {NULL, 0, 0};
  sepcl_status status = in_order(&inputs, graph_node(graph, conv)->input_order, list);
  if (status == SEPCL_OK) status = keep_in_weights(graph, conv, NULL, &inputs);
  free(inputs.kept);
  return status;
}

/* The input of a convolution that is stored at `place` of its pixel. */
static int32_t input_at(const node *conv, int32_t place) {
  int32_t i = conv->input_order ? 0 : place;
  while (conv->input_order && conv->input_order[i] != place) i++;
  return i;
}

/* Whether this output is of the group that reads the input. */
static bool is_read_by(const folded_channel *f, int32_t input, int32_t output) {
  return input / f->inputs == output / (f->outputs / f->groups);
}

static double contribution(const folded_channel *f, const node *conv, int32_t output, const channel_list *list,
                           const interval *constants) {
  double sum = 0.0;
  for (int32_t c = 0, kept = 0; c < list->total; c++) {
    if (kept < list->count && list->kept[kept] == c) {
      kept++;
      continue;
    }
    const int32_t input = input_at(conv, c);
    for (int32_t t = 0; is_read_by(f, input, output) && t < f->kernel_h * f->kernel_w; t++)
      sum +=
          constants[c].low * f->weights[weight_index(f, output, input % f->inputs, t / f->kernel_w, t % f->kernel_w)];
  }
  return sum;
}

bool channel_reader_is_finite(const sepcl_graph *graph, sepcl_value conv, int32_t channel) {
  folded_channel f;
  const int32_t input = input_at(graph_node(graph, conv), channel);
  if (!weights_of(&f, graph, graph_node(graph, conv))) return false;
  for (int32_t o = 0; o < f.outputs; o++)
    for (int32_t t = 0; is_read_by(&f, input, o) && t < f.kernel_h * f.kernel_w; t++)
      if (!isfinite(f.weights[weight_index(&f, o, input % f.inputs, t / f.kernel_w, t % f.kernel_w)])) return false;
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
    data[o] = (float)((old ? old->data[o] : 0.0) + contribution(&f, conv, o, list, constants));
  sepcl_value bias = SEPCL_NO_VALUE;
  TRY(graph_add_constant(graph, &bias, 1, (int64_t[]){outputs}, data));
  uses_forget(graph, value);
  graph_node(graph, value)->sets[0].bias = bias;
  graph_node(graph, value)->sets[0].rounded = true;
  uses_add(graph, value);
  return SEPCL_OK;
}
