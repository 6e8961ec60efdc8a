/* Whether the readers that passes kept count of are those that a fresh count finds. */
#ifndef SEPCL_TESTS_USES_H
#define SEPCL_TESTS_USES_H

#include "graph/graph.h"

void check_uses(sepcl_graph *graph);

#endif
