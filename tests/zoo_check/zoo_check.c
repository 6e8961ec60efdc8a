/* sepcl_zoo_check [--device SPEC] [--launches] [--tile] [--fuse] [--perturb] [SPEC...]
 *   compares networks of the zoo (without SPEC the small ones of the test suite) with the plain-C reference, with batch
 *   norm kept and folded, and prints a line each. --launches: a launch per stage. --perturb, the control: two weights
 * are off by a two-thousandth, and every network must differ. --tile: kernels for GPUs, and blocks fused as there.
 * --fuse: every block that can be.
 * sepcl_zoo_check --digest [OPTION...] [SPEC...] prints a number made of all bits of each network's outputs (without
 * SPEC: every network at its full size), for comparing devices that one process cannot open together. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/zoo_compare.h"
#include "support/zoo_outputs.h"
#include "zoo.h"

typedef struct choices {
  const char *device;
  bool perturb, digest;
  sepcl_replay replay;
  sepcl_family family;
  sepcl_fusion fusion;
} choices;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void take(sepcl_network_options *options, const choices *c) {
  options->replay = c->replay;
  options->family = c->family;
  options->fusion = c->fusion;
}

static int check(sepcl_device *device, const char *spec, const choices *c) {
  int bad = 0;
  for (int fold = 0; fold < 2; fold++) {
    zoo_comparison r;
    zoo_comparison_options o = {SEPCL_NETWORK_OPTIONS_INIT, fold, c->perturb};
    o.network.keep_batch_norm = !fold;
    take(&o.network, c);
    double start = seconds();
    if (!zoo_compare(&r, device, spec, &o)) {
      printf("%-55s %-6s FAILED %s\n", spec, fold ? "folded" : "kept", r.message);
      bad++;
      continue;
    }
    printf("%-55s %-6s %s %zu of %zu differ, error %.2g, range %.3g, arena %.3f of bound, %d launches, %.1f s\n", spec,
           fold ? "folded" : "kept", r.different ? "differs" : "equal", r.different, r.elements, r.error, r.range,
           (double)r.info.arena_bytes / (double)(r.info.arena_lower_bound_bytes ? r.info.arena_lower_bound_bytes : 1),
           r.info.launches, seconds() - start);
    bad += (r.different != 0) != c->perturb || !r.finite;
  }
  return bad;
}

static int digest(sepcl_device *device, const char *spec, const choices *c) {
  sepcl_graph *graph = NULL;
  zoo_outputs out;
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  take(&options, c);
  if (zoo_build(&graph, spec)) return printf("%s FAILED %s\n", spec, zoo_last_error()), 1;
  if (c->perturb) zoo_perturb(graph);
  bool done = zoo_outputs_run(&out, device, graph, &options, 0);
  if (done)
    printf("%s %016" PRIx64 "\n", spec, zoo_digest(out.values, out.elements));
  else
    printf("%s FAILED %s\n", spec, out.message);
  zoo_outputs_free(&out);
  sepcl_graph_free(graph);
  return !done;
}

static int run(sepcl_device *device, const char *spec, const choices *c) {
  int bad = c->digest ? digest(device, spec, c) : check(device, spec, c);
  fflush(stdout);
  return bad;
}

static int run_all(sepcl_device *device, const choices *c) {
  int bad = 0, count;
  const zoo_entry *entries = zoo_entries(&count);
  if (c->digest)
    for (int i = 0; i < count; i++) bad += run(device, entries[i].name, c);
  else
    for (int i = 0; zoo_small_spec(i); i++) bad += run(device, zoo_small_spec(i), c);
  return bad;
}

int main(int argc, char **argv) {
  choices c = {NULL, false, false, SEPCL_REPLAY_AUTO, SEPCL_FAMILY_AUTO, SEPCL_FUSION_AUTO};
  int first = 1, bad = 0;
  for (; first < argc && !strncmp(argv[first], "--", 2); first++)
    if (!strcmp(argv[first], "--perturb"))
      c.perturb = true;
    else if (!strcmp(argv[first], "--digest"))
      c.digest = true;
    else if (!strcmp(argv[first], "--launches"))
      c.replay = SEPCL_REPLAY_LAUNCHES;
    else if (!strcmp(argv[first], "--tile"))
      c.family = SEPCL_FAMILY_TILE;
    else if (!strcmp(argv[first], "--fuse"))
      c.fusion = SEPCL_FUSION_ALWAYS;
    else if (!strcmp(argv[first], "--device") && first + 1 < argc)
      c.device = argv[++first];
    else
      return fprintf(stderr, "sepcl_zoo_check: no option %s\n", argv[first]), 2;
  sepcl_device *device = NULL;
  if (sepcl_device_open(&device, c.device, NULL)) return fprintf(stderr, "%s\n", sepcl_last_error()), 2;
  if (first == argc) bad = run_all(device, &c);
  for (int i = first; i < argc; i++) bad += run(device, argv[i], &c);
  sepcl_device_free(device);
  if (!c.digest) printf("%d comparisons %s\n", bad, c.perturb ? "hid the perturbed weight" : "differ or failed");
  return bad != 0;
}
