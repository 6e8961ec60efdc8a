#include "reference_functions.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Division and square root are C's own: IEEE 754's correctly rounded ones. */

static const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */

/* sum of c[i] x^i for i < count, by Horner's rule from the highest power down. */
static float horner(const float *c, int32_t count, float x) {
  float sum = c[count - 1];
  for (int32_t i = count - 2; i >= 0; i--) sum = fmaf(sum, x, c[i]);
  return sum;
}

/* A power of two whose float is normal, by its bits. */
static float power_of_two(int32_t n) {
  uint32_t bits = (uint32_t)(n + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static int32_t floor_half(int32_t n) { return n >= 0 ? n / 2 : -((1 - n) / 2); }

/* p 2^n, the exponent cut in two so that both factors are normal. */
static float scale(float p, int32_t n) {
  int32_t half = floor_half(n);
  return p * power_of_two(half) * power_of_two(n - half);
}

/* e^r - 1 where x = n ln 2 + r. */
static float reduced_expm1(float x, int32_t *n) {
  static const float q[] = {0.5f, 0x1.55548ep-3f, 0x1.55545cp-5f, 0x1.123c78p-7f, 0x1.6db5b4p-10f};
  float whole = fmaf(x, 0x1.715476p+0f, magic) - magic;
  float r = fmaf(whole, 0x1.bd0106p-13f, fmaf(whole, -0x1.63p-1f, x));
  *n = (int32_t)whole;
  return fmaf(r * r, horner(q, 5, r), r);
}

float reference_exp(float x) {
  if (isnan(x)) return x;
  float t = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
  int32_t n;
  float p = reduced_expm1(t, &n) + 1.0f;
  return scale(p, n);
}

static float expm1_of(float x) {
  if (isnan(x)) return x;
  int32_t n;
  float p = reduced_expm1(x < -30.0f ? -30.0f : x, &n), power = power_of_two(n);
  return fmaf(power, p, power - 1.0f);
}

/* A positive finite x as m 2^e with m in (sqrt 1/2, sqrt 2]. */
static float split(float x, int32_t *e) {
  int exponent;
  float m = 2.0f * frexpf(x, &exponent);
  *e = exponent - 1;
  if (m > 0x1.6a09e6p+0f) {
    m *= 0.5f;
    ++*e;
  }
  return m;
}

static float log_of(float x) {
  static const float q[] = {0x1.555546p-2f,  -0x1.ffffeep-3f, 0x1.99a546p-3f,  -0x1.5562dep-3f, 0x1.2332c4p-3f,
                            -0x1.fb43c2p-4f, 0x1.e6510ap-4f,  -0x1.e2e67cp-4f, 0x1.1b3e0cp-4f};
  if (isnan(x) || x < 0.0f) return NAN;
  if (x == 0.0f) return -INFINITY;
  if (isinf(x)) return x;
  int32_t e;
  float f = split(x, &e) - 1.0f, n = (float)e, z = f * f;
  float low = fmaf(horner(q, 9, f) * f, z, n * -0x1.bd0106p-13f);
  low = fmaf(-0.5f, z, low);
  return fmaf(n, 0x1.63p-1f, f + low);
}

/* log(1 + u) for u in [0, 1]. */
static float log1p_unit(float u) {
  float t = u + 1.0f, lost = u - (t - 1.0f);
  return fmaf(lost, 1.0f / t, log_of(t));
}

static float sigmoid_of(float x) {
  float e = reference_exp(-fabsf(x));
  return (x < 0.0f ? e : 1.0f) * (1.0f / (e + 1.0f));
}

static float tanh_of(float x) {
  float t = fabsf(x);
  if (t > 10.0f) t = 10.0f;
  float e = expm1_of(t + t);
  return copysignf(e / (e + 2.0f), x);
}

static float softplus_of(float x) { return (x < 0.0f ? 0.0f : x) + log1p_unit(reference_exp(-fabsf(x))); }

static float erf_of(float x) {
  static const float near[] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2d20p-4f, -0x1.b7fbb4p-6f,
                               0x1.5419f4p-8f, -0x1.a485e4p-11f, 0x1.4ae4bap-14f};
  static const float far[] = {0x1.661692p-12f, 0x1.2088ecp+0f, 0x1.46bae6p-1f,  0x1.a6536ep-4f,
                              -0x1.65cbcap-6f, 0x1.825ba4p-9f, -0x1.86dea6p-13f};
  float t = fabsf(x);
  if (t > 4.0f) t = 4.0f;
  float size = t > 1.0f ? 1.0f - reference_exp(-horner(far, 7, t)) : fmaf(horner(near, 7, t * t), t, t);
  return copysignf(size, x);
}

/* log2 of a positive finite x: the larger part, and what it lacks in *low. */
static float log2_pair(float x, float *low) {
  static const float q[] = {0x1.555556p-1f, 0x1.9999ecp-2f, 0x1.245be4p-2f, 0x1.dde138p-3f};
  int32_t e;
  float m = split(x, &e), n = (float)e;
  float f = m - 1.0f, t = m + 1.0f, t_low = m - (t - 1.0f);
  float u = f / t, u_low = fmaf(-u, t_low, fmaf(-u, t, f)) / t;
  float z = u * u, high = u + u, rest = fmaf(horner(q, 4, z) * z, u, u_low + u_low);
  float product = high * 0x1.715476p+0f;
  float lost = fmaf(high, 0x1.715476p+0f, -product);
  lost = fmaf(high, 0x1.4ae0c0p-26f, lost);
  lost = fmaf(rest, 0x1.715476p+0f, lost);
  float sum = n + product;
  *low = (product - (sum - n)) + lost;
  return sum;
}

static float pow_positive(float size, float b) {
  static const float q[] = {0x1.62e430p-1f, 0x1.ebfbe0p-3f,  0x1.c6aeccp-5f,
                            0x1.3b29b2p-7f, 0x1.5f49bep-10f, 0x1.448ad6p-13f};
  float low, high = log2_pair(size, &low);
  float exponent = b * high, rest = fmaf(b, low, fmaf(b, high, -exponent));
  if (fabsf(exponent) > 200.0f) {
    exponent = exponent > 0.0f ? 200.0f : -200.0f;
    rest = 0.0f;
  }
  float n = (exponent + magic) - magic, t = (exponent - n) + rest;
  return scale(fmaf(horner(q, 6, t), t, 1.0f), (int32_t)n);
}

static int is_ordinary(float size) { return size > 0.0f && size < INFINITY; }

float reference_pow(float a, float b) {
  if (isnan(a) || isnan(b)) return NAN;
  if (!is_ordinary(fabsf(a)) || isinf(b)) return powf(a, b); /* exact: 0, 1 or infinity */
  float result = pow_positive(fabsf(a), b);
  if (!signbit(a)) return result;
  if (floorf(b) != b) return NAN;
  return fmodf(b, 2.0f) != 0.0f ? -result : result;
}

static float clip(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

static float gelu_of(float x) {
  float half = x * 0.5f;
  return fmaf(half, erf_of(x * 0x1.6a09e6p-1f), half);
}

static float gelu_tanh_of(float x) {
  float half = x * 0.5f, cube = x * x * 0x1.6e4e26p-5f;
  return fmaf(half, tanh_of(0x1.988454p-1f * fmaf(cube, x, x)), half);
}

float reference_function(sepcl_activation activation, float x) {
  float a = activation.a, b = activation.b;
  if (isnan(x)) return x;
  switch (activation.kind) {
    case SEPCL_NONE: return x;
    case SEPCL_RELU: return x < 0.0f ? 0.0f : x;
    case SEPCL_RELU6: return clip(x, 0.0f, 6.0f);
    case SEPCL_CLIP: return clip(x, a, b);
    case SEPCL_LEAKY_RELU: return x < 0.0f ? a * x : x;
    case SEPCL_ELU: return x < 0.0f ? a * expm1_of(x) : x;
    case SEPCL_HARD_SIGMOID: return clip(fmaf(a, x, b), 0.0f, 1.0f);
    case SEPCL_HARD_SWISH: return x * clip(fmaf(x, 0x1.555556p-3f, 0.5f), 0.0f, 1.0f);
    case SEPCL_SIGMOID: return sigmoid_of(x);
    case SEPCL_SWISH: return x * sigmoid_of(x);
    case SEPCL_TANH: return tanh_of(x);
    case SEPCL_GELU: return gelu_of(x);
    case SEPCL_GELU_TANH: return gelu_tanh_of(x);
    case SEPCL_ERF: return erf_of(x);
    case SEPCL_EXP: return reference_exp(x);
    case SEPCL_LOG: return log_of(x);
    case SEPCL_SQRT: return sqrtf(x);
    case SEPCL_ABS: return fabsf(x);
    case SEPCL_NEGATE: return -x;
    case SEPCL_RECIPROCAL: return 1.0f / x;
    case SEPCL_SOFTPLUS: return softplus_of(x);
    case SEPCL_FLOOR: return floorf(x);
    case SEPCL_CEIL: return ceilf(x);
    case SEPCL_ROUND: return rintf(x);
    case SEPCL_SIGN: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
    case SEPCL_THRESHOLDED: return x <= a ? 0.0f : x;
    case SEPCL_SELU: return x < 0.0f ? b * a * expm1_of(x) : b * x;
    case SEPCL_SOFTSIGN: return x / (fabsf(x) + 1.0f);
    case SEPCL_MISH: return x * tanh_of(softplus_of(x));
    default: return NAN;
  }
}

float reference_binary(sepcl_binary kind, float a, float b) {
  switch (kind) {
    case SEPCL_ADD: return a + b;
    case SEPCL_SUB: return a - b;
    case SEPCL_MUL: return a * b;
    case SEPCL_DIV: return a / b;
    case SEPCL_MIN: return isnan(a) || a < b ? a : b;
    case SEPCL_MAX: return isnan(a) || a > b ? a : b;
    case SEPCL_POW: return reference_pow(a, b);
    case SEPCL_PRELU: return a < 0.0f ? a * b : a;
    default: return NAN;
  }
}
