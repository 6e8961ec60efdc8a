/* The definition of the f32 convolutions and matrix products: plain C, fmaf, one order of additions. Whatever a kernel
 * does, its bits must be these. Tensors are contiguous [N][H][W][C]. */
#ifndef SEPCL_TESTS_REFERENCE_H
#define SEPCL_TESTS_REFERENCE_H

#include <stdbool.h>

#include "sepcl.h"

/* Weights as the kernels see them: [O][KH][KW][I], I inputs of one group, batch norm folded in double precision. */
typedef struct reference_weights {
  float *weights, *bias;
} reference_weights;

/* `outputs` outputs of `inputs` inputs per group under a kernel of kernel_h x kernel_w. False: out of memory. */
bool reference_fold(reference_weights *out, const sepcl_weights *set, int32_t outputs, int32_t inputs,
                    const sepcl_window *window);
void reference_weights_free(reference_weights *weights);

typedef struct reference_conv_args {
  sepcl_shape input;
  int32_t outputs, groups;
  sepcl_window window;
  sepcl_activation activation;
  const float *x;
  const reference_weights *w;
  const float *residual; /* of the output's shape, or NULL */
  const float *scale;    /* [N][C], or NULL */
  bool swapped;          /* negative control: the chain's first two products change places */
  bool half_sums;        /* each 16 steps of the chain, padding among them, are a sum of halves */
} reference_conv_args;

/* y = activation(conv(x * scale) + bias + residual). Pointwise, depthwise and matrix products are special cases. */
void reference_conv(const reference_conv_args *args, float *y);

typedef struct reference_separable_args {
  sepcl_shape input;
  int32_t outputs;
  sepcl_window window;
  sepcl_activation depthwise_activation, activation;
  const float *x;
  const reference_weights *depthwise, *pointwise;
  const float *residual;
  bool swapped;
} reference_separable_args;
bool reference_separable(const reference_separable_args *args, float *y);

typedef struct reference_inverted_residual_args {
  sepcl_shape input;
  int32_t expanded, outputs;
  sepcl_window window;
  sepcl_activation expand_activation, depthwise_activation, activation;
  const float *x;
  const reference_weights *expand, *depthwise, *project;
  const float *residual;
  bool swapped;
} reference_inverted_residual_args;
bool reference_inverted_residual(const reference_inverted_residual_args *args, float *y);

/* Pixels of the output along one axis; 0 or less: the kernel does not fit. */
int32_t reference_output_size(int32_t size, int32_t pads, int32_t kernel, int32_t dilation, int32_t stride);
sepcl_shape reference_output_shape(sepcl_shape input, int32_t outputs, const sepcl_window *window);
/* Floats of a contiguous tensor. */
size_t reference_elements(sepcl_shape shape);

/* Equal bits, all NaNs counting as one. */
bool reference_same(float a, float b);

#endif
