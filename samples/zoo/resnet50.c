/* Deep Residual Learning for Image Recognition (He et al., 2016), the stride in the 3x3 convolution; with
 * squeeze-excite (Hu et al., 2018); and its bottleneck alone. */
#include "networks.h"

static const int repeats[4] = {3, 4, 6, 3};

static sepcl_value block(net *n, sepcl_value x, int width, int stride, int squeezes) {
  int widens = channels_of(n, x) != 4 * width;
  sepcl_value shortcut = widens ? conv_bn(n, x, 4 * width, 1, .stride = stride) : x;
  sepcl_value y = conv_bn(n, x, width, 1, .act = RELU);
  y = conv_bn(n, y, width, 3, .stride = stride, .act = RELU);
  y = conv_bn(n, y, 4 * width, 1, .last = !widens);
  if (squeezes) y = squeeze_excite(n, y, width / 4, SIGMOID);
  return activation(n, add(n, shortcut, y), RELU);
}

static sepcl_value build(net *n, int squeezes) {
  sepcl_value x = conv_bn(n, picture(n, 3), 64, 7, .stride = 2, .act = RELU);
  x = max_pool(n, x, (window){3, 2, 1, 0});
  for (int stage = 0; stage < 4; stage++)
    for (int i = 0; i < repeats[stage]; i++) x = block(n, x, 64 << stage, stage && !i ? 2 : 1, squeezes);
  return classify(n, x);
}

sepcl_value resnet50(net *n) { return build(n, 0); }

sepcl_value se_resnet50(net *n) { return build(n, 1); }

sepcl_value bottleneck(net *n) {
  sepcl_value x = picture(n, 256);
  if (option_int(n, "direct")) return conv(n, x, 256, 3, .act = RELU);
  sepcl_value y = conv(n, conv(n, x, 64, 1, .act = RELU), 64, 3, .act = RELU);
  return activation(n, add(n, x, conv(n, y, 256, 1)), RELU);
}
