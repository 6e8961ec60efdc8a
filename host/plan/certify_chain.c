/* Convolutions: acc = bias, then an fma a tap. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"
#include "plan/certify.h"

static double weight_of(const chain *c, double factor, int32_t o, int32_t ky, int32_t kx, int32_t i) {
  const weight_reader *r = &c->reader;
  if (!c->transposed || r->set->layout == SEPCL_OHWI) return (double)weight_at(r, factor, o, ky, kx, i);
  const int32_t outputs = r->outputs / c->groups;
  const size_t channel = (size_t)(o / outputs) * (size_t)r->inputs + (size_t)i;
  const size_t at =
      ((channel * (size_t)outputs + (size_t)(o % outputs)) * (size_t)r->kernel_h + (size_t)ky) * (size_t)r->kernel_w +
      (size_t)kx;
  return (double)r->set->weights[at] * factor;
}

/* Sums over the taps of one output. */
typedef struct sums {
  double low, high, magnitude, error, local;
} sums;

static void add_tap(sums *t, double w, const known *x, bool padded) {
  const double least = padded ? fmin(x->low, 0) : x->low, most = padded ? fmax(x->high, 0) : x->high;
  const double size = fabs(w);
  t->low += w > 0 ? w * least : w * most;
  t->high += w > 0 ? w * most : w * least;
  t->magnitude += size * fmax(fabs(least), fabs(most));
  t->error += size * x->error;
  t->local += size * x->local;
}

/* What a block of HALF_CHAIN products in halves adds to an output's bound. */
typedef struct half_block {
  double magnitude; /* of the rounded terms' products */
  int32_t terms;
} half_block;

typedef struct half_error {
  double own;       /* without the floats' additions */
  double magnitude; /* of the blocks' sums */
  double largest;   /* of what has to be a half */
  int32_t blocks;
} half_error;

/* Of rounding a number of such a size to a half, ties and all. */
static double half_rounding(double size, double tiny) {
  return size < LEAST_NORMAL_HALF ? fmin(size, tiny) : HALF_ROUNDOFF * size;
}

/* An input may be anywhere below its largest size. */
static double input_rounding(const half_sums *h, double size) {
  const double lost = fmin(size, h->tiny); /* also where the device takes small halves for zero */
  return h->exact_inputs ? (h->tiny < 0x1p-24 ? 0 : lost) : fmax(HALF_ROUNDOFF * size, lost);
}

static void end_block(half_error *e, half_block *b, double tiny) {
  const double steps = b->terms * HALF_ROUNDOFF, gamma = steps / (1 - steps);
  const double lost = gamma * b->magnitude + b->terms * tiny * (1 + gamma), most = b->magnitude + lost;
  e->own += lost;
  e->magnitude += most;
  e->largest = fmax(e->largest, most);
  e->blocks++;
  *b = (half_block){0, 0};
}

static void add_half_tap(half_error *e, half_block *b, const half_sums *h, double w, double x) {
  const double size = fabs(w), of_w = half_rounding(size, h->tiny), of_x = input_rounding(h, x);
  e->own += size * of_x + of_w * (x + of_x);
  e->largest = fmax(e->largest, fmax(size, x));
  b->magnitude += (size + of_w) * (x + of_x);
  if (++b->terms == HALF_CHAIN) end_block(e, b, h->tiny);
}

static known half_output_of(const chain *c, int32_t o, const known *x) {
  const weight_reader *r = &c->reader;
  const double factor = weight_factor(r, o), bias = (double)weight_bias(r, factor, o);
  sums t = {bias, bias, fabs(bias), 0, 0};
  half_error e = {0, fabs(bias), 0, 0};
  half_block b = {0, 0};
  x += (int64_t)(o / (r->outputs / c->groups)) * r->inputs;
  for (int32_t ky = 0; ky < r->kernel_h; ky++)
    for (int32_t kx = 0; kx < r->kernel_w; kx++)
      for (int32_t i = 0; i < r->inputs; i++) {
        const double w = weight_of(c, factor, o, ky, kx, i);
        add_tap(&t, w, &x[i], c->padded);
        add_half_tap(&e, &b, c->halves, w, known_magnitude(&x[i]));
      }
  if (b.terms) end_block(&e, &b, c->halves->tiny);
  if (!(e.largest <= LARGEST_HALF)) return known_nothing("sums in halves that may pass 65504");
  const double folded = r->set->variance || c->rounded ? gamma_of(1) * t.magnitude : 0;
  const double own = e.own + gamma_of(e.blocks) * e.magnitude + folded + (e.blocks + 1) * 0x1p-149;
  const double room = 1 + 0x1p-30;
  return known_widened(known_of(t.low, t.high, t.error * room, t.local * room), own * room);
}

