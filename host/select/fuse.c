/* Depthwise + pointwise as one separable stage; expand + depthwise + project as one inverted residual stage. The
 * intermediate then stays in private or local memory, at the price of computing the rows between two tasks twice
 * (inverted residual) and of fewer, larger tasks. Exact: the same chains. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "run/network.h"
#include "select/tuning.h"
#include "stage/tile_cost.h"

static bool is_pointwise(const node *n) {
  const sepcl_window *w = &n->conv.window;
  return n->kind == NODE_CONV && n->conv.groups == 1 && w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 &&
         w->stride_w == 1 && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right &&
         n->scale == SEPCL_NO_VALUE && !n->output_order && !n->input_order;
}

/* The convolution that makes `value`, if `reader` alone reads it and nothing else is folded into it. */
static node *inner_conv(const sepcl_graph *graph, sepcl_value value, const node *reader) {
  node *n = graph_node(graph, value);
  if (!n || n->dead || n->kind != NODE_CONV || sole_consumer(graph, value) != reader) return NULL;
  return n->residual == SEPCL_NO_VALUE && n->scale == SEPCL_NO_VALUE && !n->output_order && !n->input_order ? n : NULL;
}

typedef struct fused_block {
  sepcl_value values[3]; /* of expand (SEPCL_NO_VALUE: none), depthwise, project */
} fused_block;

static bool has_plain_weights(const sepcl_graph *graph, const node *n) {
  return n->set_count ||
         (is_constant(graph, n->inputs[1]) && (n->inputs[2] == SEPCL_NO_VALUE || is_constant(graph, n->inputs[2])));
}

/* The block that ends in the pointwise convolution `last`. */
static bool find_block(fused_block *out, const sepcl_graph *graph, sepcl_value last) {
  const node *project = &graph->nodes[last];
  if (project->dead || !is_pointwise(project) || !has_plain_weights(graph, project)) return false;
  const node *depthwise = inner_conv(graph, project->inputs[0], project);
  if (!depthwise || !node_is_depthwise(graph, depthwise) || depthwise->conv.outputs != depthwise->conv.groups)
    return false;
  if (!has_plain_weights(graph, depthwise)) return false;
  const node *expand = inner_conv(graph, depthwise->inputs[0], depthwise);
  bool expands = expand && is_pointwise(expand) && has_plain_weights(graph, expand);
  *out = (fused_block){{expands ? depthwise->inputs[0] : SEPCL_NO_VALUE, project->inputs[0], last}};
  return true;
}

static stage stage_of(const sepcl_graph *graph, const fused_block *b, bool expands) {
  const node *depthwise = &graph->nodes[b->values[1]], *project = &graph->nodes[b->values[2]];
  const node *expand = expands ? &graph->nodes[b->values[0]] : NULL;
  const node *x = &graph->nodes[expand ? expand->inputs[0] : depthwise->inputs[0]];
  stage s;
  memset(&s, 0, sizeof s);
  s.kind = expand ? STAGE_INVERTED_RESIDUAL : STAGE_SEPARABLE;
  s.input = node_shape4(x);
  s.output = node_shape4(project);
  s.window = depthwise->conv.window;
  s.groups = depthwise->conv.groups;
  s.expanded = expand ? expand->conv.outputs : 0;
  s.mode = -1;
  return s;
}

/* Floating-point operations that a GPU does while it moves a byte to or from memory: 15 to 40 by data sheets
 * (tests/gpu/roofline.py). A depthwise tap costs a read as well. */
enum { OPERATIONS_PER_BYTE = 16, TAP_COST = 4 };

/* What a fused stage computes more than once, in multiply-adds. */
static double repeated_macs(const bound_stage *b) {
  const window_params *g = &b->params.u.window;
  if (b->s.kind == STAGE_SEPARABLE) /* each panel of outputs makes its depthwise half */
    return (g->split[3] - 1.0) * TAP_COST * g->kh * g->kw * g->n * g->oh * g->ow * g->c;
  return (tile_region(b) * b->params.tasks - (double)g->n * g->h * g->w) * g->c * g->expanded;
}

