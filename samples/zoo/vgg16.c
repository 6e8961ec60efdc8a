/* Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan and Zisserman, 2015), configuration D;
 * and its argument: two 3x3 convolutions see as much as one 5x5, with 18 weights for 25. */
#include "networks.h"

static const struct { int channels, repeats; } stages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};

sepcl_value vgg16(net *n) {
  sepcl_value x = picture(n, 3);
  for (int s = 0; s < 5; s++) {
    for (int i = 0; i < stages[s].repeats; i++) x = conv(n, x, stages[s].channels, 3, .bias = 1, .act = RELU);
    x = max_pool(n, x, (window){2, 2, 0, 0});
  }
  x = dense(n, dense(n, flatten(n, x), 4096, RELU), 4096, RELU);
  return softmax(n, dense(n, x, option_int(n, "classes"), NONE));
}

sepcl_value stack(net *n) {
  int channels = option_int(n, "channels"), depth = option_int(n, "depth");
  sepcl_value x = picture(n, channels);
  for (int i = 0; i < depth; i++) x = conv(n, x, channels, option_int(n, "kernel"), .valid = 1);
  return x;
}
