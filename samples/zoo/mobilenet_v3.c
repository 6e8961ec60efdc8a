/* Searching for MobileNetV3 (Howard et al., 2019), tables 1 and 2. */
#include "networks.h"

typedef struct block {
  int kernel, expanded, channels, squeezes, act, stride;
} block;

static const block large[] = {
    {3, 16, 16, 0, RELU, 1},         {3, 64, 24, 0, RELU, 2},         {3, 72, 24, 0, RELU, 1},
    {5, 72, 40, 1, RELU, 2},         {5, 120, 40, 1, RELU, 1},        {5, 120, 40, 1, RELU, 1},
    {3, 240, 80, 0, HARD_SWISH, 2},  {3, 200, 80, 0, HARD_SWISH, 1},  {3, 184, 80, 0, HARD_SWISH, 1},
    {3, 184, 80, 0, HARD_SWISH, 1},  {3, 480, 112, 1, HARD_SWISH, 1}, {3, 672, 112, 1, HARD_SWISH, 1},
    {5, 672, 160, 1, HARD_SWISH, 2}, {5, 960, 160, 1, HARD_SWISH, 1}, {5, 960, 160, 1, HARD_SWISH, 1}};

static const block small[] = {
    {3, 16, 16, 1, RELU, 2},        {3, 72, 24, 0, RELU, 2},        {3, 88, 24, 0, RELU, 1},
    {5, 96, 40, 1, HARD_SWISH, 2},  {5, 240, 40, 1, HARD_SWISH, 1}, {5, 240, 40, 1, HARD_SWISH, 1},
    {5, 120, 48, 1, HARD_SWISH, 1}, {5, 144, 48, 1, HARD_SWISH, 1}, {5, 288, 96, 1, HARD_SWISH, 2},
    {5, 576, 96, 1, HARD_SWISH, 1}, {5, 576, 96, 1, HARD_SWISH, 1}};

/* As the authors' code has it: never down by more than a tenth. */
static int nearest_eighth(int channels) {
  int rounded = (channels + 4) / 8 * 8;
  if (10 * rounded < 9 * channels) rounded += 8;
  return rounded < 8 ? 8 : rounded;
}

static sepcl_value bottleneck_block(net *n, sepcl_value x, const block *b) {
  int inputs = channels_of(n, x), joins = b->stride == 1 && inputs == b->channels;
  sepcl_value y = b->expanded == inputs ? x : conv_bn(n, x, b->expanded, 1, .act = b->act);
  y = depthwise_bn(n, y, b->kernel, .stride = b->stride, .act = b->act);
  if (b->squeezes) y = squeeze_excite(n, y, nearest_eighth(b->expanded / 4), HARD_SIGMOID);
  y = conv_bn(n, y, b->channels, 1, .last = joins, .gain = b->squeezes ? 4.0f : 2.0f);
  return joins ? add(n, x, y) : y;
}

static sepcl_value build(net *n, const block *blocks, int count, int features) {
  sepcl_value x = conv_bn(n, picture(n, 3), 16, 3, .stride = 2, .act = HARD_SWISH);
  for (int i = 0; i < count; i++) x = bottleneck_block(n, x, &blocks[i]);
  x = conv_bn(n, x, 6 * blocks[count - 1].channels, 1, .act = HARD_SWISH);
  x = dense(n, flatten(n, sepcl_graph_global_average_pool(n->graph, x)), features, HARD_SWISH);
  return softmax(n, dense(n, x, option_int(n, "classes"), NONE));
}

sepcl_value mobilenet_v3_large(net *n) { return build(n, large, 15, 1280); }

sepcl_value mobilenet_v3_small(net *n) { return build(n, small, 11, 1024); }
