#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnxruntime/provider.h"

/* Networks that are kept, one for each shape of the inputs; the one that was used longest ago goes first. */
enum { KEPT_NETWORKS = 8 };

/* A tensor's dimensions as the host has them in this call. */
typedef struct extent {
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
} extent;

typedef struct compiled {
  struct compiled *next;
  extent *inputs;
  sepcl_network *network;
  sepcl_execution **idle; /* room for as many as were ever made */
  int idle_count, execution_count;
  int users;
} compiled;

struct part {
  const ort_api *api;
  sepcl_device *device;
  sepcl_network_options options;
  char **input_names; /* of the network's inputs, which come in this order */
  int *input_at;      /* which of the host's inputs they are */
  int input_count, output_count;
  uint8_t *model;
  size_t model_bytes;
  pthread_mutex_t lock; /* guards the networks */
  compiled *networks;   /* the last used first */
};

/* ---- networks ---- */

static void compiled_free(compiled *c) {
  if (!c) return;
  for (int i = 0; i < c->idle_count; i++) sepcl_execution_free(c->idle[i]);
  sepcl_network_free(c->network);
  free(c->idle);
  free(c->inputs);
  free(c);
}

static void shape_text(char *text, size_t room, const char *name, const extent *e) {
  int at = snprintf(text, room, "%s=", name);
  for (int32_t i = 0; i < e->rank; i++)
    at += snprintf(text + at, room - (size_t)at, "%s%lld", i ? "x" : "", (long long)e->dims[i]);
}

/* The model with these inputs' shapes. A number without dimensions needs no saying. */
static bool load_graph(const part *s, const extent *inputs, sepcl_graph **out, char reason[REASON_SIZE]) {
  char **texts = calloc((size_t)s->input_count + 1, sizeof *texts);
  sepcl_load_options load = SEPCL_LOAD_OPTIONS_INIT;
  bool good = texts || refused(reason, "out of memory for the shapes");
  for (int i = 0; good && i < s->input_count; i++) {
    size_t room = strlen(s->input_names[i]) + 24 * SEPCL_MAX_RANK;
    if (!inputs[i].rank) continue;
    char *text = texts[load.input_shape_count++] = malloc(room);
    good = text || refused(reason, "out of memory for the shapes");
    if (good) shape_text(text, room, s->input_names[i], &inputs[i]);
  }
  load.input_shapes = (const char *const *)texts;
  if (good && sepcl_graph_load_memory(out, s->model, s->model_bytes, &load) != SEPCL_OK)
    good = refused(reason, "%s", sepcl_last_error());
  for (int i = 0; texts && i < s->input_count; i++) free(texts[i]);
  free(texts);
  return good;
}

static bool compile(const part *s, const extent *inputs, compiled **out, char reason[REASON_SIZE]) {
  sepcl_graph *graph = NULL;
  compiled *c = calloc(1, sizeof *c);
  if (!c) return refused(reason, "out of memory for a network");
  c->inputs = calloc((size_t)s->input_count + 1, sizeof *c->inputs);
  bool good = c->inputs || refused(reason, "out of memory for a network");
  if (good && !s->model) good = refused(reason, "an input has another shape than the model says");
  good = good && load_graph(s, inputs, &graph, reason);
  if (good && sepcl_network_compile(&c->network, s->device, graph, &s->options) != SEPCL_OK)
    good = refused(reason, "%s", sepcl_last_error());
  sepcl_graph_free(graph);
  if (good && s->input_count) memcpy(c->inputs, inputs, (size_t)s->input_count * sizeof *inputs);
  if (good)
    *out = c;
  else
    compiled_free(c);
  return good;
}

static bool same_extents(const extent *a, const extent *b, int count) {
  for (int i = 0; i < count; i++)
    if (a[i].rank != b[i].rank || memcmp(a[i].dims, b[i].dims, (size_t)a[i].rank * sizeof *a[i].dims)) return false;
  return true;
}

static void drop_old_networks(part *s) {
  int kept = 0;
  for (compiled **at = &s->networks; *at;) {
    compiled *c = *at;
    if (++kept <= KEPT_NETWORKS || c->users) {
      at = &c->next;
      continue;
    }
    *at = c->next;
    compiled_free(c);
  }
}

