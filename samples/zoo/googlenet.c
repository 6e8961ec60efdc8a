/* Going Deeper with Convolutions (Szegedy et al., 2015), table 1; batch norm in place of local response normalisation.
 */
#include "networks.h"

typedef struct widths {
  int one, reduce3, three, reduce5, five, pooled;
} widths;

static sepcl_value inception(net *n, sepcl_value x, widths w) {
  sepcl_value one = conv_bn(n, x, w.one, 1, .act = RELU);
  sepcl_value three = conv_bn(n, conv_bn(n, x, w.reduce3, 1, .act = RELU), w.three, 3, .act = RELU);
  sepcl_value five = conv_bn(n, conv_bn(n, x, w.reduce5, 1, .act = RELU), w.five, 5, .act = RELU);
  sepcl_value pooled = conv_bn(n, max_pool(n, x, (window){3, 1, 1, 0}), w.pooled, 1, .act = RELU);
  return concat(n, one, three, five, pooled);
}

sepcl_value googlenet(net *n) {
  const window halve = {3, 2, 0, 1};
  sepcl_value x = conv_bn(n, picture(n, 3), 64, 7, .stride = 2, .act = RELU);
  x = conv_bn(n, max_pool(n, x, halve), 64, 1, .act = RELU);
  x = max_pool(n, conv_bn(n, x, 192, 3, .act = RELU), halve);
  x = inception(n, x, (widths){64, 96, 128, 16, 32, 32});
  x = inception(n, x, (widths){128, 128, 192, 32, 96, 64});
  x = max_pool(n, x, halve);
  x = inception(n, x, (widths){192, 96, 208, 16, 48, 64});
  x = inception(n, x, (widths){160, 112, 224, 24, 64, 64});
  x = inception(n, x, (widths){128, 128, 256, 24, 64, 64});
  x = inception(n, x, (widths){112, 144, 288, 32, 64, 64});
  x = inception(n, x, (widths){256, 160, 320, 32, 128, 128});
  x = max_pool(n, x, halve);
  x = inception(n, x, (widths){256, 160, 320, 32, 128, 128});
  x = inception(n, x, (widths){384, 192, 384, 48, 128, 128});
  return classify(n, x);
}
