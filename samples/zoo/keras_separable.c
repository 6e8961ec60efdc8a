/* The example of Keras' SeparableConv2D: Sequential, 3x3 kernels, valid padding, ReLU. */
#include "networks.h"

/* As in Keras, the bias comes after the pointwise half only. */
static sepcl_value SeparableConv2D(net *n, sepcl_value x, int filters) {
  return conv(n, depthwise(n, x, 3, .valid = 1), filters, 1, .bias = 1, .act = RELU);
}

sepcl_value keras_separable(net *n) {
  sepcl_value x = picture(n, 3);
  x = SeparableConv2D(n, x, 32);
  x = SeparableConv2D(n, x, 64);
  x = max_pool(n, x, (window){2, 2, 0, 0});
  x = SeparableConv2D(n, x, 64);
  x = SeparableConv2D(n, x, 128);
  x = max_pool(n, x, (window){2, 2, 0, 0});
  x = SeparableConv2D(n, x, 64);
  x = SeparableConv2D(n, x, 128);
  x = flatten(n, sepcl_graph_global_average_pool(n->graph, x));
  x = dense(n, x, 32, RELU);
  x = dense(n, x, option_int(n, "classes"), NONE);
  return softmax(n, x);
}
