/* sepcl_half_check [--precision f32|f16|f16-sums] [--measured] [--device SPEC] [--low X --high X] [--tile] [--verbose]
 * [--unbounded STAGE]... [MODEL.onnx | ZOO_SPEC]... runs networks stage by stage and holds every stage against exact
 * arithmetic on what it read: each result must lie in its proven range and within its proven error. Without arguments:
 * the zoo, in f16. Inputs are drawn from the range that `sepcl plan` takes: that of a photograph's colours where the
 * network takes pictures. Once they lie anywhere in it, once at its ends. A stage without a bound, or one that reads
 * more than its bound is given for, is a failure unless --unbounded NAME names it, once for each.
 * --tile: kernels for GPUs. --measured: bounds for the ranges that each stage's operands have in this run, the closest
 * there are, and every stage has one, however deep the network is. Two controls beside each network must be found out:
 * bounds divided by a million, and in every stage one weight, or one input where it has none, changed so that a result
 * moves by thrice the stage's bound. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "preprocess.h"
#include "support/proof_check.h"
#include "support/random.h"
#include "support/zoo_compare.h"
#include "zoo.h"

enum { MOST_UNBOUNDED = 64 };

typedef struct check_options {
  test_context context;
  float low, high;
  bool verbose, tile, measured;
  sepcl_precision precision;
  const char *unbounded[MOST_UNBOUNDED + 1]; /* stages that may be without a bound; NULL behind the last */
  int stages, excused, given, vague;         /* of all networks so far */
} check_options;

/* Anywhere in the range, or at its ends. */
static float *inputs_of(const sepcl_graph *graph, const float range[2], bool ends) {
  sepcl_io_info info;
  if (sepcl_graph_input_info(&info, graph, 0)) return NULL;
  float *x = malloc(info.elements * sizeof *x);
  rng r = rng_of(11, ends, 0);
  for (size_t i = 0; x && i < info.elements; i++)
    x[i] = ends ? range[rng_range(&r, 0, 1)] : rng_float(&r, range[0], range[1]);
  return x;
}

/* --low and --high, or what `sepcl plan` takes. */
static bool set_range(float range[2], const check_options *c, const sepcl_graph *graph) {
  static const options none;
  range[0] = c->low;
  range[1] = c->high;
  return c->low < c->high || input_range_of(range, &none, graph);
}

static bool stands(const proof_check *r) { return !r->outside && r->finite && r->unknown == r->excused; }

typedef struct results {
  proof_check once, ends, divided, moved;
} results;

/* False: something could not be run. */
static bool run_checks(results *all, check_options *c, const sepcl_graph *graph, const float range[2],
                       proof_check_options *options) {
  float *x = inputs_of(graph, range, false), *ends = inputs_of(graph, range, true);
  bool good = x && ends && proof_check_run(&all->once, &c->context, graph, x, options);
  if (good) good = proof_check_run(&all->ends, &c->context, graph, ends, options);
  options->verbose = false;
  options->divisor = 1e6;
  good = good && proof_check_run(&all->divided, &c->context, graph, x, options);
  options->divisor = 1;
  options->moved = 3;
  good = good && proof_check_run(&all->moved, &c->context, graph, x, options);
  free(x);
  free(ends);
  return good;
}

static const char *message_of(const results *all) {
  const proof_check *const of[] = {&all->once, &all->ends, &all->divided, &all->moved};
  for (int i = 0; i < 4; i++)
    if (*of[i]->message) return of[i]->message;
  return "no inputs";
}

