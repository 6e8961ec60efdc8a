/* The two ends at which a channel shuffle can be folded: where it is read, where it was made. */
#ifndef SEPCL_SHUFFLE_H
#define SEPCL_SHUFFLE_H

#include "graph/passes/passes.h"

/* Whether what reads `shuffled` can read its channels wherever they lie. */
bool reader_takes_order(const sepcl_graph *graph, sepcl_value shuffled);
/* Lets it read `producer`, whose channel c the shuffle moves to order[c]. */
sepcl_status read_in_order(sepcl_graph *graph, sepcl_value producer, sepcl_value shuffled, int32_t *order);

#endif
