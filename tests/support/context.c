#include "support/context.h"

#include <stdio.h>
#include <stdlib.h>

bool test_context_open(test_context *out, const char *spec) {
  sepcl_device_options options = SEPCL_DEVICE_OPTIONS_INIT;
  options.cache_dir = "";
  *out = (test_context){NULL, cl_api_get(), NULL};
  if (!out->cl || sepcl_device_open(&out->device, spec, &options) != SEPCL_OK) return false;
  cl_int code;
  out->queue = out->cl->clCreateCommandQueue(sepcl_device_context(out->device), sepcl_device_id(out->device),
                                             CL_QUEUE_PROFILING_ENABLE, &code);
  if (out->queue) return true;
  test_context_close(out);
  return false;
}

void test_context_close(test_context *context) {
  if (context->queue) context->cl->clReleaseCommandQueue(context->queue);
  sepcl_device_free(context->device);
  *context = (test_context){NULL, NULL, NULL};
}

static test_context shared;

static void close_shared(void) { test_context_close(&shared); }

const test_context *test_context_shared(void) {
  if (shared.device) return &shared;
  if (!test_context_open(&shared, getenv("SEPCL_TEST_DEVICE"))) {
    fprintf(stderr, "tests need an OpenCL device: %s\n", sepcl_last_error());
    exit(EXIT_FAILURE);
  }
  atexit(close_shared);
  return &shared;
}

cl_mem test_buffer(const test_context *context, const void *data, size_t size) {
  void *zeros = data ? NULL : calloc(1, size);
  cl_int code = CL_OUT_OF_HOST_MEMORY;
  cl_mem buffer = NULL;
  if (data || zeros)
    buffer =
        context->cl->clCreateBuffer(sepcl_device_context(context->device), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                    size, (void *)(uintptr_t)(data ? data : zeros), &code);
  free(zeros);
  return code == CL_SUCCESS ? buffer : NULL;
}
