/* How many workers a network's one launch should have, by measurement. Workers wait for each other between stages: on a
 * quiet machine all of them are fastest, but where other programs hold the cores a worker that was put to sleep holds
 * up all the others, and one alone is faster. The bits are the same either way. */
#ifndef SEPCL_ADAPT_H
#define SEPCL_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct adapt {
  double recent[2]; /* seconds of a run with all workers and with one; 0: not tried yet */
  int32_t choice;   /* index of the better one: 0 all, 1 one */
  int32_t interval; /* runs between looks at the other one; doubles while the choice holds */
  int32_t countdown;
} adapt;

void adapt_start(adapt *a);
/* What the next run should use, 0 or 1. */
int32_t adapt_next(const adapt *a);
/* How long a run with `used` took. */
void adapt_learn(adapt *a, int32_t used, double seconds);

#endif
