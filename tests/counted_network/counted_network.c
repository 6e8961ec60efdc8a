/* sepcl_counted_network MODEL: between an inference's enqueue and its finish sepcl makes no OpenCL allocation, build,
 * kernel or blocking call, and PoCL writes no file into its cache. Run it with SEPCL_OPENCL naming
 * libsepcl_counting_opencl.so and POCL_CACHE_DIR set. MODEL: an .onnx file or zoo:... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../samples/zoo/zoo.h"
#include "counting/counting.h"
#include "support/context.h"

enum { MAX_IO = 8 };

typedef struct running {
  const test_context *context;
  sepcl_network *network;
  sepcl_execution *execution;
  cl_mem buffers[MAX_IO];
  sepcl_operand operands[MAX_IO];
  int32_t count;
} running;

static bool make(running *r, const test_context *context, const sepcl_graph *graph, sepcl_replay replay) {
  *r = (running){.context = context};
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.replay = replay;
  if (sepcl_network_compile(&r->network, context->device, graph, &options) != SEPCL_OK) return false;
  if (sepcl_execution_create(&r->execution, r->network) != SEPCL_OK) return false;
  int32_t inputs = sepcl_network_input_count(r->network), outputs = sepcl_network_output_count(r->network);
  for (int32_t i = 0; i < inputs + outputs && i < MAX_IO; i++, r->count++) {
    sepcl_io_info info;
    if (i < inputs)
      sepcl_network_input_info(&info, r->network, i);
    else
      sepcl_network_output_info(&info, r->network, i - inputs);
    r->buffers[i] = test_buffer(context, NULL, info.elements * sizeof(float));
    r->operands[i].buffer = r->buffers[i];
    if (!r->buffers[i]) return false;
  }
  return true;
}

static void release(running *r) {
  for (int32_t i = 0; i < r->count; i++) r->context->cl->clReleaseMemObject(r->buffers[i]);
  sepcl_execution_free(r->execution);
  sepcl_network_free(r->network);
}

static bool infer(const running *r) {
  return sepcl_network_enqueue(r->execution, r->context->queue, r->operands, NULL) == SEPCL_OK;
}

/* The first inference may compile inside the driver; the second may not. */
static bool count_inference(const test_context *context, const counting *counting, const sepcl_graph *graph,
                            sepcl_replay replay, const char *name) {
  running r;
  uint64_t n[COUNT_KINDS] = {0};
  bool good = make(&r, context, graph, replay) && infer(&r) && context->cl->clFinish(context->queue) == CL_SUCCESS;
  uint64_t before = counting_driver_files();
  counting->reset();
  good = good && infer(&r);
  counting->read(n);
  good = good && context->cl->clFinish(context->queue) == CL_SUCCESS;
  uint64_t after = counting_driver_files();
  good = good && counting_only_enqueues(n) && before > 0 && before == after;
  printf("%-10s second inference: ", name);
  counting_print(n);
  printf(", %" PRIu64 " new files in PoCL's cache (of %" PRIu64 "): %s\n", after - before, after,
         good ? "good" : sepcl_last_error());
  release(&r);
  return good;
}

static sepcl_status load(sepcl_graph **graph, const char *model) {
  if (strncmp(model, "zoo:", 4)) return sepcl_graph_load(graph, model, NULL);
  return zoo_build(graph, model);
}

int main(int argc, char **argv) {
  counting counting;
  test_context context;
  sepcl_graph *graph = NULL;
  if (argc != 2 || !counting_find(&counting)) {
    fputs("usage: SEPCL_OPENCL=/path/to/libsepcl_counting_opencl.so sepcl_counted_network MODEL\n", stderr);
    return 2;
  }
  if (!test_context_open(&context, getenv("SEPCL_TEST_DEVICE")) || load(&graph, argv[1]) != SEPCL_OK) {
    fprintf(stderr, "sepcl_counted_network: %s\n", sepcl_last_error());
    return 1;
  }
  bool good = count_inference(&context, &counting, graph, SEPCL_REPLAY_LAUNCHES, "launches");
  good &= count_inference(&context, &counting, graph, SEPCL_REPLAY_COMMAND_BUFFER, "recorded");
  good &= count_inference(&context, &counting, graph, SEPCL_REPLAY_ONE_LAUNCH, "one-launch");
  sepcl_graph_free(graph);
  test_context_close(&context);
  return good ? 0 : 1;
}
