#include "stage/stage.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "stage/tile_cost.h"

/* Each kind's file in this folder defines its class; a kind without a line here has no kernel yet. */
extern const stage_class pointwise_class, conv_class, depthwise_class, separable_class, inverted_residual_class;
extern const stage_class pool_class, global_pool_class, elementwise_class, copy_class, softmax_class, reduce_class,
    matmul_class, resize_class, norm_class, conv_transpose_class, deform_conv_class;

const stage_class *const stage_classes[STAGE_KIND_COUNT] = {
    [STAGE_POINTWISE] = &pointwise_class,
    [STAGE_CONV] = &conv_class,
    [STAGE_SEPARABLE] = &separable_class,
    [STAGE_INVERTED_RESIDUAL] = &inverted_residual_class,
    [STAGE_POOL] = &pool_class,
    [STAGE_GLOBAL_POOL] = &global_pool_class,
    [STAGE_ELEMENTWISE] = &elementwise_class,
    [STAGE_COPY] = &copy_class,
    [STAGE_SOFTMAX] = &softmax_class,
    [STAGE_REDUCE] = &reduce_class,
    [STAGE_MATMUL] = &matmul_class,
    [STAGE_RESIZE] = &resize_class,
    [STAGE_NORM] = &norm_class,
    [STAGE_CONV_TRANSPOSE] = &conv_transpose_class,
    [STAGE_DEFORM_CONV] = &deform_conv_class,
    [STAGE_DEPTHWISE] = &depthwise_class,
};

device_limits device_limits_of(const sepcl_device *device) {
  const sepcl_device_info *info = &device->info;
  return (device_limits){.vector_width = info->vector_width,
                         .compute_units = info->compute_units ? info->compute_units : 1,
                         .local_memory = info->local_memory,
                         .max_work_group = info->max_work_group,
                         .subgroup_sizes = device->subgroup_sizes,
                         .image_texels = device->image_texels,
                         .half_sums = device->half_sums,
                         .weight_images = device->weight_images,
                         .local_is_global = info->local_is_global,
                         .gpu = (info->type & CL_DEVICE_TYPE_GPU) != 0};
}

static bool is_convolution(stage_kind kind) { return kind <= STAGE_INVERTED_RESIDUAL; }
static bool has_window(stage_kind kind) {
  return kind <= STAGE_GLOBAL_POOL || kind == STAGE_RESIZE || kind == STAGE_NORM || kind == STAGE_CONV_TRANSPOSE ||
         kind == STAGE_DEFORM_CONV;
}

/* ---- checking ---- */

enum { MAX_ELEMENTS = INT32_MAX }; /* kernels index pixels and channels with 32 bits */

static sepcl_status check_shape(const char *what, sepcl_shape s) {
  const int32_t dims[4] = {s.n, s.h, s.w, s.c};
  int64_t elements = 1;
  for (int i = 0; i < 4; i++) {
    if (dims[i] < 1)
      return failure(SEPCL_INVALID_SHAPE, "%s is %dx%dx%dx%d: every dimension must be 1 or more", what, s.n, s.h, s.w,
                     s.c);
    elements *= dims[i];
    if (elements > MAX_ELEMENTS)
      return failure(SEPCL_OVERFLOW, "%s of %dx%dx%dx%d has more than 2^31 - 1 elements", what, s.n, s.h, s.w, s.c);
  }
  return SEPCL_OK;
}

static sepcl_status check_function(const char *what, sepcl_activation a) {
  if ((int)a.kind < 0 || a.kind >= SEPCL_FUNCTION_COUNT)
    return failure(SEPCL_INVALID_ARGUMENT, "%s.kind is %d, not a sepcl_function", what, (int)a.kind);
  if (a.kind == SEPCL_CLIP && !(a.a <= a.b))
    return failure(SEPCL_INVALID_ARGUMENT, "%s clips to [%g, %g]", what, (double)a.a, (double)a.b);
  return SEPCL_OK;
}

