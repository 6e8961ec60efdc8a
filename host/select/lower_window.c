/* Pools, reductions, softmax, norms, resizing and the other stages that read neighbourhoods or whole axes. */
#include <string.h>

#include "error.h"
#include "select/lower.h"

sepcl_status lower_pool(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_POOL);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = node_shape4(&graph->nodes[n->inputs[0]]);
  s->output = node_shape4(n);
  s->window = n->pool.window;
  s->mode = n->pool.kind;
  lower_read(network, &p->x, n->inputs[0]);
  return SEPCL_OK;
}

/* The mean, sum, ... over all pixels: axes 1 and 2 of [N][H][W][C]. */
static bool is_over_pixels(const node *n, const node *x) { return x->rank == 4 && n->axes == 6; }

static sepcl_status lower_global_pool(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  const node *x = &network->graph->nodes[n->inputs[0]];
  step *p = lower_begin(network, value, STAGE_GLOBAL_POOL);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = node_shape4(x);
  s->output = (sepcl_shape){s->input.n, 1, 1, s->input.c};
  s->mode = n->mode;
  lower_read(network, &p->x, n->inputs[0]);
  return SEPCL_OK;
}

/* Strides of the input along the output's axes, reduced ones having stride 0 in y. */
sepcl_status lower_reduce(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  const node *x = &network->graph->nodes[n->inputs[0]];
  if (is_over_pixels(n, x)) return lower_global_pool(network, value);
  step *p = lower_begin(network, value, STAGE_REDUCE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  int64_t own[SEPCL_MAX_RANK] = {0};
  s->mode = n->mode;
  s->rank = x->rank;
  memcpy(s->dims, x->dims, sizeof s->dims);
  lower_read(network, &p->x, n->inputs[0]);
  place_strides(x, &p->x, s->x_stride);
  place_strides(n, &p->y, own);
  for (int32_t axis = 0, k = 0; axis < x->rank; axis++) {
    bool reduced = n->axes >> axis & 1, kept = !reduced || n->rank == x->rank;
    s->extra[axis] = reduced;
    s->y_stride[axis] = reduced ? 0 : own[k];
    k += kept;
  }
  return SEPCL_OK;
}

sepcl_status lower_softmax(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_SOFTMAX);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  int64_t x_stride[SEPCL_MAX_RANK] = {0}, y_stride[SEPCL_MAX_RANK] = {0};
  lower_read(network, &p->x, n->inputs[0]);
  place_strides(n, &p->x, x_stride);
  place_strides(n, &p->y, y_stride);
  s->rank = n->rank;
  for (int32_t axis = 0, at = 0; axis < n->rank; axis++) { /* the softmax's axis comes last */
    int32_t to = axis == n->axis ? n->rank - 1 : at++;
    s->dims[to] = n->dims[axis];
    s->x_stride[to] = x_stride[axis];
    s->y_stride[to] = y_stride[axis];
  }
  return SEPCL_OK;
}

sepcl_status lower_resize(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_RESIZE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = node_shape4(&graph->nodes[n->inputs[0]]);
  s->output = node_shape4(n);
  s->mode = n->resize.mode;
  s->extra[0] = n->resize.coordinates;
  s->extra[1] = n->resize.nearest;
  s->extra_float[0] = n->resize.scale_h;
  s->extra_float[1] = n->resize.scale_w;
  lower_read(network, &p->x, n->inputs[0]);
  return SEPCL_OK;
}

/* The normalised axes of a layer norm, as channels of that many rows. */
static sepcl_shape layer_shape(const node *n) {
  int64_t channels = 1;
  int32_t first = n->norm.axis < 0 ? n->norm.axis + n->rank : n->norm.axis;
  for (int32_t axis = first; axis < n->rank; axis++) channels *= n->dims[axis];
  return (sepcl_shape){1, 1, (int32_t)(node_elements(n) / channels), (int32_t)channels};
}

sepcl_status lower_norm(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  bool layer = n->norm.kind == SEPCL_LAYER_NORM;
  sepcl_shape shape = layer ? layer_shape(n) : node_shape4(n);
  place x = network->places[n->inputs[0]];
  /* Normalising over several axes needs their elements side by side. */
  if (layer && shape.c != node_channels(n)) TRY(lower_read_contiguous(network, &x, n->inputs[0]));
  step *p = lower_begin(network, value, STAGE_NORM);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->input = s->output = shape;
  s->mode = n->norm.kind;
  s->extra[0] = n->norm.window;
  s->extra_float[0] = n->norm.kind == SEPCL_LRN ? n->norm.alpha : n->norm.epsilon;
  s->extra_float[1] = n->norm.beta;
  s->extra_float[2] = n->norm.bias;
  p->x = x;
  if (layer && shape.c != node_channels(n)) p->x.pitch = p->y.pitch = shape.c;
  if (n->inputs[1] != SEPCL_NO_VALUE) {
    s->has_residual = true;
    lower_read(network, &p->r, n->inputs[1]);
  }
  if (n->inputs[2] != SEPCL_NO_VALUE) {
    s->has_scale = true;
    lower_read(network, &p->s, n->inputs[2]);
  }
  return SEPCL_OK;
}
