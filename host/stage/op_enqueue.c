/* Checking every operand of an op, then enqueueing it. */
#include "cl/image.h"
#include "error.h"
#include "stage/op.h"

/* An operand as it lies in memory: `rows` of `channels` floats, `pitch` floats apart. */
typedef struct extent {
  const char *name;
  bool written;
  cl_mem root;  /* the buffer, or the one that it is a part of */
  size_t first; /* bytes from the root's start */
  size_t offset, pitch, rows, channels;
} extent;

static size_t extent_bytes(const extent *e) { return ((e->rows - 1) * e->pitch + e->channels) * sizeof(float); }

/* A buffer, and one that kernels may read or write as the op does. */
static sepcl_status check_kind(const extent *e, const cl_api *cl, cl_mem buffer) {
  cl_mem_object_type type = 0;
  cl_mem_flags flags = 0;
  cl_int code = cl->clGetMemObjectInfo(buffer, CL_MEM_TYPE, sizeof type, &type, NULL);
  if (code == CL_SUCCESS) code = cl->clGetMemObjectInfo(buffer, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
  if (code != CL_SUCCESS) {
    failure_cl("clGetMemObjectInfo", code);
    return failure(SEPCL_INVALID_ARGUMENT, "args.%s.buffer: %s", e->name, sepcl_last_error());
  }
  if (type != CL_MEM_OBJECT_BUFFER)
    return failure(SEPCL_INVALID_ARGUMENT, "args.%s.buffer is no buffer but an image or a pipe", e->name);
  if (flags & (e->written ? CL_MEM_READ_ONLY : CL_MEM_WRITE_ONLY))
    return failure(SEPCL_INVALID_ARGUMENT, "args.%s.buffer was made for kernels to %s only", e->name,
                   e->written ? "read" : "write");
  return SEPCL_OK;
}

/* The buffer's root and size. */
static sepcl_status look_at_buffer(extent *e, size_t *size, const sepcl_device *device, cl_mem buffer) {
  const cl_api *cl = device->cl;
  cl_context context = NULL;
  cl_mem parent = NULL;
  size_t origin = 0;
  cl_int code = cl->clGetMemObjectInfo(buffer, CL_MEM_CONTEXT, sizeof context, &context, NULL);
  if (code == CL_SUCCESS) code = cl->clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof *size, size, NULL);
  if (code == CL_SUCCESS)
    code = cl->clGetMemObjectInfo(buffer, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL);
  if (code == CL_SUCCESS) code = cl->clGetMemObjectInfo(buffer, CL_MEM_OFFSET, sizeof origin, &origin, NULL);
  if (code != CL_SUCCESS) {
    failure_cl("clGetMemObjectInfo", code);
    return failure(SEPCL_INVALID_ARGUMENT, "args.%s.buffer: %s", e->name, sepcl_last_error());
  }
  if (context != device->context)
    return failure(SEPCL_WRONG_CONTEXT, "args.%s.buffer belongs to another context than the op's", e->name);
  e->root = parent ? parent : buffer;
  e->first = origin + e->offset;
  return SEPCL_OK;
}

static sepcl_status check_operand(extent *e, const sepcl_device *device, const sepcl_operand *operand) {
  if (!operand->buffer) return failure(SEPCL_INVALID_ARGUMENT, "args.%s.buffer is NULL", e->name);
  if (operand->offset % sizeof(float))
    return failure(SEPCL_MISALIGNED, "args.%s.offset is %zu, no multiple of %zu", e->name, operand->offset,
                   sizeof(float));
  if (operand->pitch && operand->pitch < e->channels)
    return failure(SEPCL_INVALID_SHAPE, "args.%s.pitch is %zu, less than the %zu channels", e->name, operand->pitch,
                   e->channels);
  e->pitch = operand->pitch ? operand->pitch : e->channels;
  e->offset = operand->offset;
  if (e->pitch > INT32_MAX || e->pitch > (size_t)1 << 40 || (e->rows > 1 && e->pitch > ((size_t)1 << 60) / e->rows))
    return failure(SEPCL_OVERFLOW, "args.%s.pitch is %zu: too large", e->name, e->pitch);
  size_t size = 0;
  TRY(look_at_buffer(e, &size, device, operand->buffer));
  TRY(check_kind(e, device->cl, operand->buffer));
  if (e->offset > size || size - e->offset < extent_bytes(e))
    return failure(SEPCL_BUFFER_TOO_SMALL, "args.%s.buffer has %zu bytes; %zu from byte %zu on are needed", e->name,
                   size, extent_bytes(e), e->offset);
  return SEPCL_OK;
}

