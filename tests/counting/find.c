#define _GNU_SOURCE
#include <dlfcn.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "counting/counting.h"

int counting_find(counting *out) {
  const char *name = getenv("SEPCL_OPENCL");
  void *library = name ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!library) return 0;
  *(void **)&out->read = dlsym(library, "sepcl_counting_read");
  *(void **)&out->reset = dlsym(library, "sepcl_counting_reset");
  return out->read && out->reset;
}

bool counting_only_enqueues(const uint64_t counts[COUNT_KINDS]) {
  for (int kind = 0; kind < COUNT_KINDS; kind++)
    if ((kind == COUNT_ENQUEUES) != (counts[kind] > 0)) return false;
  return true;
}

void counting_print(const uint64_t counts[COUNT_KINDS]) {
  printf("%" PRIu64 " enqueues, %" PRIu64 " allocations, %" PRIu64 " builds, %" PRIu64 " kernels created, %" PRIu64
         " blocking calls",
         counts[COUNT_ENQUEUES], counts[COUNT_ALLOCATIONS], counts[COUNT_BUILDS], counts[COUNT_KERNELS],
         counts[COUNT_BLOCKING]);
}

static uint64_t files;

static int count_file(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)path, (void)status, (void)place;
  files += type == FTW_F;
  return 0;
}

uint64_t counting_driver_files(void) {
  const char *folder = getenv("POCL_CACHE_DIR");
  files = 0;
  if (folder) nftw(folder, count_file, 16, FTW_PHYS);
  return files;
}
