/* sepcl_counted: what enqueueing does to OpenCL, counted. Run it with SEPCL_OPENCL naming libsepcl_counting_opencl.so.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counting/counting.h"
#include "support/cases.h"
#include "support/invalid_arguments.h"

enum { LAUNCHES = 100 };

typedef struct running {
  const test_context *context;
  sepcl_op *op;
  cl_mem buffers[5]; /* input, weights, residual, scale, output */
  sepcl_op_args args;
} running;

static cl_mem zeros(const test_context *context, size_t floats) {
  return test_buffer(context, NULL, (floats ? floats : 1) * sizeof(float));
}

static bool make(running *r, const test_context *context, const test_case *c) {
  *r = (running){.context = context, .args = SEPCL_OP_ARGS_INIT};
  if (case_op_create(&r->op, context->device, c, NULL) != SEPCL_OK) return false;
  size_t y = reference_elements(case_output(c));
  size_t floats[5] = {reference_elements(c->input), sepcl_op_packed_size(r->op) / sizeof(float), y,
                      (size_t)c->input.n * (size_t)c->input.c, y};
  for (int i = 0; i < 5; i++) r->buffers[i] = zeros(context, floats[i]);
  r->args.input.buffer = r->buffers[0];
  if (sepcl_op_packed_size(r->op)) r->args.weights.buffer = r->buffers[1];
  if (c->has_residual) r->args.residual.buffer = r->buffers[2];
  if (c->has_scale) r->args.scale.buffer = r->buffers[3];
  r->args.output.buffer = r->buffers[4];
  return r->buffers[0] && r->buffers[1] && r->buffers[2] && r->buffers[3] && r->buffers[4];
}

static void release(running *r) {
  for (int i = 0; i < 5; i++)
    if (r->buffers[i]) r->context->cl->clReleaseMemObject(r->buffers[i]);
  sepcl_op_free(r->op);
}

/* Many launches, each waiting for the one before; the counters see nothing but enqueues. */
static bool count_launches(const test_context *context, const counting *counting, const test_case *c) {
  running r;
  const cl_api *cl = context->cl;
  bool good = make(&r, context, c);
  cl_event last = NULL;
  uint64_t files_before = counting_driver_files();
  counting->reset();
  for (int i = 0; i < LAUNCHES && good; i++) {
    cl_event event = NULL;
    sepcl_sync sync = {last ? 1 : 0, last ? &last : NULL, &event};
    good = sepcl_op_enqueue(r.op, context->queue, &r.args, &sync) == SEPCL_OK && event;
    if (last) cl->clReleaseEvent(last);
    last = event;
  }
  uint64_t n[COUNT_KINDS];
  counting->read(n);
  cl_ulong start = 0, end = 0;
  good = good && last && cl->clWaitForEvents(1, &last) == CL_SUCCESS;
  good = good &&
         cl->clGetEventProfilingInfo(last, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) == CL_SUCCESS &&
         cl->clGetEventProfilingInfo(last, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) == CL_SUCCESS;
  uint64_t new_files = counting_driver_files() - files_before;
  good = good && !new_files && start && end >= start && n[COUNT_ENQUEUES] == LAUNCHES && counting_only_enqueues(n);
  printf("%-18s %d launches: ", case_kind_name(c->kind), LAUNCHES);
  counting_print(n);
  printf(", %" PRIu64 " new files in PoCL's cache; the last took %llu ns: %s\n", new_files,
         (unsigned long long)(end - start), good ? "good" : sepcl_last_error());
  if (last) cl->clReleaseEvent(last);
  release(&r);
  return good;
}

/* The counters do count: making an op allocates nothing, but a buffer, a program, a finish and a read show. */
static bool control(const test_context *context, const counting *counting) {
  uint64_t n[COUNT_KINDS];
  counting->reset();
  test_case c = case_draw(CASE_CONV, 1, 1, &(case_limits){20000, 12, 32, false});
  running r;
  bool good = make(&r, context, &c);
  context->cl->clFinish(context->queue);
  float value;
  good = good && context->cl->clEnqueueReadBuffer(context->queue, r.buffers[0], CL_TRUE, 0, sizeof value, &value, 0,
                                                  NULL, NULL) == CL_SUCCESS;
  counting->read(n);
  release(&r);
  good = good && n[COUNT_ALLOCATIONS] == 5 && n[COUNT_BUILDS] && n[COUNT_KERNELS] && n[COUNT_BLOCKING] >= 2 &&
         n[COUNT_ENQUEUES] >= 1;
  printf("control: ");
  counting_print(n);
  printf(": %s\n", good ? "counted" : "NOT COUNTED");
  return good;
}

static bool count_invalid(const test_context *context, const counting *counting) {
  test_context other;
  if (!test_context_open(&other, getenv("SEPCL_TEST_DEVICE"))) return false;
  int calls = 0, statuses[SEPCL_BAD_GRAPH + 1] = {0};
  uint64_t n[COUNT_KINDS];
  counting->reset();
  int failures = invalid_arguments_run(context, &other, stdout, &calls, statuses);
  counting->read(n);
  test_context_close(&other);
  bool good = !failures && n[COUNT_ENQUEUES] == INVALID_ARGUMENTS_ENQUEUES && !n[COUNT_BLOCKING];
  printf("%d wrong calls: %d answered otherwise, %" PRIu64 " enqueues: %s\n", calls, failures,
         n[COUNT_ENQUEUES] - INVALID_ARGUMENTS_ENQUEUES, good ? "good" : "BAD");
  return good;
}

int main(void) {
  counting counting;
  test_context context;
  if (!counting_find(&counting)) {
    fputs("sepcl_counted: SEPCL_OPENCL must name libsepcl_counting_opencl.so\n", stderr);
    return 2;
  }
  if (!test_context_open(&context, getenv("SEPCL_TEST_DEVICE"))) {
    fprintf(stderr, "sepcl_counted: %s\n", sepcl_last_error());
    return 1;
  }
  bool good = control(&context, &counting);
  for (int kind = 0; kind < CASE_KIND_COUNT; kind++) {
    test_case c = case_draw((case_kind)kind, 1, 0, &(case_limits){20000, 12, 32, false});
    c.in_place = false;
    good &= count_launches(&context, &counting, &c);
  }
  good &= count_invalid(&context, &counting);
  test_context_close(&context);
  return good ? 0 : 1;
}
