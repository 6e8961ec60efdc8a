/* Replays a network, a launch per stage: the arena, a kernel object per stage with its arguments, and the enqueue loop.
 */
#include <stdlib.h>
#include <string.h>

#include "cl/buffer.h"
#include "cl/program.h"
#include "clock.h"
#include "error.h"
#include "run/run.h"
#include "stage/clblast.h"

static int64_t part_elements(const sepcl_network *network, int32_t index) {
  const sepcl_graph *graph = network->graph;
  const graph_io *io = index < graph->input_count ? &graph->inputs[index] : &graph->outputs[index - graph->input_count];
  return node_elements(&graph->nodes[io->value]);
}

size_t io_elements(const sepcl_network *network, int32_t index) {
  return (size_t)(network->parts * part_elements(network, index));
}

static void free_kernels(sepcl_execution *execution) {
  const sepcl_network *network = execution->network;
  for (int64_t i = 0; execution->kernels && i < (int64_t)execution->kernel_sets * network->step_count; i++)
    if (execution->kernels[i]) network->device->cl->clReleaseKernel(execution->kernels[i]);
  free(execution->kernels);
  execution->kernels = NULL;
}

/* A kernel object per stage; a network that runs in one launch needs them for profiles only. For a command buffer also
 * per part of the batch: PoCL 3.1 runs all recorded launches of a kernel object with the arguments that it was given
 * last. */
static sepcl_status make_kernels(sepcl_execution *execution) {
  sepcl_network *network = execution->network;
  if (execution->kernels) return SEPCL_OK;
  execution->kernel_sets = network->replay == SEPCL_REPLAY_COMMAND_BUFFER ? network->parts : 1;
  const int64_t count = network->step_count, all = execution->kernel_sets * count;
  execution->kernels = calloc((size_t)all + 1, sizeof *execution->kernels);
  if (!execution->kernels) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an execution's kernels");
  sepcl_status status = SEPCL_OK;
  for (int64_t i = 0; i < all && status == SEPCL_OK; i++) {
    const step *p = &network->steps[i % count];
    if (has_kernel(p)) status = program_kernel(&execution->kernels[i], network->device, kernel_of(&p->bound));
  }
  if (status != SEPCL_OK) free_kernels(execution);
  return status;
}

static sepcl_status make_arena(sepcl_execution *execution) {
  const sepcl_network *network = execution->network;
  if (!network->arena_floats) return SEPCL_OK;
  return buffer_create(&execution->arena, network->device, CL_MEM_READ_WRITE,
                       (size_t)network->arena_floats * sizeof(float), "the arena");
}

sepcl_status sepcl_execution_create(sepcl_execution **out, sepcl_network *network) {
  if (!out || !network) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_execution_create: a null pointer");
  *out = NULL;
  if (!network->executable)
    return failure(SEPCL_INVALID_ARGUMENT, "sepcl_execution_create: the network was planned only, not compiled");
  sepcl_execution *execution = calloc(1, sizeof *execution);
  if (!execution) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an execution");
  execution->network = network;
  sepcl_status status = make_arena(execution);
  if (status == SEPCL_OK)
    status = network->replay == SEPCL_REPLAY_ONE_LAUNCH ? one_launch_create(&execution->one, execution)
                                                        : make_kernels(execution);
  if (status == SEPCL_OK && network->replay == SEPCL_REPLAY_COMMAND_BUFFER)
    status = recorded_create(&execution->recorded, network);
  adapt_start(&execution->workers, (int32_t)network->device->info.compute_units);
  if (status != SEPCL_OK) {
    sepcl_execution_free(execution);
    return status;
  }
  *out = execution;
  return SEPCL_OK;
}

void sepcl_execution_free(sepcl_execution *execution) {
  if (!execution) return;
  const sepcl_network *network = execution->network;
  const cl_api *cl = network->device->cl;
  one_launch_free(execution->one, cl);
  recorded_free(execution->recorded, network);
  if (execution->queue) cl->clReleaseCommandQueue(execution->queue);
  if (execution->profiling_queue) cl->clReleaseCommandQueue(execution->profiling_queue);
  free_kernels(execution);
  for (int32_t i = 0; execution->io && i < io_count(network); i++)
    if (execution->io[i]) cl->clReleaseMemObject(execution->io[i]);
  if (execution->arena) cl->clReleaseMemObject(execution->arena);
  free(execution->io);
  free(execution);
}

/* ---- enqueueing ---- */