/* With the lock held, so that threads that meet a new shape together compile it once. */
static bool find_network(part *s, const extent *inputs, compiled **out, char reason[REASON_SIZE]) {
  compiled **at = &s->networks, *c;
  while (*at && !same_extents((*at)->inputs, inputs, s->input_count)) at = &(*at)->next;
  c = *at;
  if (c)
    *at = c->next;
  else if (!compile(s, inputs, &c, reason))
    return false;
  c->next = s->networks;
  s->networks = c;
  *out = c;
  return true;
}

/* An execution of its own for each call that runs at the same time. */
static bool take_execution(compiled *c, sepcl_execution **out, char reason[REASON_SIZE]) {
  if (c->idle_count) {
    *out = c->idle[--c->idle_count];
    return true;
  }
  sepcl_execution **grown = realloc(c->idle, (size_t)(c->execution_count + 1) * sizeof *grown);
  if (!grown) return refused(reason, "out of memory for an execution");
  c->idle = grown;
  if (sepcl_execution_create(out, c->network) != SEPCL_OK) return refused(reason, "%s", sepcl_last_error());
  c->execution_count++;
  return true;
}

static bool begin(part *s, const extent *inputs, compiled **c, sepcl_execution **execution, char reason[REASON_SIZE]) {
  pthread_mutex_lock(&s->lock);
  bool good = find_network(s, inputs, c, reason) && take_execution(*c, execution, reason);
  if (good) (*c)->users++;
  drop_old_networks(s);
  pthread_mutex_unlock(&s->lock);
  return good;
}

static void end(part *s, compiled *c, sepcl_execution *execution) {
  pthread_mutex_lock(&s->lock);
  c->users--;
  c->idle[c->idle_count++] = execution;
  pthread_mutex_unlock(&s->lock);
}

/* ---- one call ---- */

static bool read_input(const part *s, const ort_run *run, int index, extent *e, const float **data,
                       char reason[REASON_SIZE]) {
  const ort_api *api = s->api;
  const ort_value *value = NULL;
  ort_tensor_info *info = NULL;
  size_t rank = 0;
  int type = 0;
  void *bytes = NULL;
  if (!succeeded(api, api->run_input(run, (size_t)s->input_at[index], &value), reason)) return false;
  if (!value) return refused(reason, "input '%.100s' was left out", s->input_names[index]);
  if (!succeeded(api, api->value_shape(value, &info), reason)) return false;
  bool good = succeeded(api, api->element_type(info, &type), reason) && succeeded(api, api->rank(info, &rank), reason);
  if (good && (type != ORT_FLOAT || rank > SEPCL_MAX_RANK))
    good = refused(reason, "input '%.100s' is not a tensor of floats of at most %d dimensions", s->input_names[index],
                   SEPCL_MAX_RANK);
  if (good && rank) good = succeeded(api, api->dims(info, e->dims, rank), reason);
  api->release_tensor_info(info);
  e->rank = (int32_t)rank;
  if (!good || !succeeded(api, api->tensor_data((ort_value *)(uintptr_t)value, &bytes), reason)) return false;
  *data = bytes;
  return true;
}

static bool make_output(const part *s, ort_run *run, const sepcl_network *network, int index, float **data,
                        char reason[REASON_SIZE]) {
  sepcl_io_info info;
  ort_value *value = NULL;
  void *bytes = NULL;
  if (sepcl_network_output_info(&info, network, index) != SEPCL_OK) return refused(reason, "%s", sepcl_last_error());
  if (!succeeded(s->api, s->api->run_output(run, (size_t)index, info.dims, (size_t)info.rank, &value), reason) ||
      !succeeded(s->api, s->api->tensor_data(value, &bytes), reason))
    return false;
  *data = bytes;
  return true;
}

/* ---- a call with empty tensors ---- */

static bool is_empty(const extent *e) {
  for (int32_t i = 0; i < e->rank; i++)
    if (!e->dims[i]) return true;
  return false;
}

