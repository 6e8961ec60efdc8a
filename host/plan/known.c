#include "plan/known.h"

#include <float.h>
#include <math.h>

known known_nothing(const char *why) { return (known){-INFINITY, INFINITY, INFINITY, INFINITY, why, true}; }

known known_endless(const char *why) { return (known){-INFINITY, INFINITY, INFINITY, INFINITY, why, false}; }

known known_lost(known k) { return known_nothing(k.why); }

known known_empty(void) { return known_of(INFINITY, -INFINITY, 0, 0); }

known known_exact(double low, double high) { return known_of(low, high, 0, 0); }

double known_magnitude(const known *k) { return fmax(fabs(k->low), fabs(k->high)); }

/* Of a range without order nothing is known: of what is not written yet, or of infinities in a bound. */
static known checked(known k) {
  if (k.why) return k;
  if (!(k.low <= k.high)) return known_nothing("numbers without a range");
  if (!(known_magnitude(&k) <= FLT_MAX)) return known_endless("numbers that may pass the largest float");
  k.error = fmin(k.error, k.high - k.low); /* the computed and the exact number lie in the same range */
  k.local = fmin(k.local, k.high - k.low);
  return k;
}

known known_hull(known a, known b) {
  if (a.low > a.high && !a.why) return b;
  if (b.low > b.high && !b.why) return a;
  return (known){fmin(a.low, b.low),     fmax(a.high, b.high),  fmax(a.error, b.error),
                 fmax(a.local, b.local), a.why ? a.why : b.why, a.nan || b.nan};
}

double gamma_of(double k) {
  const double ku = k * UNIT_ROUNDOFF;
  return ku < 0.5 ? ku / (1 - ku) : INFINITY;
}

known known_widened(known k, double amount) {
  if (k.why) return k;
  return checked(known_of(k.low - amount, k.high + amount, k.error + amount, k.local + amount));
}

/* One rounding of the result. */
static known rounded(known k) { return known_widened(k, UNIT_ROUNDOFF * known_magnitude(&k) + 0x1p-149); }

known known_sum(known a, known b) {
  if (a.why && b.why) return known_lost(a);
  if (a.why || b.why) return a.why ? a : b;
  return rounded(known_of(a.low + b.low, a.high + b.high, a.error + b.error, a.local + b.local));
}

static void hull_of_products(known *out, const known *a, const known *b) {
  const double p[4] = {a->low * b->low, a->low * b->high, a->high * b->low, a->high * b->high};
  out->low = fmin(fmin(p[0], p[1]), fmin(p[2], p[3]));
  out->high = fmax(fmax(p[0], p[1]), fmax(p[2], p[3]));
}

static double product_error(double a, double a_error, double b, double b_error) {
  return a * b_error + b * a_error + a_error * b_error;
}

known known_product(known a, known b) {
  if (a.why || b.why) return known_lost(a.why ? a : b);
  known out = known_empty();
  hull_of_products(&out, &a, &b);
  const double x = known_magnitude(&a), y = known_magnitude(&b);
  out.error = product_error(x, a.error, y, b.error);
  out.local = product_error(x, a.local, y, b.local);
  return rounded(out);
}

static bool spans_zero(const known *k) { return k->low <= 0 && k->high >= 0; }

/* a / b - a' / b' = (a - a') / b + (a' / b') (b' - b) / b. */
static known quotient(known a, known b) {
  if (spans_zero(&b)) {
    static const char *const why = "a division by what may be zero";
    return spans_zero(&a) ? known_nothing(why) : known_endless(why);
  }
  const known inverse = known_exact(1 / b.high, 1 / b.low);
  const double least = fmin(fabs(b.low), fabs(b.high)), largest = known_magnitude(&a) / least;
  known out = known_empty();
  hull_of_products(&out, &a, &inverse);
  out.error = (a.error + largest * b.error) / least;
  out.local = (a.local + largest * b.local) / least;
  return rounded(out);
}

/* a < 0 ? a b : a, continuous in a. */
static known prelu(known a, known b) {
  known negative = a, product = known_empty();
  negative.low = fmin(a.low, 0);
  negative.high = fmin(a.high, 0);
  hull_of_products(&product, &negative, &b);
  const double x = known_magnitude(&negative), slope = fmax(1, known_magnitude(&b));
  known out = known_of(fmin(product.low, fmax(a.low, 0)), fmax(product.high, fmax(a.high, 0)),
                       slope * a.error + (x + a.error) * b.error, slope * a.local + (x + a.local) * b.local);
  return rounded(out);
}

