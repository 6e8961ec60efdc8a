/* ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices (Zhang et al., 2018), table 1. */
#include "networks.h"

static const int widths[9][3] = {[1] = {144, 288, 576},
                                 [2] = {200, 400, 800},
                                 [3] = {240, 480, 960},
                                 [4] = {272, 544, 1088},
                                 [8] = {384, 768, 1536}};
static const int repeats[3] = {4, 8, 4};

/* The first unit of a stage concatenates its input, pooled; the others add it. */
static sepcl_value unit(net *n, sepcl_value x, int width, int groups, int first, int squeeze_groups) {
  int outputs = first ? width - channels_of(n, x) : width;
  sepcl_value y = conv_bn(n, x, width / 4, 1, .groups = squeeze_groups, .act = RELU);
  y = depthwise_bn(n, shuffle(n, y, groups), 3, .stride = first ? 2 : 1);
  y = conv_bn(n, y, outputs, 1, .groups = groups, .last = !first);
  y = first ? concat(n, average_pool(n, x, (window){3, 2, 1, 0}), y) : add(n, x, y);
  return activation(n, y, RELU);
}

sepcl_value shufflenet_v1(net *n) {
  int groups = option_int(n, "groups");
  if (groups > 8 || !widths[groups][0]) {
    sepcl_graph_refuse(n->graph, SEPCL_INVALID_ARGUMENT, "groups is one of 1, 2, 3, 4 and 8");
    return SEPCL_NO_VALUE;
  }
  sepcl_value x = conv_bn(n, picture(n, 3), 24, 3, .stride = 2, .act = RELU);
  x = max_pool(n, x, (window){3, 2, 1, 0});
  for (int stage = 0; stage < 3; stage++)
    for (int i = 0; i < repeats[stage]; i++) { /* the stem's 24 channels are too few to split */
      int squeeze_groups = stage == 0 && i == 0 ? 1 : groups;
      x = unit(n, x, widths[groups][stage], groups, i == 0, squeeze_groups);
    }
  return classify(n, x);
}