/* The outputs' shapes if each axis without elements had `size` of them. */
static bool shapes_with(const part *s, const extent *inputs, int64_t size, extent *outputs, char reason[REASON_SIZE]) {
  sepcl_graph *graph = NULL;
  extent *filled = calloc((size_t)s->input_count + 1, sizeof *filled);
  if (!filled) return refused(reason, "out of memory for the shapes");
  for (int i = 0; i < s->input_count; i++) {
    filled[i] = inputs[i];
    for (int32_t d = 0; d < filled[i].rank; d++)
      if (!filled[i].dims[d]) filled[i].dims[d] = size;
  }
  bool good = load_graph(s, filled, &graph, reason);
  for (int i = 0; good && i < s->output_count; i++) {
    sepcl_io_info info;
    good = sepcl_graph_output_info(&info, graph, i) == SEPCL_OK || refused(reason, "%s", sepcl_last_error());
    if (!good) break;
    outputs[i].rank = info.rank;
    memcpy(outputs[i].dims, info.dims, sizeof info.dims);
  }
  sepcl_graph_free(graph);
  free(filled);
  return good;
}

/* No network has an axis without elements; but a shape that grows with one by as much each time is known at 0, too. If
 * the outputs are empty then, nothing is left to compute. */
static bool make_empty(part *s, ort_run *run, const extent *two, const extent *four, char reason[REASON_SIZE]) {
  for (int i = 0; i < s->output_count; i++) {
    extent e = {.rank = two[i].rank};
    ort_value *value = NULL;
    bool known = two[i].rank == four[i].rank;
    for (int32_t d = 0; known && d < e.rank; d++) {
      e.dims[d] = 2 * two[i].dims[d] - four[i].dims[d];
      known = e.dims[d] >= 0;
    }
    if (!known || !is_empty(&e)) return refused(reason, "sepcl computes nothing from empty tensors but empty ones");
    if (!succeeded(s->api, s->api->run_output(run, (size_t)i, e.dims, (size_t)e.rank, &value), reason)) return false;
  }
  return true;
}

static bool run_empty(part *s, ort_run *run, const extent *inputs, char reason[REASON_SIZE]) {
  extent *two = calloc((size_t)s->output_count + 1, sizeof *two),
         *four = calloc((size_t)s->output_count + 1, sizeof *four);
  bool good = (two && four) || refused(reason, "out of memory for the shapes");
  if (good && !s->model) good = refused(reason, "an input has another shape than the model says");
  good = good && shapes_with(s, inputs, 2, two, reason) && shapes_with(s, inputs, 4, four, reason) &&
         make_empty(s, run, two, four, reason);
  free(two);
  free(four);
  return good;
}

/* ---- any call ---- */

typedef struct operands {
  extent *extents;
  const float **from;
  float **to;
} operands;

static bool run_operands(part *s, ort_run *run, operands *o, char reason[REASON_SIZE]) {
  compiled *c = NULL;
  sepcl_execution *execution = NULL;
  for (int i = 0; i < s->input_count; i++)
    if (!read_input(s, run, i, &o->extents[i], &o->from[i], reason)) return false;
  for (int i = 0; i < s->input_count; i++)
    if (is_empty(&o->extents[i])) return run_empty(s, run, o->extents, reason);
  if (!begin(s, o->extents, &c, &execution, reason)) return false;
  bool good = true;
  for (int i = 0; good && i < s->output_count; i++) good = make_output(s, run, c->network, i, &o->to[i], reason);
  if (good && sepcl_execution_run(execution, o->from, o->to) != SEPCL_OK)
    good = refused(reason, "%s", sepcl_last_error());
  end(s, c, execution);
  return good;
}

bool part_run(part *s, ort_run *run, char reason[REASON_SIZE]) {
  operands o = {.extents = calloc((size_t)s->input_count + 1, sizeof *o.extents),
                .from = calloc((size_t)s->input_count + 1, sizeof *o.from),
                .to = calloc((size_t)s->output_count + 1, sizeof *o.to)};
  bool good = (o.extents && o.from && o.to) || refused(reason, "out of memory for a run");
  good = good && run_operands(s, run, &o, reason);
  free(o.extents);
  free(o.from);
  free(o.to);
  return good;
}

