/* A node as its translator sees it: inputs, attributes with defaults, outputs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/layout.h"

const char *call_name(const call *c) {
  if (c->node->name && *c->node->name) return c->node->name;
  return c->node->n_output && *c->node->output[0] ? c->node->output[0] : "(no name)";
}

sepcl_status refuse(const call *c, sepcl_status status, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return failure(status, "%s '%s' (opset %lld): %s", c->node->op_type, call_name(c), (long long)c->reader->opset,
                 message);
}

tensor *call_input(const call *c, int32_t index) { return index < c->input_count ? c->inputs[index] : NULL; }

/* ---- attributes ---- */

static const Onnx__AttributeProto *find(const call *c, const char *name) {
  for (size_t i = 0; i < c->node->n_attribute; i++)
    if (c->node->attribute[i]->name && strcmp(c->node->attribute[i]->name, name) == 0) return c->node->attribute[i];
  return NULL;
}

bool call_has_attribute(const call *c, const char *name) { return find(c, name) != NULL; }

/* Models of the first IR version carry no type; then the field that is there decides. */
static sepcl_status typed(const call *c, const char *name, int type, bool present, const char *wanted) {
  const Onnx__AttributeProto *a = find(c, name);
  if (a->has_type && a->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED ? (int)a->type == type : present)
    return SEPCL_OK;
  return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' is not %s", name, wanted);
}

sepcl_status call_int(const call *c, const char *name, int64_t fallback, int64_t *out) {
  const Onnx__AttributeProto *a = find(c, name);
  *out = a ? a->i : fallback;
  return a ? typed(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, a->has_i, "an integer") : SEPCL_OK;
}

sepcl_status call_int32(const call *c, const char *name, int32_t fallback, const int32_t range[2], int32_t *out) {
  int64_t value;
  TRY(call_int(c, name, fallback, &value));
  if (value < range[0] || value > range[1])
    return refuse(c, SEPCL_UNSUPPORTED, "attribute '%s' is %lld, outside %d to %d", name, (long long)value, range[0],
                  range[1]);
  *out = (int32_t)value;
  return SEPCL_OK;
}

sepcl_status call_float(const call *c, const char *name, float fallback, float *out) {
  const Onnx__AttributeProto *a = find(c, name);
  *out = a ? a->f : fallback;
  return a ? typed(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, a->has_f, "a float") : SEPCL_OK;
}

sepcl_status call_text(const call *c, const char *name, const char *fallback, const char **out) {
  const Onnx__AttributeProto *a = find(c, name);
  void *copy;
  *out = fallback;
  if (!a) return SEPCL_OK;
  TRY(typed(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, a->has_s, "a text"));
  TRY(model_memory_take(c->reader->scratch, &copy, a->s.len + 1, 1));
  if (a->s.len) memcpy(copy, a->s.data, a->s.len);
  *out = copy;
  return SEPCL_OK;
}

sepcl_status call_ints(const call *c, const char *name, const int64_t **out, int32_t *count) {
  const Onnx__AttributeProto *a = find(c, name);
  *out = a ? a->ints : NULL;
  *count = a ? (int32_t)a->n_ints : -1;
  return a ? typed(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, a->n_ints > 0, "a list of integers")
           : SEPCL_OK;
}

sepcl_status call_floats(const call *c, const char *name, const float **out, int32_t *count) {
  const Onnx__AttributeProto *a = find(c, name);
  *out = a ? a->floats : NULL;
  *count = a ? (int32_t)a->n_floats : -1;
  return a ? typed(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, a->n_floats > 0, "a list of floats")
           : SEPCL_OK;
}

sepcl_status call_tensor(const call *c, const char *name, const Onnx__TensorProto **out) {
  const Onnx__AttributeProto *a = find(c, name);
  *out = a ? a->t : NULL;
  if (a && !a->t) return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' is not a tensor", name);
  return SEPCL_OK;
}

sepcl_status call_known_ints(const call *c, const char *name, int32_t input, const int64_t **out, int32_t *count) {
  tensor *t = input < 0 ? NULL : call_input(c, input);
  if (!t) return call_ints(c, name, out, count);
  if (!t->integers)
    return refuse(c, SEPCL_UNSUPPORTED, "input '%s' (%s) must be known when the model is loaded, and integer", t->name,
                  name);
  if (t->shape.rank > 1) return refuse(c, SEPCL_BAD_MODEL, "input '%s' (%s) is not a list", t->name, name);
  *out = t->integers;
  *count = (int32_t)shape_elements(&t->shape);
  return SEPCL_OK;
}

sepcl_status call_known_float(const call *c, int32_t input, float fallback, float *out) {
  tensor *t = call_input(c, input);
  *out = fallback;
  if (!t) return SEPCL_OK;
  if (!t->floats || shape_elements(&t->shape) != 1)
    return refuse(c, SEPCL_UNSUPPORTED, "input '%s' must be one float that is known when the model is loaded", t->name);
  *out = t->floats[0];
  return SEPCL_OK;
}

sepcl_status call_axis(const call *c, int64_t axis, int32_t rank, bool end, int32_t *out) {
  int64_t last = end ? rank : rank - 1;
  if (axis < -rank || axis > last)
    return refuse(c, SEPCL_BAD_MODEL, "axis %lld of a tensor of %d dimensions", (long long)axis, rank);
  *out = (int32_t)(axis < 0 ? axis + rank : axis);
  return SEPCL_OK;
}

/* ---- outputs ---- */

sepcl_status call_give(call *c, int32_t index, const tensor *t) {
  void *copy;
  if (index >= (int32_t)c->node->n_output || !*c->node->output[index]) return SEPCL_OK;
  TRY(model_memory_take(c->reader->scratch, &copy, 1, sizeof *t));
  tensor *own = copy;
  *own = *t;
  own->name = c->node->output[index];
  sepcl_status status = names_add(c->reader->names, own);
  return status == SEPCL_OK ? SEPCL_OK : refuse(c, status, "%s", sepcl_last_error());
}

/* The graph's own message names the node already. */
static sepcl_status poisoned(const call *c) {
  sepcl_status status = sepcl_graph_status(c->reader->graph);
  if (status == SEPCL_OK) return refuse(c, SEPCL_BAD_GRAPH, "the graph refused it");
  return failure(status, "%s (opset %lld): %s", c->node->op_type, (long long)c->reader->opset, sepcl_last_error());
}

sepcl_status tensor_of_value(const call *c, tensor *out, sepcl_value value, const layout *l) {
  int64_t dims[SEPCL_MAX_RANK];
  *out = (tensor){.type = ONNX_FLOAT, .value = value, .other = SEPCL_NO_VALUE, .layout = *l};
  if (value == SEPCL_NO_VALUE) return poisoned(c);
  TRY(sepcl_graph_value_shape(c->reader->graph, value, &out->shape.rank, dims));
  for (int32_t i = 0; i < out->shape.rank; i++) out->shape.dims[i] = dims[l->perm[i]];
  return SEPCL_OK;
}

sepcl_status call_give_value(call *c, int32_t index, sepcl_value value, const layout *l) {
  tensor t;
  TRY(tensor_of_value(c, &t, value, l));
  return call_give(c, index, &t);
}
