/* Running a case on a device: the op, its packed weights, its operands, and the comparison. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "stage/op.h"
#include "support/cases.h"

static sepcl_status create_conv(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  sepcl_conv_desc d = SEPCL_CONV_DESC_INIT;
  d.input = c->input;
  d.outputs = c->outputs;
  d.groups = c->groups;
  d.window = c->window;
  d.activation = c->activation;
  d.has_residual = c->has_residual;
  d.has_scale = c->has_scale;
  d.variant = variant;
  if (c->kind == CASE_POINTWISE) return sepcl_pointwise_create(out, device, &d);
  if (c->kind == CASE_DEPTHWISE) return sepcl_depthwise_create(out, device, &d);
  return sepcl_conv_create(out, device, &d);
}

static sepcl_status create_separable(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  sepcl_separable_desc d = SEPCL_SEPARABLE_DESC_INIT;
  d.input = c->input;
  d.outputs = c->outputs;
  d.window = c->window;
  d.depthwise_activation = c->inner[0];
  d.activation = c->activation;
  d.has_residual = c->has_residual;
  d.variant = variant;
  return sepcl_separable_create(out, device, &d);
}

static sepcl_status create_inverted_residual(sepcl_op **out, sepcl_device *device, const test_case *c,
                                             const char *variant) {
  sepcl_inverted_residual_desc d = SEPCL_INVERTED_RESIDUAL_DESC_INIT;
  d.input = c->input;
  d.expanded = c->expanded;
  d.outputs = c->outputs;
  d.window = c->window;
  d.expand_activation = c->inner[0];
  d.depthwise_activation = c->inner[1];
  d.activation = c->activation;
  d.has_residual = c->has_residual;
  d.variant = variant;
  return sepcl_inverted_residual_create(out, device, &d);
}

static sepcl_status create_gemm(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  sepcl_gemm_desc d = SEPCL_GEMM_DESC_INIT;
  d.m = c->input.w;
  d.k = c->input.c;
  d.n = c->outputs;
  d.activation = c->activation;
  d.has_residual = c->has_residual;
  d.variant = variant;
  return sepcl_gemm_create(out, device, &d);
}

static sepcl_status create_pool(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  sepcl_pool_desc d = SEPCL_POOL_DESC_INIT;
  d.kind = (sepcl_pool_kind)c->mode;
  d.input = c->input;
  d.window = c->window;
  d.activation = c->activation;
  d.variant = variant;
  return sepcl_pool_create(out, device, &d);
}

static sepcl_status create_elementwise(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  sepcl_elementwise_desc d = SEPCL_ELEMENTWISE_DESC_INIT;
  d.input = c->input;
  d.has_second = c->has_residual;
  d.per_channel = c->per_channel;
  d.binary = (sepcl_binary)c->mode;
  d.activation = c->activation;
  d.variant = variant;
  return sepcl_elementwise_create(out, device, &d);
}

sepcl_status case_op_create(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant) {
  switch (c->kind) {
    case CASE_SEPARABLE: return create_separable(out, device, c, variant);
    case CASE_INVERTED_RESIDUAL: return create_inverted_residual(out, device, c, variant);
    case CASE_GEMM: return create_gemm(out, device, c, variant);
    case CASE_POOL: return create_pool(out, device, c, variant);
    case CASE_ELEMENTWISE: return create_elementwise(out, device, c, variant);
    default: return create_conv(out, device, c, variant);
  }
}

static guarded_layout layout_of(const case_place *place, size_t rows, int32_t channels) {
  size_t pitch = (size_t)channels + (size_t)place->gap;
  guarded_layout layout = {(size_t)place->before, (size_t)place->after, rows, (size_t)channels, pitch};
  return layout;
}

static size_t pixels(sepcl_shape s) { return (size_t)s.n * (size_t)s.h * (size_t)s.w; }

bool case_buffers_create(case_buffers *out, const test_context *context, const test_case *c, const case_data *data) {
  memset(out, 0, sizeof *out);
  sepcl_shape y = case_output(c);
  guarded_layout x = layout_of(&c->x, pixels(c->input), c->input.c);
  guarded_layout r = layout_of(&c->r, c->per_channel ? (size_t)c->input.n : pixels(y), y.c);
  guarded_layout s = layout_of(&c->s, (size_t)c->input.n, c->input.c);
  bool made = guarded_create_of(&out->x, context, &x, data->x, c->halves & HALF_X);
  if (made && data->residual) made = guarded_create_of(&out->r, context, &r, data->residual, c->halves & HALF_R);
  if (made && data->scale) made = guarded_create_of(&out->s, context, &s, data->scale, c->halves & HALF_S);
  if (!made) case_buffers_free(out, context);
  return made;
}

void case_buffers_free(case_buffers *buffers, const test_context *context) {
  guarded_free(&buffers->x, context);
  guarded_free(&buffers->r, context);
  guarded_free(&buffers->s, context);
}

/* The weights of an op in a buffer with canaries around them. True with no buffer where the op has none. */
static bool pack(guarded *out, const test_context *context, const sepcl_op *op, const sepcl_weights *sets,
                 int32_t count, const case_place *place, char message[512]) {
  memset(out, 0, sizeof *out);
  size_t size = sepcl_op_packed_size(op);
  if (!size) return count == 0 || snprintf(message, 512, "packed size is 0") < 0;
  float *packed = malloc(size);
  bool done = packed && sepcl_op_pack(op, packed, sets, (uint32_t)count) == SEPCL_OK;
  if (!done) snprintf(message, 512, "pack: %s", sepcl_last_error());
  /* Images are of whole texels. */
  const size_t before = op->bound.reads_image ? ((size_t)place->before + 3) / 4 * 4 : (size_t)place->before;
  guarded_layout layout = {before, (size_t)place->after, 1, size / sizeof(float), size / sizeof(float)};
  if (done && !guarded_create(out, context, &layout, packed)) {
    snprintf(message, 512, "no buffer for %zu bytes of weights", size);
    done = false;
  }
  free(packed);
  return done;
}