static sepcl_status check_operand(const sepcl_execution *execution, const sepcl_operand *operand, int32_t index) {
  const sepcl_network *network = execution->network;
  const cl_api *cl = network->device->cl;
  const char *what = index < network->graph->input_count ? "input" : "output";
  int32_t number = index < network->graph->input_count ? index : index - network->graph->input_count;
  if (!operand->buffer) return failure(SEPCL_INVALID_ARGUMENT, "%s %d: buffer is NULL", what, number);
  if (operand->offset % sizeof(float))
    return failure(SEPCL_MISALIGNED, "%s %d: offset %zu is no multiple of 4", what, number, operand->offset);
  size_t size = 0, need = io_elements(network, index) * sizeof(float);
  cl_context context = NULL;
  cl_int code = cl->clGetMemObjectInfo(operand->buffer, CL_MEM_SIZE, sizeof size, &size, NULL);
  if (code != CL_SUCCESS) return failure_cl("clGetMemObjectInfo", code);
  cl->clGetMemObjectInfo(operand->buffer, CL_MEM_CONTEXT, sizeof context, &context, NULL);
  if (context != network->device->context)
    return failure(SEPCL_WRONG_CONTEXT, "%s %d: the buffer belongs to another context", what, number);
  if (operand->offset > size || size - operand->offset < need)
    return failure(SEPCL_BUFFER_TOO_SMALL, "%s %d: needs %zu bytes from offset %zu, the buffer has %zu", what, number,
                   need, operand->offset, size);
  return SEPCL_OK;
}

static sepcl_status check_queue(const sepcl_execution *execution, cl_command_queue queue, bool *out_of_order) {
  const cl_api *cl = execution->network->device->cl;
  if (!queue) return failure(SEPCL_INVALID_ARGUMENT, "queue is NULL");
  cl_context context = NULL;
  cl_command_queue_properties properties = 0;
  cl_int code = cl->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
  if (code != CL_SUCCESS) return failure_cl("clGetCommandQueueInfo", code);
  if (context != execution->network->device->context)
    return failure(SEPCL_WRONG_CONTEXT, "the queue belongs to another context than the network");
  cl->clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
  *out_of_order = properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
  return SEPCL_OK;
}

cl_mem locate_operand(const sepcl_execution *execution, int32_t part, const sepcl_operand *io, const place *operand,
                      params_long *at) {
  if (operand->root == SEPCL_NO_VALUE) return NULL;
  const storage *s = &execution->network->storages[operand->root];
  *at += operand->offset;
  switch (s->kind) {
    case STORAGE_ARENA: *at += s->half ? 2 * s->at : s->at; return execution->arena;
    case STORAGE_WEIGHTS:
    case STORAGE_BIASES: *at += s->at; return execution->network->weights;
    case STORAGE_IO:
      *at += (params_long)(io[s->index].offset / sizeof(float)) + part * part_elements(execution->network, s->index);
      return io[s->index].buffer;
    case STORAGE_NONE: break;
  }
  return NULL;
}

stage_launch locate_step(const sepcl_execution *execution, int32_t part, int32_t index, const sepcl_operand *io) {
  const step *p = &execution->network->steps[index];
  const int64_t set = part % execution->kernel_sets;
  stage_launch launch = {.kernel = execution->kernels[set * execution->network->step_count + index],
                         .v = p->bound.v,
                         .params = p->bound.params};
  launch.x = locate_operand(execution, part, io, &p->x, &launch.params.x_at);
  launch.r = locate_operand(execution, part, io, &p->r, &launch.params.r_at);
  launch.s = locate_operand(execution, part, io, &p->s, &launch.params.s_at);
  launch.y = locate_operand(execution, part, io, &p->y, &launch.params.y_at);
  launch.w = execution->network->weights;
  if (p->bound.reads_image) launch.image = execution->network->weights_image;
  launch.params.w_at += p->weights_at;
  return launch;
}

static sepcl_status enqueue_step(sepcl_execution *execution, int32_t part, int32_t index, cl_command_queue queue,
                                 const sepcl_operand *io, const sepcl_sync *sync) {
  const stage_launch launch = locate_step(execution, part, index, io);
  const cl_api *cl = execution->network->device->cl;
  return launch.v == &clblast_variant ? clblast_enqueue(cl, &launch, queue, sync)
                                      : stage_enqueue(cl, &launch, queue, sync);
}

static int32_t last_launch(const sepcl_network *network) {
  int32_t last = -1;
  for (int32_t i = 0; i < network->step_count; i++)
    if (!network->steps[i].view) last = i;
  return last;
}

