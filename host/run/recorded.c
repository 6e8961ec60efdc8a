/* Replays a network through cl_khr_command_buffer: its launches are recorded once for a queue and the caller's buffers,
 * and then enqueued as one. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "run/run.h"

#include <CL/cl_ext.h> /* after sepcl.h, which chooses OpenCL's version */

/* Callers that alternate between buffers find what was recorded for each. */
enum { RECORDINGS = 4, MAX_RECORDED_IO = 8 };

typedef struct recording {
  cl_command_buffer_khr commands; /* NULL: none */
  cl_command_queue queue;
  sepcl_operand io[MAX_RECORDED_IO]; /* retained, so that no other buffer can get the same handle */
  uint64_t used;                     /* when it was enqueued last */
} recording;

typedef struct functions {
  clCreateCommandBufferKHR_fn create;
  clFinalizeCommandBufferKHR_fn finalize;
  clReleaseCommandBufferKHR_fn release;
  clEnqueueCommandBufferKHR_fn enqueue;
  clCommandNDRangeKernelKHR_fn launch;
} functions;

struct recorded {
  functions f;
  recording list[RECORDINGS];
  uint64_t clock;
  bool simultaneous; /* may be enqueued while it runs */
  bool broken;       /* recording failed: a launch per stage from then on */
};

/* ---- whether the device can ---- */

static bool find(functions *f, const sepcl_device *device) {
  const cl_api *cl = device->cl;
  cl_platform_id platform = NULL;
  if (cl->clGetDeviceInfo(device->id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL) != CL_SUCCESS) return false;
#define FIND(member, name) (*(void **)&f->member = cl->clGetExtensionFunctionAddressForPlatform(platform, name)) != NULL
  return FIND(create, "clCreateCommandBufferKHR") && FIND(finalize, "clFinalizeCommandBufferKHR") &&
         FIND(release, "clReleaseCommandBufferKHR") && FIND(enqueue, "clEnqueueCommandBufferKHR") &&
         FIND(launch, "clCommandNDRangeKernelKHR");
#undef FIND
}

const char *recorded_refuses(const sepcl_network *network) {
  const sepcl_device *device = network->device;
  functions f;
  cl_command_queue_properties required = 0;
  if (!device->info.command_buffer) return "the device has no cl_khr_command_buffer";
  if (!find(&f, device)) return "the driver lacks functions of cl_khr_command_buffer";
  if (device->cl->clGetDeviceInfo(device->id, CL_DEVICE_COMMAND_BUFFER_REQUIRED_QUEUE_PROPERTIES_KHR, sizeof required,
                                  &required, NULL) != CL_SUCCESS)
    return "the driver does not say which queues its command buffers need";
  if (required) return "the device's command buffers need queues of a special kind";
  if (io_count(network) > MAX_RECORDED_IO) return "more inputs and outputs than a recording keeps";
  for (int32_t i = 0; i < network->step_count; i++)
    if (!network->steps[i].view && !has_kernel(&network->steps[i])) return "CLBlast launches kernels of its own";
  return NULL;
}

sepcl_status recorded_create(recorded **out, const sepcl_network *network) {
  recorded *r = calloc(1, sizeof *r);
  if (!r) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an execution's recordings");
  cl_device_command_buffer_capabilities_khr able = 0;
  const sepcl_device *device = network->device;
  device->cl->clGetDeviceInfo(device->id, CL_DEVICE_COMMAND_BUFFER_CAPABILITIES_KHR, sizeof able, &able, NULL);
  r->simultaneous = able & CL_COMMAND_BUFFER_CAPABILITY_SIMULTANEOUS_USE_KHR;
  r->broken = !find(&r->f, device);
  *out = r;
  return SEPCL_OK;
}

static void forget(const recorded *r, recording *of, const sepcl_network *network) {
  const cl_api *cl = network->device->cl;
  if (!of->commands) return;
  r->f.release(of->commands);
  cl->clReleaseCommandQueue(of->queue);
  for (int32_t i = 0; i < io_count(network); i++) cl->clReleaseMemObject(of->io[i].buffer);
  memset(of, 0, sizeof *of);
}

