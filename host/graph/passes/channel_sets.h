/* Which values have their channels in common: those of a convolution's result, of what works on each channel on its
 * own (depthwise convolutions, activations, pools, products and sums of equal channels), and of what a residual or a
 * scale joins to them. A channel can only leave all of them at once. */
#ifndef SEPCL_CHANNEL_SETS_H
#define SEPCL_CHANNEL_SETS_H

#include "graph/graph.h"

enum channel_role { CHANNEL_READER = 0, CHANNEL_MAKER, CHANNEL_ROLES };

typedef struct channel_sets {
  sepcl_value *parent; /* union-find over values */
  bool *blocked;       /* of a set's root: something reads or makes these channels that cannot do without one */
  sepcl_value *first;  /* of a set's root: its last entry; entry = node * CHANNEL_ROLES + role */
  sepcl_value *next;   /* of an entry: one of a node before it, or SEPCL_NO_VALUE */
  int32_t count;       /* of values */
} channel_sets;

sepcl_status channel_sets_find(channel_sets *out, const sepcl_graph *graph);
/* The root of the value's set. */
sepcl_value channel_set_of(const channel_sets *sets, sepcl_value value);
void channel_sets_free(channel_sets *sets);

/* Makes channel c of its value from channel c of what it reads alone. */
bool node_keeps_channels(const sepcl_graph *graph, const node *n);

#endif
