/* From process start to the first answer, and how much memory that takes: each measurement is a process of its own.
 *   sepcl_startup [MODEL.onnx] [runs]      cold once (empty caches of sepcl and PoCL), then warm, best and median of
 * the runs Prints where the time goes; and the peak of anonymous memory beside what issue and plan allow: a driver's
 * baseline (the same process with a network of one tiny stage) plus 1.3 times weights, arena, inputs and outputs. Exit
 * status 1: more than 10 s cold, 0.2 s warm, or that memory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sepcl.h"

enum { PHASES = 6, MOST_RUNS = 50 };
static const char *const phases[PHASES] = {"process", "device", "load", "compile", "execution", "inference"};

typedef struct result {
  double at[PHASES]; /* ms since the parent started the process */
  double allowed, peak_kb, load_kb;
} result;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Anonymous memory of this process, in KiB: what the file of a mapped model does not count to. */
static double anonymous_kb(void) {
  char line[256];
  long kb = 0;
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "RssAnon: %ld", &kb) == 1) break;
  if (file) fclose(file);
  return (double)kb;
}

static volatile int done;
static double highest;

static void *watch(void *unused) {
  const struct timespec pause = {0, 500000};
  while (!done) {
    const double kb = anonymous_kb();
    if (kb > highest) highest = kb;
    nanosleep(&pause, NULL);
  }
  return unused;
}

static int fail(void) {
  fprintf(stderr, "sepcl_startup: %s\n", sepcl_last_error());
  return 2;
}

static sepcl_status make_tiny(sepcl_graph **graph) {
  static const int64_t dims[4] = {1, 4, 4, 16}, shape[4] = {16, 16, 1, 1};
  static const float weights[256] = {1.0f};
  sepcl_conv_attributes conv = SEPCL_CONV_ATTRIBUTES_INIT;
  sepcl_status status = sepcl_graph_create(graph);
  if (status != SEPCL_OK) return status;
  conv.outputs = 16;
  sepcl_value x = sepcl_graph_input(*graph, "x", 4, dims);
  x = sepcl_graph_conv(*graph, x, sepcl_graph_constant(*graph, 4, shape, weights), SEPCL_NO_VALUE, &conv);
  sepcl_graph_output(*graph, "y", x);
  return sepcl_graph_status(*graph);
}

/* An array for each input or output; their bytes are added to *bytes. */
static float **arrays(const sepcl_network *network, int32_t count, int outputs, double *bytes) {
  float **list = calloc((size_t)count + 1, sizeof *list);
  for (int32_t i = 0; list && i < count; i++) {
    sepcl_io_info info;
    if (outputs ? sepcl_network_output_info(&info, network, i) : sepcl_network_input_info(&info, network, i)) exit(2);
    list[i] = calloc(info.elements, sizeof(float));
    if (!list[i]) exit(2);
    *bytes += (double)(info.elements * sizeof(float));
  }
  return list;
}

static int infer(result *r, sepcl_network *network, sepcl_execution *execution) {
  double bytes = 0.0;
  sepcl_network_info info;
  float **inputs = arrays(network, sepcl_network_input_count(network), 0, &bytes);
  float **outputs = arrays(network, sepcl_network_output_count(network), 1, &bytes);
  if (!inputs || !outputs || sepcl_network_get_info(&info, network)) return fail();
  if (sepcl_execution_run(execution, (const float *const *)inputs, outputs)) return fail();
  r->at[5] = now_ms();
  r->allowed = 1.3 * (bytes + (double)info.weights_bytes + (double)info.arena_bytes) / 1024.0;
  return 0;
}

/* The measured process. */
static int child(int out, const char *model, const char *cache) {
  result r = {.at = {now_ms()}};
  pthread_t watcher;
  sepcl_device_options options = SEPCL_DEVICE_OPTIONS_INIT;
  sepcl_device *device = NULL;
  sepcl_graph *graph = NULL;
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  options.cache_dir = cache;
  if (pthread_create(&watcher, NULL, watch, NULL)) return 2;
  if (sepcl_device_open(&device, NULL, &options)) return fail();
  r.at[1] = now_ms();
  if (strcmp(model, "-") ? sepcl_graph_load(&graph, model, NULL) : make_tiny(&graph)) return fail();
  r.at[2] = now_ms();
  r.load_kb = anonymous_kb();
  if (sepcl_network_compile(&network, device, graph, NULL)) return fail();
  sepcl_graph_free(graph);
  r.at[3] = now_ms();
  if (sepcl_execution_create(&execution, network)) return fail();
  r.at[4] = now_ms();
  if (infer(&r, network, execution)) return 2;
  done = 1;
  pthread_join(watcher, NULL);
  r.peak_kb = highest;
  if (write(out, &r, sizeof r) != (ssize_t)sizeof r) return 2;
  _exit(0);
}

