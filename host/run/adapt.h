/* How many workers a network's one launch should have, by measurement. Workers wait for each other between stages: on a
 * quiet machine all of them are fastest, but where other programs hold the cores a worker that was put to sleep holds
 * up all the others, and one alone is faster. The bits are the same either way.
 *
 * A run with one worker takes up to as many times longer as there are workers: it is tried only where runs with all of
 * them are seen to be held up, and while it does not win, ever more rarely. */
#ifndef SEPCL_ADAPT_H
#define SEPCL_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct adapt {
  int32_t workers;  /* how many "all" are */
  double recent[2]; /* seconds of a run with all workers and with one; 0: not tried yet */
  double best;      /* seconds of the fastest run with all workers; 0: none yet */
  int32_t choice;   /* index of the better one: 0 all, 1 one */
  int32_t interval; /* runs between looks at the other one; doubles while the choice holds */
  int32_t countdown;
} adapt;

/* What a run took: on the clock, and of the cores, by all threads of the process. */
typedef struct run_cost {
  double seconds, cpu_seconds;
} run_cost;

void adapt_start(adapt *a, int32_t workers);
/* All workers from now on. */
void adapt_stop(adapt *a);
/* What the next run should use, 0 or 1. */
int32_t adapt_next(const adapt *a);
/* What a run with `used` took. */
void adapt_learn(adapt *a, int32_t used, run_cost cost);

#endif
