/* A convolution's groups are of one size: where one loses a channel, each must. */
#ifndef SEPCL_EQUAL_GROUPS_H
#define SEPCL_EQUAL_GROUPS_H

#include <stdbool.h>

#include "sepcl.h"

/* Which group each channel belongs to. */
typedef struct grouping {
  int32_t *of;
  int32_t groups;
  int32_t least; /* how many channels each group must keep */
} grouping;

enum { MAX_GROUPINGS = 2 };

/* goes[c]: which of the channels may go. Leaves the largest choice among them of which each grouping's groups lose
 * equally many; none of too many thousands of them. */
sepcl_status equal_groups(bool *goes, int32_t channels, const grouping groupings[MAX_GROUPINGS]);

#endif