/* One launch per stage, part after part; events[part * step_count + i], where given, is the launch's own. */
static sepcl_status enqueue_steps(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                                  const sepcl_sync *sync, cl_event *events) {
  const sepcl_network *network = execution->network;
  bool out_of_order = false, first = true;
  TRY(check_queue(execution, queue, &out_of_order));
  const int64_t count = network->step_count, last = (network->parts - 1) * count + last_launch(network);
  for (int64_t i = 0; i <= last; i++) {
    if (network->steps[i % count].view) continue;
    sepcl_sync own = {0, NULL, NULL};
    if (first && sync) {
      own.wait_count = sync->wait_count;
      own.wait = sync->wait;
    }
    if (i == last && sync) own.event = sync->event;
    if (events) own.event = &events[i];
    if (out_of_order && !first) {
      cl_int code = network->device->cl->clEnqueueBarrierWithWaitList(queue, 0, NULL, NULL);
      if (code != CL_SUCCESS) return failure_cl("clEnqueueBarrierWithWaitList", code);
    }
    TRY(enqueue_step(execution, (int32_t)(i / count), (int32_t)(i % count), queue, io, &own));
    first = false;
  }
  return SEPCL_OK;
}

static sepcl_status enqueue_network(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                                    const sepcl_sync *sync) {
  if (execution->one) return one_launch_enqueue(execution, queue, io, sync);
  if (execution->recorded) {
    bool out_of_order = false;
    TRY(check_queue(execution, queue, &out_of_order));
    if (recorded_enqueue(execution, queue, io, sync)) return SEPCL_OK;
  }
  return enqueue_steps(execution, queue, io, sync, NULL);
}

sepcl_status sepcl_network_enqueue(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *operands,
                                   const sepcl_sync *sync) {
  if (!execution || !operands) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_enqueue: a null pointer");
  if (sync && sync->wait_count && !sync->wait)
    return failure(SEPCL_INVALID_ARGUMENT, "sync.wait is NULL with wait_count %u", sync->wait_count);
  for (int32_t i = 0; i < io_count(execution->network); i++) TRY(check_operand(execution, &operands[i], i));
  return enqueue_network(execution, queue, operands, sync);
}

/* ---- host arrays in, host arrays out ---- */

static sepcl_status make_queue(const sepcl_execution *execution, cl_command_queue *queue,
                               cl_command_queue_properties properties) {
  if (*queue) return SEPCL_OK;
  const sepcl_device *device = execution->network->device;
  cl_int code = CL_SUCCESS;
  *queue = device->cl->clCreateCommandQueue(device->context, device->id, properties, &code);
  return *queue ? SEPCL_OK : failure_cl("clCreateCommandQueue", code);
}

/* A CPU reads the inputs where they are. */
static bool shares_inputs(const sepcl_execution *execution) {
  return execution->network->device->info.type & CL_DEVICE_TYPE_CPU;
}

static sepcl_status make_io(sepcl_execution *execution) {
  const sepcl_device *device = execution->network->device;
  const int32_t count = io_count(execution->network), inputs = execution->network->graph->input_count;
  if (!execution->io) execution->io = calloc((size_t)count + 1, sizeof *execution->io);
  if (!execution->io) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the inputs and outputs");
  for (int32_t i = shares_inputs(execution) ? inputs : 0; i < count; i++) {
    if (execution->io[i]) continue;
    TRY(buffer_create(&execution->io[i], device, CL_MEM_READ_WRITE, io_elements(execution->network, i) * sizeof(float),
                      "an input or output"));
  }
  return SEPCL_OK;
}

/* One input on its way: written, or as a buffer of the host's own array for this one run. */
static sepcl_status hand_over(sepcl_execution *execution, cl_command_queue queue, int32_t i, const float *input) {
  const sepcl_device *device = execution->network->device;
  const size_t bytes = io_elements(execution->network, i) * sizeof(float);
  cl_int code = CL_SUCCESS;
  if (!shares_inputs(execution)) {
    code = device->cl->clEnqueueWriteBuffer(queue, execution->io[i], CL_FALSE, 0, bytes, input, 0, NULL, NULL);
    return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueWriteBuffer", code);
  }
  execution->io[i] = device->cl->clCreateBuffer(device->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes,
                                                (void *)(uintptr_t)input, &code);
  return execution->io[i] ? SEPCL_OK : failure_cl("clCreateBuffer for an input", code);
}

static sepcl_status write_inputs(sepcl_execution *execution, cl_command_queue queue, const float *const *inputs) {
  for (int32_t i = 0; i < execution->network->graph->input_count; i++) {
    if (!inputs || !inputs[i]) return failure(SEPCL_INVALID_ARGUMENT, "input %d is NULL", i);
    TRY(hand_over(execution, queue, i, inputs[i]));
  }
  return SEPCL_OK;
}

