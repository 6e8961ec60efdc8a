/* What can be proven of the numbers that a stage computes, whatever its input within the network's input range: where
 * they lie and how far they are from exact arithmetic. Worst cases of the standard model: each operation rounds once,
 * so that a chain of k of them is off by at most gamma(k) = k u / (1 - k u) of the sum of its terms' magnitudes. */
#ifndef SEPCL_PLAN_KNOWN_H
#define SEPCL_PLAN_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "sepcl.h"

#define UNIT_ROUNDOFF 0x1p-24
#define HALF_ROUNDOFF 0x1p-11
#define LARGEST_HALF 65504.0
#define LEAST_NORMAL_HALF 0x1p-14

typedef struct known {
  double low, high; /* the computed number and the exact one lie in between; low > high: nothing is written yet */
  double error;     /* of the computed number against a network of exact arithmetic */
  double local;     /* of the computed number against exact arithmetic on what the stage reads from memory */
  const char *why;  /* NULL, or what it is that nothing is known of: low and high are infinite then */
  bool nan;         /* with a `why`: it may be NaN, which passes every function, clips too */
} known;

static inline known known_of(double low, double high, double error, double local) {
  return (known){low, high, error, local, NULL, false};
}
known known_nothing(const char *why);
/* Of any size, infinite too, but never NaN. */
known known_endless(const char *why);
/* Of an operand with a `why`, a result that may be NaN even where the operand is not: infinities meet each other or 0.
 */
known known_lost(known k);
/* A bound that says little: more than a tenth of where results lie. */
static inline bool bound_is_vague(double error, double low, double high) { return error > 0.1 * (high - low); }
known known_empty(void);
static inline bool known_is_something(const known *k) { return !k->why; }
/* A number in [low, high] without any error. */
known known_exact(double low, double high);
/* The largest magnitude. */
double known_magnitude(const known *k);
/* One of both. */
known known_hull(known a, known b);

/* k roundings, one after another. */
double gamma_of(double k);
/* Adds `amount` to both errors and widens the range by it. */
known known_widened(known k, double amount);

known known_sum(known a, known b);
known known_product(known a, known b);
known known_binary(sepcl_binary kind, known a, known b);
known known_function(sepcl_activation a, known x);
/* Rounded to a half in memory. */
known known_stored_half(known k);
/* If it is known from elsewhere that the number lies in [-size, size]. */
known known_within(known k, double size);
/* What a stage that reads it from memory sees: no local error. */
known known_loaded(known k);

#endif
