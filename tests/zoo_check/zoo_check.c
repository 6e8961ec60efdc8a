/* sepcl_zoo_check [--device SPEC] [--perturb] [--launches] [SPEC...]: compares networks of the zoo (without SPEC the
 * small ones of the test suite) with the plain-C reference, with batch norm kept and folded, and prints a line each.
 * --launches: a launch per stage; --perturb: the negative control. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/zoo_compare.h"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int check(sepcl_device *device, const char *spec, int perturb, sepcl_replay replay) {
  int bad = 0;
  for (int fold = 0; fold < 2; fold++) {
    zoo_comparison c;
    zoo_comparison_options o = {SEPCL_NETWORK_OPTIONS_INIT, fold, perturb};
    o.network.keep_batch_norm = !fold;
    o.network.replay = replay;
    double start = seconds();
    if (!zoo_compare(&c, device, spec, &o)) {
      printf("%-55s %-6s FAILED %s\n", spec, fold ? "folded" : "kept", c.message);
      bad++;
      continue;
    }
    printf("%-55s %-6s %s %zu of %zu differ, error %.2g, range %.3g, arena %.3f of bound, %d launches, %.1f s\n", spec,
           fold ? "folded" : "kept", c.different ? "DIFFERS" : "equal", c.different, c.elements, c.error, c.range,
           (double)c.info.arena_bytes / (double)(c.info.arena_lower_bound_bytes ? c.info.arena_lower_bound_bytes : 1),
           c.info.launches, seconds() - start);
    bad += c.different || !c.finite;
  }
  fflush(stdout);
  return bad;
}

int main(int argc, char **argv) {
  const char *device_spec = NULL;
  sepcl_replay replay = SEPCL_REPLAY_AUTO;
  int first = 1, perturb = 0, bad = 0;
  for (; first < argc && !strncmp(argv[first], "--", 2); first++)
    if (!strcmp(argv[first], "--perturb"))
      perturb = 1;
    else if (!strcmp(argv[first], "--launches"))
      replay = SEPCL_REPLAY_LAUNCHES;
    else if (!strcmp(argv[first], "--device") && first + 1 < argc)
      device_spec = argv[++first];
  sepcl_device *device = NULL;
  if (sepcl_device_open(&device, device_spec, NULL)) return fprintf(stderr, "%s\n", sepcl_last_error()), 2;
  if (first < argc)
    for (int i = first; i < argc; i++) bad += check(device, argv[i], perturb, replay);
  else
    for (int i = 0; zoo_small_spec(i); i++) bad += check(device, zoo_small_spec(i), perturb, replay);
  sepcl_device_free(device);
  printf("%d comparisons differ or failed\n", bad);
  return bad != 0;
}