/* Bytes that a fused stage neither writes nor reads again. */
static double saved_bytes(const bound_stage *b) {
  const window_params *g = &b->params.u.window;
  const double in = (double)g->n * g->h * g->w, out = (double)g->n * g->oh * g->ow;
  return 8.0 * (b->s.kind == STAGE_SEPARABLE ? out * g->c : (in + out) * g->expanded);
}

/* Whether one kernel is expected to beat the stages one by one. On CPUs the intermediate stays in the second-level
 * cache either way, and one launch has already paid the seams (docs/decisions/0006). */
static bool pays(const bound_stage *b, const device_limits *limits) {
  if (b->v->family != FAMILY_TILE || (uint32_t)b->params.tasks < limits->compute_units) return false;
  return 2 * repeated_macs(b) <= OPERATIONS_PER_BYTE * saved_bytes(b);
}

static bool is_better(const sepcl_network *network, const bound_stage *b, const device_limits *limits) {
  bool fused = false;
  if (network->tuned && tuning_recall_fusion(&fused, network->device, &b->s)) return fused;
  return pays(b, limits);
}

static bool wanted(const sepcl_network *network, const fused_block *b, bool expands) {
  stage s = stage_of(network->graph, b, expands);
  bound_stage bound;
  device_limits limits = device_limits_of(network->device);
  if (network->options.fusion == SEPCL_FUSION_NEVER) return false;
  if (stage_bind(&bound, &s, NULL, network->options.family, &limits) != SEPCL_OK) return false;
  if (network->options.fusion == SEPCL_FUSION_AUTO && !is_better(network, &bound, &limits)) return false;
  return bound.v->family != FAMILY_SCALAR || network->options.family == SEPCL_FAMILY_SCALAR;
}

/* The project's node becomes the block; the others die. */
static sepcl_status fuse(sepcl_graph *graph, const fused_block *b, bool expands) {
  sepcl_value depthwise = b->values[1], project = b->values[2];
  node *last = &graph->nodes[project], *middle = &graph->nodes[depthwise];
  node *first = expands ? &graph->nodes[b->values[0]] : NULL;
  ensure_weight_set(last); /* reads the same values as before */
  ensure_weight_set(middle);
  if (first) ensure_weight_set(first);
  weight_set sets[3] = {first ? first->sets[0] : middle->sets[0], first ? middle->sets[0] : last->sets[0],
                        last->sets[0]};
  sepcl_activation activation = last->activation, depthwise_activation = middle->activation;
  sepcl_value residual = last->residual, x = first ? first->inputs[0] : middle->inputs[0];
  int32_t expanded = first ? first->conv.outputs : 0, outputs = last->conv.outputs;
  sepcl_activation expand_activation = first ? first->activation : depthwise_activation;
  if (first)
    TRY(absorb(graph, b->values[0], depthwise)); /* for the names; the depthwise's attributes come back below */
  sepcl_conv_attributes window = first ? graph->nodes[b->values[0]].conv : middle->conv;
  TRY(absorb(graph, depthwise, project));
  uses_forget(graph, project);
  node *n = &graph->nodes[project];
  n->kind = expands ? NODE_INVERTED_RESIDUAL : NODE_SEPARABLE;
  n->conv = window;
  n->conv.outputs = outputs;
  n->inputs[0] = x;
  memcpy(n->sets, sets, sizeof n->sets);
  n->set_count = expands ? 3 : 2;
  n->expanded = expanded;
  n->inner[0] = expand_activation;
  n->inner[1] = depthwise_activation;
  n->activation = activation;
  n->residual = residual;
  uses_add(graph, project);
  return SEPCL_OK;
}

sepcl_status fuse_blocks(sepcl_network *network) {
  sepcl_graph *graph = network->graph;
  int32_t separable = 0, inverted = 0;
  for (int32_t i = 0; i < graph->count; i++) {
    fused_block b;
    if (!find_block(&b, graph, i)) continue;
    bool expands = b.values[0] != SEPCL_NO_VALUE && wanted(network, &b, true);
    if (!expands && !wanted(network, &b, false)) continue;
    TRY(fuse(graph, &b, expands));
    inverted += expands;
    separable += !expands;
  }
  pass_report *report = &network->passes;
  if (report->count < MAX_PASSES)
    snprintf(report->lines[report->count++], sizeof report->lines[0],
             "fuse-blocks: %d separable and %d inverted residual blocks into one stage each", separable, inverted);
  return SEPCL_OK;
}
