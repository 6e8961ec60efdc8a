/* ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design (Ma et al., 2018), 1x. */
#include "networks.h"

static const int widths[3] = {116, 232, 464}, repeats[3] = {4, 8, 4};

static sepcl_value unit(net *n, sepcl_value x, int width, int first) {
  int half = width / 2, stride = first ? 2 : 1;
  sepcl_value left, right = x;
  if (first) {
    left = conv_bn(n, depthwise_bn(n, x, 3, .stride = 2), half, 1, .act = RELU);
  } else {
    left = slice_channels(n, x, 0, half);
    right = slice_channels(n, x, half, half);
  }
  right = conv_bn(n, right, half, 1, .act = RELU);
  right = conv_bn(n, depthwise_bn(n, right, 3, .stride = stride), half, 1, .act = RELU);
  return shuffle(n, concat(n, left, right), 2);
}

sepcl_value shufflenet_v2(net *n) {
  sepcl_value x = conv_bn(n, picture(n, 3), 24, 3, .stride = 2, .act = RELU);
  x = max_pool(n, x, (window){3, 2, 1, 0});
  for (int stage = 0; stage < 3; stage++)
    for (int i = 0; i < repeats[stage]; i++) x = unit(n, x, widths[stage], i == 0);
  return classify(n, conv_bn(n, x, 1024, 1, .act = RELU));
}
