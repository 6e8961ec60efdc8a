#include "support/sweep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPORTS = 20 }; /* wrong cases that get a line */

uint32_t sweep_programs(const test_context *context) {
  uint32_t compiled, cached;
  sepcl_device_program_counts(context->device, &compiled, &cached);
  return compiled + cached;
}

typedef struct sweep_state {
  const test_context *context;
  const sweep_options *options;
  sweep_result *result;
  uint64_t *hits;
  case_kind kind;
} sweep_state;

static test_case draw(case_kind kind, const sweep_options *options, uint64_t index) {
  static const int32_t mixed[] = {ALL_HALVES, HALF_X | HALF_R | HALF_S, HALF_Y, ALL_HALVES, HALF_X | HALF_Y};
  test_case c = case_draw(kind, options->seed, index, &options->limits);
  c.halves = options->halves < 0 ? mixed[index % 5] : options->halves;
  if (c.in_place && c.halves) c.halves = ALL_HALVES; /* x is y */
  if (options->half_sums) c.halves = index % 6 ? c.halves | HALF_SUMS : HALF_SUMS;
  return c;
}

static bool wanted(const sweep_state *s, int32_t v) {
  if (!case_kind_covers(s->kind, &variants[v])) return false;
  if (s->options->variant) return !strcmp(s->options->variant, variants[v].name);
  return s->hits[v] || !s->options->max_programs || sweep_programs(s->context) < s->options->max_programs;
}

static void report(const sweep_state *s, const test_case *c, uint64_t index, const char *variant, const char *message) {
  sweep_result *result = s->result;
  if (!s->options->log || result->wrong + result->failed > MOST_REPORTS) return;
  char line[1024];
  case_describe(c, line, sizeof line);
  fprintf(s->options->log, "sepcl_sweep --stage %s --only %" PRIu64 ":%" PRIu64 " --variant %s: %s: %s\n",
          case_kind_name(s->kind), s->options->seed, index, variant, message, line);
  if (!s->options->shrink) return;
  test_case small = case_shrink(s->context, c, variant);
  char why[512];
  case_outcome outcome = case_run_alone(s->context, &small, variant, why);
  case_describe(&small, line, sizeof line);
  if (outcome == CASE_WRONG) fprintf(s->options->log, "  smaller: %s: %s\n", why, line);
  fflush(s->options->log);
}

static void run_variant(const sweep_state *s, const test_case *c, uint64_t index, const case_data *data,
                        const case_buffers *buffers, int32_t v) {
  char message[512];
  const char *name = variants[v].name;
  case_outcome outcome = case_run(s->context, c, data, buffers, name, message);
  if (outcome == CASE_REFUSED) {
    s->result->refused++;
    return;
  }
  s->result->launches++;
  s->hits[v]++;
  bool fused = c->kind == CASE_SEPARABLE || c->kind == CASE_INVERTED_RESIDUAL;
  if (outcome == CASE_EQUAL && fused && s->options->unfused && !c->halves) {
    outcome = case_run_unfused(s->context, c, data, name, message);
    s->result->unfused++;
  }
  if (outcome == CASE_EQUAL) return;
  if (outcome == CASE_WRONG)
    s->result->wrong++;
  else
    s->result->failed++;
  report(s, c, index, name, message);
}

void sweep_kind(const test_context *context, case_kind kind, const sweep_options *options, sweep_result *result,
                uint64_t *hits) {
  sweep_state state = {context, options, result, hits, kind};
  for (uint64_t i = options->first; i < options->first + options->count; i++) {
    test_case c = draw(kind, options, i);
    case_data data;
    case_buffers buffers;
    result->cases++;
    result->macs += case_macs(&c);
    if (!case_data_create(&data, &c, false)) {
      result->failed++;
      continue;
    }
    if (case_buffers_create(&buffers, context, &c, &data)) {
      for (int32_t v = 0; v < variant_count; v++)
        if (wanted(&state, v)) run_variant(&state, &c, i, &data, &buffers, v);
      case_buffers_free(&buffers, context);
    } else {
      result->failed++;
    }
    case_data_free(&data);
  }
}

static void flip_a_bit(const test_case *c, float *values) {
  float *victim = &values[c->data_seed % reference_elements(case_output(c))];
  uint32_t bits = 0x3f800000; /* where it was a NaN */
  if (*victim == *victim) memcpy(&bits, victim, sizeof bits);
  bits ^= 1;
  memcpy(victim, &bits, sizeof bits);
}

/* The smallest tile where products are summed in halves, which what suits the device best may not do. */
static const char *control_variant(const test_case *c) {
  if (!(c->halves & HALF_SUMS)) return NULL;
  return c->kind == CASE_CONV ? "conv_tile_32x16" : "pointwise_tile_32x16";
}

void sweep_negative_control(const test_context *context, case_kind kind, const sweep_options *options, uint64_t *found,
                            uint64_t *cases) {
  *found = *cases = 0;
  for (uint64_t i = options->first; i < options->first + options->count; i++) {
    test_case c = draw(kind, options, i);
    c.activation = c.inner[0] = c.inner[1] = (sepcl_activation)SEPCL_ACTIVATION_INIT; /* they may hide a bit */
    c.special = false;
    case_data data;
    case_buffers buffers;
    if (!case_data_create(&data, &c, true)) continue;
    if (kind > CASE_GEMM) flip_a_bit(&c, data.expected);
    if (case_buffers_create(&buffers, context, &c, &data)) {
      char message[512];
      case_outcome outcome = case_run(context, &c, &data, &buffers, control_variant(&c), message);
      *cases += outcome == CASE_EQUAL || outcome == CASE_WRONG;
      *found += outcome == CASE_WRONG;
      case_buffers_free(&buffers, context);
    }
    case_data_free(&data);
  }
}
