#include "select/lower.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "select/tuning.h"

typedef sepcl_status (*lowering)(sepcl_network *network, sepcl_value value);

static sepcl_status lower_nothing(sepcl_network *network, sepcl_value value) {
  (void)network;
  (void)value;
  return SEPCL_OK;
}

static const lowering lowerings[NODE_KIND_COUNT] = {
    [NODE_INPUT] = lower_nothing,
    [NODE_CONSTANT] = lower_nothing,
    [NODE_CONV] = lower_conv,
    [NODE_CONV_TRANSPOSE] = lower_conv_transpose,
    [NODE_DEFORM_CONV] = lower_deform_conv,
    [NODE_BATCH_NORM] = lower_batch_norm,
    [NODE_NORM] = lower_norm,
    [NODE_ACTIVATION] = lower_elementwise,
    [NODE_BINARY] = lower_elementwise,
    [NODE_POOL] = lower_pool,
    [NODE_REDUCE] = lower_reduce,
    [NODE_MATMUL] = lower_matmul,
    [NODE_CONCAT] = lower_concat,
    [NODE_SLICE] = lower_slice,
    [NODE_PAD] = lower_pad,
    [NODE_RESHAPE] = lower_reshape,
    [NODE_TRANSPOSE] = lower_transpose,
    [NODE_EXPAND] = lower_expand,
    [NODE_GATHER] = lower_gather,
    [NODE_SOFTMAX] = lower_softmax,
    [NODE_RESIZE] = lower_resize,
    [NODE_SEPARABLE] = lower_conv,
    [NODE_INVERTED_RESIDUAL] = lower_conv,
};

step *network_add_step(sepcl_network *network, sepcl_value node) {
  if (network->step_count == network->step_capacity) {
    int32_t capacity = network->step_capacity ? 2 * network->step_capacity : 64;
    step *steps = realloc(network->steps, (size_t)capacity * sizeof *steps);
    if (!steps) return NULL;
    network->steps = steps;
    network->step_capacity = capacity;
  }
  step *p = &network->steps[network->step_count++];
  memset(p, 0, sizeof *p);
  p->node = node;
  p->x.root = p->r.root = p->s.root = p->y.root = SEPCL_NO_VALUE;
  return p;
}

step *lower_begin(sepcl_network *network, sepcl_value value, stage_kind kind) {
  step *p = network_add_step(network, value);
  if (!p) {
    failure(SEPCL_OUT_OF_MEMORY, "out of memory for the network's steps");
    return NULL;
  }
  p->y = network->places[value];
  stage *s = &p->bound.s;
  s->kind = kind;
  s->window = (sepcl_window)SEPCL_WINDOW_INIT;
  s->groups = 1;
  s->mode = -1;
  s->activation = network->graph->nodes[value].activation;
  return p;
}

void lower_read(const sepcl_network *network, place *operand, sepcl_value value) { *operand = network->places[value]; }

sepcl_status lower_read_contiguous(sepcl_network *network, place *operand, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  place *at = &network->places[value];
  if (!place_is_contiguous(n, at)) {
    /* The view becomes a tensor of its own, for this reader and all later ones. */
    place from = *at;
    *at = (place){value, 0, node_channels(n)};
    network->storages[value] = (storage){STORAGE_ARENA, 0, node_elements(n), 0, -1, -1, false};
    strided_copy copy = {.rank = n->rank, .reason = "what reads these channels needs a tensor without gaps"};
    memcpy(copy.dims, n->dims, sizeof copy.dims);
    place_strides(n, &from, copy.x_stride);
    place_strides(n, at, copy.y_stride);
    place to = *at;
    TRY(lower_copy(network, value, &from, &to, &copy));
  }
  *operand = *at;
  return SEPCL_OK;
}

void merge_axes(stage *s) {
  int32_t rank = 0;
  for (int32_t i = 0; i < s->rank; i++) {
    if (s->dims[i] == 1) continue;
    int32_t last = rank - 1;
    bool merges = rank > 0 && s->x_stride[last] == s->x_stride[i] * s->dims[i] &&
                  s->r_stride[last] == s->r_stride[i] * s->dims[i] && s->y_stride[last] == s->y_stride[i] * s->dims[i];
    int32_t to = merges ? last : rank++;
    s->dims[to] = merges ? s->dims[last] * s->dims[i] : s->dims[i];
    s->x_stride[to] = s->x_stride[i];
    s->r_stride[to] = s->r_stride[i];
    s->y_stride[to] = s->y_stride[i];
  }
  if (rank == 0) {
    s->dims[0] = 1;
    s->x_stride[0] = s->r_stride[0] = s->y_stride[0] = 1;
    rank = 1;
  }
  s->rank = rank;
}

