/* Random numbers that depend on nothing but their seed (splitmix64), so that a case can be made again from one number.
 */
#ifndef SEPCL_TESTS_RANDOM_H
#define SEPCL_TESTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rng {
  uint64_t state;
} rng;

static inline uint64_t rng_next(rng *r) {
  uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* A generator of its own for the `index`-th case of a seed and a stream. */
static inline rng rng_of(uint64_t seed, uint64_t stream, uint64_t index) {
  rng r = {seed * 0x2545f4914f6cdd1du + 1};
  r.state = rng_next(&r) ^ (stream * 0xd6e8feb86659fd93u);
  r.state = rng_next(&r) ^ (index * 0xa0761d6478bd642fu);
  return r;
}

/* From low to high, both included. */
static inline int32_t rng_range(rng *r, int32_t low, int32_t high) {
  return low + (int32_t)(rng_next(r) % (uint64_t)((int64_t)high - low + 1));
}

/* True once in `n` times. */
static inline bool rng_one_in(rng *r, int32_t n) { return rng_range(r, 1, n) == 1; }

/* In [low, high), with all 24 bits of a float's significand in play. */
static inline float rng_float(rng *r, float low, float high) {
  return low + (high - low) * ((float)(rng_next(r) >> 40) * 0x1p-24f);
}

/* In [-2, 2], now and then exactly 0 or -0. */
static inline float rng_value(rng *r) {
  if (rng_one_in(r, 16)) return rng_one_in(r, 4) ? -0.0f : 0.0f;
  return rng_float(r, -2.0f, 2.0f);
}

static inline void rng_values(rng *r, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = rng_value(r);
}

#endif
