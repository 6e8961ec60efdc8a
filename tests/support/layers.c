#include "support/layers.h"

#include <check.h>
#include <stdlib.h>

sepcl_value layer_uniform(sepcl_graph *g, rng *numbers, int32_t rank, const int64_t *dims, float low, float high) {
  size_t count = 1;
  for (int32_t i = 0; i < rank; i++) count *= (size_t)dims[i];
  float *data = malloc(count * sizeof *data);
  ck_assert_ptr_nonnull(data);
  for (size_t i = 0; i < count; i++) data[i] = rng_float(numbers, low, high);
  sepcl_value value = sepcl_graph_constant(g, rank, dims, data);
  free(data);
  return value;
}

sepcl_value layer_conv(sepcl_graph *g, sepcl_value x, sepcl_value w, sepcl_value bias, int outputs, int groups,
                       int kernel, int pad) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window = (sepcl_window){kernel, kernel, 1, 1, 1, 1, pad, pad, pad, pad};
  a.outputs = outputs;
  a.groups = groups;
  return sepcl_graph_conv(g, x, w, bias, &a);
}

sepcl_value layer_shuffled(sepcl_graph *g, sepcl_value x, int images, int side, int channels, int parts) {
  const int64_t split[] = {images, side, side, parts, channels / parts}, image[] = {images, side, side, channels};
  x = sepcl_graph_transpose(g, sepcl_graph_reshape(g, x, 5, split), (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, image);
}