static known output_of(const chain *c, int32_t o, const known *x) {
  const weight_reader *r = &c->reader;
  const double factor = weight_factor(r, o), bias = (double)weight_bias(r, factor, o);
  sums t = {bias, bias, fabs(bias), 0, 0};
  x += (int64_t)(o / (r->outputs / c->groups)) * r->inputs;
  for (int32_t ky = 0; ky < r->kernel_h; ky++)
    for (int32_t kx = 0; kx < r->kernel_w; kx++)
      for (int32_t i = 0; i < r->inputs; i++) add_tap(&t, weight_of(c, factor, o, ky, kx, i), &x[i], c->padded);
  /* A rounding a tap; a folded weight or bias was rounded once before. */
  const double taps = (double)r->kernel_h * r->kernel_w * r->inputs,
               roundings = taps + (r->set->variance || c->rounded ? 1 : 0);
  const double own = gamma_of(roundings) * t.magnitude + (taps + 1) * 0x1p-149;
  /* Infinite once, a chain of fmas over finite numbers stays it, with its sign. */
  static const char *const wide = "sums that may pass the largest float";
  if (!(t.magnitude + own <= FLT_MAX)) return isfinite(t.magnitude) ? known_endless(wide) : known_nothing(wide);
  /* The room is for the roundings of this computation itself. */
  const double room = 1 + 0x1p-30;
  return known_widened(known_of(t.low, t.high, t.error * room, t.local * room), own * room);
}

void certify_chain(known *out, const chain *c, const known *x) {
  const int32_t inputs = c->reader.inputs * c->groups;
  const char *why = NULL;
  for (int32_t i = 0; i < inputs && !why; i++) why = x[i].why;
  for (int32_t o = 0; o < c->reader.outputs; o++)
    out[o] = why ? known_nothing(why) : c->halves ? half_output_of(c, o, x) : output_of(c, o, x);
}

void certify_function(known *v, int32_t count, sepcl_activation a) {
  for (int32_t i = 0; i < count; i++) v[i] = known_function(a, v[i]);
}

static bool is_padded(const sepcl_window *w) { return w->pad_top || w->pad_left || w->pad_bottom || w->pad_right; }

static chain chain_of(const sepcl_weights *set, int32_t outputs, int32_t inputs) {
  return (chain){{set, outputs, inputs, 1, 1}, 1, false, false, false, NULL};
}

static chain window_chain(const stage *s, const sepcl_weights *set, int32_t outputs, int32_t inputs, int32_t groups) {
  const sepcl_window *w = &s->window;
  return (chain){{set, outputs, inputs / groups, w->kernel_h, w->kernel_w}, groups, is_padded(w), false, false, NULL};
}

/* Each inner result goes on as it is: it stays a float in private memory. */
static bool certify_block(known *out, const stage *s, const known *x, const stage_operands *o) {
  const sepcl_weights *sets = o->sets;
  const bool expands = s->kind == STAGE_INVERTED_RESIDUAL;
  const int32_t inner = expands ? s->expanded : s->input.c;
  known *expanded = calloc(2 * (size_t)inner + 1, sizeof *expanded), *filtered = expanded + inner;
  if (!expanded) return false;
  if (expands) {
    chain expand = chain_of(sets++, inner, s->input.c);
    expand.rounded = o->rounded;
    certify_chain(expanded, &expand, x);
    certify_function(expanded, inner, s->inner[0]);
  } else {
    memcpy(expanded, x, (size_t)inner * sizeof *x);
  }
  chain depthwise = window_chain(s, sets++, inner, inner, inner), project = chain_of(sets, s->output.c, inner);
  depthwise.rounded = project.rounded = o->rounded;
  certify_chain(filtered, &depthwise, expanded);
  certify_function(filtered, inner, s->inner[expands]);
  certify_chain(out, &project, filtered);
  free(expanded);
  return true;
}

/* A sample lies between the pixels around it and zero; where exactly, rounded offsets say, of which nothing is known
 * here. */
static void certify_samples(known *x, int32_t count, const known *mask) {
  for (int32_t i = 0; i < count; i++) {
    x[i] = known_widened(known_hull(x[i], known_exact(0, 0)), gamma_of(8) * known_magnitude(&x[i]));
    if (x[i].why) x[i] = known_lost(x[i]); /* an infinity's share may be 0 */
    if (mask) x[i] = known_product(x[i], *mask);
    if (!x[i].why) x[i].error = x[i].local = x[i].high - x[i].low;
  }
}

bool certify_convolution(known *out, const stage *s, const stage_operands *o) {
  if (s->kind == STAGE_SEPARABLE || s->kind == STAGE_INVERTED_RESIDUAL) {
    if (!certify_block(out, s, o->x, o)) return false;
  } else {
    known *x = calloc((size_t)s->input.c + 1, sizeof *x);
    if (!x) return false;
    const bool deformed = s->kind == STAGE_DEFORM_CONV;
    for (int32_t i = 0; i < s->input.c; i++) x[i] = o->s && !deformed ? known_product(o->x[i], o->s[i]) : o->x[i];
    if (deformed) certify_samples(x, s->input.c, o->s);
    chain c = window_chain(s, o->sets, s->output.c, s->input.c, s->groups);
    c.rounded = o->rounded;
    c.halves = o->halves;
    c.transposed = s->kind == STAGE_CONV_TRANSPOSE;
    c.padded = c.padded || c.transposed;
    certify_chain(out, &c, x);
    free(x);
  }
  for (int32_t i = 0; s->has_residual && i < s->output.c; i++) out[i] = known_sum(out[i], o->r[i]);
  certify_function(out, s->output.c, s->activation);
  return true;
}
