/* The graph: nodes in the order of their making; node i makes value i. Passes rewrite a copy of it. */
#ifndef SEPCL_GRAPH_H
#define SEPCL_GRAPH_H

#include <stdbool.h>

#include "sepcl.h"

typedef enum node_kind {
  NODE_INPUT = 0,
  NODE_CONSTANT,
  NODE_CONV, /* depthwise, pointwise and grouped ones too */
  NODE_CONV_TRANSPOSE,
  NODE_DEFORM_CONV,
  NODE_BATCH_NORM,
  NODE_NORM,
  NODE_ACTIVATION,
  NODE_BINARY,
  NODE_POOL,
  NODE_REDUCE,
  NODE_MATMUL,
  NODE_CONCAT,
  NODE_SLICE,
  NODE_PAD,
  NODE_RESHAPE,
  NODE_TRANSPOSE,
  NODE_EXPAND,
  NODE_GATHER,
  NODE_SOFTMAX,
  NODE_RESIZE,
  NODE_SEPARABLE,         /* made by passes only */
  NODE_INVERTED_RESIDUAL, /* made by passes only */
  NODE_KIND_COUNT
} node_kind;

/* inputs[] by kind (SEPCL_NO_VALUE where absent):
 *   conv, conv_transpose   x, weights, bias     deform_conv  x, weights, offsets, bias, mask
 *   batch_norm             x, gamma, beta, mean, variance      norm  x, scale, shift
 *   matmul                 a, b, c              separable    x, w1, b1, w2, b2
 *   inverted_residual      x, w1, b1, w2, b2, w3, b3          the rest: their operands in order */
/* One packed set of weights: a convolution's own, with the batch norm that a pass folded into it. Values are constants;
 * SEPCL_NO_VALUE where absent. Made by the passes only. */
typedef struct weight_set {
  sepcl_value weights, bias;
  sepcl_value gamma, beta, mean, variance;
  float epsilon;
  sepcl_weight_layout layout;
  bool rounded; /* a pass made weights or bias, and rounded them once */
} weight_set;

/* Why channels that are constant stay nevertheless. */
typedef enum kept_reason {
  KEPT_NOT = 0,
  KEPT_FOR_NEIGHBOUR, /* what cannot lose a channel makes or reads them */
  KEPT_FOR_OTHERS,    /* not constant somewhere else where the same channel goes */
  KEPT_FOR_GROUPS,    /* groups are of one size; a convolution has an input */
  KEPT_NOT_ZERO,
  KEPT_NOT_FINITE, /* a weight that reads them */
  KEPT_REASONS
} kept_reason;

typedef struct node {
  node_kind kind;
  char *name;
  char label[32]; /* "conv 3x3": made by the builders; empty where the kind's name says it all */
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK]; /* of the value it makes */
  int32_t input_count;
  sepcl_value *inputs;

  /* Fused into conv, depthwise, matmul, pool, binary, ...: by the passes only. */
  sepcl_activation activation; /* of NODE_ACTIVATION: itself */
  sepcl_activation inner[2];   /* separable, inverted residual */
  sepcl_value residual;        /* added before the activation */
  sepcl_value scale;           /* [N][1][1][C], multiplies input 0 */
  bool dead;                   /* replaced; nothing reads it */
  int32_t use_count;           /* of the value's readers: passes/uses.c */
  int64_t use_sum;
  char *fused_from;        /* names of the nodes that went into it, comma-separated; NULL: itself */
  weight_set sets[3];      /* conv: 1, separable: 2, inverted residual: 3 */
  int32_t set_count;       /* 0: inputs 1 and 2 as they are */
  int32_t expanded;        /* inverted residual */
  bool interleaved;        /* concat: channel i of input k becomes channel i * input_count + k, unless k is scattered */
  int32_t biased_channels; /* conv: input channels, constant but not zero, that a pass took into its bias */
  int32_t kept_channels[KEPT_REASONS]; /* conv: its constant outputs that stay */
  int32_t *input_order;                /* conv 1x1: input channel i is read at input_order[i]; NULL: at i */
  int32_t *output_order;               /* conv: output channel o is stored at output_order[o]; NULL: at o */
  bool scattered; /* conv: output_order names places among an interleaved concatenation's channels; a
                   * concatenation: the one that reads it writes over some of its channels */

  /* Attributes by kind */
  sepcl_conv_attributes conv; /* conv, deform_conv; separable and inverted residual: the depthwise's window */
  sepcl_conv_transpose_attributes conv_transpose;
  sepcl_norm_attributes norm;
  sepcl_pool_attributes pool;
  sepcl_resize_attributes resize;
  float epsilon; /* batch norm */
  int32_t mode;  /* sepcl_binary, sepcl_reduction, sepcl_pad_mode; matmul: transpose_b; deform_conv: offset groups */
  int32_t axis;  /* concat, softmax, gather */
  int32_t permutation[SEPCL_MAX_RANK];                   /* transpose */
  int64_t starts[SEPCL_MAX_RANK], steps[SEPCL_MAX_RANK]; /* slice */
  int64_t before[SEPCL_MAX_RANK], after[SEPCL_MAX_RANK]; /* pad */
  float value;                                           /* pad */
  uint32_t axes;                                         /* reduce: bits */
  int64_t *indices;                                      /* gather: dims[axis] of them */
  const float *data;                                     /* constant */
  float *owned;                                          /* constant: `data` if the graph owns it */
} node;

typedef struct graph_io {
  char *name;
  sepcl_value value;
} graph_io;

typedef struct graph_keeper {
  void *object;
  void (*release)(void *);
} graph_keeper;

struct sepcl_graph {
  node *nodes;
  int32_t count, capacity;
  int32_t kind_counts[NODE_KIND_COUNT]; /* for numbered names */
  graph_io *inputs, *outputs;
  int32_t input_count, output_count;
  graph_keeper *keepers;
  int32_t keeper_count;
  char **metadata; /* key, value, key, value, ... */
  int32_t metadata_count;
  char *next_name;
  sepcl_status status; /* the first cause of poisoning */
  char message[1024];
};

/* A copy whose nodes may be rewritten; constants borrow from `graph`, which must outlive it. */
sepcl_status graph_copy(sepcl_graph **out, const sepcl_graph *graph);

/* Appends a node and returns it zeroed (kind, name and inputs set), or NULL when the graph is or becomes poisoned. */
node *graph_add(sepcl_graph *graph, node_kind kind, const sepcl_value *inputs, int32_t input_count);

static inline node *graph_node(const sepcl_graph *graph, sepcl_value value) {
  return value < 0 || value >= graph->count ? NULL : &graph->nodes[value];
}
/* Whether the value is one of the graph's outputs. */
bool graph_has_output(const sepcl_graph *graph, sepcl_value value);
int64_t node_elements(const node *n);
/* Channels of the innermost axis. */
int64_t node_channels(const node *n);
bool node_is_depthwise(const sepcl_graph *graph, const node *n);
/* A matrix product that is a layer: constant b and, if there is one, a constant c of one row, or what passes made of
 * them. */
bool node_is_fully_connected(const sepcl_graph *graph, const node *n);
const char *node_kind_name(const sepcl_graph *graph, const node *n);
/* The first weight set of a convolution or matrix product: what a pass made of it, else its own weights and bias. */
weight_set node_weight_set(const node *n);
/* The [N][H][W][C] of a rank-4 value. */
sepcl_shape node_shape4(const node *n);

#endif