static result run(const char *self, const char *model, const char *cache) {
  int ends[2];
  char number[16];
  result r = {0};
  if (pipe(ends)) exit(2);
  snprintf(number, sizeof number, "%d", ends[1]);
  const double start = now_ms();
  const pid_t process = fork();
  if (process == 0) {
    execl(self, self, "--child", number, model, cache, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  int status = 0;
  const int good = read(ends[0], &r, sizeof r) == (ssize_t)sizeof r;
  close(ends[0]);
  if (process < 0 || waitpid(process, &status, 0) != process || status || !good) {
    fprintf(stderr, "sepcl_startup: the measured process failed\n");
    exit(2);
  }
  for (int i = 0; i < PHASES; i++) r.at[i] -= start;
  return r;
}

static void print(const char *what, const result *r) {
  printf("%-12s %8.1f ms to the first answer:", what, r->at[PHASES - 1]);
  for (int i = 0; i < PHASES; i++)
    printf(" %s %.1f%s", phases[i], r->at[i] - (i ? r->at[i - 1] : 0.0), i < 5 ? "," : "\n");
}

static int by_total(const void *a, const void *b) {
  const double x = ((const result *)a)->at[PHASES - 1], y = ((const result *)b)->at[PHASES - 1];
  return (x > y) - (x < y);
}

static int measure(const char *self, const char *model, int runs, const char *folder) {
  static result warm[MOST_RUNS];
  const result cold = run(self, model, folder);
  print("cold", &cold);
  double peak = 0.0;
  for (int i = 0; i < runs; i++) {
    warm[i] = run(self, model, folder);
    if (warm[i].peak_kb > peak) peak = warm[i].peak_kb;
  }
  qsort(warm, (size_t)runs, sizeof *warm, by_total);
  print("warm, best", &warm[0]);
  print("warm, median", &warm[runs / 2]);
  run(self, "-", folder);
  const result tiny = run(self, "-", folder);
  const double allowed = tiny.peak_kb + warm[0].allowed;
  printf(
      "memory       %.1f MiB anonymous at its peak; %.1f allowed: baseline %.1f and 1.3 x (weights, arena, inputs and "
      "outputs) %.1f; %.1f when the model was loaded\n",
      peak / 1024.0, allowed / 1024.0, tiny.peak_kb / 1024.0, warm[0].allowed / 1024.0, warm[0].load_kb / 1024.0);
  const int good[3] = {cold.at[PHASES - 1] <= 10000.0, warm[0].at[PHASES - 1] <= 200.0, peak <= allowed};
  printf("limits       cold 10 s %s, warm 0.2 s %s, memory %s\n", good[0] ? "kept" : "MISSED",
         good[1] ? "kept" : "MISSED", good[2] ? "kept" : "MISSED");
  return !(good[0] && good[1] && good[2]);
}

int main(int argc, char **argv) {
  if (argc == 5 && !strcmp(argv[1], "--child")) return child(atoi(argv[2]), argv[3], argv[4]);
  char folder[] = "/tmp/sepcl-startup-XXXXXX", pocl[64], command[96], model[512];
  const char *home = getenv("HOME");
  snprintf(model, sizeof model, "%s/.cache/sepcl/mobilenet_v2.onnx", home ? home : "");
  const int runs = argc > 2 ? atoi(argv[2]) : 10;
  if (runs < 1 || runs > MOST_RUNS || !mkdtemp(folder)) return 2;
  snprintf(pocl, sizeof pocl, "%s/pocl", folder);
  setenv("POCL_CACHE_DIR", pocl, 1);
  const int status = measure("/proc/self/exe", argc > 1 ? argv[1] : model, runs, folder);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) ? 2 : status;
}