static sepcl_status check_window(const sepcl_window *w) {
  const int32_t positive[6] = {w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w};
  static const char *const names[6] = {"kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w"};
  for (int i = 0; i < 6; i++)
    if (positive[i] < 1)
      return failure(SEPCL_INVALID_SHAPE, "window.%s is %d: must be 1 or more", names[i], positive[i]);
  const int32_t pads[4] = {w->pad_top, w->pad_left, w->pad_bottom, w->pad_right};
  static const char *const pad_names[4] = {"pad_top", "pad_left", "pad_bottom", "pad_right"};
  for (int i = 0; i < 4; i++) {
    if (pads[i] < 0) return failure(SEPCL_INVALID_SHAPE, "window.%s is %d: must be 0 or more", pad_names[i], pads[i]);
    if (pads[i] > (1 << 24)) return failure(SEPCL_OVERFLOW, "window.%s is %d: too large", pad_names[i], pads[i]);
  }
  const int64_t span[2] = {(int64_t)w->dilation_h * w->kernel_h, (int64_t)w->dilation_w * w->kernel_w};
  if (span[0] > (1 << 24) || span[1] > (1 << 24) || (int64_t)w->kernel_h * w->kernel_w > (1 << 24))
    return failure(SEPCL_OVERFLOW, "window: a kernel of %dx%d with dilation %dx%d is too large", w->kernel_h,
                   w->kernel_w, w->dilation_h, w->dilation_w);
  return SEPCL_OK;
}

