#include "support/zoo_compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "support/zoo_outputs.h"
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

bool zoo_compare(zoo_comparison *out, sepcl_device *device, const char *spec, const zoo_comparison_options *options) {
  memset(out, 0, sizeof *out);
  sepcl_graph *graph = NULL;
  if (zoo_build(&graph, spec)) return fail(out, "zoo", zoo_last_error());
  zoo_outputs actual = {.values = NULL};
  reference_values values = {NULL, 0};
  float *x = zoo_pictures(graph, 0);
  const float *inputs[] = {x};
  bool done = x && reference_graph_run(&values, graph, inputs, (reference_graph_options){options->fold_batch_norm});
  if (!done) fail(out, "reference", "out of memory");
  if (done && options->perturb) zoo_perturb(graph);
  if (done && !zoo_outputs_run(&actual, device, graph, &options->network, 0))
    done = fail(out, "device", actual.message);
  if (done) {
    out->elements = actual.elements;
    out->info = actual.info;
    measure(out, reference_graph_output(&values, graph, 0), actual.values);
  }
  zoo_outputs_free(&actual);
  reference_values_free(&values);
  free(x);
  sepcl_graph_free(graph);
  return done;
}
