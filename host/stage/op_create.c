/* The public constructors: each turns its description into a stage. */
#include "cl/program.h"
#include "error.h"
#include "stage/op.h"

static sepcl_status check_call(sepcl_op **out, const sepcl_device *device, const void *desc, uint32_t expected) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  if (!device) return failure(SEPCL_INVALID_ARGUMENT, "device is NULL");
  if (!desc) return failure(SEPCL_INVALID_ARGUMENT, "desc is NULL");
  uint32_t size = *(const uint32_t *)desc; /* the first member of every description */
  if (size != expected)
    return failure(SEPCL_INVALID_ARGUMENT, "desc.size is %u, not %u: start from the description's _INIT", size,
                   expected);
  return SEPCL_OK;
}

static stage begin(stage_kind kind, sepcl_shape input, const sepcl_window *window, int32_t outputs) {
  stage s = {.kind = kind, .input = input, .groups = 1, .mode = -1, .window = *window};
  s.output = (sepcl_shape){input.n, 0, 0, outputs};
  /* stage_check refuses what does not divide or is not positive, by name. */
  if (window->stride_h < 1 || window->stride_w < 1) return s;
  int64_t pads_h = (int64_t)window->pad_top + window->pad_bottom,
          pads_w = (int64_t)window->pad_left + window->pad_right;
  if (pads_h > INT32_MAX || pads_w > INT32_MAX || pads_h < INT32_MIN || pads_w < INT32_MIN) return s;
  s.output.h = window_output(input.h, window->kernel_h, window->stride_h, window->dilation_h, (int32_t)pads_h);
  s.output.w = window_output(input.w, window->kernel_w, window->stride_w, window->dilation_w, (int32_t)pads_w);
  return s;
}

static stage from_conv(const sepcl_conv_desc *desc, stage_kind kind) {
  stage s = begin(kind, desc->input, &desc->window, desc->outputs);
  s.groups = desc->groups;
  s.activation = desc->activation;
  s.has_residual = desc->has_residual != 0;
  s.has_scale = desc->has_scale != 0;
  return s;
}

/* The kind that computes a convolution best; or that of the kernel which the caller named. */
static stage_kind conv_kind(const sepcl_conv_desc *desc) {
  const variant *v = desc->variant ? variant_find(desc->variant) : NULL;
  if (v) return v->stage <= STAGE_DEPTHWISE ? v->stage : STAGE_CONV;
  const sepcl_window *w = &desc->window;
  if (desc->groups > 1 && desc->groups == desc->input.c) return STAGE_DEPTHWISE;
  bool plain = w->kernel_h == 1 && w->kernel_w == 1 && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
  return plain ? STAGE_POINTWISE : STAGE_CONV;
}

sepcl_status sepcl_conv_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  stage s = from_conv(desc, conv_kind(desc));
  return op_make(out, device, &s, desc->variant);
}

sepcl_status sepcl_pointwise_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  stage s = from_conv(desc, STAGE_POINTWISE);
  return op_make(out, device, &s, desc->variant);
}

sepcl_status sepcl_depthwise_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  if (desc->groups == desc->input.c && desc->groups > 0 && desc->outputs > 0 && desc->outputs % desc->groups)
    return failure(SEPCL_INVALID_SHAPE, "outputs is %d: no multiple of the %d input channels and groups", desc->outputs,
                   desc->groups);
  stage s = from_conv(desc, STAGE_DEPTHWISE);
  return op_make(out, device, &s, desc->variant);
}

sepcl_status sepcl_separable_create(sepcl_op **out, sepcl_device *device, const sepcl_separable_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  stage s = begin(STAGE_SEPARABLE, desc->input, &desc->window, desc->outputs);
  s.groups = desc->input.c;
  s.inner[0] = desc->depthwise_activation;
  s.activation = desc->activation;
  s.has_residual = desc->has_residual != 0;
  return op_make(out, device, &s, desc->variant);
}

sepcl_status sepcl_inverted_residual_create(sepcl_op **out, sepcl_device *device,
                                            const sepcl_inverted_residual_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  stage s = begin(STAGE_INVERTED_RESIDUAL, desc->input, &desc->window, desc->outputs);
  s.groups = desc->expanded;
  s.expanded = desc->expanded;
  s.inner[0] = desc->expand_activation;
  s.inner[1] = desc->depthwise_activation;
  s.activation = desc->activation;
  s.has_residual = desc->has_residual != 0;
  return op_make(out, device, &s, desc->variant);
}

sepcl_status sepcl_gemm_create(sepcl_op **out, sepcl_device *device, const sepcl_gemm_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  const int32_t sizes[3] = {desc->m, desc->n, desc->k};
  for (int i = 0; i < 3; i++)
    if (sizes[i] < 1) return failure(SEPCL_INVALID_SHAPE, "desc.%c is %d: must be 1 or more", "mnk"[i], sizes[i]);
  const sepcl_window window = SEPCL_WINDOW_INIT;
  stage s = begin(STAGE_POINTWISE, (sepcl_shape){1, 1, desc->m, desc->k}, &window, desc->n);
  s.activation = desc->activation;
  s.has_residual = desc->has_residual != 0;
  return op_make(out, device, &s, desc->variant);
}

