/* sepcl_half_check [--precision f32|f16|f16-sums] [--measured] [--device SPEC] [--low X --high X] [--tile] [--verbose]
 * [MODEL.onnx | ZOO_SPEC]... runs networks stage by stage and holds every stage against exact arithmetic on what it
 * read: each result must lie in its proven range and within its proven error. Without arguments: the zoo, in f16.
 * --tile: kernels for GPUs. --measured: bounds for the ranges that each stage's operands have in this run, so that
 * every stage has one, however deep the network is. Two controls beside each network must be found out: bounds divided
 * by a million, and in every stage one weight changed so that a result moves by thrice the stage's bound. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/proof_check.h"
#include "support/random.h"
#include "support/zoo_compare.h"
#include "zoo.h"

typedef struct command {
  test_context context;
  float low, high;
  bool verbose, tile, measured;
  sepcl_precision precision;
  int stages, unknown; /* of all networks so far */
} command;

static float *inputs_of(const sepcl_graph *graph, const command *c) {
  sepcl_io_info info;
  if (sepcl_graph_input_info(&info, graph, 0)) return NULL;
  float *x = malloc(info.elements * sizeof *x);
  rng r = rng_of(11, 0, 0);
  for (size_t i = 0; x && i < info.elements; i++) x[i] = rng_float(&r, c->low, c->high);
  return x;
}

static bool check(command *c, const char *name) {
  sepcl_graph *graph = NULL;
  const size_t length = strlen(name);
  const bool file = length > 5 && !strcmp(name + length - 5, ".onnx");
  if (file ? sepcl_graph_load(&graph, name, NULL) : zoo_build(&graph, name))
    return printf("%-50s FAILED %s\n", name, file ? sepcl_last_error() : zoo_last_error()), false;
  proof_check_options options = {SEPCL_NETWORK_OPTIONS_INIT, 1, 0, c->verbose, c->measured, stdout};
  options.network.precision = c->precision;
  if (c->tile) options.network.family = SEPCL_FAMILY_TILE;
  options.network.input_low = c->low;
  options.network.input_high = c->high;
  float *x = inputs_of(graph, c);
  proof_check r = {0}, divided = {0}, perturbed = {0};
  bool good = x && proof_check_run(&r, &c->context, graph, x, &options);
  if (!good) printf("%-50s FAILED %s\n", name, x ? r.message : "out of memory");
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
        "%-50s %s %d stages, %d with halves, %d with sums of them, %d outside, %d unknown, worst %.2f of its bound, "
        "%d tensors f16, %d kept f32, controls found: %d, and %d of %d moved (%d could not be)\n",
        name, good ? "good" : "BAD", r.stages, r.halves, r.half_sums, r.outside, r.unknown, r.worst, r.info.halves,
        r.info.kept_floats, divided.outside, perturbed.moved - perturbed.hidden, perturbed.moved, perturbed.unmoved);
  }
  c->stages += r.stages;
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
  command c = {.low = -1, .high = 1, .precision = SEPCL_F16};
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
    printf("every stage of %d within its bound\n", c.stages);
  return bad != 0;
}
