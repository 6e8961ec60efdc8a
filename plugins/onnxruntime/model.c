#include "onnxruntime/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"

/* Blocks that live until the model is packed, and the host's values that must be given back then. */
typedef struct block {
  struct block *next;
  ort_value *value;
} block;

typedef struct builder {
  const host_graph *g;
  block *blocks;
  Onnx__GraphProto graph;
  bool *named; /* by value: its constant is in the graph */
  char *reason;
} builder;

static void *take(builder *b, size_t count, size_t size) {
  block *made = calloc(1, sizeof *made + (count + 1) * size);
  if (!made) {
    refused(b->reason, "out of memory for a model");
    return NULL;
  }
  made->next = b->blocks;
  b->blocks = made;
  return made + 1;
}

static void free_blocks(builder *b) {
  while (b->blocks) {
    block *next = b->blocks->next;
    if (b->blocks->value) b->g->api->release_value(b->blocks->value);
    free(b->blocks);
    b->blocks = next;
  }
}

/* protobuf-c has char * for what it only reads. */
static char *text(const char *lent) { return (char *)(uintptr_t)(lent ? lent : ""); }

/* ---- tensors ---- */

/* The tensor's bytes stay the host's. */
static Onnx__TensorProto *make_tensor(builder *b, const ort_value *value, const char *name) {
  const ort_api *api = b->g->api;
  ort_tensor_info *info = NULL;
  int type = 0;
  size_t rank = 0, bytes = 0;
  void *data = NULL;
  Onnx__TensorProto *t = take(b, 1, sizeof *t);
  if (!t || !succeeded(api, api->value_shape(value, &info), b->reason)) return NULL;
  bool good =
      succeeded(api, api->element_type(info, &type), b->reason) && succeeded(api, api->rank(info, &rank), b->reason);
  onnx__tensor_proto__init(t);
  t->dims = good ? take(b, rank, sizeof *t->dims) : NULL;
  good = t->dims && (!rank || succeeded(api, api->dims(info, t->dims, rank), b->reason));
  api->release_tensor_info(info);
  if (good && type == ORT_STRING) good = refused(b->reason, "'%.100s' is a tensor of strings", name);
  if (!good || !succeeded(api, api->tensor_bytes(value, &bytes), b->reason) ||
      !succeeded(api, api->tensor_data((ort_value *)(uintptr_t)value, &data), b->reason))
    return NULL;
  t->n_dims = rank;
  t->name = text(name);
  t->has_data_type = true;
  t->data_type = type;
  t->has_raw_data = true;
  t->raw_data = (ProtobufCBinaryData){bytes, data};
  return t;
}

static bool add_constant(builder *b, int index) {
  const host_value *v = &b->g->values[index];
  if (!v->constant || b->named[index]) return true;
  Onnx__TensorProto *t = make_tensor(b, v->constant, v->name);
  if (!t) return false;
  b->named[index] = true;
  b->graph.initializer[b->graph.n_initializer++] = t;
  return true;
}

/* ---- attributes ---- */

/* A list or text of unknown length: asked for with no room first, which fails and tells the bytes. */
static bool read_list(builder *b, const ort_attribute *from, int type, size_t size, void **out, size_t *count) {
  const ort_api *api = b->g->api;
  size_t bytes = 0;
  ort_status *status = api->read_attribute(from, type, NULL, 0, &bytes);
  if (status) api->release_status(status);
  *count = bytes / size;
  *out = take(b, *count, size);
  return *out && (!bytes || succeeded(api, api->read_attribute(from, type, *out, bytes, &bytes), b->reason));
}

static bool read_tensor_attribute(builder *b, const ort_attribute *from, Onnx__AttributeProto *a) {
  ort_value *value = NULL;
  if (!succeeded(b->g->api, b->g->api->attribute_tensor(from, &value), b->reason)) return false;
  if (!take(b, 0, 1)) {
    b->g->api->release_value(value);
    return false;
  }
  b->blocks->value = value;
  a->t = make_tensor(b, value, a->name);
  return a->t;
}