int32_t window_output(int32_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
  int64_t room = (int64_t)input + pads - ((int64_t)dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : (int32_t)(room / stride + 1);
}

static sepcl_status check_output(const stage *s) {
  const sepcl_window *w = &s->window;
  int32_t oh = window_output(s->input.h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top + w->pad_bottom);
  int32_t ow = window_output(s->input.w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left + w->pad_right);
  if (s->output.n != s->input.n || s->output.h != oh || s->output.w != ow)
    return failure(SEPCL_INVALID_SHAPE, "the output is %dx%dx%d, not the window's %dx%dx%d", s->output.n, s->output.h,
                   s->output.w, s->input.n, oh, ow);
  return SEPCL_OK;
}

static sepcl_status check_groups(const stage *s) {
  if (s->groups < 1) return failure(SEPCL_INVALID_SHAPE, "groups is %d: must be 1 or more", s->groups);
  if (s->groups > s->input.c)
    return failure(SEPCL_INVALID_SHAPE, "groups is %d: more than the %d input channels", s->groups, s->input.c);
  if (s->input.c % s->groups || s->output.c % s->groups)
    return failure(SEPCL_INVALID_SHAPE, "groups is %d: does not divide %d input channels and %d outputs", s->groups,
                   s->input.c, s->output.c);
  bool depthwise = s->kind == STAGE_DEPTHWISE || s->kind == STAGE_SEPARABLE;
  if (depthwise && s->groups != s->input.c)
    return failure(SEPCL_INVALID_SHAPE, "groups is %d: a depthwise convolution has one per input channel (%d)",
                   s->groups, s->input.c);
  return SEPCL_OK;
}

static sepcl_status check_convolution(const stage *s) {
  TRY(check_output(s));
  if (s->kind <= STAGE_DEPTHWISE) TRY(check_groups(s));
  const sepcl_window *w = &s->window;
  bool one = w->kernel_h == 1 && w->kernel_w == 1;
  bool padded = w->pad_top || w->pad_left || w->pad_bottom || w->pad_right;
  if (s->kind == STAGE_POINTWISE && (!one || padded))
    return failure(SEPCL_INVALID_SHAPE, "window: a pointwise convolution has a 1x1 kernel and no padding");
  if (s->kind == STAGE_INVERTED_RESIDUAL) {
    sepcl_shape inner = s->input;
    inner.c = s->expanded;
    if (s->expanded < 1) return failure(SEPCL_INVALID_SHAPE, "expanded is %d: must be 1 or more", s->expanded);
    TRY(check_shape("the expanded input", inner));
  }
  int64_t inputs = s->kind <= STAGE_DEPTHWISE ? s->input.c / s->groups : s->input.c;
  int64_t weights = inputs * w->kernel_h * w->kernel_w; /* < 2^55 */
  if (weights > INT32_MAX / 2 || weights * s->output.c > INT32_MAX / 2)
    return failure(SEPCL_OVERFLOW, "%dx%d weights for %d outputs of %lld channels are too many", w->kernel_h,
                   w->kernel_w, s->output.c, (long long)inputs);
  return SEPCL_OK;
}

static sepcl_status check_dims(const stage *s) {
  if (s->rank < 1 || s->rank > SEPCL_MAX_RANK)
    return failure(SEPCL_INVALID_SHAPE, "rank is %d: must be 1 to %d", s->rank, SEPCL_MAX_RANK);
  int64_t elements = 1;
  for (int i = 0; i < s->rank; i++) {
    if (s->dims[i] < 1) return failure(SEPCL_INVALID_SHAPE, "dimension %d is %lld", i, (long long)s->dims[i]);
    if (s->dims[i] > MAX_ELEMENTS / elements) return failure(SEPCL_OVERFLOW, "a tensor of more than 2^31 - 1 elements");
    elements *= s->dims[i];
    const int64_t strides[3] = {s->x_stride[i], s->r_stride[i], s->y_stride[i]};
    for (int k = 0; k < 3; k++)
      if (strides[k] > INT32_MAX || strides[k] < -INT32_MAX)
        return failure(SEPCL_OVERFLOW, "a stride of %lld elements does not fit 32 bits", (long long)strides[k]);
  }
  return SEPCL_OK;
}

sepcl_status stage_check(const stage *s) {
  if (s->kind < 0 || s->kind >= STAGE_KIND_COUNT) return failure(SEPCL_INVALID_ARGUMENT, "stage kind %d", (int)s->kind);
  TRY(check_function("activation", s->activation));
  if (s->kind == STAGE_SEPARABLE) TRY(check_function("depthwise_activation", s->inner[0]));
  if (s->kind == STAGE_INVERTED_RESIDUAL) {
    TRY(check_function("expand_activation", s->inner[0]));
    TRY(check_function("depthwise_activation", s->inner[1]));
  }
  if (!has_window(s->kind)) return s->rank ? check_dims(s) : SEPCL_OK;
  TRY(check_shape("input", s->input));
  if (s->output.c < 1) return failure(SEPCL_INVALID_SHAPE, "outputs is %d: must be 1 or more", s->output.c);
  TRY(check_window(&s->window));
  if (s->kind <= STAGE_GLOBAL_POOL && (s->output.h < 1 || s->output.w < 1))
    return failure(SEPCL_INVALID_SHAPE, "window: a kernel of %dx%d does not fit an input of %dx%d with its padding",
                   s->window.kernel_h, s->window.kernel_w, s->input.h, s->input.w);
  if (is_convolution(s->kind)) TRY(check_convolution(s));
  return check_shape("output", s->output);
}

/* ---- binding ---- */

/* NONE, RELU and RELU6 are clips; infinities leave every number and NaN as it is. */
static void set_activation(stage_params *p, int slot, sepcl_activation a) {
  if (a.kind <= SEPCL_RELU6) {
    p->act_a[slot] = a.kind == SEPCL_NONE ? -INFINITY : 0.0f;
    p->act_b[slot] = a.kind == SEPCL_RELU6 ? 6.0f : INFINITY;
    p->act[slot] = SEPCL_CLIP;
    return;
  }
  p->act[slot] = a.kind;
  p->act_a[slot] = a.a;
  p->act_b[slot] = a.b;
}

bool is_light(sepcl_activation a) { return a.kind <= SEPCL_CLIP || a.kind == SEPCL_HARD_SWISH; }

static void set_window(stage_params *p, const stage *s) {
  const sepcl_window *w = &s->window;
  p->u.window = (window_params){.n = s->input.n,
                                .h = s->input.h,
                                .w = s->input.w,
                                .c = s->input.c,
                                .oh = s->output.h,
                                .ow = s->output.w,
                                .oc = s->output.c,
                                .kh = w->kernel_h,
                                .kw = w->kernel_w,
                                .sh = w->stride_h,
                                .sw = w->stride_w,
                                .dh = w->dilation_h,
                                .dw = w->dilation_w,
                                .pt = w->pad_top,
                                .pl = w->pad_left,
                                .pb = w->pad_bottom,
                                .pr = w->pad_right,
                                .groups = s->groups,
                                .expanded = s->expanded};
  p->x_pitch = p->s_pitch = s->input.c;
  p->y_pitch = p->r_pitch = s->output.c;
}

static void set_strided(stage_params *p, const stage *s) {
  p->u.strided.rank = s->rank;
  for (int i = 0; i < SEPCL_MAX_RANK; i++) {
    bool used = i < s->rank;
    p->u.strided.dims[i] = used ? (params_int)s->dims[i] : 1;
    p->u.strided.x_stride[i] = used ? (params_int)s->x_stride[i] : 0;
    p->u.strided.r_stride[i] = used ? (params_int)s->r_stride[i] : 0;
    p->u.strided.y_stride[i] = used ? (params_int)s->y_stride[i] : 0;
    p->u.strided.extra[i] = s->extra[i];
  }
}

static void bind(bound_stage *out, const stage *s, const variant *v, const device_limits *limits) {
  const stage_class *class = stage_classes[s->kind];
  stage_params *p = &out->params;
  memset(p, 0, sizeof *p);
  out->s = *s;
  out->v = v;
  p->mode = s->mode;
  p->has_residual = s->has_residual;
  p->has_scale = s->has_scale;
  set_activation(p, 0, s->activation);
  for (int i = 0; i < 2; i++) set_activation(p, 1 + i, s->inner[i]);
  for (int i = 0; i < 4; i++) p->extra_float[i] = s->extra_float[i];
  if (has_window(s->kind))
    set_window(p, s);
  else
    set_strided(p, s);
  class->prepare(s, v, limits, p);
  out->packed_floats = class->packed_floats ? class->packed_floats(s, v) : 0;
  out->reads_image = variant_macro(v, "IMAGE") != 0;
}

static bool in_family(const variant *v, sepcl_family family) {
  switch (family) {
    case SEPCL_FAMILY_ROW: return v->family == FAMILY_ROW;
    case SEPCL_FAMILY_TILE: return v->family == FAMILY_TILE;
    case SEPCL_FAMILY_SCALAR: return v->family == FAMILY_SCALAR;
    default: return true;
  }
}

/* How little a variant suits the device, 0 being best; ties go to the earlier row of the list. */
static int unsuitability(const variant *v, const device_limits *limits) {
  if (v->family == FAMILY_SCALAR) return limits->gpu ? 2 : 3;
  if (v->family == FAMILY_TILE) return limits->gpu ? 0 : 4;
  if (limits->gpu) return 3;
  return (uint32_t)v->vec > limits->vector_width && v->vec > 4 ? 1 : 0;
}

static const char *why_not(const stage *s, const variant *v, const device_limits *limits) {
  if (v->stage != s->kind) return "it computes another stage";
  if ((uint64_t)v->local > limits->max_work_group) return "the device's work-groups are too small";
  if ((uint64_t)variant_macro(v, "SHARED") * sizeof(float) > limits->local_memory)
    return "it needs more local memory than the device has";
  const int32_t subgroup = variant_macro(v, "SUBGROUP");
  if (subgroup && !(limits->subgroup_sizes >> subgroup & 1)) return "the device has no subgroups of that size";
  if (variant_macro(v, "IMAGE") && !limits->image_texels) return "the device has no images";
  if (s->halves & HALF_SUMS && !(limits->half_sums && variant_macro(v, "SUMS_HALVES")))
    return "it does not sum in halves";
  return stage_classes[s->kind]->refuses ? stage_classes[s->kind]->refuses(s, v, limits) : NULL;
}

/* The most suitable variant; of several tiles the one that is expected to cost least, of equals the earlier row. */
static const variant *choose(const stage *s, sepcl_family family, const device_limits *limits) {
  const variant *best = NULL;
  int best_rank = 0;
  double best_cost = 0.0;
  for (int32_t i = 0; i < variant_count; i++) {
    const variant *v = &variants[i];
    if (v->stage != s->kind || !in_family(v, family)) continue;
    if (variant_macro(v, "IMAGE"))
      continue; /* whether images have a cache of their own no device says: tuning finds out */
    int rank = unsuitability(v, limits);
    if ((best && rank > best_rank) || why_not(s, v, limits)) continue;
    bound_stage tried;
    bind(&tried, s, v, limits);
    const double cost = v->family == FAMILY_TILE ? tile_cost(&tried, limits) : 0.0;
    if (best && rank == best_rank && cost >= best_cost) continue;
    best = v;
    best_rank = rank;
    best_cost = cost;
  }
  return best;
}

sepcl_status stage_bind(bound_stage *out, const stage *s, const variant *v, sepcl_family family,
                        const device_limits *limits) {
  TRY(stage_check(s));
  if (!stage_classes[s->kind])
    return failure(SEPCL_UNSUPPORTED, "there is no kernel for %s stages", stage_kind_name(s->kind));
  if (v) {
    const char *why = why_not(s, v, limits);
    if (why)
      return failure(SEPCL_UNSUPPORTED, "kernel %s cannot run this %s stage: %s", v->name, stage_kind_name(s->kind),
                     why);
  } else {
    v = choose(s, family, limits);
    /* A family may lack a stage: what runs anywhere then serves. */
    if (!v && family != SEPCL_FAMILY_AUTO) v = choose(s, SEPCL_FAMILY_AUTO, limits);
    if (!v) return failure(SEPCL_UNSUPPORTED, "no kernel can run this %s stage", stage_kind_name(s->kind));
  }
  bind(out, s, v, limits);
  return SEPCL_OK;
}

/* ---- counting and enqueueing ---- */

static uint64_t matmul_macs(const stage *s) {
  uint64_t macs = (uint64_t)s->extra[0];
  for (int i = 0; i < s->rank; i++) macs *= (uint64_t)s->dims[i];
  return macs;
}

uint64_t stage_macs(const stage *s) {
  if (s->kind == STAGE_MATMUL) return matmul_macs(s);
  if (!is_convolution(s->kind) && s->kind != STAGE_CONV_TRANSPOSE && s->kind != STAGE_DEFORM_CONV) return 0;
  uint64_t pixels = (uint64_t)s->output.n * (uint64_t)s->output.h * (uint64_t)s->output.w;
  uint64_t taps = (uint64_t)s->window.kernel_h * (uint64_t)s->window.kernel_w;
  uint64_t in = (uint64_t)s->input.c, out = (uint64_t)s->output.c;
  if (s->kind == STAGE_SEPARABLE) return pixels * in * (taps + out);
  if (s->kind == STAGE_INVERTED_RESIDUAL) {
    uint64_t expanded = (uint64_t)s->expanded;
    uint64_t input_pixels = (uint64_t)s->input.n * (uint64_t)s->input.h * (uint64_t)s->input.w;
    return input_pixels * in * expanded + pixels * expanded * (taps + out);
  }
  /* Each input pixel of a transposed convolution meets every tap once. */
  if (s->kind == STAGE_CONV_TRANSPOSE) pixels = (uint64_t)s->input.n * (uint64_t)s->input.h * (uint64_t)s->input.w;
  return pixels * taps * (in / (uint64_t)s->groups) * out;
}

cl_int stage_set_arguments(const cl_api *cl, const stage_launch *launch) {
  const cl_mem operands[5] = {launch->x, launch->w, launch->r, launch->s, launch->y};
  cl_int code = CL_SUCCESS;
  for (cl_uint i = 0; i < 5 && code == CL_SUCCESS; i++)
    code = cl->clSetKernelArg(launch->kernel, i, sizeof(cl_mem), operands[i] ? &operands[i] : NULL);
  if (code == CL_SUCCESS) code = cl->clSetKernelArg(launch->kernel, 5, sizeof launch->params, &launch->params);
  return code == CL_SUCCESS && launch->image ? cl->clSetKernelArg(launch->kernel, 6, sizeof(cl_mem), &launch->image)
                                             : code;
}

sepcl_status stage_enqueue(const cl_api *cl, const stage_launch *launch, cl_command_queue queue,
                           const sepcl_sync *sync) {
  cl_int code = stage_set_arguments(cl, launch);
  if (code != CL_SUCCESS) return failure_cl("clSetKernelArg", code);
  const size_t local = (size_t)launch->v->local, global = (size_t)launch->params.tasks * local;
  /* The new event may be to take the place of one that is waited for: drivers read the list after they wrote it. */
  cl_event event = NULL;
  code = cl->clEnqueueNDRangeKernel(queue, launch->kernel, 1, NULL, &global, &local, sync ? sync->wait_count : 0,
                                    sync && sync->wait_count ? sync->wait : NULL, sync && sync->event ? &event : NULL);
  if (code == CL_SUCCESS && sync && sync->event) *sync->event = event;
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueNDRangeKernel", code);
}
