/* sepcl_zoo_shapes [--device SPEC] [--perturb] [--only WORD]
 *   runs every network of the zoo at batches from 1 to 32 and pictures from 32 to 512 pixels, square and not, and
 *   compares bits: images alone, the other replay, the other families of kernels, the plain-C reference
 * (docs/networks.md says which where). A line each. --perturb, the control: two weights are off in what is compared,
 * and every comparison must differ. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/zoo_shapes.h"
#include "zoo.h"

static const zoo_shape shapes[] = {
    {1, 32, 32},  {1, 32, 512},  {2, 512, 32},  {32, 32, 32},   {3, 97, 131},  {16, 64, 48},
    {5, 160, 96}, {1, 320, 225}, {7, 128, 192}, {32, 128, 128}, {2, 384, 288}, {1, 512, 512},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* At their own size with the largest batch: some 500 gigamacs for the largest. */
static const zoo_shape full = {32, 0, 0};

static int minimum(const char *name) {
  return !strcmp(name, "alexnet") ? 67 : 32; /* AlexNet's last pool needs 67 pixels */
}

/* VGG and AlexNet flatten their last picture: at 512 pixels their first fully connected layer has gigabytes. */
static int maximum(const char *name) { return !strcmp(name, "vgg16") || !strcmp(name, "alexnet") ? 320 : 512; }

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct sums {
  int cases, comparisons, bad;
} sums;

static void run(sums *s, sepcl_device *device, const char *name, zoo_shape shape, bool perturb) {
  const zoo_shape_options options = {500000000, 200000000, perturb};
  zoo_shape_result r;
  double start = seconds();
  bool done = zoo_shape_check(&r, device, name, shape, &options);
  int bad = perturb ? r.comparisons - r.different : r.different;
  printf("%-20s %2dx%dx%d: ", name, shape.batch, shape.height, shape.width);
  if (done)
    printf("%s %s; %.3f gigamacs, arena %.3f of bound, %.1f s\n", bad ? "BAD" : "ok", r.made, 1e-9 * (double)r.macs,
           (double)r.info.arena_bytes / (double)(r.info.arena_lower_bound_bytes ? r.info.arena_lower_bound_bytes : 1),
           seconds() - start);
  else
    printf("FAILED %s\n", r.message);
  fflush(stdout);
  s->cases++;
  s->comparisons += r.comparisons;
  s->bad += bad + !done;
}

static void run_network(sums *s, sepcl_device *device, const char *name, bool perturb) {
  for (int i = 0; i < SHAPES; i++) {
    zoo_shape shape = shapes[i];
    if (shape.height < minimum(name)) shape.height = minimum(name);
    if (shape.width < minimum(name)) shape.width = minimum(name);
    if (shape.height > maximum(name)) shape.height = maximum(name);
    if (shape.width > maximum(name)) shape.width = maximum(name);
    run(s, device, name, shape, perturb);
  }
  run(s, device, name, full, perturb);
}

int main(int argc, char **argv) {
  const char *device_spec = NULL, *only = "";
  bool perturb = false;
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--perturb"))
      perturb = true;
    else if (!strcmp(argv[i], "--device") && i + 1 < argc)
      device_spec = argv[++i];
    else if (!strcmp(argv[i], "--only") && i + 1 < argc)
      only = argv[++i];
    else
      return fprintf(stderr, "sepcl_zoo_shapes: no option %s\n", argv[i]), 2;
  sepcl_device *device = NULL;
  if (sepcl_device_open(&device, device_spec, NULL)) return fprintf(stderr, "%s\n", sepcl_last_error()), 2;
  int count;
  const zoo_entry *entries = zoo_entries(&count);
  sums s = {0, 0, 0};
  for (int i = 0; i < count; i++)
    if (strstr(entries[i].name, only)) run_network(&s, device, entries[i].name, perturb);
  sepcl_device_free(device);
  printf("%d cases, %d comparisons, %d bad\n", s.cases, s.comparisons, s.bad);
  return s.bad != 0;
}