static bool unchanged(const guarded *tensor, const test_context *context, const char *name, char message[512]) {
  if (!tensor->buffer) return true;
  guarded_difference d = guarded_compare(tensor, context);
  if (d.index == -1) return true;
  snprintf(message, 512, "%s changed at float %lld", name, d.index);
  return false;
}

static case_outcome judge(const guarded *y, const test_context *context, char message[512]) {
  guarded_difference d = guarded_compare(y, context);
  if (d.index == -1) return CASE_EQUAL;
  if (d.index == -2) {
    snprintf(message, 512, "the output cannot be read: the kernel failed");
    return CASE_FAILED;
  }
  if (d.inside)
    snprintf(message, 512, "row %zu channel %zu is %a (%.9g), not %a (%.9g)", d.row, d.channel, (double)d.got,
             (double)d.got, (double)d.expected, (double)d.expected);
  else
    snprintf(message, 512, "canary overwritten at float %lld with %.9g", d.index, (double)d.got);
  return CASE_WRONG;
}

static case_outcome run_op(const test_context *context, sepcl_op *op, const test_case *c, const case_data *data,
                           const case_buffers *b, char message[512]) {
  guarded w, y = {.host = NULL};
  sepcl_shape out = sepcl_op_output_shape(op), expected = case_output(c);
  if (memcmp(&out, &expected, sizeof out)) {
    snprintf(message, 512, "output shape %dx%dx%dx%d, not %dx%dx%dx%d", out.n, out.h, out.w, out.c, expected.n,
             expected.h, expected.w, expected.c);
    return CASE_WRONG;
  }
  if (!pack(&w, context, op, data->sets, data->set_count, &c->w, message)) return CASE_FAILED;
  guarded_layout layout = c->in_place ? b->x.layout : layout_of(&c->y, pixels(out), out.c);
  case_outcome outcome = CASE_FAILED;
  snprintf(message, 512, "no memory for the output");
  if (guarded_create_of(&y, context, &layout, c->in_place ? data->x : NULL, c->halves & HALF_Y)) {
    sepcl_op_args args = SEPCL_OP_ARGS_INIT;
    args.output = guarded_operand(&y);
    args.input = c->in_place ? args.output : guarded_operand(&b->x);
    if (w.buffer) args.weights = guarded_operand(&w);
    if (b->r.buffer) args.residual = guarded_operand(&b->r);
    if (b->s.buffer) args.scale = guarded_operand(&b->s);
    if (sepcl_op_enqueue(op, context->queue, &args, NULL) != SEPCL_OK) {
      snprintf(message, 512, "enqueue: %s", sepcl_last_error());
    } else {
      guarded_expect(&y, data->expected);
      outcome = judge(&y, context, message);
      if (outcome == CASE_EQUAL && !unchanged(&w, context, "weights", message)) outcome = CASE_WRONG;
    }
  }
  guarded_free(&y, context);
  guarded_free(&w, context);
  return outcome;
}

