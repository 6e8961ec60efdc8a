/* sepcl_stress: two threads, each with an op and a queue of its own on one device, enqueue as fast as they can and
 * check what comes out. For the thread sanitizer: `build/tsan/tests/sepcl_stress --launches 1000000`. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cases.h"

enum { THREADS = 2, BATCH = 200 }; /* launches between two finishes */

typedef struct worker {
  const test_context *context;
  sepcl_op *op;
  cl_command_queue queue;
  const test_case *c;
  const case_data *data;
  cl_mem weights, input;
  long launches, done, chained;
  const char *problem;
} worker;

static bool enqueue_batch(worker *w, sepcl_op_args *args) {
  const cl_api *cl = w->context->cl;
  cl_event before = NULL;
  bool good = true;
  for (int i = 0; i < BATCH && good; i++) {
    cl_event event = NULL;
    sepcl_sync sync = {before ? 1 : 0, before ? &before : NULL, i % 4 == 0 ? &event : NULL};
    good = sepcl_op_enqueue(w->op, w->queue, args, &sync) == SEPCL_OK;
    if (before) {
      cl->clReleaseEvent(before);
      w->chained++;
    }
    before = event;
  }
  if (before) cl->clReleaseEvent(before);
  if (!good) w->problem = "an enqueue failed";
  return good && cl->clFinish(w->queue) == CL_SUCCESS;
}

/* Everything between the threads' start and end goes through objects of the thread's own; the device is shared. */
static void *work(void *argument) {
  worker *w = argument;
  const cl_api *cl = w->context->cl;
  size_t count = reference_elements(case_output(w->c)), bytes = count * sizeof(float);
  float *out = malloc(bytes);
  sepcl_op_args args = SEPCL_OP_ARGS_INIT;
  args.input.buffer = w->input;
  args.weights.buffer = w->weights;
  args.output.buffer = test_buffer(w->context, NULL, bytes);
  if (!out || !args.output.buffer) w->problem = "out of memory";
  while (!w->problem && w->done < w->launches) {
    if (!enqueue_batch(w, &args)) {
      if (!w->problem) w->problem = "clFinish failed";
      break;
    }
    w->done += BATCH;
    if (cl->clEnqueueReadBuffer(w->queue, args.output.buffer, CL_TRUE, 0, bytes, out, 0, NULL, NULL) != CL_SUCCESS)
      w->problem = "the output cannot be read";
    for (size_t i = 0; i < count && !w->problem; i++)
      if (!reference_same(out[i], w->data->expected[i])) w->problem = "wrong bits";
    /* A clone made and freed beside the other thread's enqueues. */
    sepcl_op *other = NULL;
    if (w->done % (BATCH * 50) == 0 && !w->problem) {
      if (sepcl_op_clone(&other, w->op) != SEPCL_OK) w->problem = "clone failed";
      sepcl_op *old = w->op;
      if (other) w->op = other;
      if (other) sepcl_op_free(old);
    }
  }
  if (args.output.buffer) cl->clReleaseMemObject(args.output.buffer);
  free(out);
  return NULL;
}

static test_case small_case(case_kind kind) {
  test_case c = {.kind = kind, .data_seed = 7, .input = {1, 3, 3, 5}, .outputs = 5, .groups = 1, .expanded = 5};
  c.window = (sepcl_window)SEPCL_WINDOW_INIT;
  c.activation.kind = SEPCL_RELU6;
  if (kind != CASE_DEPTHWISE) return c;
  c.groups = 5;
  c.window.kernel_h = c.window.kernel_w = 3;
  c.window.pad_top = c.window.pad_left = c.window.pad_bottom = c.window.pad_right = 1;
  return c;
}

static bool prepare(worker *w, const test_context *context, const test_case *c, case_data *data) {
  w->context = context;
  w->c = c;
  w->data = data;
  if (!case_data_create(data, c, false)) return false;
  if (case_op_create(&w->op, context->device, c, NULL) != SEPCL_OK) return false;
  size_t size = sepcl_op_packed_size(w->op);
  void *packed = malloc(size);
  bool good = packed && sepcl_op_pack(w->op, packed, data->sets, (uint32_t)data->set_count) == SEPCL_OK;
  if (good) w->weights = test_buffer(context, packed, size);
  free(packed);
  w->input = test_buffer(context, data->x, reference_elements(c->input) * sizeof(float));
  cl_int code;
  w->queue = context->cl->clCreateCommandQueue(sepcl_device_context(context->device), sepcl_device_id(context->device),
                                               0, &code);
  return good && w->weights && w->input && w->queue;
}

static void release(worker *w) {
  if (w->queue) w->context->cl->clReleaseCommandQueue(w->queue);
  if (w->input) w->context->cl->clReleaseMemObject(w->input);
  if (w->weights) w->context->cl->clReleaseMemObject(w->weights);
  sepcl_op_free(w->op);
}

int main(int argc, char **argv) {
  long launches = 1000000;
  const char *device = NULL;
  for (int i = 1; i + 1 < argc; i += 2)
    if (!strcmp(argv[i], "--launches"))
      launches = atol(argv[i + 1]);
    else if (!strcmp(argv[i], "--device"))
      device = argv[i + 1];
  test_context context;
  if (!test_context_open(&context, device)) {
    fprintf(stderr, "sepcl_stress: %s\n", sepcl_last_error());
    return 1;
  }
  worker workers[THREADS] = {{0}};
  case_data data[THREADS] = {{0}};
  const test_case cases[THREADS] = {small_case(CASE_POINTWISE), small_case(CASE_DEPTHWISE)};
  bool good = true;
  for (int i = 0; i < THREADS && good; i++) {
    good = prepare(&workers[i], &context, &cases[i], &data[i]);
    workers[i].launches = launches / THREADS;
    if (!good) fprintf(stderr, "sepcl_stress: %s\n", sepcl_last_error());
  }
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS && good; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
  for (int i = 0; i < THREADS && good; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) {
    if (good)
      printf("thread %d: %ld launches of %s, %ld of them waiting for an event: %s\n", i, workers[i].done,
             sepcl_op_kernel(workers[i].op), workers[i].chained, workers[i].problem ? workers[i].problem : "fine");
    if (workers[i].problem) good = false;
    if (workers[i].context) release(&workers[i]);
    case_data_free(&data[i]);
  }
  test_context_close(&context);
  return good ? 0 : 1;
}
