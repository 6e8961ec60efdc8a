/* Batches in parts. Where all images of a batch do not fit the device's cache together, stages read from memory what
 * the one before has just written; a few images at a time stay in it, and need an arena of their own size only. Images
 * are sums of their own: the bits are the same. The graph is rewritten for one part, which executions run as often as
 * there are parts. */
#include <math.h>
#include <stdlib.h>

#include "error.h"
#include "run/network.h"

/* ---- whether images stay apart ---- */

/* `value` holds an image after the other, or is the same for all of them, as `n` broadcasts it. */
static bool broadcasts(const sepcl_graph *graph, const node *n, sepcl_value value, const bool *batched) {
  if (value == SEPCL_NO_VALUE) return true;
  const node *x = &graph->nodes[value];
  if (batched[value]) return x->rank == n->rank;
  return x->rank < n->rank || x->dims[0] == 1;
}

/* Whether any of the inputs from `first` on has images. */
static bool any_batched(const node *n, int32_t first, const bool *batched) {
  for (int32_t i = first; i < n->input_count; i++)
    if (n->inputs[i] != SEPCL_NO_VALUE && batched[n->inputs[i]]) return true;
  return false;
}

/* Only inputs[0] has images; the others are parameters. */
static bool only_first(const node *n, const bool *batched) {
  return batched[n->inputs[0]] && !any_batched(n, 1, batched);
}

static bool all_of(const node *n, const bool *batched) {
  for (int32_t i = 0; i < n->input_count; i++)
    if (!batched[n->inputs[i]]) return false;
  return true;
}

static bool all_broadcast(const sepcl_graph *graph, const node *n, const bool *batched) {
  for (int32_t i = 0; i < n->input_count; i++)
    if (!broadcasts(graph, n, n->inputs[i], batched)) return false;
  return true;
}

/* Weights and bias are parameters; what lies between them in the list moves with the images. */
static bool deforms_apart(const node *n, const bool *batched) {
  const bool mask = n->input_count > 4 && n->inputs[4] != SEPCL_NO_VALUE;
  return batched[n->inputs[0]] && !batched[n->inputs[1]] && batched[n->inputs[2]] && (!mask || batched[n->inputs[4]]);
}

/* Of a plain matrix the rows may be images, but not the columns. */
static bool multiplies_apart(const sepcl_graph *graph, const node *n, const bool *batched) {
  const sepcl_value b = n->inputs[1], c = n->input_count > 2 ? n->inputs[2] : SEPCL_NO_VALUE;
  const bool matrix = graph->nodes[b].rank == 2;
  return broadcasts(graph, n, n->inputs[0], batched) && broadcasts(graph, n, c, batched) &&
         (matrix ? !batched[b] : broadcasts(graph, n, b, batched));
}

/* Each image of n's value is made of the same image of its operands, axis 0 counting images, or rows of them. */
static bool keeps_apart(const sepcl_graph *graph, const node *n, const bool *batched) {
  switch (n->kind) {
    case NODE_CONV:
    case NODE_CONV_TRANSPOSE: return only_first(n, batched);
    case NODE_DEFORM_CONV: return deforms_apart(n, batched);
    case NODE_BATCH_NORM: return n->rank > 1 && only_first(n, batched);
    case NODE_NORM:
      return n->rank > 1 && (n->norm.kind != SEPCL_LAYER_NORM || n->norm.axis > 0) && only_first(n, batched);
    case NODE_ACTIVATION:
    case NODE_POOL:
    case NODE_RESIZE:
    case NODE_RESHAPE: return true; /* a reshape moves nothing: the first half of a value is the first half of it */
    case NODE_BINARY:
    case NODE_EXPAND: return all_broadcast(graph, n, batched);
    case NODE_REDUCE: return !(n->axes & 1);
    case NODE_MATMUL: return multiplies_apart(graph, n, batched);
    case NODE_CONCAT: return n->axis > 0 && all_of(n, batched);
    case NODE_SLICE: return n->starts[0] == 0 && n->steps[0] == 1 && n->dims[0] == graph->nodes[n->inputs[0]].dims[0];
    case NODE_PAD: return n->before[0] == 0 && n->after[0] == 0;
    case NODE_TRANSPOSE: return n->permutation[0] == 0;
    case NODE_GATHER:
    case NODE_SOFTMAX: return n->axis > 0;
    default: return false;
  }
}

