#include "run/adapt.h"

/* The first look comes early: a short-lived process on a busy machine should profit too. */
enum { FIRST_LOOK = 2, FIRST_INTERVAL = 8, LAST_INTERVAL = 512 };

void adapt_start(adapt *a) { *a = (adapt){{0, 0}, 0, FIRST_INTERVAL / 2, FIRST_LOOK}; }

int32_t adapt_next(const adapt *a) { return a->countdown > 0 ? a->choice : 1 - a->choice; }

void adapt_learn(adapt *a, int32_t used, double seconds) {
  /* Recent runs count, so that a machine that falls quiet is noticed; a single slow run changes little. */
  a->recent[used] = a->recent[used] > 0 ? 0.7 * a->recent[used] + 0.3 * seconds : seconds;
  if (used == a->choice) {
    a->countdown--;
    return;
  }
  bool better = seconds < 0.9 * a->recent[a->choice];
  if (better) {
    a->choice = used;
    a->interval = FIRST_INTERVAL;
  } else if (a->interval < LAST_INTERVAL) {
    a->interval *= 2;
  }
  a->recent[used] = seconds;
  a->countdown = a->interval;
}
