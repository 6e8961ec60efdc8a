/* Stages without weights. */
#include <float.h>
#include <math.h>

#include "plan/certify.h"

/* Whether numbers up to that size, before their roundings, are floats. */
static bool fits(double size) { return size <= FLT_MAX * 0.5; }

double long_sum_roundings(double terms) { return fmin(terms, 64) + ceil(log2(fmax(terms / 64, 1))) + 1; }

/* A sum of `terms` numbers like x, times `share`: what it passes through is not yet smaller by that. */
static known sum_of(known x, double terms, double share, double roundings) {
  if (x.why) return known_lost(x);
  if (!fits(terms * known_magnitude(&x))) return known_nothing("sums that may pass the largest float");
  const double factor = terms * share;
  known sum = known_of(x.low * factor, x.high * factor, x.error * factor, x.local * factor);
  return known_widened(sum, gamma_of(roundings) * factor * known_magnitude(&x) + terms * 0x1p-149);
}

static known reduced(known x, int32_t mode, double terms) {
  const double roundings = long_sum_roundings(terms);
  if (mode == SEPCL_REDUCE_SUM) return sum_of(x, terms, 1, roundings);
  if (mode == SEPCL_REDUCE_MEAN) return sum_of(x, terms, 1 / terms, roundings + 2); /* 1 / terms is rounded, too */
  return x;
}

static known pooled(known x, const stage *s) {
  if (s->mode == SEPCL_MAX_POOL) return x;
  const double taps = (double)s->window.kernel_h * s->window.kernel_w;
  if (s->mode == SEPCL_AVERAGE_POOL_WITH_PADDING) x = known_hull(x, known_exact(0, 0));
  /* Windows at the border have fewer taps and the same bound. */
  const double roundings = s->output.h == 1 && s->output.w == 1 ? fmax(taps, long_sum_roundings(taps)) : taps;
  return sum_of(x, taps, 1 / taps, roundings + 2);
}

/* Two steps a + s (b - a). Shares are off by a few roundings of a coordinate, which moves along a slope of at most the
 * range: the interpolation is continuous. Nearest neighbours are those that the coordinates' sequence names. */
static known resized(known x, const stage *s) {
  if (s->mode != SEPCL_LINEAR) return x;
  const double range = x.high - x.low;
  if (x.why || !fits(range))
    return known_lost(x.why ? x : known_nothing("differences that may pass the largest float"));
  const double size = fmax(s->input.h, s->input.w) + 1;
  return known_widened(x, 2 * (gamma_of(4 * size) * range + gamma_of(3) * (range + known_magnitude(&x))));
}

/* v = d / sqrt(mean of d^2 + epsilon), |v| <= sqrt(n): with every d off by at most e, the root moves by at most e. */
static known normalised(known x, const stage *s) {
  if (x.why) return known_lost(x);
  const double n = s->mode == SEPCL_LAYER_NORM ? s->input.c : (double)s->input.h * s->input.w;
  const double size = sqrt(n), least = sqrt(fmax(0, s->extra_float[0])), roundings = long_sum_roundings(n);
  if (!(least > 0x1p-50)) return known_nothing("a division by a deviation that may be zero");
  if (!fits(n * 4 * known_magnitude(&x) * fmax(1, known_magnitude(&x))))
    return known_nothing("squares that may pass the largest float");
  const double distance = gamma_of(roundings + 4) * 2 * known_magnitude(&x); /* of d */
  const double own = (1 + size) * distance / least + size * gamma_of(roundings + 8);
  const double carry = 2 * (1 + size) / least;
  known out = known_of(-size, size, carry * x.error, carry * x.local);
  return known_widened(out, own);
}

/* x / (bias + alpha squares)^beta. */
static known local_response(known x, const stage *s) {
  const double alpha = s->extra_float[0], beta = s->extra_float[1], bias = s->extra_float[2], window = s->extra[0];
  if (x.why || !(alpha >= 0 && beta >= 0 && bias > 0)) return known_lost(x.why ? x : known_nothing("pow"));
  const double size = known_magnitude(&x), least = pow(bias, beta), most = pow(bias + alpha * size * size, beta);
  /* The base is off by this share; squares' slope is twice the number's size. */
  const double share = gamma_of(window + 4) + 0x1p-60, slope = beta * 2 * alpha * size * size / bias;
  const double largest = size / least, own = largest * (beta * share * 1.01 + 8 * 0x1p-23);
  if (!(beta * share < 0.01 && fits(fmax(1, alpha) * window * size * size) && fits(most) && least > FLT_MIN))
    return known_nothing("pow");
  known out = known_of(fmin(x.low / least, x.low / most), fmax(x.high / least, x.high / most),
                       x.error * (1 + slope) / least, x.local * (1 + slope) / least);
  return known_widened(out, own);
}

static known scaled(known v, const known *scale, const known *shift) {
  if (scale) v = known_product(v, *scale);
  return shift ? known_sum(v, *shift) : v;
}

void certify_window(known *out, const stage *s, const stage_operands *o) {
  for (int32_t c = 0; c < s->input.c; c++) {
    known v = o->x[c];
    switch (s->kind) {
      case STAGE_POOL: v = pooled(v, s); break;
      case STAGE_GLOBAL_POOL: v = reduced(v, s->mode, (double)s->input.h * s->input.w); break;
      case STAGE_RESIZE: v = resized(v, s); break;
      default:
        v = s->mode == SEPCL_LRN ? local_response(v, s)
                                 : scaled(normalised(v, s), o->r ? &o->r[c] : NULL, o->s ? &o->s[c] : NULL);
        break;
    }
    out[c] = known_function(s->activation, v);
  }
}

/* Probabilities. A term's exponential is off by a share of d u + 4 ulps, d being its distance to the top; the
 * distances' mean, weighted by the probabilities, is at most ln n. */
static known softmax(known x, double n) {
  if (x.why) return known_lost(x);
  const double terms = UNIT_ROUNDOFF * (log(n) + 1) + 8 * 0x1p-23, total = gamma_of(long_sum_roundings(n)) + terms;
  known out = known_of(0, 1, 0.5 * x.error, 0.5 * x.local);
  out = known_widened(out, (total + 2 * terms + 2 * UNIT_ROUNDOFF) * 1.01 + n * 0x1p-126);
  out.low = 0;
  return out;
}

static double product_of(const stage *s, bool reduced_only) {
  double elements = 1;
  for (int32_t i = 0; i < s->rank; i++)
    if (!reduced_only || s->extra[i]) elements *= (double)s->dims[i];
  return elements;
}

known certify_whole(const stage *s, known x, known r, known start) {
  known v = known_nothing(stage_kind_name(s->kind));
  if (s->kind == STAGE_SOFTMAX) v = softmax(x, (double)s->dims[s->rank - 1]);
  if (s->kind == STAGE_REDUCE) v = reduced(x, s->mode, product_of(s, true));
  if (s->kind == STAGE_MATMUL) {
    const double k = s->extra[0];
    known product = known_product(x, r);
    v = sum_of(product, k, 1, k);
    if (s->has_scale && !v.why) {
      v = known_sum(v, start);
      if (!v.why) v = known_widened(v, gamma_of(k) * known_magnitude(&start));
    }
  }
  return known_function(s->activation, v);
}