/* Rows of the same pitch may interleave: slices of the channels of one wider tensor. */
static bool overlap(const extent *a, const extent *b) {
  if (a->root != b->root) return false;
  if (a->first >= b->first + extent_bytes(b) || b->first >= a->first + extent_bytes(a)) return false;
  if (a->pitch != b->pitch) return true;
  const size_t pitch = a->pitch * sizeof(float);
  const size_t ahead = (b->first % pitch + pitch - a->first % pitch) % pitch;
  return ahead < a->channels * sizeof(float) || ahead + b->channels * sizeof(float) > pitch;
}

static bool same_place(const extent *a, const extent *b) {
  return a->root == b->root && a->first == b->first && a->pitch == b->pitch && a->rows == b->rows &&
         a->channels == b->channels;
}

enum { INPUT, WEIGHTS, RESIDUAL, SCALE, OUTPUT, OPERANDS };

static size_t pixels_of(sepcl_shape s) { return (size_t)s.n * (size_t)s.h * (size_t)s.w; }

/* What each operand must be; rows 0: the op has no such operand. */
static void describe(extent e[OPERANDS], const sepcl_op *op) {
  const stage *s = &op->bound.s;
  const size_t n = (size_t)s->input.n, inputs = (size_t)s->input.c, outputs = (size_t)s->output.c;
  e[INPUT] = (extent){.name = "input", .rows = pixels_of(s->input), .channels = inputs};
  e[WEIGHTS] = (extent){.name = "weights", .rows = op->bound.packed_floats > 0, .channels = op->bound.packed_floats};
  e[RESIDUAL] = (extent){.name = "residual", .rows = op->per_channel ? n : pixels_of(s->output), .channels = outputs};
  e[SCALE] = (extent){.name = "scale", .rows = n, .channels = inputs};
  e[OUTPUT] = (extent){.name = "output", .written = true, .rows = pixels_of(s->output), .channels = outputs};
  if (!s->has_residual) e[RESIDUAL].rows = 0;
  if (!s->has_scale) e[SCALE].rows = 0;
}

static sepcl_status check_operands(extent e[OPERANDS], const sepcl_op *op, const sepcl_op_args *args) {
  const sepcl_operand *operands[OPERANDS] = {&args->input, &args->weights, &args->residual, &args->scale,
                                             &args->output};
  describe(e, op);
  for (int i = 0; i < OPERANDS; i++) {
    if (!e[i].rows) continue;
    sepcl_operand operand = *operands[i];
    if (i == WEIGHTS) operand.pitch = 0;
    TRY(check_operand(&e[i], op->device, &operand));
  }
  const bool in_place = op->bound.s.kind == STAGE_ELEMENTWISE;
  for (int i = 0; i < OUTPUT; i++) {
    if (!e[i].rows || !overlap(&e[i], &e[OUTPUT]) || (in_place && same_place(&e[i], &e[OUTPUT]))) continue;
    return failure(SEPCL_INVALID_ARGUMENT, "args.output overlaps args.%s", e[i].name);
  }
  return SEPCL_OK;
}

static sepcl_status check_queue(const sepcl_op *op, cl_command_queue queue) {
  const cl_api *cl = op->device->cl;
  cl_context context = NULL;
  cl_device_id id = NULL;
  if (!queue) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_enqueue: queue is NULL");
  cl_int code = cl->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
  if (code == CL_SUCCESS) code = cl->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL);
  if (code != CL_SUCCESS) return failure_cl("clGetCommandQueueInfo(queue)", code);
  if (context != op->device->context || id != op->device->id)
    return failure(SEPCL_WRONG_CONTEXT, "queue belongs to another context or device than the op");
  return SEPCL_OK;
}

static sepcl_status check_sync(const sepcl_op *op, const sepcl_sync *sync) {
  if (!sync) return SEPCL_OK;
  if (sync->wait_count && !sync->wait)
    return failure(SEPCL_INVALID_ARGUMENT, "sync.wait is NULL with a wait_count of %u", sync->wait_count);
  for (uint32_t i = 0; i < sync->wait_count; i++) {
    cl_context context = NULL;
    if (!sync->wait[i]) return failure(SEPCL_INVALID_ARGUMENT, "sync.wait[%u] is NULL", i);
    cl_int code = op->device->cl->clGetEventInfo(sync->wait[i], CL_EVENT_CONTEXT, sizeof context, &context, NULL);
    if (code != CL_SUCCESS) return failure_cl("clGetEventInfo(sync.wait)", code);
    if (context != op->device->context)
      return failure(SEPCL_WRONG_CONTEXT, "sync.wait[%u] belongs to another context than the op", i);
  }
  return SEPCL_OK;
}