/* The public primitives are of floats: the same op with the kernel for halves, which may refuse what it takes as
 * floats. Offsets stay those of elements, since the buffers are as large as for floats. */
static sepcl_status take_halves(sepcl_op *op, int32_t halves) {
  if (!halves) return SEPCL_OK;
  stage s = op->bound.s;
  bound_stage tried;
  const device_limits limits = device_limits_of(op->device);
  s.halves = halves;
  sepcl_status status = stage_bind(&tried, &s, op->bound.v, SEPCL_FAMILY_AUTO, &limits);
  cl_kernel kernel = NULL;
  op->bound.s.halves = halves;
  if (status == SEPCL_OK) status = program_kernel(&kernel, op->device, kernel_of(&op->bound));
  if (status != SEPCL_OK) return status;
  op->device->cl->clReleaseKernel(op->kernel);
  op->kernel = kernel;
  return SEPCL_OK;
}

case_outcome case_run(const test_context *context, const test_case *c, const case_data *data,
                      const case_buffers *buffers, const char *variant, char message[512]) {
  sepcl_op *op = NULL;
  message[0] = 0;
  sepcl_status status = case_op_create(&op, context->device, c, variant);
  if (status == SEPCL_UNSUPPORTED && variant) return CASE_REFUSED;
  if (status != SEPCL_OK) {
    snprintf(message, 512, "create: %s: %.400s", sepcl_status_name(status), sepcl_last_error());
    return CASE_FAILED;
  }
  status = take_halves(op, c->halves);
  if (status == SEPCL_UNSUPPORTED && variant) {
    sepcl_op_free(op);
    return CASE_REFUSED;
  }
  case_outcome outcome = status == SEPCL_OK ? run_op(context, op, c, data, buffers, message) : CASE_FAILED;
  if (outcome == CASE_FAILED && !message[0]) snprintf(message, 512, "halves: %.400s", sepcl_last_error());
  sepcl_op_free(op);
  if (outcome == CASE_EQUAL &&
      !(unchanged(&buffers->x, context, "input", message) && unchanged(&buffers->r, context, "residual", message) &&
        unchanged(&buffers->s, context, "scale", message)))
    outcome = CASE_WRONG;
  return outcome;
}

case_outcome case_run_alone(const test_context *context, const test_case *c, const char *variant, char message[512]) {
  case_data data;
  case_buffers buffers;
  snprintf(message, 512, "out of memory");
  if (!case_data_create(&data, c, false)) return CASE_FAILED;
  case_outcome outcome = CASE_FAILED;
  if (case_buffers_create(&buffers, context, c, &data)) {
    outcome = case_run(context, c, &data, &buffers, variant, message);
    case_buffers_free(&buffers, context);
  }
  case_data_free(&data);
  return outcome;
}