/* How many images all inputs and outputs hold, apart from each other through the whole graph: batched[value] says
 * whether they are in a value. 1 where that cannot be said. */
static int64_t count_images(const sepcl_graph *graph, bool *batched) {
  const node *first = graph->input_count ? &graph->nodes[graph->inputs[0].value] : NULL;
  const int64_t images = first && first->rank ? first->dims[0] : 1;
  for (int32_t i = 0; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    if (n->kind == NODE_INPUT && (!n->rank || n->dims[0] != images)) return 1;
    batched[i] = n->kind == NODE_INPUT || any_batched(n, 0, batched);
    if (!batched[i] || n->kind == NODE_INPUT) continue;
    if (!n->rank || n->dims[0] % images || !keeps_apart(graph, n, batched)) return 1;
  }
  for (int32_t i = 0; i < graph->output_count; i++)
    if (!batched[graph->outputs[i].value]) return 1;
  return images;
}

/* ---- how many at a time ---- */

static bool computes(const node *n) {
  switch (n->kind) { /* the rest are views, or become parts of these */
    case NODE_CONV:
    case NODE_CONV_TRANSPOSE:
    case NODE_DEFORM_CONV:
    case NODE_MATMUL:
    case NODE_POOL:
    case NODE_REDUCE:
    case NODE_RESIZE: return true;
    default: return false;
  }
}

/* Bytes an image that come from memory or go there, `part` of `images` at a time: activations of stages that do not fit
 * the cache, and the weights unless they and the largest stage stay in it. */
static double far_bytes(const sepcl_graph *graph, const bool *batched, int64_t images, int64_t part, double cache) {
  const double share = (double)part / (double)images;
  double far = 0.0, largest = 0.0, weights = 0.0;
  for (int32_t i = 0; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    if (n->kind == NODE_CONSTANT) weights += (double)node_elements(n) * sizeof(float);
    if (!batched[i] || !computes(n)) continue;
    const double elements = (double)(node_elements(&graph->nodes[n->inputs[0]]) + node_elements(n));
    const double bytes = elements * share * sizeof(float);
    if (bytes > cache) far += bytes;
    if (bytes > largest) largest = bytes;
  }
  if (weights + largest > cache) far += weights;
  return far / (double)part;
}

/* The most images whose traffic is least, of those that divide the batch. */
static int64_t best_part(const sepcl_network *network, const bool *batched, int64_t images) {
  const double cache = (double)network->device->cache_bytes;
  int64_t best = images;
  double least = INFINITY;
  for (int64_t part = images; part > 0; part--) {
    if (images % part) continue;
    const double far = far_bytes(network->graph, batched, images, part, cache);
    if (far < least) best = part;
    least = fmin(least, far);
  }
  return best;
}

static int64_t largest_divisor(int64_t of, int64_t limit) {
  int64_t part = limit < of ? limit : of;
  while (of % part) part--;
  return part;
}

static int64_t choose_part(const sepcl_network *network, const bool *batched, int64_t images) {
  if (network->options.images_at_once > 0) return largest_divisor(images, network->options.images_at_once);
  /* GPUs have many more units than an image feeds: all at a time. */
  if (!(network->device->info.type & CL_DEVICE_TYPE_CPU) || !network->device->cache_bytes) return images;
  return best_part(network, batched, images);
}

sepcl_status split_batch(sepcl_network *network) {
  sepcl_graph *graph = network->graph;
  network->parts = 1;
  bool *batched = calloc((size_t)graph->count + 1, sizeof *batched);
  if (!batched) return failure(SEPCL_OUT_OF_MEMORY, "out of memory while a batch was split");
  const int64_t images = count_images(graph, batched);
  if (images > 1) network->parts = (int32_t)(images / choose_part(network, batched, images));
  for (int32_t i = 0; i < graph->count; i++)
    if (batched[i] && network->parts > 1) graph->nodes[i].dims[0] /= network->parts;
  free(batched);
  return SEPCL_OK;
}
