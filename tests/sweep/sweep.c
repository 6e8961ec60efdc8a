/* sepcl_sweep: random cases of the primitives on every kernel, compared with the plain-C reference bit for bit. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cl/device.h"
#include "support/sweep.h"

enum { MOST_PROGRAMS = 1000, LEAST_HITS = 100, FULL_COUNT = 5000 };

static const char usage[] =
    "usage: sepcl_sweep [--stage NAME]... [--count N] [--seed N] [--device SPEC] [--variant NAME]\n"
    "                   [--only SEED:INDEX] [--small] [--no-unfused] [--no-controls]\n"
    "Draws N random cases (5000) for each primitive and compares every kernel's bits with the plain-C reference.\n"
    "  --stage    conv, pointwise, depthwise, separable, inverted_residual, gemm, pool or elementwise\n"
    "  --only     runs one case again, as a failing line names it\n"
    "  --precision f16: operands are halves in memory, all of them or some, and results those of the reference on the "
    "same\n"
    "             halves, rounded once; f16-sums: of conv, pointwise and gemm, on kernels that sum products in halves\n"
    "  --subgroups N: as if the device had subgroups of N items, for simulators and -DSUBGROUPS_AS_ITEMS\n"
    "  --small    tiny shapes with nothing behind the operands, for simulators\n"
    "Fails when a bit differs, and in a full sweep when a kernel ran fewer than 100 times or more than 1000 programs\n"
    "were built.\n";

typedef struct command {
  bool stages[CASE_KIND_COUNT], any_stage, controls, small;
  const char *device;
  int subgroups; /* 0: what the device reports */
  sweep_options sweep;
} command;

static bool parse_only(command *c, const char *text) {
  char *end;
  c->sweep.seed = strtoull(text, &end, 10);
  if (*end != ':') return false;
  c->sweep.first = strtoull(end + 1, &end, 10);
  c->sweep.count = 1;
  return !*end;
}

static bool parse_stage(command *c, const char *name) {
  case_kind kind = case_kind_find(name);
  if (kind == CASE_KIND_COUNT) return false;
  c->stages[kind] = c->any_stage = true;
  return true;
}