static bool covers_input(const sepcl_pool_desc *desc) {
  const sepcl_window *w = &desc->window;
  return w->kernel_h == desc->input.h && w->kernel_w == desc->input.w && w->dilation_h == 1 && w->dilation_w == 1 &&
         !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
}

/* Every window must hold a pixel of the input. */
static sepcl_status check_pool_pads(const sepcl_window *w) {
  const int64_t reach_h = ((int64_t)w->kernel_h - 1) * w->dilation_h,
                reach_w = ((int64_t)w->kernel_w - 1) * w->dilation_w;
  if (w->pad_top > reach_h || w->pad_bottom > reach_h || w->pad_left > reach_w || w->pad_right > reach_w)
    return failure(SEPCL_INVALID_SHAPE, "window: its padding of %d, %d, %d, %d leaves windows without a pixel",
                   w->pad_top, w->pad_left, w->pad_bottom, w->pad_right);
  return SEPCL_OK;
}

sepcl_status sepcl_pool_create(sepcl_op **out, sepcl_device *device, const sepcl_pool_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  if ((int)desc->kind < 0 || desc->kind > SEPCL_AVERAGE_POOL_WITH_PADDING)
    return failure(SEPCL_INVALID_ARGUMENT, "desc.kind is %d, not a sepcl_pool_kind", (int)desc->kind);
  /* By the shape alone, whatever the variant: the two stages add in different orders. */
  bool global = covers_input(desc);
  stage s = begin(global ? STAGE_GLOBAL_POOL : STAGE_POOL, desc->input, &desc->window, desc->input.c);
  s.mode = desc->kind;
  if (global) s.mode = desc->kind == SEPCL_MAX_POOL ? SEPCL_REDUCE_MAX : SEPCL_REDUCE_MEAN;
  s.activation = desc->activation;
  TRY(stage_check(&s));
  TRY(check_pool_pads(&s.window));
  return op_make(out, device, &s, desc->variant);
}

void elementwise_set_strides(stage *s, bool per_channel, int64_t x_pitch, int64_t r_pitch, int64_t y_pitch) {
  const int64_t n = s->input.n, pixels = (int64_t)s->input.h * s->input.w, c = s->input.c;
  s->rank = 3;
  s->dims[0] = n;
  s->dims[1] = pixels;
  s->dims[2] = c;
  s->x_stride[0] = pixels * x_pitch;
  s->x_stride[1] = x_pitch;
  s->y_stride[0] = pixels * y_pitch;
  s->y_stride[1] = y_pitch;
  s->r_stride[0] = per_channel ? r_pitch : pixels * r_pitch;
  s->r_stride[1] = per_channel ? 0 : r_pitch;
  s->x_stride[2] = s->y_stride[2] = s->r_stride[2] = 1;
  bool dense = !per_channel && x_pitch == c && y_pitch == c && (!s->has_residual || r_pitch == c);
  if (!dense) return;
  s->rank = 1;
  s->dims[0] = n * pixels * c;
  s->x_stride[0] = s->y_stride[0] = s->r_stride[0] = 1;
}

static sepcl_status check_elementwise(const sepcl_elementwise_desc *desc) {
  if ((int)desc->binary < 0 || desc->binary >= SEPCL_BINARY_COUNT)
    return failure(SEPCL_INVALID_ARGUMENT, "desc.binary is %d, not a sepcl_binary", (int)desc->binary);
  if (desc->per_channel && !desc->has_second)
    return failure(SEPCL_INVALID_ARGUMENT, "desc.per_channel is set without has_second");
  /* The shape is checked as a window stage's is. */
  const sepcl_window window = SEPCL_WINDOW_INIT;
  stage shape = begin(STAGE_POOL, desc->input, &window, desc->input.c);
  return stage_check(&shape);
}

sepcl_status sepcl_elementwise_create(sepcl_op **out, sepcl_device *device, const sepcl_elementwise_desc *desc) {
  TRY(check_call(out, device, desc, sizeof *desc));
  TRY(check_elementwise(desc));
  const sepcl_window window = SEPCL_WINDOW_INIT;
  stage s = begin(STAGE_ELEMENTWISE, desc->input, &window, desc->input.c);
  s.mode = desc->has_second ? (int32_t)desc->binary : -1;
  s.has_residual = desc->has_second != 0;
  s.activation = desc->activation;
  elementwise_set_strides(&s, desc->per_channel != 0, desc->input.c, desc->input.c, desc->input.c);
  TRY(op_make(out, device, &s, desc->variant));
  (*out)->per_channel = desc->per_channel != 0;
  return SEPCL_OK;
}
