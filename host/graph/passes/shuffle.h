/* The two ends at which a channel shuffle can be folded: where it is read, where it was made. */
#ifndef SEPCL_SHUFFLE_H
#define SEPCL_SHUFFLE_H

#include "graph/passes/passes.h"

enum { MAX_READERS = 8 };
/* The live nodes that read the value, if they are all of its uses and not too many; else 0. */
int32_t readers_of(const sepcl_graph *graph, sepcl_value value, sepcl_value readers[MAX_READERS]);
/* Where each channel goes, in memory of its own; NULL: there is none left. */
int32_t *shuffle_order(int64_t channels, int64_t parts);
/* The value before the shuffle that `joined` ends, or SEPCL_NO_VALUE. *parts: into how many the channels are split. */
sepcl_value shuffled_from(const sepcl_graph *graph, sepcl_value joined, int64_t *parts);
/* A concatenation of `parts` equal values along the channels. */
bool interleaves(const sepcl_graph *graph, const node *n, int64_t parts);
/* A convolution that can be told where to store each output channel. */
bool stores_in_order(const sepcl_graph *graph, const node *n);
/* A 1x1 convolution that can be told where each channel of `x` lies. */
bool is_mappable(const sepcl_graph *graph, const node *n, sepcl_value x);

/* Folds this shuffle and all others whose values meet its in sums (fold_alike.c). */
sepcl_status fold_alike(sepcl_graph *graph, sepcl_value shuffled, int32_t *changes);
/* Folds the chain of units that starts at this shuffle and passes half of its channels on (pass_through.c). */
sepcl_status fold_passed_through(sepcl_graph *graph, sepcl_value shuffled, int32_t *changes);

/* Whether `reader`, which reads `shuffled`, can read its channels wherever they lie. */
bool chain_takes_order(const sepcl_graph *graph, sepcl_value reader, sepcl_value shuffled);
/* Lets it read `producer`, whose channel c the shuffle moves to order[c]. */
sepcl_status chain_reads_in_order(sepcl_graph *graph, sepcl_value reader, sepcl_value producer, sepcl_value shuffled,
                                  int32_t *order);
/* Whether what reads `shuffled` can read its channels wherever they lie. */
bool reader_takes_order(const sepcl_graph *graph, sepcl_value shuffled);
/* Lets it read `producer`, whose channel c the shuffle moves to order[c]. */
sepcl_status read_in_order(sepcl_graph *graph, sepcl_value producer, sepcl_value shuffled, int32_t *order);

#endif
