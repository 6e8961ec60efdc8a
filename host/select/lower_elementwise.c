/* Activations and binary operations: strided loops with broadcasting. */
#include <string.h>

#include "select/lower.h"

void broadcast_strides(const node *out, const node *n, const place *at, int64_t strides[SEPCL_MAX_RANK]) {
  int64_t own[SEPCL_MAX_RANK] = {0};
  place_strides(n, at, own);
  for (int32_t axis = 0; axis < out->rank; axis++) {
    int32_t k = axis - (out->rank - n->rank);
    strides[axis] = k < 0 || (n->dims[k] == 1 && out->dims[axis] != 1) ? 0 : own[k];
  }
}

sepcl_status lower_elementwise(sepcl_network *network, sepcl_value value) {
  const sepcl_graph *graph = network->graph;
  const node *n = &graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_ELEMENTWISE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  s->rank = n->rank;
  memcpy(s->dims, n->dims, sizeof s->dims);
  lower_read(network, &p->x, n->inputs[0]);
  broadcast_strides(n, &graph->nodes[n->inputs[0]], &p->x, s->x_stride);
  if (n->kind == NODE_BINARY) {
    s->mode = n->mode;
    s->has_residual = true;
    lower_read(network, &p->r, n->inputs[1]);
    broadcast_strides(n, &graph->nodes[n->inputs[1]], &p->r, s->r_stride);
  }
  place_strides(n, &p->y, s->y_stride);
  if (n->scale != SEPCL_NO_VALUE) { /* three operands: the axes stay as they are */
    int64_t strides[SEPCL_MAX_RANK] = {0};
    s->has_scale = true;
    lower_read(network, &p->s, n->scale);
    broadcast_strides(n, &graph->nodes[n->scale], &p->s, strides);
    for (int32_t axis = 0; axis < n->rank; axis++) s->extra[axis] = (int32_t)strides[axis];
    return SEPCL_OK;
  }
  merge_axes(s);
  return SEPCL_OK;
}
