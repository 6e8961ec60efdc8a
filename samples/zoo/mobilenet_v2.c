/* MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler et al., 2018), table 2; and an atrous spatial pyramid
 * on it (Chen et al., DeepLab v3, 2017) without the image-pooling branch and without upsampling. */
#include "networks.h"

static const struct {
  int expand, channels, repeats, stride;
} stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
              {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

static sepcl_value inverted_residual(net *n, sepcl_value x, int channels, int expand, how depthwise_how) {
  int inputs = channels_of(n, x), joins = depthwise_how.stride == 1 && inputs == channels;
  sepcl_value y = expand == 1 ? x : conv_bn(n, x, expand * inputs, 1, .act = RELU6);
  y = zoo_depthwise_bn(n, y, 3, depthwise_how);
  y = conv_bn(n, y, channels, 1, .last = joins);
  return joins ? add(n, x, y) : y;
}

/* From `output_stride` on, strides turn into dilations. */
static sepcl_value trunk(net *n, int output_stride) {
  sepcl_value x = conv_bn(n, picture(n, 3), 32, 3, .stride = 2, .act = RELU6);
  int reached = 2, dilation = 1;
  for (int s = 0; s < 7; s++)
    for (int i = 0; i < stages[s].repeats; i++) {
      int stride = i ? 1 : stages[s].stride, too_far = reached * stride > output_stride;
      how h = {.stride = too_far ? 1 : stride, .dilation = dilation, .act = RELU6};
      x = inverted_residual(n, x, stages[s].channels, stages[s].expand, h);
      if (too_far)
        dilation *= stride;
      else
        reached *= stride;
    }
  return x;
}

sepcl_value mobilenet_v2(net *n) { return classify(n, conv_bn(n, trunk(n, 32), 1280, 1, .act = RELU6)); }

sepcl_value aspp_mobilenet_v2(net *n) {
  sepcl_value x = trunk(n, 16);
  sepcl_value near = conv_bn(n, x, 256, 1, .act = RELU);
  sepcl_value middle = conv_bn(n, x, 256, 3, .dilation = 6, .act = RELU);
  sepcl_value far = conv_bn(n, x, 256, 3, .dilation = 12, .act = RELU);
  sepcl_value farther = conv_bn(n, x, 256, 3, .dilation = 18, .act = RELU);
  x = conv_bn(n, concat(n, near, middle, far, farther), 256, 1, .act = RELU);
  return conv(n, x, option_int(n, "classes"), 1, .bias = 1);
}
