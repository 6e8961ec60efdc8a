/* The elementary functions, over vectors of VEC floats. Included once per VEC in a program, VEC 1 first (common.cl).
 * Every operation is one of IEEE 754's correctly rounded ones in a written order, so results are equal to the bit on
 * all devices; docs/numerics.md has the same as formulas. NaN in gives NaN out. No built-in here rounds: floor, ceil,
 * rint and conversions of integers below 2^24 are exact. */

#if VEC == 1
#define INF_F as_float(0x7f800000)
#define NAN_F as_float(0x7fc00000)

/* sepcl_function and sepcl_binary of sepcl.h. */
enum function_kind {
  F_NONE,
  F_RELU,
  F_RELU6,
  F_CLIP,
  F_LEAKY_RELU,
  F_ELU,
  F_HARD_SIGMOID,
  F_HARD_SWISH,
  F_SIGMOID,
  F_SWISH,
  F_TANH,
  F_GELU,
  F_GELU_TANH,
  F_ERF,
  F_EXP,
  F_LOG,
  F_SQRT,
  F_ABS,
  F_NEGATE,
  F_RECIPROCAL,
  F_SOFTPLUS,
  F_FLOOR,
  F_CEIL,
  F_ROUND,
  F_SIGN,
  F_THRESHOLDED,
  F_SELU,
  F_SOFTSIGN,
  F_MISH
};
enum binary_kind { B_ADD, B_SUB, B_MUL, B_DIV, B_MIN, B_MAX, B_POW, B_PRELU };
#endif

