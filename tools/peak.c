#include "peak.h"

#include <stdio.h>
#include <string.h>

#include "cl/api.h"
#include "cl/program.h"
#include "message.h"

/* Twelve chains hide the latency of fma on every core known (5 cycles x 2 units; 4 x 2 for AVX-512) and fit in the
 * registers. Starting values come from memory, so that nothing can be computed ahead; they converge to 1, so that
 * neither infinities nor subnormals slow anything down. */
static const char source[] =
    "#if WIDTH == 1\n"
    "typedef float vec;\n"
    "#define LOAD(i, p) (p)[i]\n"
    "#define STORE(v, i, p) (p)[i] = (v)\n"
    "#else\n"
    "#define PASTE2(a, b) a##b\n"
    "#define PASTE(a, b) PASTE2(a, b)\n"
    "typedef PASTE(float, WIDTH) vec;\n"
    "#define LOAD PASTE(vload, WIDTH)\n"
    "#define STORE PASTE(vstore, WIDTH)\n"
    "#endif\n"
    "#define CHAINS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)\n"
    "#define START(i) vec a##i = x + (vec)(i);\n"
    "#define STEP(i) a##i = fma(a##i, x, y);\n"
    "#define SUM(i) sum += a##i;\n"
    "__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1)))\n"
    "void sepcl_peak(__global float *data, int steps) {\n"
    "  vec x = LOAD(0, data), y = LOAD(1, data), sum = (vec)(0.0f);\n"
    "  CHAINS(START)\n"
    "  for (int i = 0; i < steps; i++) { CHAINS(STEP) }\n"
    "  CHAINS(SUM)\n"
    "  STORE(sum, 2 + get_global_id(0), data);\n"
    "}\n"
    "__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1)))\n"
    "void sepcl_copy(__global const float *from, __global float *to, int count, int times) {\n"
    "  int stride = get_local_size(0), first = get_group_id(0) * count * stride + get_local_id(0);\n"
    "  for (int k = 0; k < times; k++)\n"
    "    for (int i = 0; i < count; i++) STORE(LOAD(first + i * stride, from), first + i * stride, to);\n"
    "}\n";

/* NEAR_BYTES: a work-group's share, which any core's nearest cache holds twice. */
enum { ROUNDS = 5, COPY_ROUNDS = 3, STREAM_BYTES = 48 << 20, NEAR_BYTES = 8192, NEAR_TIMES = 512 };
static const double round_ns = 4e6;

typedef struct bench {
  const cl_api *cl;
  sepcl_device *device;
  cl_command_queue queue;
  cl_kernel peak, copy;
  cl_mem a, b;
  size_t width, local, groups;
} bench;

/* Device time of one launch in nanoseconds; 0 with a complaint. */
static double timed(const bench *m, cl_kernel kernel, size_t groups) {
  size_t global = groups * m->local;
  cl_event event;
  cl_ulong start = 0, end = 0;
  cl_int code = m->cl->clEnqueueNDRangeKernel(m->queue, kernel, 1, NULL, &global, &m->local, 0, NULL, &event);
  if (code == CL_SUCCESS) {
    code = m->cl->clWaitForEvents(1, &event);
    m->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    m->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    m->cl->clReleaseEvent(event);
  }
  if (code == CL_SUCCESS && end > start) return (double)(end - start);
  complain("measuring the device's peak: OpenCL error %d", code);
  return 0.0;
}