known known_binary(sepcl_binary kind, known a, known b) {
  if (kind == SEPCL_ADD) return known_sum(a, b);
  if (a.why || b.why) return known_lost(a.why ? a : b);
  const known either = known_of(0, 0, fmax(a.error, b.error), fmax(a.local, b.local));
  switch (kind) {
    case SEPCL_SUB: return known_sum(a, known_of(-b.high, -b.low, b.error, b.local));
    case SEPCL_MUL: return known_product(a, b);
    case SEPCL_DIV: return quotient(a, b);
    case SEPCL_MIN: return known_of(fmin(a.low, b.low), fmin(a.high, b.high), either.error, either.local);
    case SEPCL_MAX: return known_of(fmax(a.low, b.low), fmax(a.high, b.high), either.error, either.local);
    case SEPCL_PRELU: return prelu(a, b);
    default: return known_nothing("pow");
  }
}

known known_stored_half(known k) {
  if (k.why) return k;
  return known_widened(k, fmax(HALF_ROUNDOFF * known_magnitude(&k), 0x1p-25));
}

known known_within(known k, double size) {
  if (k.why) return known_exact(-size, size);
  k.low = fmin(fmax(k.low, -size), size);
  k.high = fmin(fmax(k.high, -size), size);
  return k;
}

known known_loaded(known k) {
  k.local = 0;
  return k;
}

/* ---- functions ---- */

/* An exact function over a range: what it does between its ends, and how the library's sequence departs from it. */
typedef struct behaviour {
  double slope;           /* the largest, by magnitude */
  double turn;            /* where it has an extremum or bends; NAN: nowhere */
  double ulps, absolute;  /* error of the sequence: ulps of the largest result, and that */
  double jump;            /* the largest step where it is not continuous */
  const char *impossible; /* not NULL: outside of the function's domain */
} behaviour;

