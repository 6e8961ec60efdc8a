/* Which nodes sepcl takes: those that its reader accepts, in connected parts such that no path leaves one and comes
 * back.
 *
 * Each node is tried on its own, as a model of this one node. What a node reads is then either an input of that model
 * or, where it is known when the model is loaded (shapes, integers, what is computed from constants), brought along
 * with the nodes that make it. Dimensions that the host does not know are guessed, and follow from the trials after
 * that. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "onnxruntime/provider.h"

enum { GUESSED_DIMENSION = 224 };

typedef struct chooser {
  const provider *p;
  host_graph g;
  bool *taken;     /* by node */
  bool *carried;   /* by node: what it makes is known when a model is loaded; goes along with the nodes that read it */
  bool *visited;   /* by node: in the model that is being tried */
  int *level;      /* by node: how many times a path to it left and entered taken nodes */
  int *component;  /* by node: the first node of its part */
  bool *edge;      /* by value: an input or output of the model that is being made */
  model_part part; /* room for all nodes and values */
  char *reason;
} chooser;

/* ---- what it says when asked ---- */

static void say_about(const chooser *c, int index, const char *reason) {
  const host_node *n = &c->g.nodes[index];
  say_node(&c->p->options, index, n->operation, n->name, reason);
}

/* ---- one node on its own ---- */

static bool is_float(const host_value *v) { return v->type == ORT_FLOAT; }

static bool known_when_loaded(const chooser *c, const host_node *n) {
  bool known = true;
  for (int i = 0; i < n->output_count; i++)
    if (n->outputs[i] >= 0 && !is_float(&c->g.values[n->outputs[i]])) return true;
  for (int i = 0; known && i < n->input_count; i++) {
    const host_value *v = n->inputs[i] < 0 ? NULL : &c->g.values[n->inputs[i]];
    known = !v || v->constant || (v->producer >= 0 && c->carried[v->producer]);
  }
  return known;
}

static bool carries(const chooser *c, const host_value *v) {
  return v->producer >= 0 && c->carried[v->producer] && c->taken[v->producer];
}

static void add_edge(chooser *c, int value) {
  if (c->edge[value]) return;
  c->edge[value] = true;
  c->part.inputs[c->part.input_count++] = value;
}

/* The node behind those that make what must be known: no deeper than the graph, on the heap's own stack. */
static void collect(chooser *c, int index) {
  int *stack = c->component, depth = 0; /* not in use yet */
  stack[depth++] = index;
  c->visited[index] = true;
  while (depth) {
    const host_node *n = &c->g.nodes[stack[--depth]];
    for (int i = 0; i < n->input_count; i++) {
      const host_value *v = n->inputs[i] < 0 ? NULL : &c->g.values[n->inputs[i]];
      if (!v || v->constant) continue;
      if (!carries(c, v)) {
        add_edge(c, n->inputs[i]);
      } else if (!c->visited[v->producer]) {
        c->visited[v->producer] = true;
        stack[depth++] = v->producer;
      }
    }
  }
  for (int i = 0; i <= index; i++)
    if (c->visited[i]) c->part.nodes[c->part.node_count++] = i;
}

static void clear_part(chooser *c) {
  memset(c->visited, 0, (size_t)c->g.node_count * sizeof *c->visited);
  memset(c->edge, 0, (size_t)c->g.value_count * sizeof *c->edge);
  c->part.node_count = c->part.input_count = c->part.output_count = 0;
}

static bool load_part(const chooser *c, sepcl_graph **graph, uint8_t **model, char reason[REASON_SIZE]) {
  size_t bytes;
  *graph = NULL;
  if (!model_pack(&c->g, &c->part, model, &bytes, reason)) return false;
  return sepcl_graph_load_memory(graph, *model, bytes, NULL) == SEPCL_OK || refused(reason, "%s", sepcl_last_error());
}

/* The reader's shapes take the place of what the host does not know. */
static bool take_shapes(chooser *c, const sepcl_graph *graph, char reason[REASON_SIZE]) {
  for (int i = 0; i < c->part.output_count; i++) {
    host_value *v = &c->g.values[c->part.outputs[i]];
    sepcl_io_info info;
    if (sepcl_graph_output_info(&info, graph, i) != SEPCL_OK) return refused(reason, "%s", sepcl_last_error());
    if (v->rank >= 0 && v->rank != info.rank)
      return refused(reason, "'%.100s' has %d dimensions for the host and %d for sepcl", v->name, v->rank, info.rank);
    bool new = v->rank < 0;
    v->rank = info.rank;
    for (int d = 0; d < v->rank; d++) {
      if (!new && v->dims[d] >= 0 && v->dims[d] != info.dims[d])
        return refused(reason, "'%.100s': dimension %d is %lld for the host and %lld for sepcl", v->name, d,
                       (long long)v->dims[d], (long long)info.dims[d]);
      v->dims[d] = info.dims[d];
    }
  }
  return true;
}

