/* Whether CLBlast's matrix product beats ours for a shape on a device: measured once, then remembered in the cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/cache.h"
#include "clock.h"
#include "error.h"
#include "select/lower.h"
#include "select/tuning.h"
#include "stage/clblast.h"

/* The first round compiles. CLBlast must win by a tenth: a bias or a function is one more launch, and its choice costs
 * the promise of equal bits. */
enum { ROUNDS = 4 };
static const double ADVANTAGE = 0.9;

typedef struct race {
  const cl_api *cl;
  cl_command_queue queue;
  sepcl_op *ours;
  sepcl_op_args args;
  stage_launch theirs;
} race;

static sepcl_status make_operand(cl_mem *out, const sepcl_device *device, cl_command_queue queue, size_t floats) {
  static const cl_float one = 1.0f;
  cl_int code = CL_SUCCESS;
  *out = device->cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE, floats * sizeof one, NULL, &code);
  if (!*out) return failure_cl("clCreateBuffer", code);
  code = device->cl->clEnqueueFillBuffer(queue, *out, &one, sizeof one, 0, floats * sizeof one, 0, NULL, NULL);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueFillBuffer", code);
}

static sepcl_status prepare(race *r, sepcl_device *device, const sepcl_gemm_desc *shape) {
  const size_t m = (size_t)shape->m, n = (size_t)shape->n, k = (size_t)shape->k;
  cl_int code = CL_SUCCESS;
  r->queue = r->cl->clCreateCommandQueue(device->context, device->id, 0, &code);
  if (!r->queue) return failure_cl("clCreateCommandQueue", code);
  TRY(sepcl_gemm_create(&r->ours, device, shape));
  const size_t packed = sepcl_op_packed_size(r->ours) / sizeof(float), theirs = n * (k + 1);
  TRY(make_operand(&r->args.input.buffer, device, r->queue, m * k));
  TRY(make_operand(&r->args.weights.buffer, device, r->queue, packed > theirs ? packed : theirs));
  TRY(make_operand(&r->args.output.buffer, device, r->queue, m * n));
  r->theirs.x = r->args.input.buffer;
  r->theirs.w = r->args.weights.buffer;
  r->theirs.y = r->args.output.buffer;
  r->theirs.params.u.window = (window_params){.n = 1, .oh = 1, .ow = shape->m, .oc = shape->n, .c = shape->k};
  r->theirs.params.x_pitch = shape->k;
  r->theirs.params.y_pitch = shape->n;
  return SEPCL_OK;
}

static sepcl_status run(race *r, bool theirs) {
  if (!theirs) return sepcl_op_enqueue(r->ours, r->queue, &r->args, NULL);
  return clblast_enqueue(r->cl, &r->theirs, r->queue, NULL);
}

/* The best of the rounds but the first, in turns; best[0] ours, best[1] CLBlast's. */
static sepcl_status run_rounds(race *r, double best[2]) {
  for (int i = 0; i < 2 * ROUNDS; i++) {
    cl_int code = r->cl->clFinish(r->queue);
    double start = seconds_now();
    if (code == CL_SUCCESS) TRY(run(r, i & 1));
    if (code == CL_SUCCESS) code = r->cl->clFinish(r->queue);
    if (code != CL_SUCCESS) return failure_cl("clFinish", code);
    double seconds = seconds_now() - start;
    if (i >= 2 && (i < 4 || seconds < best[i & 1])) best[i & 1] = seconds;
  }
  return SEPCL_OK;
}

static sepcl_status measure(bool *wins, sepcl_device *device, const sepcl_gemm_desc *shape) {
  race r = {.cl = device->cl, .args = SEPCL_OP_ARGS_INIT};
  double best[2] = {0.0, 0.0};
  sepcl_status status = prepare(&r, device, shape);
  if (status == SEPCL_OK) status = run_rounds(&r, best);
  *wins = status == SEPCL_OK && best[1] < ADVANTAGE * best[0];
  cl_mem buffers[] = {r.args.input.buffer, r.args.weights.buffer, r.args.output.buffer};
  if (r.queue) r.cl->clFinish(r.queue);
  for (int i = 0; i < 3; i++)
    if (buffers[i]) r.cl->clReleaseMemObject(buffers[i]);
  sepcl_op_free(r.ours);
  if (r.queue) r.cl->clReleaseCommandQueue(r.queue);
  return status;
}

void clblast_key(char key[CLBLAST_KEY], const sepcl_device *device, const sepcl_gemm_desc *shape) {
  char what[64];
  snprintf(what, sizeof what, "clblast %dx%dx%d", shape->m, shape->n, shape->k);
  device_key(key, CLBLAST_KEY, what, device);
}

sepcl_status clblast_wins(bool *wins, sepcl_device *device, const sepcl_gemm_desc *shape, bool may_measure) {
  char key[CLBLAST_KEY];
  clblast_key(key, device, shape);
  size_t size = 0;
  char *known = device->cache ? cache_get(device->cache, key, &size) : NULL;
  *wins = known && size == 1 && *known == '1';
  bool measured = known != NULL;
  free(known);
  if (measured || !may_measure) return SEPCL_OK;
  TRY(measure(wins, device, shape));
  if (device->cache) cache_put(device->cache, key, *wins ? "1" : "0", 1);
  return SEPCL_OK;
}
