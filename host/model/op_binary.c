/* Functions of two numbers, with broadcasting; and the activations that exporters decompose into them. */
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "model/layout.h"
#include "model/operations.h"

sepcl_status known_scalar(const call *c, float value, tensor *out) {
  shape scalar = {0};
  float *data;
  TRY(tensor_new_floats(c->reader, out, &scalar, &data));
  data[0] = value;
  out->name = "";
  return SEPCL_OK;
}

/* The order of the operand that is computed; of the larger one if both are. */
static const layout *common_layout(const tensor *a, const tensor *b) {
  if (tensor_is_known(a)) return &b->layout;
  if (tensor_is_known(b)) return &a->layout;
  return shape_elements(&b->shape) > shape_elements(&a->shape) ? &b->layout : &a->layout;
}

sepcl_status emit_binary(const call *c, sepcl_binary kind, tensor *a, tensor *b, tensor *out) {
  int32_t rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
  tensor wide_a, wide_b;
  sepcl_value value_a, value_b, value;
  TRY(view_unsqueeze_front(c, &a, rank, &wide_a));
  TRY(view_unsqueeze_front(c, &b, rank, &wide_b));
  layout l = *common_layout(a, b);
  TRY(tensor_value(c, a, &l, &value_a));
  TRY(tensor_value(c, b, &l, &value_b));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = recognise_function(c->reader->graph, kind, value_a, value_b);
  if (value == SEPCL_NO_VALUE) value = sepcl_graph_binary(c->reader->graph, kind, value_a, value_b);
  return tensor_of_value(c, out, value, &l);
}

/* Up to opset 6, `axis` says where the second operand's axes start in the first's. */
static sepcl_status align_legacy(const call *c, const tensor *a, tensor *b, tensor *out) {
  int64_t axis, broadcast;
  *out = *b;
  TRY(call_int(c, "broadcast", 0, &broadcast));
  TRY(call_int(c, "axis", a->shape.rank - b->shape.rank, &axis));
  if (c->reader->opset >= 7 || !broadcast || !call_has_attribute(c, "axis")) return SEPCL_OK;
  if (axis < 0) axis += a->shape.rank;
  if (axis < 0 || axis + b->shape.rank > a->shape.rank)
    return refuse(c, SEPCL_BAD_MODEL, "axis %lld leaves no room for the second operand", (long long)axis);
  shape s = {.rank = a->shape.rank - (int32_t)axis};
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = i < b->shape.rank ? b->shape.dims[i] : 1;
  return view_reshape(c, b, &s, out);
}

static sepcl_binary binary_kind(const char *name) {
  static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Min", "Max", "Pow"};
  int kind = 0;
  if (!strcmp(name, "Sum") || !strcmp(name, "Mean")) return SEPCL_ADD;
  while (strcmp(names[kind], name) != 0) kind++;
  return (sepcl_binary)kind;
}

/* The exponents of Pow may be integers. */
static sepcl_status to_floats(const call *c, tensor *t) {
  tensor floats;
  float *data;
  TRY(tensor_new_floats(c->reader, &floats, &t->shape, &data));
  for (int64_t i = 0; i < shape_elements(&t->shape); i++) data[i] = (float)t->integers[i];
  floats.name = t->name;
  *t = floats;
  return SEPCL_OK;
}

sepcl_status op_binary(call *c) {
  tensor *a = call_input(c, 0), b, out;
  TRY(align_legacy(c, a, call_input(c, 1), &b));
  if (!strcmp(c->node->op_type, "Pow") && b.integers && !a->integers) TRY(to_floats(c, &b));
  TRY(emit_binary(c, binary_kind(c->node->op_type), a, &b, &out));
  return call_give(c, 0, &out);
}

sepcl_status op_variadic(call *c) {
  tensor sum = *call_input(c, 0), next, count;
  for (int32_t i = 1; i < c->input_count; i++) {
    if (!call_input(c, i)) return refuse(c, SEPCL_BAD_MODEL, "input %d is missing", i);
    TRY(emit_binary(c, binary_kind(c->node->op_type), &sum, call_input(c, i), &next));
    sum = next;
  }
  if (strcmp(c->node->op_type, "Mean") != 0 || c->input_count == 1) return call_give(c, 0, &sum);
  TRY(known_scalar(c, (float)c->input_count, &count));
  TRY(emit_binary(c, SEPCL_DIV, &sum, &count, &next));
  return call_give(c, 0, &next);
}

/* Up to opset 6 a list of slopes belongs to the channels. */
sepcl_status op_prelu(call *c) {
  tensor *x = call_input(c, 0), *slope = call_input(c, 1), aligned = *slope, out;
  if (c->reader->opset < 7 && slope->shape.rank == 1 && x->shape.rank > 2) {
    shape s = {.rank = x->shape.rank - 1, .dims = {slope->shape.dims[0]}};
    for (int32_t i = 1; i < s.rank; i++) s.dims[i] = 1;
    TRY(view_reshape(c, slope, &s, &aligned));
  }
  TRY(emit_binary(c, SEPCL_PRELU, x, &aligned, &out));
  if (!shape_equal(&out.shape, &x->shape)) return refuse(c, SEPCL_INVALID_SHAPE, "the slope does not fit the input");
  return call_give(c, 0, &out);
}
