/* Interleaved group convolutions. IGCV2 (Xie et al., 2018) writes the pointwise half of a separable block as a product
 * of two block-diagonal matrices with a permutation between them; IGCV3 (Sun et al., 2018) does so with low-rank ones,
 * in MobileNet v2's frame. */
#include "networks.h"

static const struct {
  int channels, stride;
} blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
              {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

sepcl_value igcv2(net *n) {
  int groups = option_int(n, "groups");
  sepcl_value x = conv_bn(n, picture(n, 3), thinner(n, 32), 3, .stride = 2, .act = RELU);
  for (int i = 0; i < 13; i++) {
    int channels = thinner(n, blocks[i].channels);
    x = depthwise_bn(n, x, 3, .stride = blocks[i].stride);
    x = shuffle(n, conv_bn(n, x, channels, 1, .groups = groups), groups ? groups : 1);
    x = conv_bn(n, x, channels, 1, .groups = groups, .gain = 2.0f); /* ReLU comes after the permutation */
    x = activation(n, shuffle(n, x, groups ? channels / groups : 1), RELU);
  }
  return classify(n, x);
}

static const struct {
  int expand, channels, repeats, stride;
} stages[] = {{1, 16, 1, 1}, {6, 24, 4, 2},  {6, 32, 6, 2}, {6, 64, 8, 2},
              {6, 96, 6, 1}, {6, 160, 6, 2}, {6, 320, 1, 1}};

static sepcl_value interleaved(net *n, sepcl_value x, int channels, int expand, int stride) {
  int inputs = channels_of(n, x), joins = stride == 1 && inputs == channels;
  sepcl_value y = shuffle(n, conv_bn(n, x, expand * inputs, 1, .groups = 2), 2);
  y = depthwise_bn(n, y, 3, .stride = stride, .act = RELU6);
  y = shuffle(n, conv_bn(n, y, channels, 1, .groups = 2, .last = joins), channels / 2);
  return joins ? add(n, x, y) : y;
}

sepcl_value igcv3_d(net *n) {
  sepcl_value x = conv_bn(n, picture(n, 3), 32, 3, .stride = 2, .act = RELU6);
  for (int s = 0; s < 7; s++)
    for (int i = 0; i < stages[s].repeats; i++)
      x = interleaved(n, x, stages[s].channels, stages[s].expand, i ? 1 : stages[s].stride);
  return classify(n, conv_bn(n, x, 1280, 1, .act = RELU6));
}
