#include "support/zoo_outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "support/random.h"

float *zoo_pictures(const sepcl_graph *graph, int64_t first_image) {
  sepcl_io_info info;
  if (sepcl_graph_input_info(&info, graph, 0)) return NULL;
  float *values = malloc(info.elements * sizeof *values);
  size_t images = (size_t)info.dims[0], size = info.elements / images;
  for (size_t image = 0; values && image < images; image++) {
    rng r = rng_of(7, (uint64_t)first_image + image, 0);
    for (size_t i = 0; i < size; i++) values[image * size + i] = rng_float(&r, -1.5f, 1.5f);
  }
  return values;
}

static bool fail(zoo_outputs *out, const char *why) {
  snprintf(out->message, sizeof out->message, "%s", why);
  return false;
}

enum { MOST_OUTPUTS = 4 };

/* Room for the outputs behind the first, which nobody looks at. */
static bool place_outputs(float *y[MOST_OUTPUTS], const sepcl_graph *graph) {
  sepcl_io_info info;
  bool done = graph->output_count <= MOST_OUTPUTS;
  for (int32_t i = 1; done && i < graph->output_count; i++)
    done = !sepcl_graph_output_info(&info, graph, i) && (y[i] = malloc(info.elements * sizeof(float)));
  return done;
}

static bool execute(zoo_outputs *out, sepcl_execution *execution, const sepcl_graph *graph, const float *x) {
  float *y[MOST_OUTPUTS] = {out->values};
  bool done = place_outputs(y, graph) || fail(out, "out of memory for outputs");
  for (int i = 0; done && i < 2; i++) {
    memset(out->values, 0xff, out->elements * sizeof *out->values);
    done = !sepcl_execution_run(execution, &x, y) || fail(out, sepcl_last_error());
  }
  for (int i = 1; i < MOST_OUTPUTS; i++) free(y[i]);
  return done;
}

bool zoo_outputs_run(zoo_outputs *out, sepcl_device *device, const sepcl_graph *graph,
                     const sepcl_network_options *options, int64_t first_image) {
  memset(out, 0, sizeof *out);
  sepcl_io_info info;
  if (sepcl_graph_output_info(&info, graph, 0)) return fail(out, sepcl_last_error());
  out->elements = info.elements;
  out->images = info.dims[0];
  float *x = zoo_pictures(graph, first_image);
  out->values = malloc(out->elements * sizeof *out->values);
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  bool done = (x && out->values) || fail(out, "out of memory for pictures");
  if (done && (sepcl_network_compile(&network, device, graph, options) || sepcl_network_get_info(&out->info, network) ||
               sepcl_execution_create(&execution, network)))
    done = fail(out, sepcl_last_error());
  done = done && execute(out, execution, graph, x);
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  free(x);
  return done;
}

void zoo_outputs_free(zoo_outputs *out) {
  free(out->values);
  out->values = NULL;
}

void zoo_perturb(sepcl_graph *graph) {
  int32_t i = 0;
  while (graph->nodes[i].kind != NODE_CONSTANT) i++;
  float *weights = (float *)graph->nodes[i].data;
  weights[0] *= 1.0005f;
  weights[node_elements(&graph->nodes[i]) - 1] *= 1.0005f;
}

uint64_t zoo_digest(const float *values, size_t count) { /* FNV-1a */
  uint64_t digest = 0xcbf29ce484222325u;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    digest = (digest ^ bits) * 0x100000001b3u;
  }
  return digest ^ digest >> 32;
}
