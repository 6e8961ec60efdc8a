/* Xception: Deep Learning with Depthwise Separable Convolutions (Chollet, 2017), figure 5. */
#include "networks.h"

static sepcl_value separable_bn(net *n, sepcl_value x, int channels, int last) {
  return conv_bn(n, depthwise(n, x, 3), channels, 1, .last = last);
}

static sepcl_value relu_separable(net *n, sepcl_value x, int channels, int last) {
  return separable_bn(n, activation(n, x, RELU), channels, last);
}

/* A module whose pool and 1x1 shortcut halve the picture. */
static sepcl_value entry_module(net *n, sepcl_value x, int inner, int outputs) {
  sepcl_value shortcut = conv_bn(n, x, outputs, 1, .stride = 2);
  sepcl_value y = inner ? relu_separable(n, x, inner, 0) : separable_bn(n, x, outputs, 0);
  y = max_pool(n, relu_separable(n, y, outputs, 0), (window){3, 2, 1, 0});
  return add(n, y, shortcut);
}

sepcl_value xception(net *n) {
  sepcl_value x = conv_bn(n, picture(n, 3), 32, 3, .stride = 2, .valid = 1, .act = RELU);
  x = conv_bn(n, x, 64, 3, .valid = 1, .act = RELU);
  x = entry_module(n, x, 0, 128);
  x = entry_module(n, x, 256, 256);
  x = entry_module(n, x, 728, 728);
  for (int module = 0; module < 8; module++) {
    sepcl_value y = relu_separable(n, relu_separable(n, x, 728, 0), 728, 0);
    x = add(n, x, relu_separable(n, y, 728, 1));
  }
  x = entry_module(n, x, 728, 1024);
  x = activation(n, separable_bn(n, x, 1536, 0), RELU);
  x = activation(n, separable_bn(n, x, 2048, 0), RELU);
  return classify(n, x);
}