static double clipped(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

static double exact(sepcl_activation a, double x) {
  switch (a.kind) {
    case SEPCL_RELU: return fmax(x, 0);
    case SEPCL_RELU6: return clipped(x, 0, 6);
    case SEPCL_CLIP: return clipped(x, a.a, a.b);
    case SEPCL_LEAKY_RELU: return x < 0 ? a.a * x : x;
    case SEPCL_ELU: return x < 0 ? a.a * expm1(x) : x;
    case SEPCL_HARD_SIGMOID: return clipped(a.a * x + a.b, 0, 1);
    case SEPCL_HARD_SWISH: return x * clipped(x / 6 + 0.5, 0, 1);
    case SEPCL_SIGMOID: return sigmoid(x);
    case SEPCL_SWISH: return x * sigmoid(x);
    case SEPCL_TANH: return tanh(x);
    case SEPCL_GELU: return x / 2 * (1 + erf(x * sqrt(0.5)));
    case SEPCL_GELU_TANH: return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case SEPCL_ERF: return erf(x);
    case SEPCL_EXP: return exp(x);
    case SEPCL_LOG: return log(x);
    case SEPCL_SQRT: return sqrt(x);
    case SEPCL_ABS: return fabs(x);
    case SEPCL_NEGATE: return -x;
    case SEPCL_RECIPROCAL: return 1 / x;
    case SEPCL_SOFTPLUS: return softplus(x);
    case SEPCL_FLOOR: return floor(x);
    case SEPCL_CEIL: return ceil(x);
    case SEPCL_ROUND: return rint(x);
    case SEPCL_SIGN: return (x > 0) - (x < 0);
    case SEPCL_THRESHOLDED: return x <= a.a ? 0 : x;
    case SEPCL_SELU: return (double)a.b * (x < 0 ? a.a * expm1(x) : x);
    case SEPCL_SOFTSIGN: return x / (1 + fabs(x));
    case SEPCL_MISH: return x * tanh(softplus(x));
    default: return x;
  }
}

/* Slopes of gelu, swish and mish, and the places of their minima, are rounded up. The ulps are at least twice those of
 * docs/numerics.md, which were measured, not proven. */
static behaviour behaviour_of(sepcl_activation a, const known *x) {
  const double below = fmax(0, -x->low); /* how far x may be negative */
  const double least = fmin(fabs(x->low), fabs(x->high));
  switch (a.kind) {
    case SEPCL_CLIP: return (behaviour){1, NAN, 0, 0, 0, a.a <= a.b ? NULL : "a clip to nothing"};
    case SEPCL_LEAKY_RELU: return (behaviour){fmax(1, fabs(a.a)), 0, 1, 0, 0, NULL};
    case SEPCL_ELU: return (behaviour){fmax(1, fabs(a.a)), 0, 8, 0, 0, NULL};
    case SEPCL_HARD_SIGMOID: return (behaviour){fabs(a.a), NAN, 2, 0x1p-23, 0, NULL};
    case SEPCL_HARD_SWISH: return (behaviour){1.5, -1.5, 4, 0x1p-20, 0, NULL};
    case SEPCL_SIGMOID: return (behaviour){0.25, NAN, 8, 0, 0, NULL};
    case SEPCL_SWISH: return (behaviour){1.1, -1.27846454, 8, 0x1p-30, 0, NULL};
    case SEPCL_TANH: return (behaviour){1, NAN, 8, 0, 0, NULL};
    case SEPCL_GELU: return (behaviour){1.13, -0.75179152, 8, below * 0x1p-22, 0, NULL};
    case SEPCL_GELU_TANH: return (behaviour){1.13, -0.75246142, 8, below * 0x1p-22, 0, NULL};
    case SEPCL_ERF: return (behaviour){1.13, NAN, 8, 0, 0, NULL};
    case SEPCL_EXP: return (behaviour){exp(x->high), NAN, 8, 0, 0, x->high < 88 ? NULL : "exp of large numbers"};
    case SEPCL_LOG:
      return (behaviour){1 / least, NAN, 8, 0x1p-24, 0, x->low > 0 ? NULL : "the logarithm of what may be zero"};
    case SEPCL_SQRT:
      return (behaviour){x->low > 0 ? 0.5 / sqrt(x->low) : INFINITY,
                         NAN,
                         1,
                         0,
                         0,
                         x->low >= 0 ? NULL : "the square root of what may be negative"};
    case SEPCL_ABS: return (behaviour){1, 0, 0, 0, 0, NULL};
    case SEPCL_RECIPROCAL:
      return (behaviour){
          1 / (least * least), NAN, 1, 0, 0, spans_zero(x) ? "the reciprocal of what may be zero" : NULL};
    case SEPCL_FLOOR:
    case SEPCL_CEIL:
    case SEPCL_ROUND: return (behaviour){1, NAN, 0, 0, 1, NULL};
    case SEPCL_SIGN: return (behaviour){0, NAN, 0, 0, 2, NULL};
    case SEPCL_THRESHOLDED: return (behaviour){1, a.a, 0, 0, fabs(a.a), NULL};
    case SEPCL_SELU: return (behaviour){fabs(a.b) * fmax(1, fabs(a.a)), 0, 8, 0, 0, NULL};
    case SEPCL_SOFTPLUS:
    case SEPCL_SOFTSIGN: return (behaviour){1, NAN, 8, 0, 0, NULL};
    case SEPCL_MISH: return (behaviour){1.09, -1.19243120, 16, 0x1p-30, 0, NULL};
    default: return (behaviour){1, NAN, 0, 0, 0, NULL};
  }
}

static double carried(const behaviour *b, double error) {
  if (error <= 0) return 0;
  return isinf(b->slope) ? sqrt(error) : b->slope * error + b->jump; /* the square root near 0 */
}

/* Infinities pass these as they are, or are cut off: no NaN comes about. */
static bool orders_infinities(sepcl_function kind) {
  return kind == SEPCL_NONE || kind == SEPCL_RELU || kind == SEPCL_RELU6 || kind == SEPCL_CLIP || kind == SEPCL_ABS ||
         kind == SEPCL_NEGATE;
}

/* Of an operand without a range. A clip gives one to numbers of any size, but a NaN passes it. */
static known function_of_unknown(sepcl_activation a, known x) {
  if (x.nan || !orders_infinities(a.kind) || (a.kind == SEPCL_CLIP && !(a.a <= a.b))) return known_lost(x);
  const double low = exact(a, -INFINITY), high = exact(a, INFINITY);
  return isfinite(low) && isfinite(high) ? known_of(low, high, high - low, high - low) : x;
}

/* Where no range comes out: numbers of any size, unless the function has no value at all for some. */
static known outside_of_domain(const behaviour *b, sepcl_activation a, const known *x) {
  const bool none = a.kind == SEPCL_CLIP || a.kind == SEPCL_SQRT || (a.kind == SEPCL_LOG && x->low < 0);
  return none ? known_nothing(b->impossible) : known_endless(b->impossible);
}

known known_function(sepcl_activation a, known x) {
  if (isnan(a.a) || isnan(a.b)) return known_nothing("a function of NaN");
  if (x.why) return function_of_unknown(a, x);
  if (!(x.low <= x.high)) return checked(x);
  const behaviour b = behaviour_of(a, &x);
  if (b.impossible) return outside_of_domain(&b, a, &x);
  const double first = exact(a, x.low), second = exact(a, x.high);
  known out = known_of(fmin(first, second), fmax(first, second), carried(&b, x.error), carried(&b, x.local));
  if (b.turn > x.low && b.turn < x.high) {
    const double turn = exact(a, b.turn);
    out.low = fmin(out.low, turn);
    out.high = fmax(out.high, fmax(turn, a.kind == SEPCL_THRESHOLDED ? b.turn : turn));
    if (a.kind == SEPCL_THRESHOLDED) out.low = fmin(out.low, b.turn);
  }
  if (b.ulps == 0) return checked(out);
  return known_widened(out, b.ulps * 0x1p-23 * known_magnitude(&out) + b.absolute + 0x1p-120);
}
