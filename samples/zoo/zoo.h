/* The zoo: the networks of the field, each in a file of its own, built on sepcl's graph API with seeded random weights.
 *
 *   sepcl_graph *graph = NULL;
 *   if (zoo_build(&graph, "zoo:mobilenet_v1:alpha=0.5:resolution=160")) puts(zoo_last_error());
 *
 * samples/zoo/net.h is the vocabulary that the networks are written in. */
#ifndef ZOO_H
#define ZOO_H

#include "sepcl.h"

struct net;

typedef struct zoo_entry {
  const char *name;
  const char *description;               /* one line */
  const char *options;                   /* "alpha=1:resolution=224": names and defaults */
  sepcl_value (*build)(struct net *net); /* returns the network's output */
} zoo_entry;

/* All networks, in the order of `sepcl zoo`. */
const zoo_entry *zoo_entries(int *count);

/* Options that every network takes, written like an entry's. */
const char *zoo_common_options(void);

/* `spec` is "NAME:option=value:...", with "zoo:" in front or without. The caller frees the graph. */
sepcl_status zoo_build(sepcl_graph **out, const char *spec);

/* A weight, bias or batch norm parameter of a built graph, named as PyTorch would: "conv1.weight", "conv1.bias",
 * "batch_norm1.running_mean"; what stands before the dot is the layer's name in `sepcl summary`. */
typedef struct zoo_array {
  char name[48];
  int32_t rank;
  int64_t dims[4]; /* of a convolution's weights: O I H W; of a fully connected layer's: O I */
  float *data;     /* the graph's own: numbers may be replaced until the graph is compiled */
} zoo_array;

typedef struct zoo_arrays {
  zoo_array *items; /* in the order in which the layers are built */
  int count;
  const char *file; /* what stands behind "weights=" in the spec, for the caller to read; NULL without one */
} zoo_arrays;

/* zoo_build, which refuses "weights=", and the arrays of the graph (to be freed with zoo_arrays_free). With `blank`
 * they hold nothing but zeros, which takes no time: for counting. */
sepcl_status zoo_build_arrays(sepcl_graph **out, const char *spec, int blank, zoo_arrays *arrays);
void zoo_arrays_free(zoo_arrays *arrays);

/* Why this thread's last zoo_build failed. Never NULL. */
const char *zoo_last_error(void);

#endif