static bool report(check_options *c, const char *name, const results *all) {
  const proof_check *r = &all->once, *ends = &all->ends, *moved = &all->moved;
  const bool good = stands(r) && stands(ends) && (all->divided.outside || r->excused == r->stages) &&
                    (moved->moved || r->excused == r->stages) && !moved->hidden;
  printf(
      "%-50s %s %d stages, %d with halves, %d with sums of them, %d outside, %d given, %d unknown, %d vague, worst "
      "%.2f of its bound, %d tensors f16, %d kept f32, controls found: %d, and %d of %d moved (%d could not be)\n",
      name, good ? "good" : "BAD", r->stages, r->halves, r->half_sums, r->outside + ends->outside, r->given,
      r->unknown > ends->unknown ? r->unknown : ends->unknown, r->vague, fmax(r->worst, ends->worst), r->info.halves,
      r->info.kept_floats, all->divided.outside, moved->moved - moved->hidden, moved->moved, moved->unmoved);
  c->stages += r->stages;
  c->given += r->given;
  c->vague += r->vague;
  c->excused += r->excused;
  fflush(stdout);
  return good;
}

static bool check(check_options *c, const char *name) {
  sepcl_graph *graph = NULL;
  const size_t length = strlen(name);
  const bool file = length > 5 && !strcmp(name + length - 5, ".onnx");
  if (file ? sepcl_graph_load(&graph, name, NULL) : zoo_build(&graph, name))
    return printf("%-50s FAILED %s\n", name, file ? sepcl_last_error() : zoo_last_error()), false;
  proof_check_options options = {SEPCL_NETWORK_OPTIONS_INIT, 1, 0, c->verbose, c->measured, c->unbounded, stdout};
  options.network.precision = c->precision;
  if (c->tile) options.network.family = SEPCL_FAMILY_TILE;
  float range[2];
  results all = {.once = {0}};
  bool good = set_range(range, c, graph);
  options.network.input_low = range[0];
  options.network.input_high = range[1];
  good = good && run_checks(&all, c, graph, range, &options);
  if (!good)
    printf("%-50s FAILED %s\n", name, message_of(&all));
  else
    good = report(c, name, &all);
  sepcl_graph_free(graph);
  return good;
}

static bool parse_precision(sepcl_precision *out, const char *name) {
  static const char *const names[] = {[SEPCL_F32] = "f32", [SEPCL_F16] = "f16", [SEPCL_F16_SUMS] = "f16-sums"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(name, names[i])) return *out = (sepcl_precision)i, true;
  return false;
}

int main(int argc, char **argv) {
  check_options c = {.precision = SEPCL_F16};
  const char *device = NULL;
  int at = 1, unbounded = 0;
  for (; at < argc && argv[at][0] == '-'; at++) {
    if (!strcmp(argv[at], "--verbose"))
      c.verbose = true;
    else if (!strcmp(argv[at], "--tile"))
      c.tile = true;
    else if (!strcmp(argv[at], "--measured"))
      c.measured = true;
    else if (at + 1 < argc && !strcmp(argv[at], "--unbounded") && unbounded < MOST_UNBOUNDED)
      c.unbounded[unbounded++] = argv[++at];
    else if (at + 1 < argc && !strcmp(argv[at], "--device"))
      device = argv[++at];
    else if (at + 1 < argc && !strcmp(argv[at], "--precision")) {
      if (!parse_precision(&c.precision, argv[++at]))
        return fprintf(stderr, "sepcl_half_check: %s: no precision\n", argv[at]), 2;
    } else if (at + 1 < argc && !strcmp(argv[at], "--low"))
      c.low = strtof(argv[++at], NULL);
    else if (at + 1 < argc && !strcmp(argv[at], "--high"))
      c.high = strtof(argv[++at], NULL);
    else
      return fprintf(stderr, "sepcl_half_check: %s: no option\n", argv[at]), 2;
  }
  if (!test_context_open(&c.context, device)) return fprintf(stderr, "sepcl_half_check: %s\n", sepcl_last_error()), 1;
  int bad = 0, count = 0;
  for (; at < argc; at++, count++) bad += !check(&c, argv[at]);
  for (int i = 0; !count && zoo_small_spec(i); i++) bad += !check(&c, zoo_small_spec(i));
  test_context_close(&c.context);
  if (bad)
    puts("FAILED");
  else
    printf(
        "every stage of %d within its bound, %d of them bounds for what they read, which was as given, %d vague "
        "(more than a tenth of the stage's range); %d had none, as named\n",
        c.stages - c.excused, c.given, c.vague, c.excused);
  return bad != 0;
}
