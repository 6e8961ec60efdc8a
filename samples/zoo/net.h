/* The words that the zoo's networks are written in. A block returns the value that it makes; a block on a graph that is
 * already poisoned does nothing, so that networks read without error handling: zoo_build reports the first cause. */
#ifndef ZOO_NET_H
#define ZOO_NET_H

#include "zoo.h"

typedef struct net {
  sepcl_graph *graph;
  const zoo_entry *entry;
  const char *given; /* the spec's options */
  uint64_t random;   /* state of the generator */
  int blank;         /* weights stay zero */
  zoo_arrays *arrays;
  char layer[24]; /* the one being built: "conv3" */
  int layer_counts[4];
} net;

/* The layers that have weights; begin_layer names the next one of its kind as the graph will. */
typedef enum layer_kind { CONV_LAYER, NORM_LAYER, DENSE_LAYER, DEFORM_LAYER } layer_kind;
void begin_layer(net *n, layer_kind kind);

enum {
  NONE = SEPCL_NONE,
  RELU = SEPCL_RELU,
  RELU6 = SEPCL_RELU6,
  SIGMOID = SEPCL_SIGMOID,
  HARD_SIGMOID = SEPCL_HARD_SIGMOID,
  HARD_SWISH = SEPCL_HARD_SWISH
};

/* ---- options: of the spec, else the entry's default ---- */

double option(net *n, const char *name);
int option_int(net *n, const char *name); /* options are checked before: whole numbers, but for alpha */
/* `channels` times the option `alpha`, rounded down; at least 1. */
int thinner(net *n, int channels);

/* ---- shapes ---- */

int channels_of(net *n, sepcl_value x);
int height_of(net *n, sepcl_value x);

/* ---- layers ---- */

/* The picture: [batch][height][width][channels], from the options batch and resolution (height and width go first). */
sepcl_value picture(net *n, int channels);

/* How a convolution differs from the usual one: stride 1, one group, padded so that stride 1 keeps the size. */
typedef struct how {
  int unused; /* lets an empty list be written */
  int stride, groups, dilation;
  int valid;   /* no padding */
  int tf_same; /* TensorFlow's padding: the odd pixel goes below and to the right */
  int pad;     /* > 0: on all sides */
  int act;     /* a sepcl_function */
  int bias;    /* of plain convolutions; those with batch norm need none */
  int last;    /* of a residual branch: a small gamma keeps the sum's variance in bounds */
  float gain;  /* variance of the weights times their fan-in; 0: 2 before an activation, else 1 */
} how;

#define conv(n, x, outputs, kernel, ...) zoo_conv(n, x, outputs, kernel, (how){0, __VA_ARGS__})
#define conv_bn(n, x, outputs, kernel, ...) zoo_conv_bn(n, x, outputs, kernel, (how){0, __VA_ARGS__})
#define depthwise(n, x, kernel, ...) zoo_depthwise(n, x, kernel, (how){0, __VA_ARGS__})
#define depthwise_bn(n, x, kernel, ...) zoo_depthwise_bn(n, x, kernel, (how){0, __VA_ARGS__})
#define concat(n, ...) \
  zoo_concat(n, (sepcl_value[]){__VA_ARGS__}, (int)(sizeof((sepcl_value[]){__VA_ARGS__}) / sizeof(sepcl_value)))

sepcl_value zoo_conv(net *n, sepcl_value x, int outputs, int kernel, how h);
sepcl_value zoo_conv_bn(net *n, sepcl_value x, int outputs, int kernel, how h);
sepcl_value zoo_depthwise(net *n, sepcl_value x, int kernel, how h);
sepcl_value zoo_depthwise_bn(net *n, sepcl_value x, int kernel, how h);
sepcl_value zoo_concat(net *n, const sepcl_value *values, int count);

sepcl_value batch_norm(net *n, sepcl_value x, float gamma);
sepcl_value activation(net *n, sepcl_value x, int function);
sepcl_value add(net *n, sepcl_value a, sepcl_value b);
sepcl_value slice_channels(net *n, sepcl_value x, int first, int count);
/* Channel i * groups + g of the output is channel g * (C / groups) + i of the input. */
sepcl_value shuffle(net *n, sepcl_value x, int groups);

typedef struct window {
  int kernel, stride, pad, ceil;
} window;
sepcl_value max_pool(net *n, sepcl_value x, window w);
sepcl_value average_pool(net *n, sepcl_value x, window w);

/* Global average, two 1x1 convolutions, a gate; multiplies x by it. */
sepcl_value squeeze_excite(net *n, sepcl_value x, int squeezed, int gate);
sepcl_value flatten(net *n, sepcl_value x);
sepcl_value dense(net *n, sepcl_value x, int outputs, int act);
/* Global average and a fully connected layer of the option `classes`; softmax with the option of that name. */
sepcl_value classify(net *n, sepcl_value x);
sepcl_value softmax(net *n, sepcl_value x); /* with the option softmax=1; else x */

/* ---- weights ---- */

/* A constant that the graph owns, called `part` ("weight") of the layer, of floats for the caller to fill; NULL when
 * the graph is or becomes poisoned. */
sepcl_value weights(net *n, const char *part, int rank, const int64_t *dims, float **data);
void fill_uniform(net *n, float *data, int64_t count, double low, double high);

#endif
