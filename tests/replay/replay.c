/* sepcl_replay MODEL [DEVICE [ROUNDS]]: one inference after another by each way of replaying: what the host spends on
 * enqueueing one, what one takes until it is done, launches, and whether the bits are those of a launch per stage.
 * Rounds interleave the ways. Prints JSON. Exit status 1: other bits, or a way that differs where it must not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../samples/zoo/zoo.h"
#include "support/context.h"

enum { WAYS = 3, MAX_IO = 8, WARM = 3 };
static const sepcl_replay replays[WAYS] = {SEPCL_REPLAY_LAUNCHES, SEPCL_REPLAY_COMMAND_BUFFER, SEPCL_REPLAY_ONE_LAUNCH};
static const char *const names[WAYS] = {"launches", "command-buffer", "one-launch"};

typedef struct way {
  sepcl_network *network;
  sepcl_execution *execution;
  sepcl_operand io[MAX_IO];
  sepcl_network_info info;
  float *result;
  size_t bytes;
  double *host, *whole; /* seconds, per round */
} way;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static float *noise(size_t count) {
  float *v = malloc(count * sizeof *v);
  uint32_t state = 1;
  for (size_t i = 0; v && i < count; i++) {
    state = state * 1664525u + 1013904223u;
    v[i] = (float)(int32_t)state / 2147483648.0f;
  }
  return v;
}

static bool make(way *w, const test_context *context, const sepcl_graph *graph, sepcl_replay replay, int32_t rounds) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = replay;
  if (sepcl_network_compile(&w->network, context->device, graph, &options) != SEPCL_OK ||
      sepcl_execution_create(&w->execution, w->network) != SEPCL_OK ||
      sepcl_network_get_info(&w->info, w->network) != SEPCL_OK)
    return false;
  const int32_t inputs = sepcl_network_input_count(w->network), outputs = sepcl_network_output_count(w->network);
  if (inputs + outputs > MAX_IO) return false;
  for (int32_t i = 0; i < inputs + outputs; i++) {
    sepcl_io_info io;
    if (i < inputs)
      sepcl_network_input_info(&io, w->network, i);
    else
      sepcl_network_output_info(&io, w->network, i - inputs);
    float *data = i < inputs ? noise((size_t)io.elements) : NULL;
    w->bytes = (size_t)io.elements * sizeof(float);
    w->io[i].buffer = test_buffer(context, data, w->bytes);
    free(data);
    if (!w->io[i].buffer) return false;
  }
  w->result = malloc(w->bytes);
  w->host = calloc((size_t)rounds, sizeof *w->host);
  w->whole = calloc((size_t)rounds, sizeof *w->whole);
  return w->result && w->host && w->whole;
}

static bool infer(way *w, const test_context *context, int32_t round) {
  const double start = now();
  if (sepcl_network_enqueue(w->execution, context->queue, w->io, NULL) != SEPCL_OK) return false;
  const double enqueued = now();
  if (context->cl->clFinish(context->queue) != CL_SUCCESS) return false;
  if (round < 0) return true;
  w->host[round] = enqueued - start;
  w->whole[round] = now() - start;
  return true;
}

/* The last output. */
static bool read_result(way *w, const test_context *context) {
  const int32_t last = sepcl_network_input_count(w->network) + sepcl_network_output_count(w->network) - 1;
  return context->cl->clEnqueueReadBuffer(context->queue, w->io[last].buffer, CL_TRUE, 0, w->bytes, w->result, 0, NULL,
                                          NULL) == CL_SUCCESS;
}

static void print_way(const way *w, const way *first, const char *name, int32_t rounds) {
  qsort(w->host, (size_t)rounds, sizeof *w->host, by_size);
  qsort(w->whole, (size_t)rounds, sizeof *w->whole, by_size);
  printf(
      " {\"replay\": \"%s\", \"as_asked\": %s, \"launches\": %" PRId32
      ", \"host_us_median\": %.1f, \"host_us_best\": %.1f, \"inference_us_median\": %.1f, \"inference_us_best\": %.1f, "
      "\"same_bits\": %s}",
      name, w->info.replay_reason ? "false" : "true", w->info.launches, 1e6 * w->host[rounds / 2], 1e6 * w->host[0],
      1e6 * w->whole[rounds / 2], 1e6 * w->whole[0], memcmp(w->result, first->result, w->bytes) ? "false" : "true");
}

static void release(way *w, const test_context *context) {
  for (int i = 0; i < MAX_IO; i++)
    if (w->io[i].buffer) context->cl->clReleaseMemObject(w->io[i].buffer);
  sepcl_execution_free(w->execution);
  sepcl_network_free(w->network);
  free(w->result);
  free(w->host);
  free(w->whole);
}

static bool measure(way *ways, int count, const test_context *context, int32_t rounds) {
  for (int32_t round = -WARM; round < rounds; round++)
    for (int i = 0; i < count; i++)
      if (!infer(&ways[i], context, round)) return false;
  for (int i = 0; i < count; i++)
    if (!read_result(&ways[i], context)) return false;
  return true;
}

int main(int argc, char **argv) {
  if (argc < 2) return fputs("usage: sepcl_replay MODEL [DEVICE [ROUNDS]]\n", stderr), 2;
  const int32_t rounds = argc > 3 && atoi(argv[3]) > 0 ? atoi(argv[3]) : 50;
  test_context context;
  sepcl_graph *graph = NULL;
  way ways[WAYS] = {{0}};
  int count = 0;
  const bool zoo = !strncmp(argv[1], "zoo:", 4);
  bool good = test_context_open(&context, argc > 2 ? argv[2] : NULL);
  good = good && (zoo ? zoo_build(&graph, argv[1]) : sepcl_graph_load(&graph, argv[1], NULL)) == SEPCL_OK;
  /* One launch is refused off CPUs, then there are two ways. */
  while (good && count < WAYS && make(&ways[count], &context, graph, replays[count], rounds)) count++;
  good = good && count >= 2 && measure(ways, count, &context, rounds);
  if (!good) return fprintf(stderr, "sepcl_replay: %s\n", sepcl_last_error()), 1;
  sepcl_device_info info;
  if (sepcl_device_get_info(&info, context.device) != SEPCL_OK) return 1;
  printf("{\"model\": \"%s\", \"device\": \"%s\", \"rounds\": %" PRId32 ", \"ways\": [\n", argv[1], info.name, rounds);
  for (int i = 0; i < count; i++) {
    print_way(&ways[i], &ways[0], names[i], rounds);
    puts(i + 1 < count ? "," : "]}");
    good = good && !memcmp(ways[i].result, ways[0].result, ways[i].bytes);
  }
  for (int i = 0; i < WAYS; i++) release(&ways[i], &context);
  sepcl_graph_free(graph);
  test_context_close(&context);
  return good ? 0 : 1;
}
