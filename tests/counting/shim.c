/* libsepcl_counting_opencl.so: counts OpenCL calls by kind and forwards them. It defines only the functions that it
 * counts; the others are found in libOpenCL.so.1, which it is linked with (dlsym searches dependencies too). */
#define CL_TARGET_OPENCL_VERSION 120
#define _GNU_SOURCE
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "counting/counting.h"

#define EXPORT __attribute__((visibility("default")))

static atomic_uint_fast64_t counts[COUNT_KINDS];

EXPORT void sepcl_counting_read(uint64_t out[COUNT_KINDS]) {
  for (int i = 0; i < COUNT_KINDS; i++) out[i] = atomic_load(&counts[i]);
}

EXPORT void sepcl_counting_reset(void) {
  for (int i = 0; i < COUNT_KINDS; i++) atomic_store(&counts[i], 0);
}

static void *real(const char *name) {
  static void *_Atomic library;
  void *handle = atomic_load(&library);
  if (!handle) {
    handle = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    atomic_store(&library, handle);
  }
  return handle ? dlsym(handle, name) : NULL;
}

#define FORWARD(kind, result, name, parameters, arguments) \
  EXPORT result CL_API_CALL name parameters {              \
    atomic_fetch_add(&counts[kind], 1);                    \
    result(*forward) parameters;                           \
    *(void **)&forward = real(#name);                      \
    return forward arguments;                              \
  }
#define FORWARD_BLOCKING(name, parameters, arguments)           \
  EXPORT cl_int CL_API_CALL name parameters {                   \
    atomic_fetch_add(&counts[COUNT_ENQUEUES], 1);               \
    if (blocking) atomic_fetch_add(&counts[COUNT_BLOCKING], 1); \
    cl_int(*forward) parameters;                                \
    *(void **)&forward = real(#name);                           \
    return forward arguments;                                   \
  }

FORWARD(COUNT_ALLOCATIONS, cl_mem, clCreateBuffer,
        (cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *error),
        (context, flags, size, host, error))
FORWARD(COUNT_ALLOCATIONS, cl_mem, clCreateSubBuffer,
        (cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void *info, cl_int *error),
        (buffer, flags, type, info, error))
FORWARD(COUNT_BUILDS, cl_program, clCreateProgramWithSource,
        (cl_context context, cl_uint count, const char **strings, const size_t *lengths, cl_int *error),
        (context, count, strings, lengths, error))
FORWARD(COUNT_BUILDS, cl_program, clCreateProgramWithBinary,
        (cl_context context, cl_uint count, const cl_device_id *devices, const size_t *lengths,
         const unsigned char **binaries, cl_int *status, cl_int *error),
        (context, count, devices, lengths, binaries, status, error))
FORWARD(COUNT_BUILDS, cl_int, clBuildProgram,
        (cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
         void(CL_CALLBACK *notify)(cl_program, void *), void *data),
        (program, count, devices, options, notify, data))
FORWARD(COUNT_KERNELS, cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *error),
        (program, name, error))
FORWARD(COUNT_BLOCKING, cl_int, clFinish, (cl_command_queue queue), (queue))
FORWARD(COUNT_BLOCKING, cl_int, clWaitForEvents, (cl_uint count, const cl_event *events), (count, events))
FORWARD(COUNT_ENQUEUES, cl_int, clEnqueueNDRangeKernel,
        (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset, const size_t *global,
         const size_t *local, cl_uint count, const cl_event *wait, cl_event *event),
        (queue, kernel, dimensions, offset, global, local, count, wait, event))
FORWARD(COUNT_ENQUEUES, cl_int, clEnqueueFillBuffer,
        (cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_size, size_t offset, size_t size,
         cl_uint count, const cl_event *wait, cl_event *event),
        (queue, buffer, pattern, pattern_size, offset, size, count, wait, event))
FORWARD(COUNT_ENQUEUES, cl_int, clEnqueueCopyBuffer,
        (cl_command_queue queue, cl_mem source, cl_mem target, size_t source_offset, size_t target_offset, size_t size,
         cl_uint count, const cl_event *wait, cl_event *event),
        (queue, source, target, source_offset, target_offset, size, count, wait, event))
FORWARD(COUNT_ENQUEUES, cl_int, clEnqueueUnmapMemObject,
        (cl_command_queue queue, cl_mem memory, void *mapped, cl_uint count, const cl_event *wait, cl_event *event),
        (queue, memory, mapped, count, wait, event))
FORWARD(COUNT_ENQUEUES, cl_int, clEnqueueBarrierWithWaitList,
        (cl_command_queue queue, cl_uint count, const cl_event *wait, cl_event *event), (queue, count, wait, event))
FORWARD_BLOCKING(clEnqueueReadBuffer,
                 (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size, void *host,
                  cl_uint count, const cl_event *wait, cl_event *event),
                 (queue, buffer, blocking, offset, size, host, count, wait, event))
FORWARD_BLOCKING(clEnqueueWriteBuffer,
                 (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size, const void *host,
                  cl_uint count, const cl_event *wait, cl_event *event),
                 (queue, buffer, blocking, offset, size, host, count, wait, event))

EXPORT void *CL_API_CALL clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags,
                                            size_t offset, size_t size, cl_uint count, const cl_event *wait,
                                            cl_event *event, cl_int *error) {
  atomic_fetch_add(&counts[COUNT_ENQUEUES], 1);
  if (blocking) atomic_fetch_add(&counts[COUNT_BLOCKING], 1);
  __typeof__(&clEnqueueMapBuffer) forward;
  *(void **)&forward = real("clEnqueueMapBuffer");
  return forward(queue, buffer, blocking, flags, offset, size, count, wait, event, error);
}

