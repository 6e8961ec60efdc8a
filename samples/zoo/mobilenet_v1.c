/* MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications (Howard et al., 2017), table 1;
 * and the same with squeeze-excite (Hu et al., 2018) after every block. */
#include "networks.h"

static const struct {
  int channels, stride;
} blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
              {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

static sepcl_value build(net *n, int reduction) {
  sepcl_value x = conv_bn(n, picture(n, 3), thinner(n, 32), 3, .stride = 2, .act = RELU);
  for (int i = 0; i < 13; i++) {
    int channels = thinner(n, blocks[i].channels);
    x = depthwise_bn(n, x, 3, .stride = blocks[i].stride, .act = RELU);
    x = conv_bn(n, x, channels, 1, .act = RELU, .gain = reduction && i ? 8.0f : 2.0f);
    if (reduction) x = squeeze_excite(n, x, channels > reduction ? channels / reduction : 1, SIGMOID);
  }
  return classify(n, x);
}

sepcl_value mobilenet_v1(net *n) { return build(n, 0); }

sepcl_value se_mobilenet(net *n) { return build(n, option_int(n, "reduction")); }
