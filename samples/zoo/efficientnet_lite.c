/* EfficientNet-Lite0: EfficientNet-B0 (Tan and Le, 2019) without squeeze-excite, with ReLU6 for swish, and padded as
 * TensorFlow pads: the odd pixel below and to the right. */
#include "networks.h"

static const struct {
  int kernel, expand, channels, repeats, stride;
} stages[] = {{3, 1, 16, 1, 1},  {3, 6, 24, 2, 2},  {5, 6, 40, 2, 2}, {3, 6, 80, 3, 2},
              {5, 6, 112, 3, 1}, {5, 6, 192, 4, 2}, {3, 6, 320, 1, 1}};

sepcl_value efficientnet_lite0(net *n) {
  sepcl_value x = conv_bn(n, picture(n, 3), 32, 3, .stride = 2, .tf_same = 1, .act = RELU6);
  for (int s = 0; s < 7; s++)
    for (int i = 0; i < stages[s].repeats; i++) {
      int inputs = channels_of(n, x), stride = i ? 1 : stages[s].stride, joins = i > 0;
      sepcl_value y = stages[s].expand == 1 ? x : conv_bn(n, x, stages[s].expand * inputs, 1, .act = RELU6);
      y = depthwise_bn(n, y, stages[s].kernel, .stride = stride, .tf_same = 1, .act = RELU6);
      y = conv_bn(n, y, stages[s].channels, 1, .last = joins);
      x = joins ? add(n, x, y) : y;
    }
  return classify(n, conv_bn(n, x, 1280, 1, .act = RELU6));
}