/* ---- making ---- */

void part_free(part *s) {
  if (!s) return;
  while (s->networks) {
    compiled *next = s->networks->next;
    compiled_free(s->networks);
    s->networks = next;
  }
  for (int i = 0; s->input_names && i < s->input_count; i++) free(s->input_names[i]);
  free(s->input_names);
  free(s->input_at);
  free(s->model);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* The host's inputs, without constants that it left among them. */
static bool take_inputs(part *s, const host_graph *g, model_part *m, char reason[REASON_SIZE]) {
  s->input_names = calloc((size_t)m->input_count + 1, sizeof *s->input_names);
  s->input_at = calloc((size_t)m->input_count + 1, sizeof *s->input_at);
  if (!s->input_names || !s->input_at) return refused(reason, "out of memory for a part's inputs");
  for (int i = 0; i < m->input_count; i++) {
    int value = m->inputs[i];
    if (value < 0 || g->values[value].constant) continue;
    s->input_names[s->input_count] = strdup(g->values[value].name);
    if (!s->input_names[s->input_count]) return refused(reason, "out of memory for a part's inputs");
    m->inputs[s->input_count] = value;
    s->input_at[s->input_count++] = i;
  }
  m->input_count = s->input_count;
  return true;
}

static bool shapes_known(const host_graph *g, const model_part *m) {
  for (int i = 0; i < m->input_count; i++) {
    const host_value *v = &g->values[m->inputs[i]];
    for (int d = 0; d < v->rank; d++)
      if (v->dims[d] < 1) return false;
    if (v->rank < 0) return false;
  }
  return true;
}

/* Where the shapes are known, now: a session that cannot run should not come to be, and no model need be kept. */
static bool compile_known(part *s, const host_graph *g, const model_part *m, char reason[REASON_SIZE]) {
  extent *inputs = calloc((size_t)m->input_count + 1, sizeof *inputs);
  if (!inputs) return refused(reason, "out of memory for a part's inputs");
  for (int i = 0; i < m->input_count; i++) {
    const host_value *v = &g->values[m->inputs[i]];
    inputs[i].rank = v->rank;
    memcpy(inputs[i].dims, v->dims, sizeof inputs[i].dims);
  }
  bool good = compile(s, inputs, &s->networks, reason);
  free(inputs);
  return good;
}

static bool fill(part *s, host_graph *g, const ort_node *fused, char reason[REASON_SIZE]) {
  model_part m = {.nodes = calloc((size_t)g->node_count + 1, sizeof *m.nodes), .node_count = g->node_count};
  bool good = m.nodes || refused(reason, "out of memory for a part's nodes");
  for (int i = 0; good && i < m.node_count; i++) m.nodes[i] = i;
  good = good && host_graph_inputs(g, fused, &m.inputs, &m.input_count, reason) &&
         host_graph_outputs(g, fused, &m.outputs, &m.output_count, reason) && take_inputs(s, g, &m, reason);
  for (int i = 0; good && i < m.output_count; i++)
    if (m.outputs[i] < 0) good = refused(reason, "the host left out an output of a part");
  s->output_count = m.output_count;
  good = good && model_pack(g, &m, &s->model, &s->model_bytes, reason);
  if (good && shapes_known(g, &m)) {
    good = compile_known(s, g, &m, reason);
    free(s->model);
    s->model = NULL;
  }
  free(m.nodes);
  free(m.inputs);
  free(m.outputs);
  return good;
}

bool part_create(part **out, const provider *p, const ort_graph *graph, const ort_node *fused,
                 char reason[REASON_SIZE]) {
  host_graph g;
  part *s = calloc(1, sizeof *s);
  if (!s) return refused(reason, "out of memory for a part of the graph");
  s->api = p->api;
  s->device = p->device;
  s->options = p->options.network;
  pthread_mutex_init(&s->lock, NULL);
  bool good = host_graph_read(&g, p->api, !p->is_1_23, graph, reason);
  if (good) {
    good = fill(s, &g, fused, reason);
    host_graph_free(&g);
  }
  if (good)
    *out = s;
  else
    part_free(s);
  return good;
}
