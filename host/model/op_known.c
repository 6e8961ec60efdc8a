/* Operations whose results are known when the model is loaded: Constant, shapes; and those that can only be folded. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

static sepcl_status give_integers(call *c, const int64_t *values, int32_t rank, int64_t count) {
  tensor out;
  int64_t *data;
  shape s = {.rank = rank, .dims = {count}};
  TRY(tensor_new_integers(c->reader, &out, ONNX_INT64, &s, &data));
  if (count) memcpy(data, values, (size_t)count * sizeof *data);
  return call_give(c, 0, &out);
}

static sepcl_status give_floats(call *c, const float *values, int32_t rank, int64_t count) {
  tensor out;
  float *data;
  shape s = {.rank = rank, .dims = {count}};
  TRY(tensor_new_floats(c->reader, &out, &s, &data));
  if (count) memcpy(data, values, (size_t)count * sizeof *data);
  return call_give(c, 0, &out);
}

static sepcl_status read_embedded(call *c, const Onnx__TensorProto *proto, tensor *out) {
  sepcl_status status = read_initializer(c->reader, proto, out);
  return status == SEPCL_OK ? SEPCL_OK : refuse(c, status, "%s", sepcl_last_error());
}

sepcl_status op_constant(call *c) {
  const Onnx__AttributeProto *a = c->node->n_attribute == 1 ? c->node->attribute[0] : NULL;
  const Onnx__TensorProto *proto;
  const int64_t *integers;
  const float *floats;
  int64_t integer;
  float one;
  int32_t count;
  tensor out;
  if (!a) return refuse(c, SEPCL_BAD_MODEL, "a constant has exactly one attribute");
  if (!strcmp(a->name, "value")) {
    TRY(call_tensor(c, "value", &proto));
    TRY(read_embedded(c, proto, &out));
    return call_give(c, 0, &out);
  }
  if (!strcmp(a->name, "sparse_value")) {
    if (!a->sparse_tensor) return refuse(c, SEPCL_BAD_MODEL, "attribute 'sparse_value' is not a tensor");
    TRY(read_sparse_initializer(c->reader, a->sparse_tensor, &out));
    return call_give(c, 0, &out);
  }
  if (!strcmp(a->name, "value_int")) {
    TRY(call_int(c, a->name, 0, &integer));
    return give_integers(c, &integer, 0, 1);
  }
  if (!strcmp(a->name, "value_ints")) {
    TRY(call_ints(c, a->name, &integers, &count));
    return give_integers(c, integers, 1, count);
  }
  if (!strcmp(a->name, "value_float")) {
    TRY(call_float(c, a->name, 0, &one));
    return give_floats(c, &one, 0, 1);
  }
  TRY(call_floats(c, "value_floats", &floats, &count));
  return give_floats(c, floats, 1, count);
}

sepcl_status op_constant_of_shape(call *c) {
  const Onnx__TensorProto *proto;
  const int64_t *dims;
  tensor value, out;
  shape s = {0};
  TRY(call_known_ints(c, "input", 0, &dims, &s.rank));
  TRY(call_tensor(c, "value", &proto));
  if (s.rank > SEPCL_MAX_RANK) return refuse(c, SEPCL_UNSUPPORTED, "more than %d dimensions", SEPCL_MAX_RANK);
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = dims[i];
  TRY(known_scalar(c, 0.0f, &value));
  if (proto) TRY(read_embedded(c, proto, &value));
  if (shape_elements(&value.shape) != 1) return refuse(c, SEPCL_BAD_MODEL, "attribute 'value' is not one element");
  float *floats;
  int64_t *integers;
  sepcl_status status = value.floats ? tensor_new_floats(c->reader, &out, &s, &floats)
                                     : tensor_new_integers(c->reader, &out, value.type, &s, &integers);
  if (status != SEPCL_OK) return refuse(c, status, "%s", sepcl_last_error());
  for (int64_t i = 0; i < shape_elements(&s); i++) {
    if (value.floats)
      floats[i] = value.floats[0];
    else
      integers[i] = value.integers[0];
  }
  return call_give(c, 0, &out);
}

sepcl_status op_shape(call *c) {
  const shape *x = &call_input(c, 0)->shape;
  int64_t start, end;
  TRY(call_int(c, "start", 0, &start));
  TRY(call_int(c, "end", x->rank, &end));
  if (start < 0) start += x->rank;
  if (end < 0) end += x->rank;
  start = start < 0 ? 0 : start > x->rank ? x->rank : start;
  end = end < start ? start : end > x->rank ? x->rank : end;
  return give_integers(c, x->dims + start, 1, end - start);
}

sepcl_status op_size(call *c) {
  int64_t elements = shape_elements(&call_input(c, 0)->shape);
  return give_integers(c, &elements, 0, 1);
}

/* fold_node has been asked before: some input is not known. */
sepcl_status op_known_only(call *c) {
  return refuse(c, SEPCL_UNSUPPORTED, "it is supported only where its inputs are known when the model is loaded");
}