static bool parse(command *c, int argc, char **argv) {
  static const struct option options[] = {
      {"stage", required_argument, NULL, 's'},     {"count", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 'r'},      {"device", required_argument, NULL, 'd'},
      {"variant", required_argument, NULL, 'v'},   {"only", required_argument, NULL, 'o'},
      {"small", no_argument, NULL, 't'},           {"no-unfused", no_argument, NULL, 'u'},
      {"no-controls", no_argument, NULL, 'c'},     {"precision", required_argument, NULL, 'p'},
      {"subgroups", required_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
      case 's':
        if (!parse_stage(c, optarg)) return false;
        break;
      case 'n': c->sweep.count = strtoull(optarg, NULL, 10); break;
      case 'r': c->sweep.seed = strtoull(optarg, NULL, 10); break;
      case 'd': c->device = optarg; break;
      case 'v': c->sweep.variant = optarg; break;
      case 'o':
        if (!parse_only(c, optarg)) return false;
        c->controls = false;
        break;
      case 'p':
        c->sweep.half_sums = !strcmp(optarg, "f16-sums");
        if (!c->sweep.half_sums && strcmp(optarg, "f16")) return false;
        c->sweep.halves = -1;
        break;
      case 'g': c->subgroups = atoi(optarg); break;
      case 't': c->small = true; break;
      case 'u': c->sweep.unfused = false; break;
      case 'c': c->controls = false; break;
      default: return false;
    }
  if (c->small) c->sweep.limits = (case_limits){2000, 6, 40, true};
  return optind == argc && c->subgroups >= 0 && c->subgroups < 32 &&
         (!c->sweep.variant || variant_find(c->sweep.variant));
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool run_stage(const test_context *context, const command *c, case_kind kind, uint64_t *hits) {
  sweep_result result = {0};
  double start = seconds();
  sweep_kind(context, kind, &c->sweep, &result, hits);
  bool good = !result.wrong && !result.failed && result.launches;
  printf("%-18s %6" PRIu64 " cases %8" PRIu64 " launches %8" PRIu64 " refused %4" PRIu64 " wrong %4" PRIu64
         " failed  %5" PRIu64 " fused against unfused  %.1f million multiply-adds  %.1f s\n",
         case_kind_name(kind), result.cases, result.launches, result.refused, result.wrong, result.failed,
         result.unfused, (double)result.macs * 1e-6, seconds() - start);
  if (c->controls) {
    sweep_options control = c->sweep;
    control.count = control.count < 50 ? control.count : 50;
    uint64_t found, cases;
    sweep_negative_control(context, kind, &control, &found, &cases);
    printf("%-18s %6" PRIu64 " of %" PRIu64 " cases fail against a reference with %s\n", "", found, cases,
           kind <= CASE_GEMM ? "two additions swapped" : "one bit changed");
    good = good && found > 0;
  }
  fflush(stdout);
  return good;
}

/* The device lacks what the kernel is for. */
static bool impossible(const test_context *context, const variant *v) {
  const int32_t subgroup = variant_macro(v, "SUBGROUP");
  return (subgroup && !(context->device->subgroup_sizes >> subgroup & 1)) ||
         (variant_macro(v, "IMAGE") && !context->device->image_texels);
}

static bool print_hits(const test_context *context, const command *c, const uint64_t *hits) {
  bool full = c->sweep.count >= FULL_COUNT && !c->sweep.variant, enough = true;
  for (int32_t v = 0; v < variant_count; v++) {
    bool covered = false;
    for (int k = 0; k < CASE_KIND_COUNT; k++) covered |= c->stages[k] && case_kind_covers((case_kind)k, &variants[v]);
    if (!covered || impossible(context, &variants[v]) || (c->sweep.variant && !hits[v])) continue;
    if (c->sweep.half_sums && !variant_macro(&variants[v], "SUMS_HALVES")) continue;
    bool few = full && hits[v] < LEAST_HITS;
    printf("  %-40s %8" PRIu64 " hits%s\n", variants[v].name, hits[v], few ? "  TOO FEW" : "");
    enough = enough && !few;
  }
  return enough;
}

int main(int argc, char **argv) {
  command c = {.controls = true,
               .sweep = {.seed = 1,
                         .count = FULL_COUNT,
                         .limits = {300000, 32, 120, false},
                         .unfused = true,
                         .shrink = true,
                         .log = stdout}};
  if (!parse(&c, argc, argv)) {
    fputs(usage, stderr);
    return 2;
  }
  for (int k = 0; k < CASE_KIND_COUNT; k++)
    c.stages[k] |= !c.any_stage && (!c.sweep.half_sums || k <= CASE_POINTWISE || k == CASE_GEMM);
  test_context context;
  uint64_t *hits = calloc((size_t)variant_count + 1, sizeof *hits);
  if (!hits || !test_context_open(&context, c.device)) {
    fprintf(stderr, "sepcl_sweep: %s\n", hits ? sepcl_last_error() : "out of memory");
    free(hits);
    return 1;
  }
  if (c.subgroups) context.device->subgroup_sizes |= 1u << c.subgroups;
  sepcl_device_info info;
  sepcl_device_get_info(&info, context.device);
  printf("seed %" PRIu64 " on %s (%s)\n", c.sweep.seed, info.name, info.platform);
  bool good = true;
  for (int k = 0; k < CASE_KIND_COUNT; k++)
    if (c.stages[k]) good &= run_stage(&context, &c, (case_kind)k, hits);
  good &= print_hits(&context, &c, hits);
  uint32_t programs = sweep_programs(&context);
  printf("%u programs built (at most %d)\n%s\n", programs, MOST_PROGRAMS, good ? "equal bits" : "FAILED");
  test_context_close(&context);
  free(hits);
  return good && programs <= MOST_PROGRAMS ? 0 : 1;
}
