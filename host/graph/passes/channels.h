/* Taking channels out of convolutions, for passes: new constants replace the old ones, which others may read. */
#ifndef SEPCL_CHANNELS_H
#define SEPCL_CHANNELS_H

#include "graph/passes/bounds.h"

/* The channels of a value that stay, ascending, as they are stored. */
typedef struct channel_list {
  int32_t *kept;
  int32_t count, total;
} channel_list;

/* The value that `conv` makes keeps these channels. A depthwise convolution must lose the same inputs. */
sepcl_status channels_keep_outputs(sepcl_graph *graph, sepcl_value conv, const channel_list *list);
/* Channel i of what the depthwise convolution makes becomes what channel order[i] was; what it reads must be given to
 * it in that order too. */
sepcl_status channels_permute(sepcl_graph *graph, sepcl_value depthwise, int32_t *order);
/* `conv` reads these channels only, as many in each of its groups. */
sepcl_status channels_keep_inputs(sepcl_graph *graph, sepcl_value conv, const channel_list *list);
/* Whether `conv` has finite weights only for this input channel: no product with zero is a NaN then. */
bool channel_reader_is_finite(const sepcl_graph *graph, sepcl_value conv, int32_t channel);
/* Adds what the channels that do not stay contribute to each output, the sum of weight times constant over all taps, to
 * the bias of `conv`, which must have no padding. To be called before channels_keep_inputs. */
sepcl_status channels_into_bias(sepcl_graph *graph, sepcl_value conv, const channel_list *list,
                                const interval *constants);

#endif