void recorded_free(recorded *r, const sepcl_network *network) {
  if (!r) return;
  for (int i = 0; i < RECORDINGS; i++) forget(r, &r->list[i], network);
  free(r);
}

/* ---- recording ---- */

/* Each launch after the one before, as on a queue in order. */
static cl_int record_steps(const recorded *r, cl_command_buffer_khr commands, const sepcl_execution *execution,
                           const sepcl_operand *io) {
  const sepcl_network *network = execution->network;
  cl_sync_point_khr before = 0;
  bool first = true;
  const int64_t count = network->step_count;
  for (int64_t i = 0; i < network->parts * count; i++) {
    if (network->steps[i % count].view) continue;
    const stage_launch launch = locate_step(execution, (int32_t)(i / count), (int32_t)(i % count), io);
    cl_int code = stage_set_arguments(network->device->cl, &launch);
    const size_t local = (size_t)launch.v->local, global = (size_t)launch.params.tasks * local;
    cl_sync_point_khr after = 0;
    if (code == CL_SUCCESS)
      code = r->f.launch(commands, NULL, NULL, launch.kernel, 1, NULL, &global, &local, first ? 0 : 1,
                         first ? NULL : &before, &after, NULL);
    if (code != CL_SUCCESS) return code;
    before = after;
    first = false;
  }
  return r->f.finalize(commands);
}

/* NULL: the driver would not. */
static recording *record(recorded *r, const sepcl_execution *execution, cl_command_queue queue,
                         const sepcl_operand *io) {
  const sepcl_network *network = execution->network;
  const cl_api *cl = network->device->cl;
  recording *oldest = r->list;
  for (int i = 1; i < RECORDINGS; i++)
    if (r->list[i].used < oldest->used) oldest = &r->list[i];
  forget(r, oldest, network);
  const cl_command_buffer_properties_khr properties[] = {CL_COMMAND_BUFFER_FLAGS_KHR,
                                                         CL_COMMAND_BUFFER_SIMULTANEOUS_USE_KHR, 0};
  cl_int code = CL_SUCCESS;
  cl_command_buffer_khr commands = r->f.create(1, &queue, r->simultaneous ? properties : NULL, &code);
  if (!commands) return NULL;
  if (record_steps(r, commands, execution, io) != CL_SUCCESS) {
    r->f.release(commands);
    return NULL;
  }
  oldest->commands = commands;
  oldest->queue = queue;
  cl->clRetainCommandQueue(queue);
  for (int32_t i = 0; i < io_count(network); i++) {
    oldest->io[i] = io[i];
    cl->clRetainMemObject(io[i].buffer);
  }
  return oldest;
}

static recording *look_up(recorded *r, const sepcl_network *network, cl_command_queue queue, const sepcl_operand *io) {
  for (int i = 0; i < RECORDINGS; i++) {
    recording *of = &r->list[i];
    bool same = of->commands && of->queue == queue;
    for (int32_t k = 0; same && k < io_count(network); k++)
      same = of->io[k].buffer == io[k].buffer && of->io[k].offset == io[k].offset;
    if (same) return of;
  }
  return NULL;
}

bool recorded_enqueue(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                      const sepcl_sync *sync) {
  recorded *r = execution->recorded;
  if (r->broken) return false;
  recording *found = look_up(r, execution->network, queue, io);
  if (!found) found = record(r, execution, queue, io);
  r->broken = !found;
  if (!found) return false;
  found->used = ++r->clock;
  const cl_uint waits = sync ? sync->wait_count : 0;
  cl_event event = NULL; /* as in stage_enqueue: it may take the place of one that is waited for */
  /* A driver that cannot have it twice in flight refuses while it runs; that inference goes by launches. */
  if (r->f.enqueue(0, NULL, found->commands, waits, waits ? sync->wait : NULL, sync && sync->event ? &event : NULL) !=
      CL_SUCCESS)
    return false;
  if (sync && sync->event) *sync->event = event;
  return true;
}
