/* Densely Connected Convolutional Networks (Huang et al., 2017), table 1; batch norm and ReLU come first. */
#include "networks.h"

static const int repeats[4] = {6, 12, 24, 16};

static sepcl_value bn_relu_conv(net *n, sepcl_value x, int outputs, int kernel) {
  x = activation(n, batch_norm(n, x, 1.0f), RELU);
  return conv(n, x, outputs, kernel, .gain = 2.0f);
}

sepcl_value densenet121(net *n) {
  int growth = option_int(n, "growth");
  sepcl_value x = conv_bn(n, picture(n, 3), 2 * growth, 7, .stride = 2, .act = RELU);
  x = max_pool(n, x, (window){3, 2, 1, 0});
  for (int block = 0; block < 4; block++) {
    if (block) x = average_pool(n, bn_relu_conv(n, x, channels_of(n, x) / 2, 1), (window){2, 2, 0, 0});
    for (int i = 0; i < repeats[block]; i++)
      x = concat(n, x, bn_relu_conv(n, bn_relu_conv(n, x, 4 * growth, 1), growth, 3));
  }
  return classify(n, activation(n, batch_norm(n, x, 1.0f), RELU));
}
