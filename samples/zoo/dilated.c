/* Multi-Scale Context Aggregation by Dilated Convolutions (Yu and Koltun, 2016): after a 3x3 convolution, a 3x3 one
 * with dilation 2 sees 7x7 pixels and still has nine weights a channel pair. */
#include "networks.h"

sepcl_value dilated(net *n) {
  int channels = option_int(n, "channels");
  sepcl_value x = picture(n, channels);
  if (option_int(n, "first")) x = conv(n, x, channels, 3);
  if (option_int(n, "depthwise")) return depthwise(n, x, 3, .dilation = 2);
  return conv(n, x, channels, 3, .dilation = 2);
}
