/* The model's inputs: their shapes, as the file gives them and as the caller settles them. */
#include <stdlib.h>
#include <string.h>

#include "model/inputs.h"

static const Onnx__TensorShapeProto *declared_shape(const Onnx__ValueInfoProto *info) {
  const Onnx__TypeProto *type = info->type;
  if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type) return NULL;
  return type->tensor_type->shape;
}

/* "NAME=1x3x224x224": the dimensions behind NAME=, or NULL if the text is for another input. */
static const char *option_dims(const char *text, const char *name) {
  const char *equals = text ? strrchr(text, '=') : NULL;
  size_t length = strlen(name);
  if (!equals || (size_t)(equals - text) != length || memcmp(text, name, length) != 0) return NULL;
  return equals + 1;
}

static sepcl_status parse_dims(const char *text, shape *s) {
  const char *at = text;
  *s = (shape){0};
  for (;;) {
    char *end;
    long long value = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;
    if (value < 1 || value > INT32_MAX || s->rank == SEPCL_MAX_RANK)
      return failure(SEPCL_INVALID_ARGUMENT, "'%s' are no dimensions such as 1x3x224x224", text);
    s->dims[s->rank++] = value;
    if (!*end) return SEPCL_OK;
    if (*end != 'x') return failure(SEPCL_INVALID_ARGUMENT, "'%s' are no dimensions such as 1x3x224x224", text);
    at = end + 1;
  }
}

/* The caller's shape for an input; rank -1 if there is none. */
static sepcl_status option_shape(const reader *r, const char *name, shape *s) {
  s->rank = -1;
  for (uint32_t i = 0; r->options && i < r->options->input_shape_count; i++) {
    const char *dims = option_dims(r->options->input_shapes[i], name);
    if (dims) return parse_dims(dims, s);
  }
  return SEPCL_OK;
}

/* A dimension's name is the same number wherever it occurs; 0 if no option settles it. */
static int64_t named_dimension(const reader *r, const char *symbol) {
  for (size_t i = 0; i < r->proto->n_input; i++) {
    const Onnx__TensorShapeProto *declared = declared_shape(r->proto->input[i]);
    shape s;
    if (!declared || !r->proto->input[i]->name) continue;
    if (option_shape(r, r->proto->input[i]->name, &s) != SEPCL_OK || s.rank != (int32_t)declared->n_dim) continue;
    for (size_t d = 0; d < declared->n_dim; d++) {
      const Onnx__TensorShapeProto__Dimension *dim = declared->dim[d];
      if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && dim->dim_param &&
          !strcmp(dim->dim_param, symbol))
        return s.dims[d];
    }
  }
  return 0;
}

static sepcl_status settle_dimension(const reader *r, const char *name, int32_t axis,
                                     const Onnx__TensorShapeProto__Dimension *dim, int64_t *out) {
  bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0;
  bool named = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && dim->dim_param;
  if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value < -1)
    return failure(SEPCL_BAD_MODEL, "input '%s': dimension %d is %lld", name, axis, (long long)dim->dim_value);
  *out = fixed ? dim->dim_value : named ? named_dimension(r, dim->dim_param) : 0;
  if (axis == 0 && r->options && r->options->batch > 0) *out = r->options->batch;
  if (*out == 0 && axis == 0) *out = 1;
  if (*out > 0) return SEPCL_OK;
  return failure(SEPCL_INVALID_SHAPE,
                 "input '%s': dimension %d%s%s%s is open; settle it with --input-shape %s=..., all dimensions "
                 "separated by x",
                 name, axis, named ? " ('" : "", named ? dim->dim_param : "", named ? "')" : "", name);
}

static sepcl_status settle(const reader *r, const char *name, const Onnx__TensorShapeProto *declared, shape *s) {
  shape given;
  TRY(option_shape(r, name, &given));
  if (!declared && given.rank < 0)
    return failure(SEPCL_INVALID_SHAPE, "input '%s' has no shape; give it one with --input-shape %s=1x3x224x224", name,
                   name);
  if (!declared) {
    *s = given;
    return SEPCL_OK;
  }
  if (declared->n_dim > SEPCL_MAX_RANK)
    return failure(SEPCL_UNSUPPORTED, "input '%s' has %zu dimensions; sepcl has at most %d", name, declared->n_dim,
                   SEPCL_MAX_RANK);
  if (given.rank >= 0 && given.rank != (int32_t)declared->n_dim)
    return failure(SEPCL_INVALID_SHAPE, "input '%s' has %zu dimensions, not %d", name, declared->n_dim, given.rank);
  s->rank = (int32_t)declared->n_dim;
  for (int32_t i = 0; i < s->rank; i++) {
    const Onnx__TensorShapeProto__Dimension *dim = declared->dim[i];
    if (given.rank < 0) {
      TRY(settle_dimension(r, name, i, dim, &s->dims[i]));
      continue;
    }
    s->dims[i] = given.dims[i];
    if (i > 0 && dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0 &&
        dim->dim_value != given.dims[i])
      return failure(SEPCL_INVALID_SHAPE, "input '%s': dimension %d is %lld in the model, not %lld", name, i,
                     (long long)dim->dim_value, (long long)given.dims[i]);
  }
  return SEPCL_OK;
}

static sepcl_status read_input(reader *r, const Onnx__ValueInfoProto *info) {
  const char *name = info->name;
  shape s = {0};
  void *block;
  if (!name || !*name) return failure(SEPCL_BAD_MODEL, "an input has no name");
  if (names_find(r->names, name) && tensor_is_known(names_find(r->names, name))) return SEPCL_OK; /* an initializer */
  if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !info->type->tensor_type)
    return failure(SEPCL_UNSUPPORTED, "input '%s' is not a tensor", name);
  if (info->type->tensor_type->elem_type != ONNX_FLOAT)
    return failure(SEPCL_UNSUPPORTED, "input '%s' is %s; sepcl computes float32 networks", name,
                   type_name(info->type->tensor_type->elem_type));
  TRY(settle(r, name, declared_shape(info), &s));
  TRY(model_memory_take(r->scratch, &block, 1, sizeof(tensor)));
  tensor *t = block;
  *t = (tensor){.name = name, .type = ONNX_FLOAT, .shape = s, .other = SEPCL_NO_VALUE};
  for (int32_t i = 0; i < s.rank; i++) t->layout.perm[i] = i;
  t->value = sepcl_graph_input(r->graph, name, s.rank, s.dims);
  if (t->value == SEPCL_NO_VALUE) return sepcl_graph_status(r->graph);
  return names_add(r->names, t);
}

static sepcl_status check_option_names(const reader *r) {
  for (uint32_t i = 0; r->options && i < r->options->input_shape_count; i++) {
    bool known = false;
    const char *text = r->options->input_shapes[i];
    for (size_t k = 0; k < r->proto->n_input && !known; k++)
      known = r->proto->input[k]->name && option_dims(text, r->proto->input[k]->name);
    if (!known)
      return failure(SEPCL_INVALID_ARGUMENT, "input shape '%s': the model has no such input%s%s",
                     text ? text : "(null)", r->proto->n_input ? "; its first is " : "",
                     r->proto->n_input ? r->proto->input[0]->name : "");
  }
  return SEPCL_OK;
}

sepcl_status read_inputs(reader *r) {
  TRY(check_option_names(r));
  for (size_t i = 0; i < r->proto->n_input; i++) TRY(read_input(r, r->proto->input[i]));
  return SEPCL_OK;
}