/* exp's argument as n ln 2 + r with |r| <= ln 2 / 2; *n as a float, for |x| < 2^22. */
static FV FNV(exp_reduce)(const FV x, FV *n) {
  const FV magic = (FV)(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  *n = fma(x, (FV)(0x1.715476p+0f), magic) - magic;
  const FV r = fma(*n, (FV)(-0x1.63p-1f), x);
  return fma(*n, (FV)(0x1.bd0106p-13f), r);
}

/* e^r - 1 for |r| <= ln 2 / 2. */
static FV FNV(expm1_poly)(const FV r) {
  FV q = fma((FV)(0x1.6db5b4p-10f), r, (FV)(0x1.123c78p-7f));
  q = fma(q, r, (FV)(0x1.55545cp-5f));
  q = fma(q, r, (FV)(0x1.55548ep-3f));
  q = fma(q, r, (FV)(0.5f));
  return fma(r * r, q, r);
}

/* 2^n for an integer n in [-126, 127]; garbage in lanes where n is NaN. */
static FV FNV(power_of_two)(const IV n) { return PASTE(as_float, VEC)((n + 127) << 23); }

/* p 2^n for |n| <= 252, rounded once. */
static FV FNV(scale)(const FV p, const IV n) {
  const IV half_n = n >> 1;
  return p * FNV(power_of_two)(half_n) * FNV(power_of_two)(n - half_n);
}

/* A float that holds an integer below 2^22, as an integer; any integer where it is NaN. */
static IV FNV(to_int)(const FV n) { return PASTE(as_int, VEC)(n + (FV)(12582912.0f)) - (IV)(0x4b400000); }

static FV FNV(to_float)(const IV n) { return PASTE(as_float, VEC)(n + (IV)(0x4b400000)) - (FV)(12582912.0f); }

static FV FNV(fn_exp)(const FV x) {
  FV n;
  FV t = x < (FV)(-104.0f) ? (FV)(-104.0f) : x;
  t = t > (FV)(89.0f) ? (FV)(89.0f) : t;
  const FV p = FNV(expm1_poly)(FNV(exp_reduce)(t, &n)) + (FV)(1.0f);
  /* A NaN's integer may be anything: the shifts would overflow. */
  return FNV(scale)(p, x == x ? FNV(to_int)(n) : (IV)(0));
}

/* e^x - 1 for x <= 40. */
static FV FNV(expm1)(const FV x) {
  FV n;
  const FV t = x < (FV)(-30.0f) ? (FV)(-30.0f) : x;
  const FV p = FNV(expm1_poly)(FNV(exp_reduce)(t, &n));
  const FV power = FNV(power_of_two)(x == x ? FNV(to_int)(n) : (IV)(0));
  return fma(power, p, power - (FV)(1.0f));
}

/* A positive finite x as m 2^e; m in [1, 2). Subnormals are normalised first. */
static FV FNV(split)(const FV x, IV *e) {
  const IV small = x < (FV)(0x1p-126f);
  const IV bits = PASTE(as_int, VEC)(small ? x * (FV)(0x1p+24f) : x);
  *e = (bits >> 23) - (small ? (IV)(127 + 24) : (IV)(127));
  return PASTE(as_float, VEC)((bits & 0x007fffff) | 0x3f800000);
}

/* 1 / m to about 1 ulp for m in [1, 2). */
static FV FNV(reciprocal_seed)(const FV m) {
  FV v = PASTE(as_float, VEC)((IV)(0x7ef311c7) - PASTE(as_int, VEC)(m));
  FV e = fma(-m, v, (FV)(1.0f));
  v = fma(v, fma(e, e, e), v);
  e = fma(-m, v, (FV)(1.0f));
  return fma(v, fma(e, e, e), v);
}

/* 1 / t for t in [1, 2], correctly rounded. */
static FV FNV(reciprocal_unit)(const FV t) {
  FV v = FNV(reciprocal_seed)(t);
  v = fma(fma(-t, v, (FV)(1.0f)), v, v);
  /* Newton's step misses one t, the last below 2 (all bits of its significand are ones). */
  return fma(-t, v, (FV)(1.0f)) > t * (FV)(0x1p-25f) ? v + (FV)(0x1p-24f) : v;
}

/* a / b for positive finite a and b, correctly rounded (to nearest, ties to even; subnormal results too). */
static FV FNV(div_positive)(const FV a, const FV b) {
  IV ea, eb;
  FV ma = FNV(split)(a, &ea);
  const FV mb = FNV(split)(b, &eb);
  IV e = ea - eb;
  const IV less = ma < mb; /* then 2 ma / mb is in [1, 2) */
  ma = less ? ma + ma : ma;
  e = less ? e - 1 : e;
  const FV v = FNV(reciprocal_seed)(mb);
  FV q = ma * v;
  q = fma(fma(-mb, q, ma), v, q);
  /* q is within an ulp, its remainder exact: half an ulp of b decides. */
  FV rest = fma(-mb, q, ma);
  FV half_ulp = mb * (FV)(0x1p-24f);
  q = rest > half_ulp ? q + (FV)(0x1p-23f) : (rest < -half_ulp ? q - (FV)(0x1p-23f) : q);
  e = e < (IV)(-252) ? (IV)(-252) : (e > (IV)(252) ? (IV)(252) : e);
  const FV result = FNV(scale)(q, e);
  /* A subnormal result was rounded twice; its remainder tells in the units of 2^-149. (e >= -150 there.) */
  const IV up = (IV)(-149) - e;
  const IV in_range = e < (IV)(-126) && e >= (IV)(-150);
  const FV unit = FNV(power_of_two)(in_range ? up : (IV)(0));
  const FV kept = result * (FV)(0x1p+100f) * (FV)(0x1p+49f) * unit;
  rest = fma(-mb, kept, ma);
  half_ulp = mb * unit * (FV)(0.5f);
  const FV step = (FV)(0x1p-149f);
  const FV again = rest > half_ulp ? result + step : (rest < -half_ulp ? result - step : result);
  return in_range ? again : result;
}

/* Vectors of four are GPUs': many items at a time, each with few registers. So what is long is done lane by lane there,
 * in one copy; the vectors turn, for private arrays would lie in memory. */
#if VEC == 4
#define LANE_BY_LANE(a, b, result)       \
  FV v = a, u = b;                       \
  for (int lane = 0; lane < 4; lane++) { \
    v = (FV)(v.s1, v.s2, v.s3, result);  \
    u = (FV)(u.s1, u.s2, u.s3, u.s0);    \
  }                                      \
  return v;
#endif

/* a / b, correctly rounded, all signs, zeros, infinities and NaNs as IEEE 754 has them. */
#if VEC == 4
static FV FNV(div_rn)(const FV a, const FV b) { LANE_BY_LANE(a, b, div_rn_1(v.s0, u.s0)) }
#else
static FV FNV(div_rn)(const FV a, const FV b) {
  const IV sign_mask = (IV)(0x7fffffff);
  const IV a_bits = PASTE(as_int, VEC)(a), b_bits = PASTE(as_int, VEC)(b);
  const IV a_size = a_bits & sign_mask, b_size = b_bits & sign_mask, infinity = (IV)(0x7f800000);
  const IV ordinary = a_size > (IV)(0) && a_size < infinity && b_size > (IV)(0) && b_size < infinity;
  const FV one = (FV)(1.0f);
  const FV q =
      FNV(div_positive)(ordinary ? PASTE(as_float, VEC)(a_size) : one, ordinary ? PASTE(as_float, VEC)(b_size) : one);
  const IV sign = (a_bits ^ b_bits) & (IV)(0x80000000);
  /* Where either is 0, infinite or NaN, a times a stand-in for 1 / b is exact. */
  const IV inverse =
      (b_size == (IV)(0) ? infinity : (b_size == infinity ? (IV)(0) : (b_size > infinity ? b_size : (IV)(0x3f800000))));
  const FV special = a * PASTE(as_float, VEC)(inverse | (b_bits & (IV)(0x80000000)));
  return ordinary ? PASTE(as_float, VEC)(PASTE(as_int, VEC)(q) | sign) : special;
}
#endif

/* a / b for a b that `inverse`, 1 / b correctly rounded, belongs to: div_rn's bits, faster where many share b. */
static FV FNV(div_shared)(const FV a, const float b, const float inverse) {
  const FV size = PASTE(as_float, VEC)(PASTE(as_int, VEC)(a) & (IV)(0x7fffffff)), by = (FV)(b), v = (FV)(inverse);
  const IV zero = size == (FV)(0.0f);
  const IV safe = (size > (FV)(0x1p-80f) && size < (FV)(0x1p+80f)) || zero;
  if (!PASTE(ALL_, VEC)(safe) || !(b > 0x1p-20f && b < 0x1p+20f)) return FNV(div_rn)(a, by);
  FV q = a * v;
  q = fma(fma(-by, q, a), v, q);
  q = fma(fma(-by, q, a), v, q);
  return zero ? a : q;
}

/* The square root, correctly rounded; NaN below zero; -0 for -0. */
static FV FNV(sqrt_rn)(const FV x) {
  const IV ordinary = x > (FV)(0.0f) && x < (FV)(INF_F);
  IV e;
  FV m = FNV(split)(ordinary ? x : (FV)(1.0f), &e);
  m = (e & 1) != 0 ? m + m : m;
  e = (e - (e & 1)) >> 1;
  FV v = PASTE(as_float, VEC)((IV)(0x5f375a86) - (PASTE(as_int, VEC)(m) >> 1)); /* 1 / sqrt(m) */
  v = fma(v * (FV)(0.5f), fma(-m * v, v, (FV)(1.0f)), v);
  v = fma(v * (FV)(0.5f), fma(-m * v, v, (FV)(1.0f)), v);
  v = fma(v * (FV)(0.5f), fma(-m * v, v, (FV)(1.0f)), v);
  FV root = m * v;
  root = fma(fma(-root, root, m), v * (FV)(0.5f), root);
  const FV rest = fma(-root, root, m), ulp = (FV)(0x1p-23f), limit = root * ulp;
  root = rest > limit ? root + ulp : (rest <= -limit ? root - ulp : root);
  root *= FNV(power_of_two)(e);
  return ordinary ? root : (x < (FV)(0.0f) ? (FV)(NAN_F) : x);
}

/* log x for a positive normal x. */
static FV FNV(log_positive)(const FV x) {
  IV e;
  FV m = FNV(split)(x, &e);
  const IV high = m > (FV)(0x1.6a09e6p+0f); /* sqrt 2 */
  m = high ? m * (FV)(0.5f) : m;
  const FV n = FNV(to_float)(high ? e + 1 : e);
  const FV f = m - (FV)(1.0f);
  FV q = fma((FV)(0x1.1b3e0cp-4f), f, (FV)(-0x1.e2e67cp-4f));
  q = fma(q, f, (FV)(0x1.e6510ap-4f));
  q = fma(q, f, (FV)(-0x1.fb43c2p-4f));
  q = fma(q, f, (FV)(0x1.2332c4p-3f));
  q = fma(q, f, (FV)(-0x1.5562dep-3f));
  q = fma(q, f, (FV)(0x1.99a546p-3f));
  q = fma(q, f, (FV)(-0x1.ffffeep-3f));
  q = fma(q, f, (FV)(0x1.555546p-2f));
  const FV z = f * f;
  FV low = fma(q * f, z, n * (FV)(-0x1.bd0106p-13f));
  low = fma((FV)(-0.5f), z, low);
  return fma(n, (FV)(0x1.63p-1f), f + low);
}

static FV FNV(fn_log)(const FV x) {
  const IV ordinary = x > (FV)(0.0f) && x < (FV)(INF_F);
  const FV special = x < (FV)(0.0f) ? (FV)(NAN_F) : (x == (FV)(0.0f) ? (FV)(-INF_F) : x);
  const FV result = FNV(log_positive)(ordinary ? x : (FV)(1.0f));
  return ordinary ? result : special;
}

/* log(1 + u) for u in [0, 1]. */
static FV FNV(log1p_unit)(const FV u) {
  const FV t = u + (FV)(1.0f);
  const FV lost = u - (t - (FV)(1.0f));
  return fma(lost, FNV(reciprocal_unit)(t), FNV(log_positive)(t == t ? t : (FV)(1.0f)));
}

static FV FNV(magnitude)(const FV x) { return PASTE(as_float, VEC)(PASTE(as_int, VEC)(x) & (IV)(0x7fffffff)); }
static FV FNV(with_sign)(const FV size, const FV sign) {
  return PASTE(as_float, VEC)(PASTE(as_int, VEC)(size) | (PASTE(as_int, VEC)(sign) & (IV)(0x80000000)));
}

/* 1 / (1 + exp -x) */
static FV FNV(fn_sigmoid)(const FV x) {
  const FV e = FNV(fn_exp)(-FNV(magnitude)(x));
  return (x < (FV)(0.0f) ? e : (FV)(1.0f)) * FNV(reciprocal_unit)(e + (FV)(1.0f));
}

static FV FNV(fn_tanh)(const FV x) {
  FV t = FNV(magnitude)(x);
  t = t > (FV)(10.0f) ? (FV)(10.0f) : t;
  const FV e = FNV(expm1)(t + t);
  return FNV(with_sign)(FNV(div_rn)(e, e + (FV)(2.0f)), x);
}

/* log(1 + exp x) */
static FV FNV(softplus)(const FV x) {
  const FV rest = FNV(log1p_unit)(FNV(fn_exp)(-FNV(magnitude)(x)));
  return (x < (FV)(0.0f) ? (FV)(0.0f) : x) + rest;
}

static FV FNV(fn_erf)(const FV x) {
  FV t = FNV(magnitude)(x);
  t = t > (FV)(4.0f) ? (FV)(4.0f) : t;
  const FV z = t * t;
  FV p = fma((FV)(0x1.4ae4bap-14f), z, (FV)(-0x1.a485e4p-11f));
  p = fma(p, z, (FV)(0x1.5419f4p-8f));
  p = fma(p, z, (FV)(-0x1.b7fbb4p-6f));
  p = fma(p, z, (FV)(0x1.ce2d20p-4f));
  p = fma(p, z, (FV)(-0x1.81273ep-2f));
  p = fma(p, z, (FV)(0x1.06eba8p-3f));
  const FV near = fma(p, t, t);
  FV g = fma((FV)(-0x1.86dea6p-13f), t, (FV)(0x1.825ba4p-9f)); /* -log(1 - erf t) */
  g = fma(g, t, (FV)(-0x1.65cbcap-6f));
  g = fma(g, t, (FV)(0x1.a6536ep-4f));
  g = fma(g, t, (FV)(0x1.46bae6p-1f));
  g = fma(g, t, (FV)(0x1.2088ecp+0f));
  g = fma(g, t, (FV)(0x1.661692p-12f));
  const FV far = (FV)(1.0f) - FNV(fn_exp)(-g);
  return FNV(with_sign)(t > (FV)(1.0f) ? far : near, x);
}

/* log2 of a positive finite x as an unrounded sum of two floats: returns the larger part. */
static FV FNV(log2_pair)(const FV x, FV *low) {
  IV e;
  FV m = FNV(split)(x, &e);
  const IV high = m > (FV)(0x1.6a09e6p+0f);
  m = high ? m * (FV)(0.5f) : m;
  const FV n = FNV(to_float)(high ? e + 1 : e);
  const FV f = m - (FV)(1.0f), t = m + (FV)(1.0f); /* log m = 2 atanh(f / t) */
  const FV t_low = m - (t - (FV)(1.0f));
  const FV u = FNV(div_rn)(f, t);
  const FV u_low = FNV(div_rn)(fma(-u, t_low, fma(-u, t, f)), t);
  const FV z = u * u;
  FV q = fma((FV)(0x1.dde138p-3f), z, (FV)(0x1.245be4p-2f));
  q = fma(q, z, (FV)(0x1.9999ecp-2f));
  q = fma(q, z, (FV)(0x1.555556p-1f));
  const FV log_high = u + u;
  const FV log_low = fma(q * z, u, u_low + u_low);
  const FV product = log_high * (FV)(0x1.715476p+0f); /* log2 e in two floats */
  FV rest = fma(log_high, (FV)(0x1.715476p+0f), -product);
  rest = fma(log_high, (FV)(0x1.4ae0c0p-26f), rest);
  rest = fma(log_low, (FV)(0x1.715476p+0f), rest);
  const FV sum = n + product; /* |n| >= 1 > |product|, or n is 0 */
  *low = (product - (sum - n)) + rest;
  return sum;
}

/* size^b for a positive finite size and a finite b. */
static FV FNV(pow_positive)(const FV size, const FV b) {
  FV low;
  const FV high = FNV(log2_pair)(size, &low);
  FV exponent = b * high;
  FV rest = fma(b, high, -exponent);
  rest = fma(b, low, rest);
  const IV over = FNV(magnitude)(exponent) > (FV)(200.0f);
  exponent = over ? (exponent > (FV)(0.0f) ? (FV)(200.0f) : (FV)(-200.0f)) : exponent;
  rest = over ? (FV)(0.0f) : rest;
  const FV magic = (FV)(12582912.0f);
  const FV n = (exponent + magic) - magic;
  const FV t = (exponent - n) + rest;
  FV p = fma((FV)(0x1.448ad6p-13f), t, (FV)(0x1.5f49bep-10f));
  p = fma(p, t, (FV)(0x1.3b29b2p-7f));
  p = fma(p, t, (FV)(0x1.c6aeccp-5f));
  p = fma(p, t, (FV)(0x1.ebfbe0p-3f));
  p = fma(p, t, (FV)(0x1.62e430p-1f));
  return FNV(scale)(fma(p, t, (FV)(1.0f)), FNV(to_int)(n));
}

/* a^b as C has it, but NaN where a or b is NaN. */
#if VEC == 4
static FV FNV(fn_pow)(const FV a, const FV b) { LANE_BY_LANE(a, b, fn_pow_1(v.s0, u.s0)) }
#else
static FV FNV(fn_pow)(const FV a, const FV b) {
  const FV zero = (FV)(0.0f), one = (FV)(1.0f), infinity = (FV)(INF_F);
  const FV size = FNV(magnitude)(a), b_size = FNV(magnitude)(b);
  const IV ordinary = size > zero && size < infinity && b_size < infinity;
  const FV main = FNV(pow_positive)(ordinary ? size : one, ordinary ? b : one);
  /* 0, infinity, or an infinite exponent: the result grows if both point the same way. */
  const IV grows = (size > one) == (b > zero);
  FV special = grows ? infinity : zero;
  special = size == one || b == zero ? one : special;
  FV result = ordinary ? main : special;
  const IV whole = b_size >= (FV)(0x1p+23f) || floor(b) == b;
  const IV odd = b_size < (FV)(0x1p+24f) && whole && floor(b * (FV)(0.5f)) * (FV)(2.0f) != b;
  const IV negative = PASTE(as_int, VEC)(a) < (IV)(0);
  result = negative && odd ? -result : result;
  result = negative && !whole && size > zero && size < infinity ? (FV)(NAN_F) : result;
  return a != a ? a : (b != b ? b : result);
}
#endif

static FV FNV(fn_gelu)(const FV x) {
  const FV half_x = x * (FV)(0.5f);
  return fma(half_x, FNV(fn_erf)(x * (FV)(0x1.6a09e6p-1f)), half_x);
}

static FV FNV(gelu_tanh)(const FV x) {
  const FV half_x = x * (FV)(0.5f), cube = x * x * (FV)(0x1.6e4e26p-5f);
  return fma(half_x, FNV(fn_tanh)((FV)(0x1.988454p-1f) * fma(cube, x, x)), half_x);
}

static FV FNV(clip)(const FV x, const float low, const float high) { /* low <= high; NaN stays NaN */
  const FV t = x > (FV)(high) ? (FV)(high) : x;
  return t < (FV)(low) ? (FV)(low) : t;
}

static FV FNV(hard_swish)(const FV x) { return x * FNV(clip)(fma(x, (FV)(0x1.555556p-3f), (FV)(0.5f)), 0.0f, 1.0f); }

/* Every function but those that activate() does by clipping. */
#if VEC == 4
static FV FNV(function)(const FV x, const int kind, const float a, const float b) {
  LANE_BY_LANE(x, x, function_1(v.s0, kind, a, b))
}
#else
static FV FNV(function)(const FV x, const int kind, const float a, const float b) {
  const FV zero = (FV)(0.0f), one = (FV)(1.0f);
  switch (kind) {
    case F_LEAKY_RELU: return x < zero ? (FV)(a)*x : x;
    case F_ELU: return x < zero ? (FV)(a)*FNV(expm1)(x < zero ? x : zero) : x;
    case F_SELU: return x < zero ? (FV)(b * a) * FNV(expm1)(x < zero ? x : zero) : (FV)(b)*x;
    case F_HARD_SIGMOID: return FNV(clip)(fma((FV)(a), x, (FV)(b)), 0.0f, 1.0f);
    case F_HARD_SWISH: return FNV(hard_swish)(x);
    case F_SIGMOID: return FNV(fn_sigmoid)(x);
    case F_SWISH: return x * FNV(fn_sigmoid)(x);
    case F_TANH: return FNV(fn_tanh)(x);
    case F_GELU: return FNV(fn_gelu)(x);
    case F_GELU_TANH: return FNV(gelu_tanh)(x);
    case F_ERF: return FNV(fn_erf)(x);
    case F_EXP: return FNV(fn_exp)(x);
    case F_LOG: return FNV(fn_log)(x);
    case F_SQRT: return FNV(sqrt_rn)(x);
    case F_ABS: return FNV(magnitude)(x);
    case F_NEGATE: return -x;
    case F_RECIPROCAL: return FNV(div_rn)(one, x);
    case F_SOFTPLUS: return FNV(softplus)(x);
    case F_FLOOR: return floor(x);
    case F_CEIL: return ceil(x);
    case F_ROUND: return rint(x);
    case F_SIGN: return x > zero ? one : (x < zero ? -one : x);
    case F_THRESHOLDED: return x <= (FV)(a) ? zero : x;
    case F_SOFTSIGN: return FNV(div_rn)(x, FNV(magnitude)(x) + one);
    case F_MISH: return x * FNV(fn_tanh)(FNV(softplus)(x));
    default: return x;
  }
}
#endif

/* sepcl_function `kind`. None, ReLU and ReLU6 are clips whose bounds a loop can keep. The hard swish ends every other
 * stage of some networks: it is worth no call where registers are plenty. */
static FV FNV(activate)(const FV x, const int kind, const float a, const float b) {
#if VEC >= 8
  if (kind == F_HARD_SWISH) return FNV(hard_swish)(x);
#endif
  if (kind > F_CLIP) return FNV(function)(x, kind, a, b);
  const float low = kind == F_CLIP ? a : (kind == F_NONE ? -INF_F : 0.0f);
  const float high = kind == F_CLIP ? b : (kind == F_RELU6 ? 6.0f : INF_F);
  return FNV(clip)(x, low, high);
}

/* sepcl_binary `kind`. */
static FV FNV(binary)(const FV a, const FV b, const int kind) {
  switch (kind) {
    case B_ADD: return a + b;
    case B_SUB: return a - b;
    case B_MUL: return a * b;
    case B_DIV: return FNV(div_rn)(a, b);
    case B_MIN: return a < b || a != a ? a : b;
    case B_MAX: return a > b || a != a ? a : b;
    case B_POW: return FNV(fn_pow)(a, b);
    case B_PRELU: return a < (FV)(0.0f) ? a * b : a;
    default: return a;
  }
}

/* Vectors whose first `count` lanes are live, the others zeros. */
#define PARTS_OF(type)                                                                    \
  static OVERLOADED FV FNV(load_part)(__global const type *p, const int count) {          \
    return count == VEC ? LOADV(p) : PASTE(load_first_, VEC)(p, count);                   \
  }                                                                                       \
  static OVERLOADED void FNV(store_part)(const FV v, __global type *p, const int count) { \
    if (count == VEC)                                                                     \
      STOREV(v, p);                                                                       \
    else                                                                                  \
      PASTE(store_first_, VEC)(v, p, count);                                              \
  }
PARTS_OF(float)
#ifdef HALVES
PARTS_OF(half)
#endif
#undef PARTS_OF

/* Sums of many terms: serial in blocks of 64, the blocks' sums by a tree of neighbours, level by level, an odd last one
 * moving up as it is. `levels` holds one finished subtree per set bit of `blocks`. */
typedef struct FNV(tree) {
  FV levels[26];
  int blocks;
} FNV(tree);

/* Loops of fixed length, and inline: unrolled, `levels` can be registers. Those of long vectors stay in memory. */
ALWAYS_INLINE void FNV(tree_add)(FNV(tree) * tree, FV sum) {
  const int bits = tree->blocks++;
#if VEC <= 4
#pragma unroll
#endif
  for (int level = 0; level < 26; level++) {
    const FV kept = tree->levels[level];
    const int taken = bits >> level & 1;
    tree->levels[level] = taken ? kept : sum; /* compilers make one store with an index of stores before breaks */
    if (!taken) break;
    sum = kept + sum;
  }
}

ALWAYS_INLINE FV FNV(tree_sum)(const FNV(tree) * tree) {
  const int bits = tree->blocks;
  FV sum = tree->levels[0];
  bool begun = bits & 1;
#if VEC <= 4
#pragma unroll
#endif
  for (int level = 1; level < 26; level++) {
    if (!(bits >> level)) break;
    if (!(bits >> level & 1)) continue;
    sum = begun ? tree->levels[level] + sum : tree->levels[level];
    begun = true;
  }
  return sum;
}