/* The op's parameters with this call's offsets and pitches. */
static sepcl_status locate(stage_params *params, const sepcl_op *op, const extent e[OPERANDS]) {
  const stage *s = &op->bound.s;
  *params = op->bound.params;
  if (s->kind == STAGE_ELEMENTWISE) {
    /* Pitches are strides there, and the way the work is cut may depend on them. */
    stage placed = *s;
    elementwise_set_strides(&placed, op->per_channel, (int64_t)e[INPUT].pitch,
                            (int64_t)(e[RESIDUAL].rows ? e[RESIDUAL].pitch : 0), (int64_t)e[OUTPUT].pitch);
    bound_stage bound;
    const device_limits limits = device_limits_of(op->device);
    TRY(stage_bind(&bound, &placed, op->bound.v, SEPCL_FAMILY_AUTO, &limits));
    *params = bound.params;
  }
  params->x_at = (params_long)(e[INPUT].offset / sizeof(float));
  params->w_at = (params_long)(e[WEIGHTS].offset / sizeof(float));
  params->r_at = (params_long)(e[RESIDUAL].offset / sizeof(float));
  params->s_at = (params_long)(e[SCALE].offset / sizeof(float));
  params->y_at = (params_long)(e[OUTPUT].offset / sizeof(float));
  params->x_pitch = (params_int)e[INPUT].pitch;
  params->y_pitch = (params_int)e[OUTPUT].pitch;
  if (e[RESIDUAL].rows) params->r_pitch = (params_int)e[RESIDUAL].pitch;
  if (e[SCALE].rows) params->s_pitch = (params_int)e[SCALE].pitch;
  return SEPCL_OK;
}

/* The weights as an image: made anew only for another buffer, or another place in it. */
static sepcl_status look_as_image(sepcl_op *op, const sepcl_operand *weights) {
  const cl_api *cl = op->device->cl;
  const size_t floats = weights->offset / sizeof(float) + op->bound.packed_floats;
  if (weights->offset % (TEXEL_FLOATS * sizeof(float)))
    return failure(SEPCL_MISALIGNED, "args.weights.offset is %zu, no multiple of %zu, as kernel %s needs",
                   weights->offset, TEXEL_FLOATS * sizeof(float), op->bound.v->name);
  if (op->image && op->image_of == weights->buffer && op->image_floats == floats) return SEPCL_OK;
  cl_mem image = NULL;
  TRY(image_of_buffer(&image, op->device, weights->buffer, floats));
  if (op->image) cl->clReleaseMemObject(op->image);
  if (op->image_of) cl->clReleaseMemObject(op->image_of);
  cl->clRetainMemObject(weights->buffer); /* so that no other buffer takes its place while the image is kept */
  op->image = image;
  op->image_of = weights->buffer;
  op->image_floats = floats;
  return SEPCL_OK;
}

sepcl_status sepcl_op_enqueue(sepcl_op *op, cl_command_queue queue, const sepcl_op_args *args, const sepcl_sync *sync) {
  if (!op) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_enqueue: op is NULL");
  if (!args) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_enqueue: args is NULL");
  if (args->size != sizeof *args)
    return failure(SEPCL_INVALID_ARGUMENT, "args.size is %u, not %zu: start from SEPCL_OP_ARGS_INIT", args->size,
                   sizeof *args);
  TRY(check_queue(op, queue));
  TRY(check_sync(op, sync));
  extent e[OPERANDS];
  TRY(check_operands(e, op, args));
  stage_launch launch = {.kernel = op->kernel, .v = op->bound.v, .x = args->input.buffer, .y = args->output.buffer};
  if (e[WEIGHTS].rows) launch.w = args->weights.buffer;
  if (e[RESIDUAL].rows) launch.r = args->residual.buffer;
  if (e[SCALE].rows) launch.s = args->scale.buffer;
  if (op->bound.reads_image) {
    TRY(look_as_image(op, &args->weights));
    launch.image = op->image;
  }
  TRY(locate(&launch.params, op, e));
  return stage_enqueue(op->device->cl, &launch, queue, sync);
}
