/* ONNX messages in memory; nothing is copied that the graph holds already. */
#include <stdio.h>
#include <string.h>

#include "model/writer.h"

static sepcl_status take(writer *w, void **out, size_t count, size_t size) {
  return model_memory_take(w->memory, out, count, size);
}

static sepcl_status append(writer *w, list *l, void *item) {
  if (l->count == l->capacity) {
    void *grown;
    size_t capacity = l->capacity ? 2 * l->capacity : 64;
    TRY(take(w, &grown, capacity, sizeof *l->items));
    if (l->count) memcpy(grown, l->items, l->count * sizeof *l->items);
    l->items = grown;
    l->capacity = capacity;
  }
  l->items[l->count++] = item;
  return SEPCL_OK;
}

sepcl_status writer_name(writer *w, const char **out) {
  char text[64];
  snprintf(text, sizeof text, "%s%d", w->prefix, w->names++);
  return model_memory_text(w->memory, out, text);
}

enum { MAX_ATTRIBUTES = 12 };

sepcl_status write_node(writer *w, const char *operation, const char *const *inputs, const char *output,
                        Onnx__NodeProto **out) {
  void *block;
  size_t count = 0;
  while (inputs[count]) count++;
  TRY(take(w, &block, 1, sizeof(Onnx__NodeProto)));
  Onnx__NodeProto *n = block;
  onnx__node_proto__init(n);
  n->op_type = (char *)operation;
  TRY(take(w, &block, count, sizeof *n->input));
  n->input = block;
  n->n_input = count;
  for (size_t i = 0; i < count; i++) n->input[i] = (char *)inputs[i];
  TRY(take(w, &block, 1, sizeof *n->output));
  n->output = block;
  n->n_output = 1;
  n->output[0] = (char *)output;
  TRY(take(w, &block, MAX_ATTRIBUTES, sizeof *n->attribute));
  n->attribute = block;
  if (out) *out = n;
  return append(w, &w->nodes, n);
}

static sepcl_status add_attribute(writer *w, Onnx__NodeProto *n, const char *name,
                                  Onnx__AttributeProto__AttributeType type, Onnx__AttributeProto **out) {
  void *block;
  if (n->n_attribute == MAX_ATTRIBUTES) return failure(SEPCL_UNSUPPORTED, "too many attributes");
  TRY(take(w, &block, 1, sizeof **out));
  *out = block;
  onnx__attribute_proto__init(*out);
  (*out)->name = (char *)name;
  (*out)->has_type = 1;
  (*out)->type = type;
  n->attribute[n->n_attribute++] = *out;
  return SEPCL_OK;
}

sepcl_status write_int(writer *w, Onnx__NodeProto *n, const char *name, int64_t value) {
  Onnx__AttributeProto *a = NULL;
  TRY(add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &a));
  a->has_i = 1;
  a->i = value;
  return SEPCL_OK;
}

sepcl_status write_float(writer *w, Onnx__NodeProto *n, const char *name, float value) {
  Onnx__AttributeProto *a = NULL;
  TRY(add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, &a));
  a->has_f = 1;
  a->f = value;
  return SEPCL_OK;
}

sepcl_status write_text(writer *w, Onnx__NodeProto *n, const char *name, const char *value) {
  Onnx__AttributeProto *a = NULL;
  TRY(add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, &a));
  a->has_s = 1;
  a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
  return SEPCL_OK;
}

sepcl_status write_ints(writer *w, Onnx__NodeProto *n, const char *name, const int64_t *values, size_t count) {
  Onnx__AttributeProto *a = NULL;
  void *block;
  TRY(add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &a));
  TRY(take(w, &block, count, sizeof *values));
  memcpy(block, values, count * sizeof *values);
  a->ints = block;
  a->n_ints = count;
  return SEPCL_OK;
}

static sepcl_status add_initializer(writer *w, int32_t type, const shape *s, const void *data, const char **name) {
  void *block;
  size_t size = type == ONNX_FLOAT ? sizeof(float) : sizeof(int64_t);
  TRY(writer_name(w, name));
  TRY(take(w, &block, 1, sizeof(Onnx__TensorProto)));
  Onnx__TensorProto *t = block;
  onnx__tensor_proto__init(t);
  t->name = (char *)*name;
  t->has_data_type = 1;
  t->data_type = type;
  TRY(take(w, &block, (size_t)s->rank, sizeof *t->dims));
  t->dims = block;
  t->n_dims = (size_t)s->rank;
  memcpy(t->dims, s->dims, (size_t)s->rank * sizeof *t->dims);
  t->has_raw_data = 1;
  t->raw_data = (ProtobufCBinaryData){(size_t)shape_elements(s) * size, (uint8_t *)data};
  return append(w, &w->initializers, t);
}

sepcl_status write_floats(writer *w, const shape *s, const float *data, const char **name) {
  return add_initializer(w, ONNX_FLOAT, s, data, name);
}

sepcl_status write_scalar(writer *w, float value, const char **name) {
  shape scalar = {0};
  void *block;
  TRY(take(w, &block, 1, sizeof value));
  memcpy(block, &value, sizeof value);
  return add_initializer(w, ONNX_FLOAT, &scalar, block, name);
}

sepcl_status write_integers(writer *w, const int64_t *values, int32_t count, const char **name) {
  shape s = {1, {count}};
  void *block;
  TRY(take(w, &block, (size_t)count, sizeof *values));
  if (count) memcpy(block, values, (size_t)count * sizeof *values);
  return add_initializer(w, ONNX_INT64, &s, block, name);
}
