/* One depthwise-separable block on your own context, queue and buffers:
 * a 3x3 depthwise convolution with ReLU6, then a 1x1 convolution to 64 channels with ReLU6, in one kernel. */
#include <sepcl.h>
#include <stdio.h>
#include <stdlib.h>

static float *numbers(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; values && i < count; i++) values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return values;
}

#define CHECK(call) \
  if ((call) != SEPCL_OK) return fprintf(stderr, "%s\n", sepcl_last_error()), 1

int main(void) {
  /* What you have already: any OpenCL context and queue. */
  cl_platform_id platform;
  cl_device_id id;
  if (clGetPlatformIDs(1, &platform, NULL) || clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &id, NULL)) return 1;
  cl_context context = clCreateContext(NULL, 1, &id, NULL, NULL, NULL);
  cl_command_queue queue = clCreateCommandQueue(context, id, CL_QUEUE_PROFILING_ENABLE, NULL);

  sepcl_device *device;
  CHECK(sepcl_device_wrap(&device, context, id, NULL));
  sepcl_separable_desc desc = SEPCL_SEPARABLE_DESC_INIT;
  desc.input = (sepcl_shape){1, 112, 112, 32}; /* N H W C */
  desc.outputs = 64;
  desc.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}; /* kernel, stride, dilation, pads */
  desc.depthwise_activation.kind = desc.activation.kind = SEPCL_RELU6;
  sepcl_op *op;
  CHECK(sepcl_separable_create(&op, device, &desc));

  /* Weights are packed once, in the order that the chosen kernel likes. */
  sepcl_weights sets[2] = {SEPCL_WEIGHTS_INIT, SEPCL_WEIGHTS_INIT};
  sets[0].weights = numbers(32 * 3 * 3);
  sets[1].weights = numbers(64 * 32);
  size_t packed_size = sepcl_op_packed_size(op), in = 112 * 112 * 32, out = 112 * 112 * 64;
  float *packed = malloc(packed_size), *image = numbers(in), *result = malloc(out * sizeof *result);
  CHECK(sepcl_op_pack(op, packed, sets, 2));

  sepcl_op_args args = SEPCL_OP_ARGS_INIT;
  cl_mem_flags copy = CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR;
  args.weights.buffer = clCreateBuffer(context, copy, packed_size, packed, NULL);
  args.input.buffer = clCreateBuffer(context, copy, in * sizeof *image, image, NULL);
  args.output.buffer = clCreateBuffer(context, CL_MEM_WRITE_ONLY, out * sizeof *result, NULL, NULL);
  cl_event event;
  CHECK(sepcl_op_enqueue(op, queue, &args, &(sepcl_sync){0, NULL, &event}));
  clEnqueueReadBuffer(queue, args.output.buffer, CL_TRUE, 0, out * sizeof *result, result, 0, NULL, NULL);

  cl_ulong start = 0, end = 0;
  clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
  clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
  printf("%s: %.3f ms, first pixel %g %g %g ...\n", sepcl_op_kernel(op), (double)(end - start) * 1e-6,
         (double)result[0], (double)result[1], (double)result[2]);
  return 0; /* the system frees the rest */
}
