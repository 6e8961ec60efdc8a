#include "support/invalid_arguments.h"

#include <stdlib.h>
#include <string.h>

typedef struct trial {
  const test_context *context, *other;
  FILE *log;
  int calls, failures;
  int *statuses;
  sepcl_op *conv, *scaled, *residual, *pool; /* good ops */
  cl_mem small, large, foreign;              /* 16 bytes, 64 KiB, 64 KiB of the other context */
  cl_mem output;                             /* 64 KiB: nothing may write here */
  cl_event event;
} trial;

static void judge(trial *t, sepcl_status got, sepcl_status expected, const char *word, const char *what) {
  const char *message = got == SEPCL_OK ? "" : sepcl_last_error();
  t->calls++;
  if (got >= 0 && got <= SEPCL_BAD_GRAPH) t->statuses[got]++;
  if (got == expected && strstr(message, word) && !t->event) return;
  t->failures++;
  fprintf(t->log, "%s: %s, not %s; \"%s\" should name \"%s\"%s\n", what, sepcl_status_name(got),
          sepcl_status_name(expected), message, word, t->event ? "; an event was made" : "");
  if (t->event) t->context->cl->clReleaseEvent(t->event);
  t->event = NULL;
}

/* A create call that must fail leaves NULL. */
static void judge_create(trial *t, sepcl_status got, sepcl_op *op, sepcl_status expected, const char *word,
                         const char *what) {
  judge(t, op ? SEPCL_OK : got, expected, word, what);
  sepcl_op_free(op);
}

