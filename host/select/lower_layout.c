/* What moves data without computing: views, and copies where a view is not possible. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "select/lower.h"
#include "stage/copy.h"

static sepcl_status add_view(sepcl_network *network, sepcl_value value) {
  step *p = lower_begin(network, value, STAGE_COPY);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  p->view = true;
  p->reason = "a view: no launch, no bytes moved";
  return SEPCL_OK;
}

static bool is_own_tensor(const sepcl_network *network, sepcl_value value) {
  return network->places[value].root == value;
}

/* The copy of a whole value from where it lies to another place with strides of its own. */
static strided_copy copy_of(const sepcl_network *network, sepcl_value from) {
  const node *n = &network->graph->nodes[from];
  strided_copy copy = {.rank = n->rank};
  memcpy(copy.dims, n->dims, sizeof copy.dims);
  place_strides(n, &network->places[from], copy.x_stride);
  return copy;
}

/* Whether input k already lies where the concatenation wants it. */
static bool lies_in_place(const sepcl_network *network, sepcl_value value, int32_t k, int64_t first) {
  const node *n = &network->graph->nodes[value];
  const place *whole = &network->places[value], *at = &network->places[n->inputs[k]];
  if (at->root != whole->root || at->pitch != whole->pitch || n->axis != n->rank - 1) return false;
  if (n->interleaved) return network->graph->nodes[n->inputs[k]].scattered;
  return at->offset == whole->offset + first;
}

sepcl_status lower_concat(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  const place whole = network->places[value];
  int64_t strides[SEPCL_MAX_RANK], first = 0;
  place_strides(n, &whole, strides);
  int64_t step = strides[n->axis];
  if (n->interleaved) strides[n->axis] *= n->input_count;
  int32_t copies = 0;
  for (int32_t k = 0; k < n->input_count; k++) {
    sepcl_value part = n->inputs[k];
    if (!lies_in_place(network, value, k, first)) {
      strided_copy copy = copy_of(network, part);
      memcpy(copy.y_stride, strides, sizeof copy.y_stride);
      copy.y_first = first;
      place from = network->places[part];
      copy.reason = n->interleaved ? "what makes these channels cannot store them between the others"
                                   : "what makes these channels cannot store them in the wider tensor";
      TRY(lower_copy(network, value, &from, &whole, &copy));
      copies++;
    }
    first += n->interleaved ? step : network->graph->nodes[part].dims[n->axis] * step;
  }
  return copies ? SEPCL_OK : add_view(network, value);
}

sepcl_status lower_slice(sepcl_network *network, sepcl_value value) {
  if (!is_own_tensor(network, value)) return add_view(network, value);
  const node *n = &network->graph->nodes[value];
  int64_t strides[SEPCL_MAX_RANK];
  place_strides(&network->graph->nodes[n->inputs[0]], &network->places[n->inputs[0]], strides);
  strided_copy copy = {.rank = n->rank, .reason = "a slice that is not of whole channels in a row"};
  memcpy(copy.dims, n->dims, sizeof copy.dims);
  for (int32_t axis = 0; axis < n->rank; axis++) {
    copy.x_first += n->starts[axis] * strides[axis];
    copy.x_stride[axis] = n->steps[axis] * strides[axis];
  }
  place_strides(n, &network->places[value], copy.y_stride);
  place from = network->places[n->inputs[0]], to = network->places[value];
  return lower_copy(network, value, &from, &to, &copy);
}

sepcl_status lower_reshape(sepcl_network *network, sepcl_value value) {
  if (!is_own_tensor(network, value)) return add_view(network, value);
  /* The input is a slice whose rows the new shape does not keep: its elements move together, in the input's shape. */
  const node *n = &network->graph->nodes[value], *x = &network->graph->nodes[n->inputs[0]];
  strided_copy copy = copy_of(network, n->inputs[0]);
  copy.reason = "a slice is reshaped, whose rows the new shape does not keep";
  place together = {value, 0, node_channels(x)};
  place_strides(x, &together, copy.y_stride);
  place from = network->places[n->inputs[0]], to = network->places[value];
  return lower_copy(network, value, &from, &to, &copy);
}

