/* Deformable ConvNets v2 (Zhu et al., 2019): one convolution computes where the next one samples, and how much each
 * sample counts. */
#include "networks.h"

sepcl_value deformable(net *n) {
  int channels = option_int(n, "channels");
  sepcl_value x = conv_bn(n, picture(n, 3), channels, 3, .stride = 2, .act = RELU);
  sepcl_value offsets = conv(n, x, 2 * 3 * 3, 3, .bias = 1);
  sepcl_value mask = conv(n, x, 3 * 3, 3, .bias = 1, .act = SIGMOID);
  float *data;
  begin_layer(n, DEFORM_LAYER);
  sepcl_value w = weights(n, "weight", 4, (int64_t[]){channels, channels, 3, 3}, &data);
  fill_uniform(n, data, (int64_t)channels * channels * 9, -0.15, 0.15);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  a.outputs = channels;
  sepcl_value inputs[5] = {x, w, offsets, SEPCL_NO_VALUE, mask};
  return activation(n, batch_norm(n, sepcl_graph_deform_conv(n->graph, inputs, 1, &a), 1.0f), RELU);
}
