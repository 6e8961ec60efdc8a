#include "support/zoo_compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "support/random.h"
#include "zoo.h"

static const char *const small_specs[] = {"separable",
                                          "separable:same=1:inputs=19:outputs=33:resolution=14",
                                          "separable:standard=1",
                                          "group_conv:inputs=24:outputs=24:groups=1:resolution=7",
                                          "group_conv:inputs=24:outputs=24:groups=2:resolution=7",
                                          "group_conv:inputs=24:outputs=48:groups=8:resolution=7",
                                          "group_conv:inputs=24:outputs=72:groups=24:resolution=7",
                                          "stack:channels=3",
                                          "stack:kernel=5:depth=1:channels=3",
                                          "bottleneck:resolution=7",
                                          "bottleneck:direct=1:resolution=7",
                                          "dilated:channels=5",
                                          "dilated:channels=16:depthwise=1",
                                          "low_rank",
                                          "low_rank:direct=1",
                                          "dead_channels",
                                          "dead_channels:constant=2",
                                          "deformable",
                                          "keras_separable",
                                          "mobilenet_v1:resolution=64:softmax=1",
                                          "mobilenet_v1:alpha=0.25:height=40:width=72:batch=3",
                                          "mobilenet_v2:resolution=64",
                                          "mobilenet_v3_large:resolution=64",
                                          "mobilenet_v3_small:resolution=64:batch=2",
                                          "efficientnet_lite0:resolution=64",
                                          "xception:resolution=48",
                                          "igcv2:resolution=64",
                                          "igcv3_d:resolution=64",
                                          "shufflenet_v1:resolution=64",
                                          "shufflenet_v1:groups=8:resolution=64",
                                          "shufflenet_v2:resolution=64:batch=2",
                                          "se_mobilenet:resolution=64",
                                          "se_resnet50:resolution=32",
                                          "resnet50:height=40:width=32",
                                          "densenet121:resolution=40",
                                          "googlenet:resolution=48",
                                          "squeezenet_1.1:resolution=64",
                                          "vgg16:resolution=32:classes=10",
                                          "alexnet:resolution=67:classes=10",
                                          "alexnet:groups=1:resolution=67:classes=10",
                                          "aspp_mobilenet_v2:resolution=64",
                                          NULL};

const char *zoo_small_spec(int index) { return small_specs[index]; }

static bool fail(zoo_comparison *out, const char *what, const char *why) {
  snprintf(out->message, sizeof out->message, "%s: %s", what, why);
  return false;
}

static float *random_picture(const sepcl_graph *graph) {
  sepcl_io_info info;
  if (sepcl_graph_input_info(&info, graph, 0)) return NULL;
  float *values = malloc(info.elements * sizeof *values);
  rng r = rng_of(7, 0, 0);
  for (size_t i = 0; values && i < info.elements; i++) values[i] = rng_float(&r, -1.5f, 1.5f);
  return values;
}

static bool run_device(zoo_comparison *out, sepcl_device *device, const sepcl_graph *graph,
                       const sepcl_network_options *options, const float *x, float *y) {
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  bool done = sepcl_network_compile(&network, device, graph, options) == SEPCL_OK &&
              sepcl_network_get_info(&out->info, network) == SEPCL_OK &&
              sepcl_execution_create(&execution, network) == SEPCL_OK;
  for (int i = 0; done && i < 2; i++) { /* the second finds the arena as the first left it */
    memset(y, 0xff, out->elements * sizeof *y);
    done = sepcl_execution_run(execution, &x, &y) == SEPCL_OK;
  }
  if (!done) fail(out, "device", sepcl_last_error());
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  return done;
}

static void measure(zoo_comparison *out, const float *expected, const float *actual) {
  float low = INFINITY, high = -INFINITY;
  double worst = 0;
  out->finite = true;
  for (size_t i = 0; i < out->elements; i++) {
    out->different += !reference_same(expected[i], actual[i]);
    out->finite = out->finite && isfinite(expected[i]) && isfinite(actual[i]);
    low = expected[i] < low ? expected[i] : low;
    high = expected[i] > high ? expected[i] : high;
    double difference = fabs((double)expected[i] - (double)actual[i]);
    if (!(difference <= worst)) worst = difference;
  }
  out->range = (double)high - (double)low;
  out->error = out->range > 0 ? worst / out->range : worst;
}

/* Changes one weight of the first convolution by a two-thousandth. */
static void perturb(sepcl_graph *graph) {
  int32_t i = 0;
  while (graph->nodes[i].kind != NODE_CONSTANT) i++;
  *(float *)graph->nodes[i].data *= 1.0005f;
}

bool zoo_compare(zoo_comparison *out, sepcl_device *device, const char *spec, const zoo_comparison_options *options) {
  memset(out, 0, sizeof *out);
  sepcl_graph *graph = NULL;
  sepcl_io_info info;
  if (zoo_build(&graph, spec)) return fail(out, "zoo", zoo_last_error());
  bool done = sepcl_graph_output_info(&info, graph, 0) == SEPCL_OK;
  out->elements = info.elements;
  float *x = random_picture(graph), *y = malloc(out->elements * sizeof *y);
  reference_values values = {NULL, 0};
  const float *inputs[] = {x};
  done = done && x && y &&
         reference_graph_run(&values, graph, inputs, (reference_graph_options){options->fold_batch_norm});
  if (!done) fail(out, "reference", "out of memory");
  if (done && options->perturb) perturb(graph);
  done = done && run_device(out, device, graph, &options->network, x, y);
  if (done) measure(out, reference_graph_output(&values, graph, 0), y);
  reference_values_free(&values);
  free(x);
  free(y);
  sepcl_graph_free(graph);
  return done;
}
