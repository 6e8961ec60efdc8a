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

/* Why this thread's last zoo_build failed. Never NULL. */
const char *zoo_last_error(void);

#endif