static bool read_attribute_value(builder *b, const ort_attribute *from, int type, Onnx__AttributeProto *a) {
  static const int onnx_types[] = {0,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
                                   0,
                                   0,
                                   ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR};
  const ort_api *api = b->g->api;
  size_t bytes = 0;
  if (type == ORT_A_GRAPH) return refused(b->reason, "it holds a graph of its own, %.100s", a->name);
  if (type < 1 || type > ORT_A_TENSOR || !onnx_types[type])
    return refused(b->reason, "its attribute %.100s is of a kind that sepcl reads nowhere", a->name);
  a->has_type = true;
  a->type = (Onnx__AttributeProto__AttributeType)onnx_types[type];
  switch (type) {
    case ORT_INT:
      a->has_i = true;
      return succeeded(api, api->read_attribute(from, type, &a->i, sizeof a->i, &bytes), b->reason);
    case ORT_A_FLOAT:
      a->has_f = true;
      return succeeded(api, api->read_attribute(from, type, &a->f, sizeof a->f, &bytes), b->reason);
    case ORT_INTS: return read_list(b, from, type, sizeof *a->ints, (void **)&a->ints, &a->n_ints);
    case ORT_FLOATS: return read_list(b, from, type, sizeof *a->floats, (void **)&a->floats, &a->n_floats);
    case ORT_TEXT: a->has_s = true; return read_list(b, from, type, 1, (void **)&a->s.data, &a->s.len);
    default: return read_tensor_attribute(b, from, a);
  }
}

static bool add_attributes(builder *b, const ort_node *node, Onnx__NodeProto *n) {
  const ort_api *api = b->g->api;
  size_t count = 0;
  if (!succeeded(api, api->attribute_count(node, &count), b->reason)) return false;
  const ort_attribute **list = take(b, count, sizeof *list);
  n->attribute = take(b, count, sizeof *n->attribute);
  if (!list || !n->attribute) return false;
  if (count && !succeeded(api, api->attribute_list(node, list, count), b->reason)) return false;
  for (size_t i = 0; i < count; i++) {
    Onnx__AttributeProto *a = take(b, 1, sizeof *a);
    const char *name = NULL;
    int type = 0;
    if (!a) return false;
    if (!list[i]) continue; /* an optional one that was left out */
    onnx__attribute_proto__init(a);
    if (!succeeded(api, api->attribute_name(list[i], &name), b->reason) ||
        !succeeded(api, api->attribute_type(list[i], &type), b->reason))
      return false;
    a->name = text(name);
    if (!read_attribute_value(b, list[i], type, a)) return false;
    n->attribute[n->n_attribute++] = a;
  }
  return true;
}

/* ---- nodes ---- */

static Onnx__NodeProto *add_node(builder *b, const char *operation, int inputs, int outputs) {
  Onnx__NodeProto *n = take(b, 1, sizeof *n);
  if (!n) return NULL;
  onnx__node_proto__init(n);
  n->op_type = text(operation);
  n->n_input = (size_t)inputs;
  n->n_output = (size_t)outputs;
  n->input = take(b, n->n_input, sizeof *n->input);
  n->output = take(b, n->n_output, sizeof *n->output);
  if (!n->input || !n->output) return NULL;
  b->graph.node[b->graph.n_node++] = n;
  return n;
}

static bool copy_node(builder *b, const host_node *from) {
  Onnx__NodeProto *n = add_node(b, from->operation, from->input_count, from->output_count);
  if (!n) return false;
  n->name = text(from->name);
  n->domain = text(from->domain);
  for (int i = 0; i < from->input_count; i++) {
    n->input[i] = text(from->inputs[i] < 0 ? "" : b->g->values[from->inputs[i]].name);
    if (from->inputs[i] >= 0 && !add_constant(b, from->inputs[i])) return false;
  }
  for (int i = 0; i < from->output_count; i++)
    n->output[i] = text(from->outputs[i] < 0 ? "" : b->g->values[from->outputs[i]].name);
  return add_attributes(b, from->node, n);
}

/* ---- inputs and outputs ---- */

static Onnx__TensorShapeProto *make_shape(builder *b, const host_value *v) {
  Onnx__TensorShapeProto *s = take(b, 1, sizeof *s);
  if (!s) return NULL;
  onnx__tensor_shape_proto__init(s);
  s->n_dim = (size_t)v->rank;
  s->dim = take(b, s->n_dim, sizeof *s->dim);
  for (size_t i = 0; s->dim && i < s->n_dim; i++) {
    s->dim[i] = take(b, 1, sizeof *s->dim[i]);
    if (!s->dim[i]) return NULL;
    onnx__tensor_shape_proto__dimension__init(s->dim[i]);
    if (v->dims[i] < 0) continue;
    s->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    s->dim[i]->dim_value = v->dims[i];
  }
  return s->dim ? s : NULL;
}

static Onnx__ValueInfoProto *make_edge(builder *b, const char *name) {
  Onnx__ValueInfoProto *edge = take(b, 1, sizeof *edge);
  if (!edge) return NULL;
  onnx__value_info_proto__init(edge);
  edge->name = text(name);
  return edge;
}