static void take_inputs_back(sepcl_execution *execution) {
  for (int32_t i = 0; i < execution->network->graph->input_count && shares_inputs(execution); i++) {
    if (execution->io[i]) execution->network->device->cl->clReleaseMemObject(execution->io[i]);
    execution->io[i] = NULL;
  }
}

static sepcl_status read_outputs(sepcl_execution *execution, cl_command_queue queue, float *const *outputs) {
  const sepcl_network *network = execution->network;
  for (int32_t i = 0; i < network->graph->output_count; i++) {
    if (!outputs || !outputs[i]) return failure(SEPCL_INVALID_ARGUMENT, "output %d is NULL", i);
    int32_t index = network->graph->input_count + i;
    cl_int code = network->device->cl->clEnqueueReadBuffer(queue, execution->io[index], CL_FALSE, 0,
                                                           io_elements(network, index) * sizeof(float), outputs[i], 0,
                                                           NULL, NULL);
    if (code != CL_SUCCESS) return failure_cl("clEnqueueReadBuffer", code);
  }
  return SEPCL_OK;
}

static void io_operands(const sepcl_execution *execution, sepcl_operand *operands) {
  for (int32_t i = 0; i < io_count(execution->network); i++) operands[i] = (sepcl_operand){execution->io[i], 0, 0};
}

static sepcl_status run_on(sepcl_execution *execution, cl_command_queue queue, const float *const *inputs,
                           float *const *outputs, cl_event *events) {
  TRY(make_io(execution));
  sepcl_operand *operands = calloc((size_t)io_count(execution->network) + 1, sizeof *operands);
  if (!operands) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the inputs and outputs");
  sepcl_status status = write_inputs(execution, queue, inputs);
  io_operands(execution, operands);
  if (status == SEPCL_OK)
    status = events ? enqueue_steps(execution, queue, operands, NULL, events)
                    : enqueue_network(execution, queue, operands, NULL);
  if (status == SEPCL_OK && outputs) status = read_outputs(execution, queue, outputs);
  /* Also after a failure: the host arrays must not be read or written once this returns. */
  cl_int code = execution->network->device->cl->clFinish(queue);
  if (status == SEPCL_OK && code != CL_SUCCESS) status = failure_cl("clFinish", code);
  take_inputs_back(execution);
  free(operands);
  return status;
}

sepcl_status sepcl_execution_run(sepcl_execution *execution, const float *const *inputs, float *const *outputs) {
  if (!execution || !outputs) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_execution_run: a null pointer");
  TRY(make_queue(execution, &execution->queue, 0));
  const int32_t used = adapt_next(&execution->workers);
  const run_cost start = {seconds_now(), cpu_seconds_now()};
  TRY(run_on(execution, execution->queue, inputs, outputs, NULL));
  const run_cost cost = {seconds_now() - start.seconds, cpu_seconds_now() - start.cpu_seconds};
  if (execution->one) adapt_learn(&execution->workers, used, cost);
  return SEPCL_OK;
}

static sepcl_status read_times(const sepcl_execution *execution, const cl_event *events, uint64_t *nanoseconds) {
  const cl_api *cl = execution->network->device->cl;
  const int64_t count = execution->network->step_count;
  memset(nanoseconds, 0, (size_t)count * sizeof *nanoseconds);
  for (int64_t i = 0; i < execution->network->parts * count; i++) {
    cl_ulong start = 0, end = 0;
    if (!events[i]) continue;
    cl_int code = cl->clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    if (code == CL_SUCCESS)
      code = cl->clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    if (code != CL_SUCCESS) return failure_cl("clGetEventProfilingInfo", code);
    nanoseconds[i % count] += end - start;
  }
  return SEPCL_OK;
}

sepcl_status sepcl_execution_profile(sepcl_execution *execution, const float *const *inputs, uint64_t *nanoseconds) {
  if (!execution || !nanoseconds) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_execution_profile: a null pointer");
  TRY(make_queue(execution, &execution->profiling_queue, CL_QUEUE_PROFILING_ENABLE));
  TRY(build_stage_programs(execution->network));
  TRY(make_kernels(execution));
  const int64_t count = (int64_t)execution->network->parts * execution->network->step_count;
  cl_event *events = calloc((size_t)count + 1, sizeof(cl_event));
  if (!events) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the profile's events");
  sepcl_status status = run_on(execution, execution->profiling_queue, inputs, NULL, events);
  if (status == SEPCL_OK) status = read_times(execution, events, nanoseconds);
  for (int64_t i = 0; i < count; i++)
    if (events[i]) execution->network->device->cl->clReleaseEvent(events[i]);
  free(events);
  return status;
}
