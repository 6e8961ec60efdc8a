/* A batch norm in front of a convolution or matrix product, conv(x s + t), becomes part of its weights, w s, and of its
 * bias, which takes the sum of w t. Padding is zeros that the norm has not shifted: a padded convolution takes scales
 * only. In double precision and together with the batch norm behind, if one was folded: each weight and bias rounds
 * once, anew. */
#include <math.h>
#include <stdlib.h>

#include "error.h"
#include "graph/passes/bounds.h"
#include "graph/passes/passes.h"

/* What the norm does to each channel. */
typedef struct affine {
  double *scale, *shift;
} affine;

/* The new weights, [outputs][inputs of a group][kernel height][kernel width], and biases. */
typedef struct weights_made {
  float *weights, *bias;
  int64_t dims[4];
} weights_made;

static double parameter(const sepcl_graph *graph, const node *norm, int32_t input, int64_t channel, double otherwise) {
  const node *n = graph_node(graph, norm->inputs[input]);
  return n ? (double)n->data[channel] : otherwise;
}

/* *shifts: whether any shift is not zero. False: out of memory. */
static bool read_norm(affine *out, bool *shifts, const sepcl_graph *graph, const node *norm) {
  const int64_t channels = node_channels(norm);
  out->scale = malloc((size_t)channels * sizeof *out->scale);
  out->shift = malloc((size_t)channels * sizeof *out->shift);
  *shifts = false;
  for (int64_t c = 0; out->scale && out->shift && c < channels; c++) {
    out->scale[c] = parameter(graph, norm, 1, c, 1) / sqrt(parameter(graph, norm, 4, c, 1) + (double)norm->epsilon);
    out->shift[c] = parameter(graph, norm, 2, c, 0) - parameter(graph, norm, 3, c, 0) * out->scale[c];
    *shifts = *shifts || out->shift[c] != 0;
  }
  return out->scale && out->shift;
}

static bool is_padded(const node *n) {
  const sepcl_window *w = &n->conv.window;
  return n->kind == NODE_CONV && (w->pad_top || w->pad_left || w->pad_bottom || w->pad_right);
}

/* The only reader of the norm, if it has constant weights. */
static node *reader_of(const sepcl_graph *graph, sepcl_value norm) {
  node *n = sole_consumer(graph, norm);
  if (!n || n->inputs[0] != norm || n->residual == norm || n->scale != SEPCL_NO_VALUE) return NULL;
  if (n->kind == NODE_CONV) return is_constant(graph, n->inputs[1]) ? n : NULL;
  return node_is_fully_connected(graph, n) ? n : NULL;
}

static bool fold_output(weights_made *out, const sepcl_graph *graph, const node *reader, const affine *norm,
                        int32_t output) {
  folded_channel f;
  if (!folded_channel_of(&f, graph, reader, output)) return false;
  const int32_t taps = f.kernel_h * f.kernel_w, groups = f.groups;
  const int32_t first = output / (f.outputs / groups) * f.inputs;
  float *to = out->weights + (size_t)output * (size_t)f.inputs * (size_t)taps;
  double bias = f.bias;
  bool finite = true;
  for (int32_t i = 0; i < f.inputs; i++)
    for (int32_t t = 0; t < taps; t++) {
      const double w = f.factor * (double)f.weights[weight_index(&f, output, i, t / f.kernel_w, t % f.kernel_w)];
      bias += w * norm->shift[first + i];
      *to = (float)(w * norm->scale[first + i]);
      finite = finite && isfinite(*to++);
    }
  out->bias[output] = (float)bias;
  return finite && isfinite(out->bias[output]);
}

/* *finite: false where a number is not, or not known: then the norm stays. */
static sepcl_status make_weights(weights_made *out, bool *finite, const sepcl_graph *graph, const node *reader,
                                 const affine *norm) {
  folded_channel f;
  *out = (weights_made){NULL, NULL, {0}};
  *finite = folded_channel_of(&f, graph, reader, 0);
  if (!*finite) return SEPCL_OK;
  const int64_t dims[4] = {f.outputs, f.inputs, f.kernel_h, f.kernel_w};
  for (int i = 0; i < 4; i++) out->dims[i] = dims[i];
  out->weights = malloc((size_t)(dims[0] * dims[1] * dims[2] * dims[3]) * sizeof(float));
  out->bias = malloc((size_t)f.outputs * sizeof(float));
  if (!out->weights || !out->bias) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a batch norm");
  for (int32_t o = 0; *finite && o < f.outputs; o++) *finite = fold_output(out, graph, reader, norm, o);
  return SEPCL_OK;
}

/* The reader takes what the norm reads and the new weights, which the graph owns from here on. */
static sepcl_status rewrite(sepcl_graph *graph, sepcl_value norm, sepcl_value reader, weights_made *made) {
  weight_set set = {.layout = SEPCL_OIHW, .rounded = true};
  float *const weights = made->weights, *const bias = made->bias;
  made->weights = NULL;
  TRY(graph_add_constant(graph, &set.weights, 4, made->dims, weights));
  made->bias = NULL;
  TRY(graph_add_constant(graph, &set.bias, 1, made->dims, bias));
  set.gamma = set.beta = set.mean = set.variance = SEPCL_NO_VALUE;
  node *n = graph_node(graph, reader);
  uses_forget(graph, reader);
  n->inputs[0] = graph_node(graph, norm)->inputs[0];
  n->sets[0] = set;
  n->set_count = 1;
  n->conv.layout = SEPCL_OIHW;
  uses_add(graph, reader);
  return fused_name(graph, norm, reader);
}

static sepcl_status fold(sepcl_graph *graph, sepcl_value norm, int32_t *changes) {
  const node *reader = reader_of(graph, norm);
  if (!reader) return SEPCL_OK;
  const sepcl_value value = (sepcl_value)(reader - graph->nodes);
  affine channels;
  weights_made made = {NULL, NULL, {0}};
  bool shifts, finite = false;
  sepcl_status status = SEPCL_OK;
  if (!read_norm(&channels, &shifts, graph, graph_node(graph, norm)))
    status = failure(SEPCL_OUT_OF_MEMORY, "out of memory while folding a batch norm");
  else if (!shifts || !is_padded(reader))
    status = make_weights(&made, &finite, graph, reader, &channels);
  if (status == SEPCL_OK && finite) {
    status = rewrite(graph, norm, value, &made);
    ++*changes;
  }
  free(channels.scale);
  free(channels.shift);
  free(made.weights);
  free(made.bias);
  return status;
}

sepcl_status pass_fold_input_norm(sepcl_graph *graph, const sepcl_network_options *options, int32_t *changes) {
  if (options->keep_batch_norm) return SEPCL_OK;
  for (int32_t i = 0; i < graph->count; i++) {
    const node *norm = &graph->nodes[i];
    if (norm->dead || norm->kind != NODE_BATCH_NORM || norm->activation.kind != SEPCL_NONE) continue;
    TRY(fold(graph, i, changes));
  }
  return SEPCL_OK;
}