sepcl_status lower_transpose(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  int64_t strides[SEPCL_MAX_RANK];
  place_strides(&network->graph->nodes[n->inputs[0]], &network->places[n->inputs[0]], strides);
  strided_copy copy = {.rank = n->rank,
                       .reason = "elements change places, and no convolution beside it takes that over"};
  memcpy(copy.dims, n->dims, sizeof copy.dims);
  for (int32_t axis = 0; axis < n->rank; axis++) copy.x_stride[axis] = strides[n->permutation[axis]];
  place_strides(n, &network->places[value], copy.y_stride);
  place from = network->places[n->inputs[0]], to = network->places[value];
  return lower_copy(network, value, &from, &to, &copy);
}

sepcl_status lower_expand(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value], *x = &network->graph->nodes[n->inputs[0]];
  strided_copy copy = {.rank = n->rank, .reason = "elements are repeated"};
  memcpy(copy.dims, n->dims, sizeof copy.dims);
  broadcast_strides(n, x, &network->places[n->inputs[0]], copy.x_stride);
  place_strides(n, &network->places[value], copy.y_stride);
  place from = network->places[n->inputs[0]], to = network->places[value];
  return lower_copy(network, value, &from, &to, &copy);
}

/* A copy stage in the value's own dims, x walked with its own strides: what pads and gathers have in common. */
static step *begin_copy(sepcl_network *network, sepcl_value value, int32_t mode) {
  const node *n = &network->graph->nodes[value];
  step *p = lower_begin(network, value, STAGE_COPY);
  if (!p) return NULL;
  stage *s = &p->bound.s;
  s->mode = mode;
  s->rank = n->rank;
  memcpy(s->dims, n->dims, sizeof s->dims);
  lower_read(network, &p->x, n->inputs[0]);
  place_strides(&network->graph->nodes[n->inputs[0]], &p->x, s->x_stride);
  place_strides(n, &p->y, s->y_stride);
  return p;
}

sepcl_status lower_pad(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  step *p = begin_copy(network, value, STAGE_COPY_CONSTANT + n->mode);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  p->reason = "pads that no convolution behind them takes over";
  for (int32_t axis = 0; axis < n->rank; axis++) {
    p->bound.s.r_stride[axis] = n->before[axis];
    p->bound.s.extra[axis] = (int32_t)network->graph->nodes[n->inputs[0]].dims[axis];
  }
  p->bound.s.extra_float[0] = n->value;
  return SEPCL_OK;
}

sepcl_status lower_gather(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  step *p = begin_copy(network, value, STAGE_COPY_GATHER);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  p->reason = "elements are picked by number";
  p->bound.s.extra[2] = n->axis;
  sepcl_value slot = own_slot(network, value);
  network->storages[slot] = (storage){STORAGE_WEIGHTS, 0, n->dims[n->axis], 0, -1, -1, false};
  p->r = (place){slot, 0, n->dims[n->axis]};
  return SEPCL_OK;
}

void report_views(sepcl_network *network) {
  pass_report *report = &network->passes;
  int32_t concats = 0, splits = 0, copies = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    const node_kind kind = network->graph->nodes[p->node].kind;
    if (p->bound.s.kind != STAGE_COPY || (kind != NODE_CONCAT && kind != NODE_SLICE)) continue;
    concats += p->view && kind == NODE_CONCAT;
    splits += p->view && kind == NODE_SLICE;
    copies += !p->view;
  }
  if (report->count < MAX_PASSES)
    snprintf(report->lines[report->count++], sizeof report->lines[0],
             "views: %d concatenations and %d splits that move nothing (where that cannot be: %d copies)", concats,
             splits, copies);
}