static bool add_input(builder *b, const host_value *v) {
  Onnx__ValueInfoProto *edge = make_edge(b, v->name);
  Onnx__TypeProto *type = take(b, 1, sizeof *type);
  Onnx__TypeProto__Tensor *tensor = take(b, 1, sizeof *tensor);
  if (!edge || !type || !tensor) return false;
  onnx__type_proto__init(type);
  onnx__type_proto__tensor__init(tensor);
  tensor->has_elem_type = true;
  tensor->elem_type = v->type;
  if (v->rank >= 0 && !(tensor->shape = make_shape(b, v))) return false;
  type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  type->tensor_type = tensor;
  edge->type = type;
  b->graph.input[b->graph.n_input++] = edge;
  return true;
}

/* The name of the value as floats. */
static const char *add_cast(builder *b, const host_value *v) {
  Onnx__NodeProto *n = add_node(b, "Cast", 1, 1);
  Onnx__AttributeProto *to = take(b, 1, sizeof *to);
  size_t room = strlen(v->name) + 16;
  char *name = take(b, room, 1);
  if (!n || !to || !name) return NULL;
  snprintf(name, room, "%s as floats", v->name);
  onnx__attribute_proto__init(to);
  to->name = text("to");
  to->has_type = to->has_i = true;
  to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
  to->i = ORT_FLOAT;
  n->input[0] = text(v->name);
  n->output[0] = name;
  n->attribute = take(b, 1, sizeof *n->attribute);
  if (!n->attribute) return NULL;
  n->attribute[n->n_attribute++] = to;
  return name;
}

static bool add_output(builder *b, const host_value *v) {
  const char *name = v->type == ORT_FLOAT ? v->name : add_cast(b, v);
  Onnx__ValueInfoProto *edge = name ? make_edge(b, name) : NULL;
  if (!edge) return false;
  b->graph.output[b->graph.n_output++] = edge;
  return true;
}

static int by_id(const void *a, const void *b) {
  const host_node *const *x = a, *const *y = b;
  return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* In the file's order, where the host has another one: what is computed late is read soon, as its author wrote it. The
 * reader takes nodes in any order. */
static bool copy_nodes(builder *b, const model_part *part) {
  const host_node **nodes = take(b, (size_t)part->node_count, sizeof *nodes);
  if (!nodes) return false;
  for (int i = 0; i < part->node_count; i++) nodes[i] = &b->g->nodes[part->nodes[i]];
  qsort(nodes, (size_t)part->node_count, sizeof *nodes, by_id);
  for (int i = 0; i < part->node_count; i++)
    if (!copy_node(b, nodes[i])) return false;
  return true;
}

static bool make_graph(builder *b, const model_part *part) {
  Onnx__GraphProto *graph = &b->graph;
  onnx__graph_proto__init(graph);
  graph->name = text("part");
  b->named = take(b, (size_t)b->g->value_count, sizeof *b->named);
  graph->node = take(b, (size_t)part->node_count + (size_t)part->output_count, sizeof *graph->node);
  graph->initializer = take(b, (size_t)b->g->value_count, sizeof *graph->initializer);
  graph->input = take(b, (size_t)part->input_count, sizeof *graph->input);
  graph->output = take(b, (size_t)part->output_count, sizeof *graph->output);
  if (!b->named || !graph->node || !graph->initializer || !graph->input || !graph->output) return false;
  for (int i = 0; i < part->input_count; i++)
    if (!add_input(b, &b->g->values[part->inputs[i]])) return false;
  if (!copy_nodes(b, part)) return false;
  for (int i = 0; i < part->output_count; i++)
    if (!add_output(b, &b->g->values[part->outputs[i]])) return false;
  return true;
}

static bool pack(builder *b, uint8_t **bytes, size_t *size) {
  Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
  Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
  opset.has_version = true;
  opset.version = b->g->opset;
  model.has_ir_version = true;
  model.ir_version = 8;
  model.n_opset_import = 1;
  model.opset_import = opsets;
  model.graph = &b->graph;
  *size = onnx__model_proto__get_packed_size(&model);
  *bytes = malloc(*size + 1);
  if (!*bytes) return refused(b->reason, "out of memory for a model of %zu bytes", *size);
  onnx__model_proto__pack(&model, *bytes);
  return true;
}

bool model_pack(const host_graph *g, const model_part *part, uint8_t **bytes, size_t *size, char reason[REASON_SIZE]) {
  builder b = {.g = g, .reason = reason};
  *bytes = NULL;
  bool good = make_graph(&b, part) && pack(&b, bytes, size);
  free_blocks(&b);
  return good;
}
