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

sepcl_status lower_reduce(sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  const node *x = &network->graph->nodes[n->inputs[0]];
  if (is_over_pixels(n, x)) return lower_global_pool(network, value);
  return failure(SEPCL_UNSUPPORTED, "node '%s': this reduction is not supported yet", n->name);
}

static sepcl_status refuse(const sepcl_network *network, sepcl_value value) {
  const node *n = &network->graph->nodes[value];
  return failure(SEPCL_UNSUPPORTED, "node '%s': no stage computes %s yet", n->name, node_kind_name(network->graph, n));
}

sepcl_status lower_conv_transpose(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_deform_conv(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_norm(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_pad(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_gather(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_softmax(sepcl_network *network, sepcl_value value) { return refuse(network, value); }

sepcl_status lower_resize(sepcl_network *network, sepcl_value value) { return refuse(network, value); }
