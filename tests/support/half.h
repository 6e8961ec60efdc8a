/* Halves, by arithmetic on wider numbers: nothing of the compiler's or the device's own. */
#ifndef SEPCL_TESTS_HALF_H
#define SEPCL_TESTS_HALF_H

#include <math.h>
#include <stdint.h>

/* The nearest half, ties to even. */
static inline float half_nearest_of(double v) {
  const double size = fabs(v);
  if (!(size < 65520)) return (float)(v == v ? copysign(INFINITY, v) : v);
  if (size == 0) return (float)v;
  const int exponent = ilogb(size) < -14 ? -14 : ilogb(size);
  const double unit = ldexp(1, exponent - 10);
  return (float)copysign(rint(size / unit) * unit, v);
}

static inline float half_nearest(float v) { return half_nearest_of((double)v); }

/* a b + c of halves, rounded once. As doubles the product is exact, and so is the sum, but where one of both is so
 * small beside the other that it decides nothing. */
static inline float half_fma(float a, float b, float c) { return half_nearest_of((double)a * (double)b + (double)c); }

static inline uint16_t half_bits(float v) {
  const float h = half_nearest(v);
  const uint16_t sign = signbit(h) ? 0x8000 : 0;
  if (h != h) return (uint16_t)(sign | 0x7e00);
  const double size = fabs((double)h);
  if (isinf(h)) return (uint16_t)(sign | 0x7c00);
  if (size < ldexp(1, -14)) return (uint16_t)(sign | (uint16_t)ldexp(size, 24));
  const int exponent = ilogb(size);
  return (uint16_t)(sign | ((exponent + 15) << 10) | ((uint16_t)ldexp(size, 10 - exponent) & 0x3ff));
}

static inline float half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, rest = bits & 0x3ff;
  float size = exponent == 31 ? (rest ? NAN : INFINITY)
                              : (float)(exponent ? ldexp(1024 + rest, exponent - 25) : ldexp(rest, -24));
  return bits & 0x8000 ? -size : size;
}

#endif