sepcl_status lower_copy(sepcl_network *network, sepcl_value value, const place *x, const place *y,
                        const strided_copy *copy) {
  step *p = lower_begin(network, value, STAGE_COPY);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  p->x = *x;
  p->y = *y;
  p->reason = copy->reason;
  stage *s = &p->bound.s;
  s->activation = (sepcl_activation)SEPCL_ACTIVATION_INIT;
  s->mode = 0;
  s->rank = copy->rank;
  memcpy(s->dims, copy->dims, sizeof s->dims);
  memcpy(s->x_stride, copy->x_stride, sizeof s->x_stride);
  memcpy(s->y_stride, copy->y_stride, sizeof s->y_stride);
  p->x.offset += copy->x_first;
  p->y.offset += copy->y_first;
  merge_axes(s);
  return SEPCL_OK;
}

/* A graph output that does not fill its caller's buffer by itself is copied there. */
static sepcl_status lower_outputs(sepcl_network *network) {
  const sepcl_graph *graph = network->graph;
  for (int32_t i = 0; i < graph->output_count; i++) {
    sepcl_value v = graph->outputs[i].value;
    const node *n = &graph->nodes[v];
    const place *at = &network->places[v];
    const storage *s = &network->storages[at->root];
    if (s->kind == STORAGE_IO && s->index == graph->input_count + i) continue;
    strided_copy copy = {.rank = n->rank, .reason = "an output that cannot be computed in its caller's buffer"};
    memcpy(copy.dims, n->dims, sizeof copy.dims);
    place_strides(n, at, copy.x_stride);
    sepcl_value slot = output_slot(network, i);
    network->storages[slot] = (storage){STORAGE_IO, graph->input_count + i, node_elements(n), 0, -1, -1, false};
    place to = {slot, 0, node_channels(n)}, from = *at;
    place_strides(n, &to, copy.y_stride);
    TRY(lower_copy(network, v, &from, &to, &copy));
  }
  return SEPCL_OK;
}

static uint64_t shape_floats(const sepcl_shape *s) {
  return (uint64_t)s->n * (uint64_t)s->h * (uint64_t)s->w * (uint64_t)s->c;
}

/* What the step reads and writes, each operand once. */
static uint64_t step_bytes(const step *p) {
  const stage *s = &p->bound.s;
  uint64_t floats = p->bound.packed_floats, output = shape_floats(&s->output);
  if (s->rank) {
    output = 1;
    for (int32_t i = 0; i < s->rank; i++) output *= (uint64_t)s->dims[i];
  }
  floats += output * (s->has_residual ? 2 : 1) + (s->rank ? output : shape_floats(&s->input));
  return floats * sizeof(float);
}

sepcl_status bind_step(sepcl_network *network, step *p, const tuned_choice *choice) {
  device_limits limits = device_limits_of(network->device);
  const stage s = p->bound.s;
  const variant *v = p->bound.v;
  if (choice) {
    if (choice->v) v = choice->v;
    limits.tasks = choice->tasks;
    limits.panel_tasks = choice->panel_tasks;
  }
  TRY(stage_bind(&p->bound, &s, v, network->options.family, &limits));
  stage_params *params = &p->bound.params;
  if (p->x.root != SEPCL_NO_VALUE) params->x_pitch = (params_int)p->x.pitch;
  if (p->r.root != SEPCL_NO_VALUE) params->r_pitch = (params_int)p->r.pitch;
  if (p->s.root != SEPCL_NO_VALUE) params->s_pitch = (params_int)p->s.pitch;
  params->y_pitch = (params_int)p->y.pitch;
  return SEPCL_OK;
}

sepcl_status bind_steps(sepcl_network *network) {
  const bool tuned = network->tuned;
  for (int32_t i = 0; i < network->step_count; i++) {
    step *p = &network->steps[i];
    tuned_choice choice;
    if (p->view) continue;
    /* What was remembered may be of another version's kernels: then the default serves. */
    if (tuned && !p->bound.v && tuning_recall(&choice, network->device, &p->bound.s) &&
        bind_step(network, p, &choice) == SEPCL_OK)
      p->reason = "tuned";
    else if (bind_step(network, p, NULL) != SEPCL_OK)
      return failure(SEPCL_UNSUPPORTED, "node '%s': %s", network->graph->nodes[p->node].name, sepcl_last_error());
    if (!p->reason)
      p->reason = variant_macro(p->bound.v, "TR") ? "the tile that its size and the device's units make cheapest"
                                                  : "first of its stage's list that fits device and shape";
    p->macs = stage_macs(&p->bound.s);
    p->bytes = step_bytes(p);
  }
  return SEPCL_OK;
}

sepcl_status lower_graph(sepcl_network *network) {
  for (int32_t i = 0; i < network->graph->count; i++) {
    const node *n = &network->graph->nodes[i];
    if (n->dead) continue;
    if (n->kind < 0 || n->kind >= NODE_KIND_COUNT || !lowerings[n->kind])
      return failure(SEPCL_UNSUPPORTED, "node '%s': no stage computes it", n->name);
    TRY(lowerings[n->kind](network, i));
  }
  report_views(network);
  return lower_outputs(network);
}
