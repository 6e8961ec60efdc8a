/* What is known of a stage's outputs, channel by channel, from what is known of its operands. */
#ifndef SEPCL_PLAN_CERTIFY_H
#define SEPCL_PLAN_CERTIFY_H

#include "plan/known.h"
#include "run/network.h"
#include "stage/pack.h"

/* Products summed in halves, HALF_CHAIN at a time. */
typedef struct half_sums {
  bool exact_inputs; /* inputs are halves in memory and go in as they are */
  double tiny;       /* the error of a rounding to a half below the least normal one: whether the device keeps those */
} half_sums;

/* A convolution's weights and which inputs each output sees. */
typedef struct chain {
  weight_reader reader;
  int32_t groups;
  bool padded;             /* taps may be skipped */
  bool rounded;            /* weights and biases were rounded once before */
  bool transposed;         /* weights as sepcl_conv_transpose_attributes has them */
  const half_sums *halves; /* NULL: an fma of floats a tap */
} chain;
/* x: all input channels; out: all outputs, without residual and activation. */
void certify_chain(known *out, const chain *c, const known *x);
/* All channels through a function. */
void certify_function(known *v, int32_t count, sepcl_activation a);

/* Operands of the stages that have channels: one `known` for each of the stage's channels. */
typedef struct stage_operands {
  const known *x, *r, *s; /* r: of the output's channels, s: of the input's; NULL: no such operand */
  const sepcl_weights *sets;
  bool rounded;            /* a pass rounded some of the weights */
  const half_sums *halves; /* NULL: sums in floats */
} stage_operands;

/* Convolutions of all kinds. False: out of memory. */
bool certify_convolution(known *out, const stage *s, const stage_operands *o);
/* Pools, resizing and norms: `out` has the input's channels. */
void certify_window(known *out, const stage *s, const stage_operands *o);
/* Softmax, reductions, matrix products: of any element, from any element. */
known certify_whole(const stage *s, known x, known r, known start);

/* Terms of a long sum that a partial result may pass through. */
double long_sum_roundings(double terms);

#endif
