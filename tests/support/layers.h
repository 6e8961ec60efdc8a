/* Layers of small graphs, with drawn weights. */
#ifndef SEPCL_TESTS_LAYERS_H
#define SEPCL_TESTS_LAYERS_H

#include "sepcl.h"
#include "support/random.h"

/* A constant of numbers in [low, high). */
sepcl_value layer_uniform(sepcl_graph *g, rng *numbers, int32_t rank, const int64_t *dims, float low, float high);

/* A convolution of stride 1; the kernel and the padding are the same on all sides. */
sepcl_value layer_conv(sepcl_graph *g, sepcl_value x, sepcl_value w, sepcl_value bias, int outputs, int groups,
                       int kernel, int pad);

/* Channels of [images][side][side][channels] shuffled: of `parts` parts the first of each, then the second of each. */
sepcl_value layer_shuffled(sepcl_graph *g, sepcl_value x, int images, int side, int channels, int parts);

#endif