/* ---- a driver that holds buffers for longer than their owner ---- */

enum { HELD_MOST = 16 };
static cl_mem held[HELD_MOST];
static atomic_int held_count;
static atomic_bool holding;

EXPORT void sepcl_counting_hold(void) { atomic_store(&holding, true); }

EXPORT int sepcl_counting_let_go(void) {
  const int count = atomic_exchange(&held_count, 0);
  cl_int (*release)(cl_mem);
  *(void **)&release = real("clReleaseMemObject");
  for (int i = 0; i < count; i++) release(held[i]);
  return count;
}

EXPORT cl_int CL_API_CALL clSetMemObjectDestructorCallback(cl_mem buffer, void(CL_CALLBACK *notify)(cl_mem, void *),
                                                           void *data) {
  __typeof__(&clSetMemObjectDestructorCallback) forward;
  cl_int (*retain)(cl_mem);
  *(void **)&forward = real("clSetMemObjectDestructorCallback");
  *(void **)&retain = real("clRetainMemObject");
  const int at = atomic_load(&holding) ? atomic_fetch_add(&held_count, 1) : HELD_MOST;
  if (at < HELD_MOST && retain(buffer) == CL_SUCCESS) held[at] = buffer;
  return forward(buffer, notify, data);
}

/* Recorded command buffers come through extension functions, so that these are counted on the way out. */
typedef cl_int(CL_API_CALL *enqueue_recorded)(cl_uint, cl_command_queue *, void *, cl_uint, const cl_event *,
                                              cl_event *);
typedef void *(CL_API_CALL *create_recorded)(cl_uint, const cl_command_queue *, const void *, cl_int *);
static enqueue_recorded _Atomic real_enqueue_recorded;
static create_recorded _Atomic real_create_recorded;

static cl_int CL_API_CALL count_enqueue_recorded(cl_uint queues, cl_command_queue *list, void *buffer, cl_uint count,
                                                 const cl_event *wait, cl_event *event) {
  atomic_fetch_add(&counts[COUNT_ENQUEUES], 1);
  return atomic_load(&real_enqueue_recorded)(queues, list, buffer, count, wait, event);
}

static void *CL_API_CALL count_create_recorded(cl_uint queues, const cl_command_queue *list, const void *properties,
                                               cl_int *error) {
  atomic_fetch_add(&counts[COUNT_ALLOCATIONS], 1);
  return atomic_load(&real_create_recorded)(queues, list, properties, error);
}

EXPORT void *CL_API_CALL clGetExtensionFunctionAddressForPlatform(cl_platform_id platform, const char *name) {
  __typeof__(&clGetExtensionFunctionAddressForPlatform) forward;
  *(void **)&forward = real("clGetExtensionFunctionAddressForPlatform");
  void *found = forward(platform, name);
  if (found && !strcmp(name, "clEnqueueCommandBufferKHR")) {
    atomic_store(&real_enqueue_recorded, (enqueue_recorded)(uintptr_t)found);
    return (void *)(uintptr_t)count_enqueue_recorded;
  }
  if (found && !strcmp(name, "clCreateCommandBufferKHR")) {
    atomic_store(&real_create_recorded, (create_recorded)(uintptr_t)found);
    return (void *)(uintptr_t)count_create_recorded;
  }
  return found;
}
