/* unload_command LIBRARY SHIM: loads libsepcl.so, runs a network of large buffers, frees all and unloads it, while the
 * OpenCL library (libsepcl_counting_opencl.so) still holds the buffers, as a driver's own thread may for a moment after
 * clFinish. Then it lets them go: what is called at their end must still be there. Prints how many there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "sepcl.h"

enum { SIDE = 256, CHANNELS = 16, ELEMENTS = SIDE * SIDE * CHANNELS }; /* 4 MiB: large pages */

/* clang-format off */
#define FUNCTIONS(F)                                                                              \
  F(sepcl_device_open) F(sepcl_device_get_info) F(sepcl_device_free) F(sepcl_graph_create)        \
  F(sepcl_graph_input) F(sepcl_graph_activation) F(sepcl_graph_output) F(sepcl_graph_free)        \
  F(sepcl_network_compile) F(sepcl_network_free) F(sepcl_execution_create)                        \
  F(sepcl_execution_run) F(sepcl_execution_free)
/* clang-format on */
#define MEMBER(name) __typeof__(&name) name;
typedef struct functions {
  FUNCTIONS(MEMBER)
} functions;

static void *find(void *library, const char *name) {
  void *found = library ? dlsym(library, name) : NULL;
  if (found) return found;
  const char *why = dlerror();
  fprintf(stderr, "unload_command: %s: %s\n", name, why ? why : "its library cannot be loaded");
  exit(2);
}

static void expect(sepcl_status status, const char *what) {
  if (status == SEPCL_OK) return;
  fprintf(stderr, "unload_command: %s: status %d\n", what, (int)status);
  exit(2);
}

/* Whether the device has such buffers: a CPU. */
static bool run_network(const functions *f) {
  const int64_t dims[] = {1, SIDE, SIDE, CHANNELS};
  const sepcl_device_options device_options = SEPCL_DEVICE_OPTIONS_INIT;
  float *x = calloc(ELEMENTS, sizeof *x), *y = calloc(ELEMENTS, sizeof *y);
  sepcl_device_info info;
  sepcl_device *device = NULL;
  sepcl_graph *graph = NULL;
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  if (!x || !y) exit(2);
  expect(f->sepcl_device_open(&device, NULL, &device_options), "device");
  expect(f->sepcl_device_get_info(&info, device), "device's information");
  expect(f->sepcl_graph_create(&graph), "graph");
  sepcl_value value = f->sepcl_graph_input(graph, "x", 4, dims);
  f->sepcl_graph_output(graph, "y", f->sepcl_graph_activation(graph, value, (sepcl_activation){.kind = SEPCL_RELU}));
  expect(f->sepcl_network_compile(&network, device, graph, NULL), "network");
  expect(f->sepcl_execution_create(&execution, network), "execution");
  expect(f->sepcl_execution_run(execution, (const float *[]){x}, (float *[]){y}), "run");
  f->sepcl_execution_free(execution);
  f->sepcl_network_free(network);
  f->sepcl_graph_free(graph);
  f->sepcl_device_free(device);
  free(x);
  free(y);
  return info.type & CL_DEVICE_TYPE_CPU;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  setenv("SEPCL_OPENCL", argv[2], 1);
  void *shim = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL), *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  void (*hold)(void);
  int (*let_go)(void);
  functions f;
  *(void **)&hold = find(shim, "sepcl_counting_hold");
  *(void **)&let_go = find(shim, "sepcl_counting_let_go");
#define FIND(name) *(void **)&f.name = find(library, #name);
  FUNCTIONS(FIND)
  hold();
  const bool has_some = run_network(&f);
  dlclose(library);
  const int count = let_go();
  printf("%d buffers let go after the library was unloaded\n", count);
  return has_some && !count;
}