#define DEVICE (t->context->device)
/* One wrong call each: a good description, a change to it, and what must come of it. */
#define BAD(expected, word, kind, change)                                                           \
  do {                                                                                              \
    sepcl_##kind##_desc d = good_##kind();                                                          \
    sepcl_op *op = NULL;                                                                            \
    change;                                                                                         \
    judge_create(t, sepcl_##kind##_create(&op, DEVICE, &d), op, expected, word, #kind " " #change); \
  } while (0)
#define BAD_AS(expected, word, kind, desc_kind, change)                                             \
  do {                                                                                              \
    sepcl_##desc_kind##_desc d = good_##kind();                                                     \
    sepcl_op *op = NULL;                                                                            \
    change;                                                                                         \
    judge_create(t, sepcl_##kind##_create(&op, DEVICE, &d), op, expected, word, #kind " " #change); \
  } while (0)

static sepcl_conv_desc good_conv(void) {
  sepcl_conv_desc d = SEPCL_CONV_DESC_INIT;
  d.input = (sepcl_shape){1, 8, 8, 4};
  d.outputs = 4;
  d.window.kernel_h = d.window.kernel_w = 3;
  return d;
}

static sepcl_conv_desc good_pointwise(void) {
  sepcl_conv_desc d = good_conv();
  d.window = (sepcl_window)SEPCL_WINDOW_INIT;
  return d;
}

static sepcl_conv_desc good_depthwise(void) {
  sepcl_conv_desc d = good_conv();
  d.groups = 4;
  return d;
}

static sepcl_separable_desc good_separable(void) {
  sepcl_separable_desc d = SEPCL_SEPARABLE_DESC_INIT;
  d.input = (sepcl_shape){1, 8, 8, 4};
  d.outputs = 4;
  d.window.kernel_h = d.window.kernel_w = 3;
  return d;
}

static sepcl_inverted_residual_desc good_inverted_residual(void) {
  sepcl_inverted_residual_desc d = SEPCL_INVERTED_RESIDUAL_DESC_INIT;
  d.input = (sepcl_shape){1, 8, 8, 4};
  d.outputs = 4;
  d.expanded = 8;
  d.window.kernel_h = d.window.kernel_w = 3;
  return d;
}

static sepcl_gemm_desc good_gemm(void) {
  sepcl_gemm_desc d = SEPCL_GEMM_DESC_INIT;
  d.m = d.n = d.k = 4;
  return d;
}

static sepcl_pool_desc good_pool(void) {
  sepcl_pool_desc d = SEPCL_POOL_DESC_INIT;
  d.input = (sepcl_shape){1, 8, 8, 4};
  d.window.kernel_h = d.window.kernel_w = 2;
  return d;
}

static sepcl_elementwise_desc good_elementwise(void) {
  sepcl_elementwise_desc d = SEPCL_ELEMENTWISE_DESC_INIT;
  d.input = (sepcl_shape){1, 8, 8, 4};
  d.has_second = 1;
  return d;
}

static void null_pointers(trial *t) {
  sepcl_op *op = NULL;
  sepcl_conv_desc d = good_conv();
  judge(t, sepcl_conv_create(NULL, DEVICE, &d), SEPCL_INVALID_ARGUMENT, "out", "conv out NULL");
  judge_create(t, sepcl_conv_create(&op, NULL, &d), op, SEPCL_INVALID_ARGUMENT, "device", "conv device NULL");
  judge_create(t, sepcl_conv_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "conv desc NULL");
  judge_create(t, sepcl_pointwise_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "pointwise NULL");
  judge_create(t, sepcl_depthwise_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "depthwise NULL");
  judge_create(t, sepcl_separable_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "separable NULL");
  judge_create(t, sepcl_inverted_residual_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc",
               "inverted residual NULL");
  judge_create(t, sepcl_gemm_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "gemm NULL");
  judge_create(t, sepcl_pool_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "pool NULL");
  judge_create(t, sepcl_elementwise_create(&op, DEVICE, NULL), op, SEPCL_INVALID_ARGUMENT, "desc", "elementwise NULL");
  judge(t, sepcl_op_clone(NULL, t->conv), SEPCL_INVALID_ARGUMENT, "out", "clone out NULL");
  judge_create(t, sepcl_op_clone(&op, NULL), op, SEPCL_INVALID_ARGUMENT, "op", "clone op NULL");
}

static void shapes(trial *t) {
  BAD(SEPCL_INVALID_ARGUMENT, "size", conv, d.size = 0);
  BAD(SEPCL_INVALID_ARGUMENT, "size", pool, d.size += 8);
  BAD(SEPCL_INVALID_SHAPE, "input", conv, d.input.n = 0);
  BAD(SEPCL_INVALID_SHAPE, "input", conv, d.input.h = 0);
  BAD(SEPCL_INVALID_SHAPE, "input", conv, d.input.w = -1);
  BAD(SEPCL_INVALID_SHAPE, "input", conv, d.input.c = 0);
  BAD(SEPCL_INVALID_SHAPE, "outputs", conv, d.outputs = 0);
  BAD(SEPCL_INVALID_SHAPE, "outputs", conv, d.outputs = -4);
  BAD(SEPCL_INVALID_SHAPE, "groups", conv, d.groups = 0);
  BAD(SEPCL_INVALID_SHAPE, "groups", conv, d.groups = 8); /* more than channels */
  BAD(SEPCL_INVALID_SHAPE, "groups", conv, d.groups = 3);
  BAD(SEPCL_INVALID_SHAPE, "groups", conv, (d.groups = 4, d.outputs = 6));
  BAD(SEPCL_INVALID_SHAPE, "kernel_h", conv, d.window.kernel_h = 0);
  BAD(SEPCL_INVALID_SHAPE, "kernel_w", conv, d.window.kernel_w = -3);
  BAD(SEPCL_INVALID_SHAPE, "stride_h", conv, d.window.stride_h = 0);
  BAD(SEPCL_INVALID_SHAPE, "stride_w", conv, d.window.stride_w = -1);
  BAD(SEPCL_INVALID_SHAPE, "dilation_h", conv, d.window.dilation_h = 0);
  BAD(SEPCL_INVALID_SHAPE, "dilation_w", conv, d.window.dilation_w = 0);
  BAD(SEPCL_INVALID_SHAPE, "pad_top", conv, d.window.pad_top = -1);
  BAD(SEPCL_INVALID_SHAPE, "pad_left", conv, d.window.pad_left = -1);
  BAD(SEPCL_INVALID_SHAPE, "pad_bottom", conv, d.window.pad_bottom = -1);
  BAD(SEPCL_INVALID_SHAPE, "pad_right", conv, d.window.pad_right = -1);
  BAD(SEPCL_INVALID_SHAPE, "kernel", conv, d.window.kernel_h = 9); /* larger than the input */
  BAD(SEPCL_INVALID_SHAPE, "kernel", conv, d.window.dilation_w = 5);
}

static void limits(trial *t) {
  BAD(SEPCL_OVERFLOW, "input", conv, d.input.h = d.input.w = 65536);
  BAD(SEPCL_OVERFLOW, "output", conv, (d.input.h = d.input.w = 4096, d.outputs = 1 << 20));
  BAD(SEPCL_OVERFLOW, "input", elementwise, d.input = ((sepcl_shape){65536, 65536, 65536, 4}));
  BAD(SEPCL_OVERFLOW, "weights", conv, d.input.c = d.outputs = 1 << 17);
  BAD(SEPCL_OVERFLOW, "pad", conv, d.window.pad_top = d.window.pad_bottom = INT32_MAX);
  BAD(SEPCL_OVERFLOW, "dilation", conv, d.window.dilation_h = INT32_MAX);
  BAD(SEPCL_OVERFLOW, "input", gemm, (d.m = INT32_MAX, d.k = INT32_MAX));
  BAD(SEPCL_OVERFLOW, "output", gemm, (d.m = 1 << 20, d.n = 1 << 20));
}

static void values(trial *t) {
  BAD(SEPCL_INVALID_ARGUMENT, "activation", conv, d.activation.kind = SEPCL_FUNCTION_COUNT);
  BAD(SEPCL_INVALID_ARGUMENT, "activation", gemm, d.activation.kind = (sepcl_function)999);
  BAD(SEPCL_INVALID_ARGUMENT, "depthwise_activation", separable, d.depthwise_activation.kind = (sepcl_function)99);
  BAD(SEPCL_INVALID_ARGUMENT, "expand_activation", inverted_residual, d.expand_activation.kind = (sepcl_function)99);
  BAD(SEPCL_INVALID_ARGUMENT, "clip", conv, d.activation = ((sepcl_activation){SEPCL_CLIP, 2.0f, 1.0f}));
  BAD(SEPCL_INVALID_ARGUMENT, "variant", conv, d.variant = "no_such_kernel");
  BAD(SEPCL_INVALID_ARGUMENT, "variant", pool, d.variant = "no_such_kernel");
  BAD(SEPCL_INVALID_ARGUMENT, "kind", pool, d.kind = (sepcl_pool_kind)7);
  BAD(SEPCL_INVALID_ARGUMENT, "binary", elementwise, d.binary = SEPCL_BINARY_COUNT);
  BAD(SEPCL_INVALID_SHAPE, "expanded", inverted_residual, d.expanded = 0);
  BAD(SEPCL_INVALID_SHAPE, "input", separable, d.input.c = 0);
  BAD(SEPCL_INVALID_SHAPE, "outputs", inverted_residual, d.outputs = 0);
  BAD(SEPCL_INVALID_SHAPE, "m", gemm, d.m = 0);
  BAD(SEPCL_INVALID_SHAPE, "n", gemm, d.n = -2);
  BAD(SEPCL_INVALID_SHAPE, "k", gemm, d.k = 0);
  BAD_AS(SEPCL_INVALID_SHAPE, "kernel", pointwise, conv, d.window.kernel_h = 3);
  BAD_AS(SEPCL_INVALID_SHAPE, "groups", depthwise, conv, d.groups = 2);
  BAD_AS(SEPCL_INVALID_SHAPE, "outputs", depthwise, conv, d.outputs = 6);
  BAD(SEPCL_INVALID_SHAPE, "kernel", pool, d.window.kernel_w = 9);
  BAD(SEPCL_INVALID_SHAPE, "pad", pool, d.window.pad_left = 2); /* a window of padding only */
  BAD(SEPCL_INVALID_ARGUMENT, "per_channel", elementwise, (d.has_second = 0, d.per_channel = 1));
}

static void packing(trial *t) {
  float weights[4 * 4 * 9] = {0}, packed[4096];
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = weights;
  sepcl_weights bad = set;
  const sepcl_status wrong = SEPCL_INVALID_ARGUMENT;
  judge(t, sepcl_op_pack(NULL, packed, &set, 1), wrong, "op", "pack op NULL");
  judge(t, sepcl_op_pack(t->conv, NULL, &set, 1), wrong, "packed", "pack packed NULL");
  judge(t, sepcl_op_pack(t->conv, packed, NULL, 1), wrong, "sets", "pack sets NULL");
  judge(t, sepcl_op_pack(t->conv, packed, &set, 2), wrong, "count", "pack two sets");
  judge(t, sepcl_op_pack(t->conv, packed, &set, 0), wrong, "count", "pack no set");
  judge(t, sepcl_op_pack(t->pool, packed, &set, 1), wrong, "count", "pack a pool");
  bad.weights = NULL;
  judge(t, sepcl_op_pack(t->conv, packed, &bad, 1), wrong, "weights", "pack weights NULL");
  bad = set;
  bad.size = 3;
  judge(t, sepcl_op_pack(t->conv, packed, &bad, 1), wrong, "size", "pack size 3");
  bad = set;
  bad.layout = (sepcl_weight_layout)9;
  judge(t, sepcl_op_pack(t->conv, packed, &bad, 1), wrong, "layout", "pack layout 9");
  bad.layout = SEPCL_HWC;
  judge(t, sepcl_op_pack(t->conv, packed, &bad, 1), wrong, "layout", "pack HWC for no depthwise");
}

static sepcl_op_args good_args(const trial *t) {
  sepcl_op_args args = SEPCL_OP_ARGS_INIT;
  args.input.buffer = args.weights.buffer = args.residual.buffer = args.scale.buffer = t->large;
  args.output.buffer = t->output;
  return args;
}

#define BAD_ARGS(expected, word, which, change)                                                          \
  do {                                                                                                   \
    sepcl_op_args a = good_args(t);                                                                      \
    sepcl_sync sync = {0, NULL, &t->event};                                                              \
    change;                                                                                              \
    judge(t, sepcl_op_enqueue(which, t->context->queue, &a, &sync), expected, word, "enqueue " #change); \
  } while (0)

static void operands(trial *t) {
  const sepcl_status null = SEPCL_INVALID_ARGUMENT, small = SEPCL_BUFFER_TOO_SMALL, odd = SEPCL_MISALIGNED;
  BAD_ARGS(null, "size", t->conv, a.size = 0);
  BAD_ARGS(null, "input", t->conv, a.input.buffer = NULL);
  BAD_ARGS(null, "output", t->conv, a.output.buffer = NULL);
  BAD_ARGS(null, "weights", t->conv, a.weights.buffer = NULL);
  BAD_ARGS(null, "residual", t->residual, a.residual.buffer = NULL);
  BAD_ARGS(null, "scale", t->scaled, a.scale.buffer = NULL);
  BAD_ARGS(small, "input", t->conv, a.input.buffer = t->small);
  BAD_ARGS(small, "output", t->conv, a.output.buffer = t->small);
  BAD_ARGS(small, "weights", t->conv, a.weights.buffer = t->small);
  BAD_ARGS(small, "residual", t->residual, a.residual.buffer = t->small);
  BAD_ARGS(small, "scale", t->scaled, (a.scale.buffer = t->small, a.scale.offset = 4));
  BAD_ARGS(small, "input", t->conv, a.input.offset = 65536 - 64);
  BAD_ARGS(small, "output", t->conv, a.output.offset = 65536 - 64);
  BAD_ARGS(small, "input", t->conv, a.input.offset = SIZE_MAX - 3);
  BAD_ARGS(small, "input", t->conv, a.input.pitch = 300);
  BAD_ARGS(small, "output", t->conv, a.output.pitch = 500);
  BAD_ARGS(SEPCL_OVERFLOW, "input", t->conv, a.input.pitch = SIZE_MAX / 8);
  BAD_ARGS(odd, "input", t->conv, a.input.offset = 2);
  BAD_ARGS(odd, "output", t->conv, a.output.offset = 5);
  BAD_ARGS(odd, "weights", t->conv, a.weights.offset = 1);
  BAD_ARGS(odd, "residual", t->residual, a.residual.offset = 6);
  BAD_ARGS(odd, "scale", t->scaled, a.scale.offset = 3);
  BAD_ARGS(SEPCL_INVALID_SHAPE, "input", t->conv, a.input.pitch = 3);
  BAD_ARGS(SEPCL_INVALID_SHAPE, "output", t->conv, a.output.pitch = 1);
  BAD_ARGS(null, "output", t->conv, a.output.buffer = t->large); /* overlaps input and weights */
}

/* Parts of one buffer, by offset and as sub-buffers, and memory that is no buffer or not for that use. */
static void places(trial *t) {
  const cl_api *cl = t->context->cl;
  const sepcl_status wrong = SEPCL_INVALID_ARGUMENT;
  cl_context context = sepcl_device_context(DEVICE);
  const cl_buffer_region parts[2] = {{0, 8192}, {4096, 8192}}; /* they share 4096 bytes */
  cl_mem sub[2];
  for (int i = 0; i < 2; i++)
    sub[i] = cl->clCreateSubBuffer(t->large, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &parts[i], NULL);
  cl_mem reads = cl->clCreateBuffer(context, CL_MEM_READ_ONLY, 65536, NULL, NULL);
  cl_mem writes = cl->clCreateBuffer(context, CL_MEM_WRITE_ONLY, 65536, NULL, NULL);
  /* Input, 1024 bytes, and output, 576, of `conv`. */
  BAD_ARGS(wrong, "overlaps args.input", t->conv, (a.output.buffer = t->large, a.output.offset = 1020));
  BAD_ARGS(wrong, "overlaps args.input", t->conv,
           (a.output.buffer = t->large, a.output.offset = 4096, a.input.offset = 4096 + 572));
  BAD_ARGS(wrong, "overlaps args.weights", t->conv,
           (a.input.offset = 16384, a.output.buffer = t->large, a.output.offset = 40));
  BAD_ARGS(wrong, "overlaps args.input", t->conv,
           (a.input.buffer = sub[0], a.input.offset = 4096, a.output.buffer = sub[1]));
  BAD_ARGS(wrong, "overlaps args.input", t->conv,
           (a.input.buffer = sub[1], a.output.buffer = t->large, a.output.offset = 4096 + 512));
  BAD_ARGS(SEPCL_BUFFER_TOO_SMALL, "input", t->conv, (a.input.buffer = sub[0], a.input.offset = 8192 - 1020));
  BAD_ARGS(wrong, "overlaps args.residual", t->residual,
           (a.input.offset = 16384, a.weights.offset = 16384, a.output.buffer = t->large));
  BAD_ARGS(wrong, "output.buffer was made for kernels to read only", t->conv, a.output.buffer = reads);
  BAD_ARGS(wrong, "input.buffer was made for kernels to write only", t->conv, a.input.buffer = writes);
  BAD_ARGS(wrong, "weights.buffer was made for kernels to write only", t->conv, a.weights.buffer = writes);
  BAD_ARGS(SEPCL_INVALID_SHAPE, "residual", t->residual, a.residual.pitch = 3);
  BAD_ARGS(SEPCL_INVALID_SHAPE, "scale", t->scaled, a.scale.pitch = 2);
  BAD_ARGS(SEPCL_OVERFLOW, "output", t->conv, a.output.pitch = (size_t)INT32_MAX + 1);
  cl_mem made[] = {sub[0], sub[1], reads, writes};
  for (int i = 0; i < 4; i++)
    if (made[i]) cl->clReleaseMemObject(made[i]);
}

static void contexts(trial *t) {
  const sepcl_status wrong = SEPCL_WRONG_CONTEXT, null = SEPCL_INVALID_ARGUMENT;
  sepcl_op_args args = good_args(t);
  sepcl_sync sync = {0, NULL, &t->event};
  judge(t, sepcl_op_enqueue(NULL, t->context->queue, &args, &sync), null, "op", "enqueue op NULL");
  judge(t, sepcl_op_enqueue(t->conv, NULL, &args, &sync), null, "queue", "enqueue queue NULL");
  judge(t, sepcl_op_enqueue(t->conv, t->context->queue, NULL, &sync), null, "args", "enqueue args NULL");
  judge(t, sepcl_op_enqueue(t->conv, t->other->queue, &args, &sync), wrong, "queue", "enqueue foreign queue");
  BAD_ARGS(wrong, "input", t->conv, a.input.buffer = t->foreign);
  BAD_ARGS(wrong, "output", t->conv, a.output.buffer = t->foreign);
  BAD_ARGS(wrong, "weights", t->conv, a.weights.buffer = t->foreign);
  BAD_ARGS(wrong, "residual", t->residual, a.residual.buffer = t->foreign);
  BAD_ARGS(wrong, "scale", t->scaled, a.scale.buffer = t->foreign);
  BAD_ARGS(null, "wait", t->conv, (sync.wait_count = 1, sync.wait = NULL));
  cl_event nothing = NULL;
  BAD_ARGS(null, "wait", t->conv, (sync.wait_count = 1, sync.wait = &nothing));
  cl_event foreign = NULL;
  t->other->cl->clEnqueueFillBuffer(t->other->queue, t->foreign, "\0\0\0", 4, 0, 64, 0, NULL, &foreign);
  BAD_ARGS(wrong, "wait", t->conv, (sync.wait_count = 1, sync.wait = &foreign));
  if (foreign) t->other->cl->clReleaseEvent(foreign);
  sepcl_device *device = NULL;
  judge(t, sepcl_device_wrap(&device, sepcl_device_context(t->other->device), NULL, NULL), null, "id", "wrap id NULL");
  judge(t, sepcl_device_wrap(&device, NULL, sepcl_device_id(DEVICE), NULL), null, "context", "wrap context NULL");
  judge(t, sepcl_device_wrap(NULL, sepcl_device_context(DEVICE), sepcl_device_id(DEVICE), NULL), null, "out",
        "wrap out NULL");
}

static bool prepare(trial *t) {
  sepcl_conv_desc scaled = good_conv();
  scaled.has_scale = 1;
  sepcl_conv_desc conv = good_conv();
  sepcl_pool_desc pool = good_pool();
  sepcl_conv_desc residual = good_conv();
  residual.has_residual = 1;
  t->small = test_buffer(t->context, NULL, 16);
  t->large = test_buffer(t->context, NULL, 65536);
  t->output = test_buffer(t->context, NULL, 65536);
  t->foreign = test_buffer(t->other, NULL, 65536);
  return t->small && t->large && t->output && t->foreign && sepcl_conv_create(&t->conv, DEVICE, &conv) == SEPCL_OK &&
         sepcl_conv_create(&t->scaled, DEVICE, &scaled) == SEPCL_OK &&
         sepcl_conv_create(&t->residual, DEVICE, &residual) == SEPCL_OK &&
         sepcl_pool_create(&t->pool, DEVICE, &pool) == SEPCL_OK;
}

static void release(trial *t) {
  cl_mem buffers[] = {t->small, t->large, t->output, t->foreign};
  for (int i = 0; i < 4; i++)
    if (buffers[i]) t->context->cl->clReleaseMemObject(buffers[i]);
  sepcl_op *ops[] = {t->conv, t->scaled, t->residual, t->pool};
  for (int i = 0; i < 4; i++) sepcl_op_free(ops[i]);
}

int invalid_arguments_run(const test_context *context, const test_context *other, FILE *log, int *calls,
                          int statuses[SEPCL_BAD_GRAPH + 1]) {
  trial t = {.context = context, .other = other, .log = log, .statuses = statuses};
  if (prepare(&t)) {
    null_pointers(&t);
    shapes(&t);
    limits(&t);
    values(&t);
    packing(&t);
    operands(&t);
    places(&t);
    contexts(&t);
  } else {
    fprintf(log, "a good op or buffer could not be made: %s\n", sepcl_last_error());
    t.failures++;
  }
  release(&t);
  *calls = t.calls;
  return t.failures;
}