static bool try_node(chooser *c, int index, char reason[REASON_SIZE]) {
  const host_node *n = &c->g.nodes[index];
  sepcl_graph *graph = NULL;
  uint8_t *model = NULL;
  if (n->domain && *n->domain && strcmp(n->domain, "ai.onnx") != 0)
    return refused(reason, "operations of '%.100s' are not ONNX's", n->domain);
  clear_part(c);
  collect(c, index);
  for (int i = 0; i < c->part.input_count; i++) {
    const host_value *v = &c->g.values[c->part.inputs[i]];
    if (v->type && v->rank < 0)
      return refused(reason, "'%.100s' has more than %d dimensions, or it is not known how many", v->name,
                     SEPCL_MAX_RANK);
  }
  for (int i = 0; i < n->output_count; i++)
    if (n->outputs[i] >= 0) c->part.outputs[c->part.output_count++] = n->outputs[i];
  bool good = load_part(c, &graph, &model, reason) && take_shapes(c, graph, reason);
  sepcl_graph_free(graph);
  free(model);
  return good;
}

static void guess_shape(host_value *v) {
  for (int d = 0; d < v->rank; d++)
    if (v->dims[d] < 0) v->dims[d] = d == 0 ? 1 : GUESSED_DIMENSION;
}

static void choose_nodes(chooser *c) {
  char reason[REASON_SIZE];
  for (int i = 0; i < c->g.value_count; i++)
    if (c->g.values[i].producer < 0) guess_shape(&c->g.values[i]);
  for (int i = 0; i < c->g.node_count; i++) {
    const host_node *n = &c->g.nodes[i];
    c->carried[i] = known_when_loaded(c, n);
    c->taken[i] = try_node(c, i, reason);
    if (!c->taken[i]) say_about(c, i, reason);
    for (int k = 0; k < n->output_count; k++)
      if (n->outputs[k] >= 0) guess_shape(&c->g.values[n->outputs[k]]);
  }
}

/* ---- parts ---- */

static int producer_of(const chooser *c, const host_node *n, int input) {
  return n->inputs[input] < 0 ? -1 : c->g.values[n->inputs[input]].producer;
}

/* A path from a taken node over one that is not to another taken one raises the level: nodes of one level may be a
 * part. */
static void set_levels(chooser *c) {
  for (int i = 0; i < c->g.node_count; i++) {
    const host_node *n = &c->g.nodes[i];
    c->level[i] = 0;
    for (int k = 0; k < n->input_count; k++) {
      int from = producer_of(c, n, k);
      int level = from < 0 ? 0 : c->level[from] + (c->taken[from] && !c->taken[i]);
      if (level > c->level[i]) c->level[i] = level;
    }
  }
}

/* What is known when a model is loaded belongs to the nodes that read it, however late they come. */
static void sink_carried(chooser *c) {
  int *latest = c->component; /* not in use yet */
  for (int i = 0; i < c->g.node_count; i++) latest[i] = INT_MAX;
  for (int i = c->g.node_count - 1; i >= 0; i--) {
    const host_node *n = &c->g.nodes[i];
    bool fixed = !c->carried[i] || !c->taken[i] || latest[i] == INT_MAX;
    for (int k = 0; k < n->output_count; k++)
      fixed = fixed || (n->outputs[k] >= 0 && c->g.values[n->outputs[k]].is_output);
    if (!fixed && latest[i] > c->level[i]) c->level[i] = latest[i];
    for (int k = 0; k < n->input_count; k++) {
      int from = producer_of(c, n, k), level = c->level[i] - !c->taken[i];
      if (from >= 0 && level < latest[from]) latest[from] = level;
    }
  }
}

static int root_of(int *component, int i) {
  while (component[i] != i) i = component[i] = component[component[i]];
  return i;
}