static bool measure_fma(bench *m, peak *out) {
  static const float one[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  float start[32];
  for (size_t i = 0; i < m->width; i++) {
    start[i] = one[i] * 0.875f;
    start[m->width + i] = one[i] * 0.125f;
  }
  if (m->cl->clEnqueueWriteBuffer(m->queue, m->a, CL_TRUE, 0, 2 * m->width * sizeof(float), start, 0, NULL, NULL) ||
      m->cl->clSetKernelArg(m->peak, 0, sizeof m->a, &m->a))
    return complain("measuring the device's peak: its buffer could not be written");
  cl_int steps = 256;
  for (int round = 0; round < ROUNDS;) {
    if (m->cl->clSetKernelArg(m->peak, 1, sizeof steps, &steps)) return complain("measuring the device's peak");
    double ns = timed(m, m->peak, m->groups);
    if (ns <= 0.0) return false;
    double flops = 2.0 * 12.0 * (double)m->width * steps * (double)(m->groups * m->local);
    if (flops / ns > out->gflops) out->gflops = flops / ns;
    if (ns < round_ns / 2 && steps < 1 << 22)
      steps = steps * 4; /* too short to be measured well */
    else
      round++;
  }
  return true;
}

/* Each work-group copies its share of `share` bytes as many times; the best rate goes to *gigabytes. */
static bool measure_copy(bench *m, double *gigabytes, size_t share, cl_int times) {
  cl_int count = (cl_int)(share / (sizeof(float) * m->width * m->local));
  if (count < 1) count = 1;
  double bytes = 2.0 * times * count * sizeof(float) * (double)(m->width * m->local * m->groups);
  if (m->cl->clSetKernelArg(m->copy, 0, sizeof m->a, &m->a) || m->cl->clSetKernelArg(m->copy, 1, sizeof m->b, &m->b) ||
      m->cl->clSetKernelArg(m->copy, 2, sizeof count, &count) ||
      m->cl->clSetKernelArg(m->copy, 3, sizeof times, &times))
    return complain("measuring the device's memory");
  for (int round = 0; round < COPY_ROUNDS; round++) {
    double ns = timed(m, m->copy, m->groups);
    if (ns <= 0.0) return false;
    if (bytes / ns > *gigabytes) *gigabytes = bytes / ns;
  }
  return true;
}

static bool prepare(bench *m, const sepcl_device_info *info) {
  bool gpu = info->type & CL_DEVICE_TYPE_GPU;
  m->width = info->vector_width >= 16 ? 16 : info->vector_width >= 8 ? 8 : info->vector_width >= 4 ? 4 : 1;
  m->local = !gpu ? 1 : info->max_work_group < 256 ? (size_t)info->max_work_group : 256;
  m->groups = (size_t)info->compute_units * (gpu ? 16 : 8);
  char text[sizeof source + 64];
  snprintf(text, sizeof text, "#define WIDTH %zu\n#define LOCAL %zu\n%s", m->width, m->local, source);
  if (program_kernel_from_source(&m->peak, m->device, text, "sepcl_peak") != SEPCL_OK ||
      program_kernel_from_source(&m->copy, m->device, text, "sepcl_copy") != SEPCL_OK)
    return complain_library();
  cl_int code;
  m->queue = m->cl->clCreateCommandQueue(sepcl_device_context(m->device), sepcl_device_id(m->device),
                                         CL_QUEUE_PROFILING_ENABLE, &code);
  size_t bytes = STREAM_BYTES, needed = (2 + m->groups * m->local) * m->width * sizeof(float);
  if (bytes < needed) bytes = needed;
  if (code == CL_SUCCESS)
    m->a = m->cl->clCreateBuffer(sepcl_device_context(m->device), CL_MEM_READ_WRITE, bytes, NULL, &code);
  if (code == CL_SUCCESS)
    m->b = m->cl->clCreateBuffer(sepcl_device_context(m->device), CL_MEM_READ_WRITE, bytes, NULL, &code);
  return code == CL_SUCCESS || complain("measuring the device's peak: OpenCL error %d", code);
}

bool peak_measure(peak *out, sepcl_device *device, const sepcl_device_info *info) {
  bench m = {.cl = cl_api_get(), .device = device};
  if (!m.cl) return complain_library();
  bool measured = prepare(&m, info) && measure_fma(&m, out) &&
                  measure_copy(&m, &out->gigabytes, STREAM_BYTES / m.groups, 1) &&
                  measure_copy(&m, &out->near_gigabytes, NEAR_BYTES, NEAR_TIMES);
  if (out->near_gigabytes < out->gigabytes) out->near_gigabytes = out->gigabytes;
  if (m.peak) m.cl->clReleaseKernel(m.peak);
  if (m.copy) m.cl->clReleaseKernel(m.copy);
  if (m.a) m.cl->clReleaseMemObject(m.a);
  if (m.b) m.cl->clReleaseMemObject(m.b);
  if (m.queue) m.cl->clReleaseCommandQueue(m.queue);
  return measured;
}
