#include "support/zoo_shapes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "support/zoo_outputs.h"
#include "zoo.h"

typedef struct check {
  zoo_shape_result *result;
  sepcl_device *device;
  const char *name;
  zoo_shape shape;
  const zoo_shape_options *options;
  sepcl_graph *graph;
  zoo_outputs expected;
} check;

static bool fail(check *c, const char *what, const char *why) {
  snprintf(c->result->message, sizeof c->result->message, "%s: %.960s", what, why);
  return false;
}

static sepcl_graph *build(check *c, int batch, bool perturb) {
  char spec[160];
  sepcl_graph *graph = NULL;
  snprintf(spec, sizeof spec, "%s:batch=%d:height=%d:width=%d", c->name, batch, c->shape.height, c->shape.width);
  if (zoo_build(&graph, spec)) return fail(c, "zoo", zoo_last_error()), NULL;
  if (perturb) zoo_perturb(graph);
  return graph;
}

static uint64_t macs_of(const sepcl_graph *graph) {
  uint64_t macs = 0;
  for (int32_t i = 0; i < sepcl_graph_node_count(graph); i++) {
    sepcl_node_info info;
    if (sepcl_graph_node_info(&info, graph, i) == SEPCL_OK) macs += info.macs;
  }
  return macs;
}

static void note(check *c, const char *what, const float *expected, const float *actual, size_t count) {
  zoo_shape_result *r = c->result;
  size_t different = 0, used = strlen(r->made);
  for (size_t i = 0; i < count; i++) different += !reference_same(expected[i], actual[i]);
  snprintf(r->made + used, sizeof r->made - used, "%s%s%s", used ? " " : "", different ? "!" : "", what);
  r->comparisons++;
  r->different += different > 0;
}

/* Image `first` and those after it, `batch` of them, compiled with `network`, against their share of the expected. */
static bool compare_run(check *c, const char *what, int first, int batch, const sepcl_network_options *network) {
  sepcl_graph *graph = build(c, batch, c->options->perturb);
  zoo_outputs actual = {.values = NULL};
  if (!graph) return false;
  bool done = zoo_outputs_run(&actual, c->device, graph, network, first) || fail(c, what, actual.message);
  size_t image = c->expected.elements / (size_t)c->shape.batch;
  if (done) note(c, what, c->expected.values + image * (size_t)first, actual.values, actual.elements);
  zoo_outputs_free(&actual);
  sepcl_graph_free(graph);
  return done;
}

static bool compare_images(check *c) {
  const sepcl_network_options network = SEPCL_NETWORK_OPTIONS_INIT;
  const int images[3] = {0, c->shape.batch / 2, c->shape.batch - 1};
  for (int i = 0; i < 3; i++) {
    char what[32];
    snprintf(what, sizeof what, "image%d", images[i]);
    if (i > 0 && images[i] == images[i - 1]) continue;
    if (!compare_run(c, what, images[i], 1, &network)) return false;
  }
  return true;
}

static bool compare_replay(check *c) {
  bool one_launch = c->expected.info.replay != SEPCL_REPLAY_ONE_LAUNCH;
  sepcl_network_options network = SEPCL_NETWORK_OPTIONS_INIT;
  network.replay = one_launch ? SEPCL_REPLAY_ONE_LAUNCH : SEPCL_REPLAY_LAUNCHES;
  return compare_run(c, one_launch ? "one-launch" : "launches", 0, c->shape.batch, &network);
}

static bool compare_families(check *c) {
  static const char *const names[] = {"auto", "row", "tile", "scalar"};
  for (int family = SEPCL_FAMILY_ROW; family <= SEPCL_FAMILY_SCALAR; family++) {
    sepcl_network_options network = SEPCL_NETWORK_OPTIONS_INIT;
    network.family = (sepcl_family)family;
    network.replay = SEPCL_REPLAY_LAUNCHES;
    if (!compare_run(c, names[family], 0, c->shape.batch, &network)) return false;
  }
  return true;
}

static bool compare_reference(check *c) {
  sepcl_graph *graph = build(c, c->shape.batch, c->options->perturb);
  if (!graph) return false;
  reference_values values = {NULL, 0};
  float *x = zoo_pictures(graph, 0);
  const float *inputs[] = {x};
  bool done = x && reference_graph_run(&values, graph, inputs, (reference_graph_options){true});
  if (done)
    note(c, "reference", reference_graph_output(&values, graph, 0), c->expected.values, c->expected.elements);
  else
    fail(c, "reference", "out of memory");
  reference_values_free(&values);
  free(x);
  sepcl_graph_free(graph);
  return done;
}

/* Equal zeros would prove nothing. */
static bool check_range(check *c) {
  float low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < c->expected.elements; i++) {
    if (!isfinite(c->expected.values[i])) return fail(c, "outputs", "not finite");
    low = fminf(low, c->expected.values[i]);
    high = fmaxf(high, c->expected.values[i]);
  }
  return high > low || fail(c, "outputs", "all are equal");
}

static bool compare_all(check *c) {
  const sepcl_network_options network = SEPCL_NETWORK_OPTIONS_INIT;
  zoo_shape_result *r = c->result;
  r->macs = macs_of(c->graph);
  if (!zoo_outputs_run(&c->expected, c->device, c->graph, &network, 0)) return fail(c, "device", c->expected.message);
  r->info = c->expected.info;
  r->elements = c->expected.elements;
  if (!check_range(c) || (c->shape.batch > 1 && !compare_images(c)) || !compare_replay(c)) return false;
  if (r->macs <= c->options->family_macs && !compare_families(c)) return false;
  return r->macs > c->options->reference_macs || compare_reference(c);
}

bool zoo_shape_check(zoo_shape_result *out, sepcl_device *device, const char *name, zoo_shape shape,
                     const zoo_shape_options *options) {
  memset(out, 0, sizeof *out);
  check c = {out, device, name, shape, options, NULL, {.values = NULL}};
  c.graph = build(&c, shape.batch, false);
  bool done = c.graph && compare_all(&c);
  zoo_outputs_free(&c.expected);
  sepcl_graph_free(c.graph);
  return done;
}
