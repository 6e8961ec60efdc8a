#include "run/adapt.h"

/* The first look comes early: a short-lived process on a busy machine should profit too. */
enum { FIRST_LOOK = 2, FIRST_INTERVAL = 8, LAST_INTERVAL = 512, NEVER = INT32_MAX };

void adapt_start(adapt *a, int32_t workers) {
  *a = (adapt){.workers = workers, .interval = FIRST_INTERVAL / 2, .countdown = FIRST_LOOK};
}

void adapt_stop(adapt *a) {
  a->choice = 0;
  a->interval = a->countdown = NEVER;
}

int32_t adapt_next(const adapt *a) { return a->countdown > 0 ? a->choice : 1 - a->choice; }

/* Whether something kept workers from their cores in a run with all of them, which compute or spin until it ends: they
 * got less than three quarters of the cores' time, or (where other threads of this process got it) the run took half as
 * long again as the fastest. */
static bool held_up(const adapt *a, run_cost cost) {
  return cost.cpu_seconds < 0.75 * a->workers * cost.seconds || cost.seconds > 1.5 * a->best;
}

/* Recent runs count, so that a machine that falls quiet is noticed. A faster run counts at once, for the first ones are
 * slow where memory is touched for the first time; a single slow run changes little. */
static double smoothed(double recent, double seconds) {
  return recent > 0 && seconds > recent ? 0.7 * recent + 0.3 * seconds : seconds;
}

/* A run with what was chosen brings the next look nearer; with all workers only if it was held up, else it takes back
 * what one that was held up did. */
static void count_down(adapt *a, run_cost cost) {
  if (a->choice == 1 || held_up(a, cost))
    a->countdown--;
  else if (a->countdown < a->interval)
    a->countdown++;
}

void adapt_learn(adapt *a, int32_t used, run_cost cost) {
  a->recent[used] = smoothed(a->recent[used], cost.seconds);
  if (used == 0 && (a->best <= 0 || cost.seconds < a->best)) a->best = cost.seconds;
  if (a->countdown == NEVER) return;
  if (used == a->choice) {
    count_down(a, cost);
    return;
  }
  if (cost.seconds < 0.9 * a->recent[a->choice]) {
    a->choice = used;
    a->interval = FIRST_INTERVAL;
  } else if (a->interval < LAST_INTERVAL) {
    a->interval *= 2;
  }
  a->recent[used] = cost.seconds;
  a->countdown = a->interval;
}