static void connect(chooser *c) {
  for (int i = 0; i < c->g.node_count; i++) c->component[i] = i;
  for (int i = 0; i < c->g.node_count; i++) {
    const host_node *n = &c->g.nodes[i];
    for (int k = 0; k < n->input_count && c->taken[i]; k++) {
      int from = producer_of(c, n, k);
      if (from < 0 || !c->taken[from] || c->level[from] != c->level[i]) continue;
      int a = root_of(c->component, from), b = root_of(c->component, i);
      c->component[a > b ? a : b] = a > b ? b : a;
    }
  }
  for (int i = 0; i < c->g.node_count; i++) c->component[i] = root_of(c->component, i);
}

static void leave(chooser *c, int index, const char *reason) {
  c->taken[index] = false;
  say_about(c, index, reason);
}

/* Networks take and give floats only: whatever else goes from one part to another keeps its nodes with the host. */
static bool leave_crossing(chooser *c) {
  bool left = false;
  for (int i = 0; i < c->g.node_count; i++) {
    const host_node *n = &c->g.nodes[i];
    for (int k = 0; k < n->input_count; k++) {
      int from = producer_of(c, n, k);
      if (from < 0 || is_float(&c->g.values[n->inputs[k]])) continue;
      bool apart = c->taken[i] != c->taken[from] || c->component[i] != c->component[from];
      if (!apart || (!c->taken[i] && !c->taken[from])) continue;
      leave(c, c->taken[from] ? from : i, "integers that it makes or reads would cross the part's border");
      left = true;
    }
    for (int k = 0; k < n->output_count && c->taken[i]; k++) {
      const host_value *v = n->outputs[k] < 0 ? NULL : &c->g.values[n->outputs[k]];
      if (!v || !v->is_output || is_float(v)) continue;
      leave(c, i, "an output of the model that is not of floats");
      left = true;
    }
  }
  return left;
}

static void divide(chooser *c) {
  do {
    set_levels(c);
    sink_carried(c);
    connect(c);
  } while (leave_crossing(c));
}

static bool read_outside(const chooser *c, int value, int component) {
  for (int i = 0; i < c->g.node_count; i++) {
    const host_node *n = &c->g.nodes[i];
    if (c->taken[i] && c->component[i] == component) continue;
    for (int k = 0; k < n->input_count; k++)
      if (n->inputs[k] == value) return true;
  }
  return false;
}

static void collect_part(chooser *c, int component) {
  clear_part(c);
  for (int i = 0; i < c->g.node_count; i++) {
    if (!c->taken[i] || c->component[i] != component) continue;
    const host_node *n = &c->g.nodes[i];
    c->part.nodes[c->part.node_count++] = i;
    for (int k = 0; k < n->input_count; k++) {
      int value = n->inputs[k], from = producer_of(c, n, k);
      if (value < 0 || c->g.values[value].constant) continue;
      if (from < 0 || !c->taken[from] || c->component[from] != component) add_edge(c, value);
    }
    for (int k = 0; k < n->output_count; k++) {
      int value = n->outputs[k];
      if (value >= 0 && (c->g.values[value].is_output || read_outside(c, value, component)))
        c->part.outputs[c->part.output_count++] = value;
    }
  }
}

/* Whether the part is a network that the device can run; compiling it is for later. */
static bool plan_part(const chooser *c, sepcl_network_info *info, char reason[REASON_SIZE]) {
  sepcl_network *network = NULL;
  sepcl_graph *graph = NULL;
  uint8_t *model = NULL;
  bool good = load_part(c, &graph, &model, reason);
  if (good && (sepcl_network_plan(&network, c->p->device, graph, &c->p->options.network) != SEPCL_OK ||
               sepcl_network_get_info(info, network) != SEPCL_OK))
    good = refused(reason, "%s", sepcl_last_error());
  sepcl_network_free(network);
  sepcl_graph_free(graph);
  free(model);
  return good;
}

/* When the part is compiled, the host alone says what its inputs are. Whatever dimensions they have come with each call
 * then; but that one is a number must be known before. */
static bool inputs_stated(const chooser *c, char reason[REASON_SIZE]) {
  for (int i = 0; i < c->part.input_count; i++) {
    const host_value *v = &c->g.values[c->part.inputs[i]];
    if (!v->rank && !v->stated)
      return refused(reason, "the host does not know that '%.100s', which its part reads, is a number", v->name);
  }
  return true;
}

