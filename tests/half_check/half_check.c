/* sepcl_half_check [--precision f32|f16|f16-sums] [--measured] [--device SPEC] [--low X --high X] [--tile] [--verbose]
 * [MODEL.onnx | ZOO_SPEC]... runs networks stage by stage and holds every stage against exact arithmetic on what it
 * read: each result must lie in its proven range and within its proven error. Without arguments: the zoo, in f16.
 * Inputs are drawn from the range that `sepcl plan` takes: that of a photograph's colours where the network takes
 * pictures.
 * --tile: kernels for GPUs. --measured: bounds for the ranges that each stage's operands have in this run, the closest
 * there are, and every stage has one, however deep the network is. Two controls beside each network must be found out:
 * bounds divided by a million, and in every stage one weight changed so that a result moves by thrice the stage's
 * bound. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "preprocess.h"
#include "support/proof_check.h"
#include "support/random.h"
#include "support/zoo_compare.h"
#include "zoo.h"

typedef struct check_options {
  test_context context;
  float low, high;
  bool verbose, tile, measured;
  sepcl_precision precision;
  int stages, unknown, given; /* of all networks so far */
} check_options;

static float *inputs_of(const sepcl_graph *graph, const float range[2]) {
  sepcl_io_info info;
  if (sepcl_graph_input_info(&info, graph, 0)) return NULL;
  float *x = malloc(info.elements * sizeof *x);
  rng r = rng_of(11, 0, 0);
  for (size_t i = 0; x && i < info.elements; i++) x[i] = rng_float(&r, range[0], range[1]);
  return x;
}

/* --low and --high, or what `sepcl plan` takes. */
static bool set_range(float range[2], const check_options *c, const sepcl_graph *graph) {
  static const options none;
  range[0] = c->low;
  range[1] = c->high;
  return c->low < c->high || input_range_of(range, &none, graph);
}

static bool check(check_options *c, const char *name) {
  sepcl_graph *graph = NULL;
  const size_t length = strlen(name);
  const bool file = length > 5 && !strcmp(name + length - 5, ".onnx");
  if (file ? sepcl_graph_load(&graph, name, NULL) : zoo_build(&graph, name))
    return printf("%-50s FAILED %s\n", name, file ? sepcl_last_error() : zoo_last_error()), false;
  proof_check_options options = {SEPCL_NETWORK_OPTIONS_INIT, 1, 0, c->verbose, c->measured, stdout};
  options.network.precision = c->precision;
  if (c->tile) options.network.family = SEPCL_FAMILY_TILE;
  float range[2], *x = set_range(range, c, graph) ? inputs_of(graph, range) : NULL;
  options.network.input_low = range[0];
  options.network.input_high = range[1];
  proof_check r = {0}, divided = {0}, perturbed = {0};
  bool good = x && proof_check_run(&r, &c->context, graph, x, &options);
  if (!good) printf("%-50s FAILED %s\n", name, x ? r.message : "no inputs");
  options.verbose = false;
  options.divisor = 1e6;
  good = good && proof_check_run(&divided, &c->context, graph, x, &options);
  options.divisor = 1;
  options.moved = 3;
  good = good && proof_check_run(&perturbed, &c->context, graph, x, &options);
  if (good) {
    good = !r.outside && r.finite && !(c->measured && r.unknown) && divided.outside && perturbed.moved &&
           !perturbed.hidden;
    printf(
        "%-50s %s %d stages, %d with halves, %d with sums of them, %d outside, %d given, %d unknown, worst %.2f of its "
        "bound, %d tensors f16, %d kept f32, controls found: %d, and %d of %d moved (%d could not be)\n",
        name, good ? "good" : "BAD", r.stages, r.halves, r.half_sums, r.outside, r.given, r.unknown, r.worst,
        r.info.halves, r.info.kept_floats, divided.outside, perturbed.moved - perturbed.hidden, perturbed.moved,
        perturbed.unmoved);
  }
  c->stages += r.stages;
  c->given += r.given;
  c->unknown += r.unknown;
  fflush(stdout);
  free(x);
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
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; at++) {
    if (!strcmp(argv[at], "--verbose"))
      c.verbose = true;
    else if (!strcmp(argv[at], "--tile"))
      c.tile = true;
    else if (!strcmp(argv[at], "--measured"))
      c.measured = true;
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
  else if (c.unknown)
    printf("each of the %d stages that have a bound within it; %d have none\n", c.stages - c.unknown, c.unknown);
  else
    printf("every stage of %d within its bound, %d of them bounds for what they read, which was as given\n", c.stages,
           c.given);
  return bad != 0;
}
