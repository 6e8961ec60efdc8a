/* ImageNet Classification with Deep Convolutional Neural Networks (Krizhevsky et al., 2012): convolutions 2, 4 and 5 in
 * two groups, or as many as the option says; and one grouped convolution alone. */
#include "networks.h"

sepcl_value alexnet(net *n) {
  const window halve = {3, 2, 0, 0};
  int groups = option_int(n, "groups");
  sepcl_value x = conv(n, picture(n, 3), 96, 11, .stride = 4, .pad = 2, .bias = 1, .act = RELU);
  x = conv(n, max_pool(n, x, halve), 256, 5, .groups = groups, .bias = 1, .act = RELU);
  x = conv(n, max_pool(n, x, halve), 384, 3, .bias = 1, .act = RELU);
  x = conv(n, x, 384, 3, .groups = groups, .bias = 1, .act = RELU);
  x = conv(n, x, 256, 3, .groups = groups, .bias = 1, .act = RELU);
  x = flatten(n, max_pool(n, x, halve));
  x = dense(n, dense(n, x, 4096, RELU), 4096, RELU);
  return softmax(n, dense(n, x, option_int(n, "classes"), NONE));
}

sepcl_value group_conv(net *n) {
  sepcl_value x = picture(n, option_int(n, "inputs"));
  return conv(n, x, option_int(n, "outputs"), 3, .groups = option_int(n, "groups"));
}