static bool fuse(const chooser *c, ort_support *support, char reason[REASON_SIZE]) {
  const ort_fusion_options fusion = {ORT_VERSION, true};
  const ort_node **nodes = calloc((size_t)c->part.node_count + 1, sizeof *nodes);
  if (!nodes) return refused(reason, "out of memory for a part's nodes");
  for (int i = 0; i < c->part.node_count; i++) nodes[i] = c->g.nodes[c->part.nodes[i]].node;
  const ort_ep_api *api = c->g.api->ep_api();
  bool good = succeeded(c->g.api, api->add_nodes_to_fuse(support, nodes, (size_t)c->part.node_count, &fusion), reason);
  free(nodes);
  return good;
}

/* Adds the part to what the host is told, if it can run; *taken says whether. */
static bool keep_part(chooser *c, int component, int largest, ort_support *support, bool *taken) {
  char reason[REASON_SIZE] = "";
  sepcl_network_info info;
  bool more = !*taken || !c->p->is_1_23;
  collect_part(c, component);
  bool good = !too_small(c->part.node_count, largest, reason);
  if (good && !c->part.output_count) good = refused(reason, "nothing that its part makes is used");
  if (good && !c->part.input_count) good = refused(reason, "its part reads constants only");
  if (good && !more) good = refused(reason, "ONNX Runtime 1.23 lets a provider have one part of a graph only");
  good = good && inputs_stated(c, reason) && plan_part(c, &info, reason);
  for (int i = 0; i < c->part.node_count; i++) say_about(c, c->part.nodes[i], good ? NULL : reason);
  if (!good) return true;
  *taken = true;
  say_part(&c->p->options, c->part.node_count, c->g.node_count, &info);
  return fuse(c, support, c->reason);
}

/* The largest first. */
static bool keep_parts(chooser *c, ort_support *support) {
  int largest = 0;
  bool good = true, taken = false;
  int *sizes = calloc((size_t)c->g.node_count + 1, sizeof *sizes);
  if (!sizes) return refused(c->reason, "out of memory for the parts");
  for (int i = 0; i < c->g.node_count; i++)
    if (c->taken[i] && ++sizes[c->component[i]] > largest) largest = sizes[c->component[i]];
  for (;;) {
    int next = 0;
    for (int i = 1; i < c->g.node_count; i++)
      if (sizes[i] > sizes[next]) next = i;
    if (!good || !sizes[next]) break;
    sizes[next] = 0;
    good = keep_part(c, next, largest, support, &taken);
  }
  free(sizes);
  return good;
}

/* ---- all ---- */

static bool chooser_allocate(chooser *c) {
  size_t nodes = (size_t)c->g.node_count + 1, values = (size_t)c->g.value_count + 1;
  c->taken = calloc(nodes, sizeof *c->taken);
  c->carried = calloc(nodes, sizeof *c->carried);
  c->visited = calloc(nodes, sizeof *c->visited);
  c->level = calloc(nodes, sizeof *c->level);
  c->component = calloc(nodes, sizeof *c->component);
  c->edge = calloc(values, sizeof *c->edge);
  c->part.nodes = calloc(nodes, sizeof *c->part.nodes);
  c->part.inputs = calloc(values, sizeof *c->part.inputs);
  c->part.outputs = calloc(values, sizeof *c->part.outputs);
  return (c->taken && c->carried && c->visited && c->level && c->component && c->edge && c->part.nodes &&
          c->part.inputs && c->part.outputs) ||
         refused(c->reason, "out of memory for the choice of nodes");
}

static void chooser_free(chooser *c) {
  host_graph_free(&c->g);
  free(c->taken);
  free(c->carried);
  free(c->visited);
  free(c->level);
  free(c->component);
  free(c->edge);
  free(c->part.nodes);
  free(c->part.inputs);
  free(c->part.outputs);
}

/* Graphs inside of control flow stay with the host, which runs them when it knows which one. (1.23 shows no parent
 * while it asks; but such a graph reads values of the one around it.) */
bool take_parts(const provider *p, const ort_graph *graph, ort_support *support, char reason[REASON_SIZE]) {
  const ort_node *parent = NULL;
  chooser c = {.p = p, .reason = reason};
  if (!succeeded(p->api, p->api->parent_node(graph, &parent), reason)) return false;
  if (parent) return true;
  bool good = host_graph_read(&c.g, p->api, !p->is_1_23, graph, reason) && chooser_allocate(&c);
  if (good && !c.g.is_inner) {
    choose_nodes(&c);
    divide(&c);
    good = keep_parts(&c, support);
  }
  chooser_free(&c);
  return good;
}
