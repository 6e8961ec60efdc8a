/* Wrong calls of the primitives, one mistake each. */
#ifndef SEPCL_TESTS_INVALID_ARGUMENTS_H
#define SEPCL_TESTS_INVALID_ARGUMENTS_H

#include <stdio.h>

#include "support/context.h"

/* What the calls below enqueue themselves, on `other`, to have an event of another context. */
enum { INVALID_ARGUMENTS_ENQUEUES = 1 };

/* Makes every wrong call; each must return its status, name its argument and leave nothing behind. `other` is another
 * context on any device. Returns how many calls were answered otherwise (a line each to `log`); *calls: how many there
 * were; statuses[s] counts those that returned status s. */
int invalid_arguments_run(const test_context *context, const test_context *other, FILE *log, int *calls,
                          int statuses[SEPCL_BAD_GRAPH + 1]);

#endif
