/* sepcl_provoke: a race, a read of uninitialised memory and a write out of bounds, which a simulator must report: the
 * negative control of tests/oclgrind/run. */
#include <stdio.h>

#include "support/context.h"

static const char *const source =
    "__kernel void race(__global float *y) { y[0] = (float)get_global_id(0); }\n"
    "__kernel void uninitialised(__global float *y) { float a[4]; a[1] = 1.0f; y[1] = a[(int)y[2]] > 0 ? 1.0f : 2.0f; "
    "}\n"
    "__kernel void out_of_bounds(__global float *y) { y[16 + get_global_id(0)] = 1.0f; }\n";

int main(int argc, char **argv) {
  test_context context;
  if (argc != 2 || !test_context_open(&context, NULL)) return 2;
  const cl_api *cl = context.cl;
  cl_int code;
  cl_program program =
      cl->clCreateProgramWithSource(sepcl_device_context(context.device), 1, (const char **)&source, NULL, &code);
  if (cl->clBuildProgram(program, 0, NULL, NULL, NULL, NULL) != CL_SUCCESS) return 2;
  cl_kernel kernel = cl->clCreateKernel(program, argv[1], &code);
  cl_mem y = test_buffer(&context, NULL, 16 * sizeof(float));
  size_t global = 4, local = 4;
  if (!kernel || !y || cl->clSetKernelArg(kernel, 0, sizeof y, &y) != CL_SUCCESS) return 2;
  if (cl->clEnqueueNDRangeKernel(context.queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL) != CL_SUCCESS)
    return 2;
  cl->clFinish(context.queue);
  cl->clReleaseMemObject(y);
  cl->clReleaseKernel(kernel);
  cl->clReleaseProgram(program);
  test_context_close(&context);
  return 0;
}
