#ifndef SEPCL_MODEL_PRUNE_H
#define SEPCL_MODEL_PRUNE_H

#include "sepcl.h"

/* Drops the nodes that no output needs (inputs stay) and numbers the rest anew. */
sepcl_status prune_graph(sepcl_graph *graph);

#endif
