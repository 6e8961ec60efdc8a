/* The OpenCL functions that sepcl calls, loaded from the ICD loader at first use, so that a program that links sepcl
 * starts on machines without OpenCL. The library's name comes from $SEPCL_OPENCL, else libOpenCL.so.1: the tests put a
 * counting or failing wrapper there. Nothing in host/ calls OpenCL but through this table. */
#ifndef SEPCL_CL_API_H
#define SEPCL_CL_API_H

#include "sepcl.h"

/* clang-format off */
#define CL_FUNCTIONS(F)                                                                                               \
  F(clGetPlatformIDs) F(clGetPlatformInfo) F(clGetDeviceIDs) F(clGetDeviceInfo) F(clRetainDevice) F(clReleaseDevice)  \
  F(clCreateContext) F(clRetainContext) F(clReleaseContext) F(clGetContextInfo) F(clCreateCommandQueue)               \
  F(clRetainCommandQueue) F(clReleaseCommandQueue) F(clGetCommandQueueInfo) F(clCreateBuffer) F(clCreateSubBuffer)    \
  F(clCreateImage) F(clRetainMemObject) F(clReleaseMemObject) F(clSetMemObjectDestructorCallback)                     \
  F(clGetMemObjectInfo) F(clCreateProgramWithSource)                                                                  \
  F(clCreateProgramWithBinary) F(clReleaseProgram) F(clBuildProgram) F(clGetProgramInfo) F(clGetProgramBuildInfo)     \
  F(clCreateKernel) F(clReleaseKernel) F(clSetKernelArg) F(clGetKernelWorkGroupInfo) F(clWaitForEvents)               \
  F(clGetEventInfo) F(clReleaseEvent) F(clGetEventProfilingInfo) F(clFlush) F(clFinish) F(clEnqueueReadBuffer)        \
  F(clEnqueueWriteBuffer) F(clEnqueueFillBuffer) F(clEnqueueCopyBuffer) F(clEnqueueMapBuffer)                         \
  F(clEnqueueUnmapMemObject) F(clEnqueueNDRangeKernel) F(clEnqueueBarrierWithWaitList)                                \
  F(clGetExtensionFunctionAddressForPlatform)
/* clang-format on */

typedef struct cl_api {
#define MEMBER(name) __typeof__(&name) name;
  CL_FUNCTIONS(MEMBER)
#undef MEMBER
} cl_api;

/* The table, or NULL with the error set (SEPCL_NO_OPENCL, naming the package that is missing). Thread-safe. */
const cl_api *cl_api_get(void);

#endif
