/* Resize and Upsample, over one or two axes. */
#include <math.h>
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

typedef struct resize {
  sepcl_resize_attributes graph;
  float scales[SEPCL_MAX_RANK]; /* per ONNX axis; 0: from the sizes */
  shape output;
  bool is_cubic, exclude;
  float cubic_a;
} resize;

enum { CUBIC = 99 }; /* a mode of the reader's alone: the graph gets products */

typedef struct word {
  const char *name;
  int value;
} word;

static sepcl_status read_word(const call *c, const char *attribute, const char *fallback, const word *words, int *out) {
  const char *name;
  TRY(call_text(c, attribute, fallback, &name));
  for (; words->name; words++)
    if (!strcmp(words->name, name)) {
      *out = words->value;
      return SEPCL_OK;
    }
  return refuse(c, SEPCL_UNSUPPORTED, "attribute '%s' is '%s', which is not supported", attribute, name);
}

/* Upsample and Resize of opset 10 take the input's pixel below x / scale. */
static sepcl_status read_modes(const call *c, sepcl_resize_attributes *a, bool *is_cubic) {
  static const word modes[] = {
      {"nearest", SEPCL_NEAREST}, {"linear", SEPCL_LINEAR}, {"bilinear", SEPCL_LINEAR}, {"cubic", CUBIC}, {0}};
  static const word coordinates[] = {{"half_pixel", SEPCL_HALF_PIXEL},
                                     {"pytorch_half_pixel", SEPCL_PYTORCH_HALF_PIXEL},
                                     {"align_corners", SEPCL_ALIGN_CORNERS},
                                     {"asymmetric", SEPCL_ASYMMETRIC},
                                     {"tf_half_pixel_for_nn", SEPCL_TF_HALF_PIXEL_FOR_NN},
                                     {0}};
  static const word rounding[] = {{"round_prefer_floor", SEPCL_ROUND_PREFER_FLOOR},
                                  {"round_prefer_ceil", SEPCL_ROUND_PREFER_CEIL},
                                  {"floor", SEPCL_NEAREST_FLOOR},
                                  {"ceil", SEPCL_NEAREST_CEIL},
                                  {0}};
  bool old = c->reader->opset < 11;
  int mode = 0, rule = 0, nearest = 0;
  TRY(read_word(c, "mode", "nearest", modes, &mode));
  TRY(read_word(c, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel", coordinates, &rule));
  TRY(read_word(c, "nearest_mode", old ? "floor" : "round_prefer_floor", rounding, &nearest));
  *is_cubic = mode == CUBIC;
  a->mode = *is_cubic ? SEPCL_LINEAR : (sepcl_resize_mode)mode;
  a->coordinates = (sepcl_coordinates)rule;
  a->nearest = (sepcl_nearest)nearest;
  return SEPCL_OK;
}

static sepcl_status refuse_extras(const call *c, resize *r) {
  int64_t antialias, exclude;
  const char *policy;
  float unused;
  TRY(call_int(c, "antialias", 0, &antialias));
  TRY(call_int(c, "exclude_outside", 0, &exclude));
  TRY(call_text(c, "keep_aspect_ratio_policy", "stretch", &policy));
  TRY(call_float(c, "cubic_coeff_a", -0.75f, &r->cubic_a));
  TRY(call_float(c, "extrapolation_value", 0.0f, &unused));
  if (antialias) return refuse(c, SEPCL_UNSUPPORTED, "antialias is not supported");
  r->exclude = exclude != 0;
  if (exclude && !r->is_cubic) return refuse(c, SEPCL_UNSUPPORTED, "exclude_outside is not supported");
  if (strcmp(policy, "stretch") != 0)
    return refuse(c, SEPCL_UNSUPPORTED, "keep_aspect_ratio_policy '%s' is not supported", policy);
  return SEPCL_OK;
}

static const tensor *given(const call *c, int32_t index) {
  const tensor *t = call_input(c, index);
  return t && shape_elements(&t->shape) > 0 ? t : NULL; /* an empty tensor stands for one left out */
}

static sepcl_status set_scale(const call *c, resize *r, int32_t axis, float scale) {
  double size = floor((double)r->output.dims[axis] * (double)scale);
  if (!(scale > 0) || !(size >= 1) || size > INT32_MAX)
    return refuse(c, SEPCL_INVALID_SHAPE, "axis %d of %lld is scaled by %g", axis, (long long)r->output.dims[axis],
                  (double)scale);
  double exact = (double)r->output.dims[axis] * (double)scale;
  if (r->graph.coordinates == SEPCL_ALIGN_CORNERS && fabs(exact - nearbyint(exact)) > 1e-3)
    return refuse(c, SEPCL_UNSUPPORTED,
                  "align_corners with a scale that ends inside a pixel (%g), which implementations take differently: "
                  "give sizes instead",
                  exact);
  bool upsample = !strcmp(c->node->op_type, "Upsample");
  if (upsample && scale < 1)
    return refuse(c, SEPCL_BAD_MODEL, "axis %d is scaled by %g, less than 1", axis, (double)scale);
  r->scales[axis] = scale;
  r->output.dims[axis] = (int64_t)size;
  return SEPCL_OK;
}

/* The axes that scales and sizes are for: all, or those of attribute 'axes' (since opset 18). */
static sepcl_status resized_axis(const call *c, const shape *x, int32_t index, int64_t count, int32_t *axis) {
  const int64_t *axes;
  int32_t axis_count;
  TRY(call_ints(c, "axes", &axes, &axis_count));
  if (count != (axis_count >= 0 ? axis_count : x->rank))
    return refuse(c, SEPCL_BAD_MODEL, "%lld scales or sizes for %d axes", (long long)count,
                  axis_count >= 0 ? axis_count : x->rank);
  return call_axis(c, axis_count >= 0 ? axes[index] : index, x->rank, false, axis);
}

static sepcl_status set_scales(const call *c, resize *r, const shape *x, const float *scales, int64_t count) {
  for (int32_t i = 0; i < (int32_t)count; i++) {
    int32_t axis;
    TRY(resized_axis(c, x, i, count, &axis));
    TRY(set_scale(c, r, axis, scales[i]));
  }
  return SEPCL_OK;
}

static sepcl_status set_sizes(const call *c, resize *r, const shape *x, const tensor *sizes) {
  int64_t count = shape_elements(&sizes->shape);
  if (!sizes->integers) return refuse(c, SEPCL_UNSUPPORTED, "the sizes must be known when the model is loaded");
  for (int32_t i = 0; i < (int32_t)count; i++) {
    int32_t axis;
    TRY(resized_axis(c, x, i, count, &axis));
    if (sizes->integers[i] < 1 || sizes->integers[i] > INT32_MAX)
      return refuse(c, SEPCL_INVALID_SHAPE, "axis %d gets %lld elements", axis, (long long)sizes->integers[i]);
    r->output.dims[axis] = sizes->integers[i];
  }
  return SEPCL_OK;
}

/* Resize of opset 10 takes the pixel above where it makes smaller, the one below where it makes larger. */
static sepcl_status round_as_opset_10(const call *c, resize *r) {
  bool smaller = false, larger = false;
  for (int32_t i = 0; i < r->output.rank; i++) {
    smaller |= r->scales[i] != 0.0f && r->scales[i] < 1.0f;
    larger |= r->scales[i] > 1.0f;
  }
  if (c->reader->opset != 10 || r->graph.mode != SEPCL_NEAREST || !smaller) return SEPCL_OK;
  if (larger) return refuse(c, SEPCL_UNSUPPORTED, "one axis is made larger and another smaller");
  r->graph.nearest = SEPCL_NEAREST_CEIL;
  return SEPCL_OK;
}

/* Upsample: attributes up to opset 8, input 1 since; Resize: input 1 in opset 10, inputs 2 and 3 since. */
static sepcl_status read_scales(const call *c, resize *r, const shape *x) {
  bool old = c->reader->opset < 11;
  const tensor *scales = given(c, old ? 1 : 2), *sizes = old ? NULL : given(c, 3);
  const float *listed;
  int32_t count;
  TRY(call_floats(c, "scales", &listed, &count));
  if (count >= 0 && c->reader->opset < 9) return set_scales(c, r, x, listed, count);
  if (call_has_attribute(c, "height_scale") && x->rank == 4) {
    float four[4] = {1, 1, 1, 1};
    TRY(call_float(c, "height_scale", 1.0f, &four[2]));
    TRY(call_float(c, "width_scale", 1.0f, &four[3]));
    return set_scales(c, r, x, four, 4);
  }
  if (!scales == !sizes) return refuse(c, SEPCL_BAD_MODEL, "either scales or sizes must be given");
  if (sizes) return set_sizes(c, r, x, sizes);
  if (!scales->floats) return refuse(c, SEPCL_UNSUPPORTED, "the scales must be known when the model is loaded");
  return set_scales(c, r, x, scales->floats, shape_elements(&scales->shape));
}

/* Any two axes that are neighbours in stored order are H and W of [before][H][W][behind]. */
static sepcl_status emit_resize(const call *c, tensor *x, resize *r, int32_t first, int32_t second) {
  shape stored = layout_stored(&x->shape, &x->layout), image = {4, {1, 1, 1, 1}}, result;
  int32_t h = x->layout.perm[first], w = x->layout.perm[second];
  tensor out;
  sepcl_value value;
  for (int32_t j = 0; j < stored.rank; j++) image.dims[j < h ? 0 : j == h ? 1 : j == w ? 2 : 3] *= stored.dims[j];
  TRY(tensor_value_kept(c, x, &value));
  value = emit_reshape(c->reader->graph, value, &image);
  r->graph.height = r->output.dims[first];
  r->graph.width = first == second ? 1 : r->output.dims[second];
  r->graph.scale_h = r->scales[first];
  r->graph.scale_w = first == second ? 1.0f : r->scales[second];
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_resize(c->reader->graph, value, &r->graph);
  result = layout_stored(&r->output, &x->layout);
  if (value != SEPCL_NO_VALUE) value = emit_reshape(c->reader->graph, value, &result);
  TRY(tensor_of_value(c, &out, value, &x->layout));
  return call_give((call *)c, 0, &out);
}

/* Which axes change: none, one or two. */
static int32_t changed_axes(const resize *r, const shape *x, int32_t axes[2]) {
  int32_t count = 0;
  for (int32_t i = 0; i < x->rank; i++)
    if (r->output.dims[i] != x->dims[i] || (r->scales[i] != 0.0f && r->scales[i] != 1.0f)) {
      if (count < 2) axes[count] = i;
      count++;
    }
  return count;
}

static sepcl_status emit_cubic(call *c, tensor *x, const resize *r) {
  tensor result = *x, next;
  for (int32_t i = 0; i < x->shape.rank; i++) {
    cubic_axis k = {i, r->output.dims[i], r->scales[i], r->graph.coordinates, r->cubic_a, r->exclude};
    if (r->output.dims[i] == x->shape.dims[i] && (r->scales[i] == 0.0f || r->scales[i] == 1.0f)) continue;
    TRY(resize_cubic_axis(c, &result, &k, &next));
    result = next;
  }
  return call_give(c, 0, &result);
}

sepcl_status op_resize(call *c) {
  tensor *x = call_input(c, 0), moved;
  resize r = {.graph = SEPCL_RESIZE_ATTRIBUTES_INIT, .output = x->shape};
  int32_t axes[2] = {0, 0};
  TRY(read_modes(c, &r.graph, &r.is_cubic));
  TRY(refuse_extras(c, &r));
  TRY(read_scales(c, &r, &x->shape));
  TRY(round_as_opset_10(c, &r));
  int32_t count = changed_axes(&r, &x->shape, axes);
  if (count == 0) return call_give(c, 0, x);
  if (r.is_cubic) return emit_cubic(c, x, &r);
  if (count > 2) return refuse(c, SEPCL_UNSUPPORTED, "more than two axes are resized");
  bool image = x->shape.rank == 4 && axes[0] >= 2;
  if (image) axes[0] = 2, axes[1] = 3;
  if (count == 1 && !image) axes[1] = axes[0];
  bool neighbours = axes[0] == axes[1] || x->layout.perm[axes[1]] == x->layout.perm[axes[0]] + 1;
  layout wanted = image ? layout_channels_last(4) : layout_native(x->shape.rank);
  if (!image && neighbours) return emit_resize(c, x, &r, axes[0], axes[1]);
  if (!image && axes[1] != axes[0] + 1)
    return refuse(c, SEPCL_UNSUPPORTED, "two axes that are no neighbours are resized");
  moved = *x;
  TRY(tensor_value(c, x, &wanted, &moved.value));
  moved.layout = wanted;
  return emit_resize(c, &moved, &r, axes[0], axes[1]);
}
