/* SqueezeNet (Iandola et al., 2016), version 1.1. */
#include "networks.h"

static sepcl_value fire(net *n, sepcl_value x, int squeeze, int expand) {
  x = conv(n, x, squeeze, 1, .bias = 1, .act = RELU);
  sepcl_value one = conv(n, x, expand, 1, .bias = 1, .act = RELU);
  sepcl_value three = conv(n, x, expand, 3, .bias = 1, .act = RELU);
  return concat(n, one, three);
}

sepcl_value squeezenet_1_1(net *n) {
  const window halve = {3, 2, 0, 1};
  sepcl_value x = conv(n, picture(n, 3), 64, 3, .stride = 2, .valid = 1, .bias = 1, .act = RELU);
  x = fire(n, fire(n, max_pool(n, x, halve), 16, 64), 16, 64);
  x = fire(n, fire(n, max_pool(n, x, halve), 32, 128), 32, 128);
  x = fire(n, fire(n, max_pool(n, x, halve), 48, 192), 48, 192);
  x = fire(n, fire(n, x, 64, 256), 64, 256);
  x = conv(n, x, option_int(n, "classes"), 1, .bias = 1, .act = RELU);
  return softmax(n, flatten(n, sepcl_graph_global_average_pool(n->graph, x)));
}
