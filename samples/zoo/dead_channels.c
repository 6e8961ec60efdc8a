/* An inverted residual in which training killed channels: `zero` depthwise kernels are all zero and give zero,
 * `negative` ones give what no input can lift above ReLU's zero, `constant` ones are all zero with a bias that passes
 * ReLU6. */
#include "networks.h"

static void kill(float *kernel, float *bias, float value) {
  for (int tap = 0; tap < 9; tap++) kernel[tap] = value < 0.0f ? kernel[tap] : 0.0f;
  *bias = value;
}

sepcl_value dead_channels(net *n) {
  int channels = option_int(n, "channels"), zero = option_int(n, "zero"), negative = option_int(n, "negative"),
      constant = option_int(n, "constant");
  if (zero + negative + constant > channels) {
    sepcl_graph_refuse(n->graph, SEPCL_INVALID_ARGUMENT, "more dead channels than channels");
    return SEPCL_NO_VALUE;
  }
  sepcl_value x = picture(n, 8);
  sepcl_value y = conv(n, x, channels, 1, .bias = 1, .act = RELU6);
  float *kernels, *biases;
  begin_layer(n, CONV_LAYER);
  sepcl_value w = weights(n, "weight", 4, (int64_t[]){channels, 1, 3, 3}, &kernels);
  sepcl_value bias = weights(n, "bias", 1, (int64_t[]){channels}, &biases);
  fill_uniform(n, kernels, 9 * (int64_t)channels, -0.5, 0.5);
  fill_uniform(n, biases, channels, -0.1, 0.1);
  for (int c = 0; kernels && biases && !n->blank && c < zero + negative + constant; c++)
    kill(kernels + 9 * c, biases + c, c < zero ? 0.0f : c < zero + negative ? -1000.0f : 0.5f);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  a.outputs = a.groups = channels;
  y = activation(n, sepcl_graph_conv(n->graph, y, w, bias, &a), RELU6);
  return add(n, x, conv(n, y, 8, 1, .bias = 1));
}
