/* A network of your own, node by node: a 3x3 convolution, a depthwise-separable block, a global average and a
 * classifier; compiled once, run on host arrays. */
#include <sepcl.h>
#include <stdio.h>
#include <stdlib.h>

static sepcl_value numbers(sepcl_graph *graph, int32_t rank, const int64_t *dims) {
  static float values[16 * 3 * 3 * 3];
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return sepcl_graph_constant(graph, rank, dims, values); /* copies */
}

static sepcl_value conv(sepcl_graph *graph, sepcl_value x, int32_t inputs, int32_t outputs, int32_t kernel,
                        int32_t groups) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = kernel / 2;
  a.outputs = outputs;
  a.groups = groups;
  sepcl_value weights = numbers(graph, 4, (int64_t[]){outputs, inputs / groups, kernel, kernel});
  sepcl_value y = sepcl_graph_conv(graph, x, weights, SEPCL_NO_VALUE, &a);
  return sepcl_graph_activation(graph, y, (sepcl_activation){SEPCL_RELU6, 0.0f, 0.0f});
}

#define CHECK(call) \
  if ((call) != SEPCL_OK) return fprintf(stderr, "%s\n", sepcl_last_error()), 1

int main(void) {
  sepcl_graph *graph;
  CHECK(sepcl_graph_create(&graph));
  sepcl_value x = sepcl_graph_input(graph, "picture", 4, (int64_t[]){1, 32, 32, 3}); /* N H W C */
  x = conv(graph, x, 3, 16, 3, 1);
  x = conv(graph, x, 16, 16, 3, 16); /* depthwise */
  x = conv(graph, x, 16, 32, 1, 1);  /* pointwise */
  x = sepcl_graph_reshape(graph, sepcl_graph_global_average_pool(graph, x), 2, (int64_t[]){1, 32});
  x = sepcl_graph_matmul(graph, x, numbers(graph, 2, (int64_t[]){10, 32}), SEPCL_NO_VALUE, 1);
  sepcl_graph_output(graph, "classes", sepcl_graph_softmax(graph, x, -1));

  /* No call above was checked: the first mistake would be told here, with its node's name. */
  sepcl_device *device;
  sepcl_network *network;
  sepcl_execution *execution;
  CHECK(sepcl_device_open(&device, NULL, NULL));
  CHECK(sepcl_network_compile(&network, device, graph, NULL));
  CHECK(sepcl_execution_create(&execution, network));
  sepcl_graph_free(graph);

  static float picture[32 * 32 * 3], classes[10];
  for (size_t i = 0; i < sizeof picture / sizeof *picture; i++) picture[i] = (float)rand() / (float)RAND_MAX;
  const float *inputs[] = {picture};
  float *outputs[] = {classes};
  CHECK(sepcl_execution_run(execution, inputs, outputs));
  for (int i = 0; i < 10; i++) printf("class %d: %.4f\n", i, classes[i]);

  sepcl_execution_free(execution);
  sepcl_network_free(network);
  sepcl_device_free(device);
  return 0;
}
