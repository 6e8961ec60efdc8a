#include "support/onnx_text.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"

enum { MOST = 64 };

/* Everything that one text needs; the messages point into it. */
typedef struct text_model {
  Onnx__ModelProto model;
  Onnx__GraphProto graph;
  Onnx__OperatorSetIdProto opset, *opsets[1];
  Onnx__ValueInfoProto infos[2][MOST], *info_list[2][MOST];
  Onnx__TypeProto types[2][MOST];
  Onnx__TypeProto__Tensor tensors[2][MOST];
  Onnx__TensorShapeProto shapes[2][MOST];
  Onnx__TensorShapeProto__Dimension dims[2][MOST][9], *dim_list[2][MOST][9];
  Onnx__TensorProto constants[MOST], *constant_list[MOST];
  int64_t constant_dims[MOST][9];
  Onnx__NodeProto nodes[MOST], *node_list[MOST];
  char *operands[MOST][2][MOST];
  Onnx__AttributeProto attributes[MOST][8], *attribute_list[MOST][8];
  int64_t ints[MOST][8][16];
  float floats[MOST][8][16];
  Onnx__StringStringEntryProto metadata[4], *metadata_list[4];
  Onnx__FunctionProto functions[8], *function_list[8];
  size_t function_nodes; /* of node_list, the first ones: a function's head counts as one */
  void *blocks[MOST];
  size_t block_count;
} text_model;

static int type_of(const char *name) {
  static const char *const names[] = {"",      "float",  "uint8", "int8",    "uint16", "int16",  "int32",
                                      "int64", "string", "bool",  "float16", "double", "uint32", "uint64"};
  for (int i = 1; i < 14; i++)
    if (!strcmp(names[i], name)) return i;
  ck_abort_msg("type %s", name);
  return 0;
}

/* "1x3x?xN" */
static void read_dims(text_model *m, int list, size_t i, char *text) {
  size_t count = 0;
  char *rest = NULL;
  if (!strcmp(text, "none")) return;
  m->tensors[list][i].shape = &m->shapes[list][i];
  onnx__tensor_shape_proto__init(&m->shapes[list][i]);
  for (char *word = strtok_r(text, "x", &rest); word && strcmp(text, "-"); word = strtok_r(NULL, "x", &rest)) {
    Onnx__TensorShapeProto__Dimension *d = &m->dims[list][i][count];
    onnx__tensor_shape_proto__dimension__init(d);
    if ((*word >= '0' && *word <= '9') || *word == '-') {
      d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
      d->dim_value = strtoll(word, NULL, 10);
    } else if (*word != '?') {
      d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
      d->dim_param = word;
    }
    m->dim_list[list][i][count++] = d;
  }
  m->shapes[list][i].dim = m->dim_list[list][i];
  m->shapes[list][i].n_dim = count;
}

static void read_info(text_model *m, int list, size_t *count, char **words) {
  size_t i = (*count)++;
  onnx__value_info_proto__init(&m->infos[list][i]);
  m->info_list[list][i] = &m->infos[list][i];
  m->infos[list][i].name = words[1];
  if (!words[2]) return;
  onnx__type_proto__init(&m->types[list][i]);
  onnx__type_proto__tensor__init(&m->tensors[list][i]);
  m->infos[list][i].type = &m->types[list][i];
  m->types[list][i].value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  m->types[list][i].tensor_type = &m->tensors[list][i];
  m->tensors[list][i].has_elem_type = 1;
  m->tensors[list][i].elem_type = type_of(words[2]);
  read_dims(m, list, i, words[3]);
}

static void *keep(text_model *m, size_t bytes) {
  ck_assert_uint_lt(m->block_count, MOST);
  return m->blocks[m->block_count++] = calloc(bytes + 1, 1);
}

static size_t size_of(int type) {
  return type == 1 || type == 6 || type == 12 ? 4 : type == 7 || type == 11 || type == 13 ? 8 : type == 10 ? 2 : 1;
}

static void put(uint8_t *to, int type, double value) {
  float single = (float)value;
  int64_t integer = (int64_t)value;
  if (type == 1)
    memcpy(to, &single, 4);
  else if (type == 11)
    memcpy(to, &value, 8);
  else
    memcpy(to, &integer, size_of(type));
}

/* const NAME TYPE DIMS [= values] */
static void read_constant(text_model *m, char **words) {
  size_t i = m->graph.n_initializer++, count = 1, dims = 0;
  Onnx__TensorProto *t = &m->constants[i];
  char *rest = NULL, **value = words[4] && !strcmp(words[4], "=") ? words + 5 : NULL;
  onnx__tensor_proto__init(t);
  m->constant_list[i] = t;
  t->name = words[1];
  t->has_data_type = 1;
  t->data_type = type_of(words[2]);
  for (char *w = strtok_r(words[3], "x", &rest); w && strcmp(words[3], "-"); w = strtok_r(NULL, "x", &rest)) {
    m->constant_dims[i][dims] = strtoll(w, NULL, 10);
    count *= (size_t)m->constant_dims[i][dims++];
  }
  t->dims = m->constant_dims[i];
  t->n_dims = dims;
  if (count > 1 << 20) count = 1; /* a shape that promises more than the file holds */
  t->has_raw_data = 1;
  t->raw_data.len = count * size_of(t->data_type);
  t->raw_data.data = keep(m, t->raw_data.len);
  for (size_t k = 0; k < count; k++) {
    double number = value ? (*value ? strtod(*value++, NULL) : 0) : 0.01 * (double)((k * 7 + i) % 23) - 0.1;
    put(t->raw_data.data + k * size_of(t->data_type), t->data_type, number);
  }
}

/* name:i=1 name:is=1,2 name:f=.5 name:fs=1,2 name:s=text name:t=0.5 (a tensor of one float) */
static void read_attribute(text_model *m, size_t node, char *word) {
  size_t i = m->nodes[node].n_attribute++, count = 0;
  Onnx__AttributeProto *a = &m->attributes[node][i];
  char *kind = strchr(word, ':'), *value = kind ? strchr(kind, '=') : NULL, *rest = NULL;
  ck_assert_msg(value != NULL && i < 8, "attribute %s", word);
  *kind++ = *value++ = 0;
  onnx__attribute_proto__init(a);
  m->attribute_list[node][i] = a;
  a->name = word;
  a->has_type = 1;
  for (char *v = kind[1] == 's' ? strtok_r(value, ",", &rest) : NULL; v; v = strtok_r(NULL, ",", &rest), count++)
    m->ints[node][i][count] = strtoll(v, NULL, 10), m->floats[node][i][count] = strtof(v, NULL);
  if (!strcmp(kind, "i"))
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, a->has_i = 1, a->i = strtoll(value, NULL, 10);
  if (!strcmp(kind, "f"))
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, a->has_f = 1, a->f = strtof(value, NULL);
  if (!strcmp(kind, "is"))
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, a->ints = m->ints[node][i], a->n_ints = count;
  if (!strcmp(kind, "fs"))
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, a->floats = m->floats[node][i], a->n_floats = count;
  if (!strcmp(kind, "s")) {
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
  }
  if (!strcmp(kind, "ref")) a->has_type = 0, a->ref_attr_name = value;
  if (!strcmp(kind, "t")) {
    Onnx__TensorProto *t = keep(m, sizeof *t);
    onnx__tensor_proto__init(t);
    m->floats[node][i][0] = strtof(value, NULL);
    t->has_data_type = 1;
    t->data_type = 1;
    t->float_data = m->floats[node][i];
    t->n_float_data = 1;
    t->dims = m->ints[node][i];
    t->n_dims = 1;
    m->ints[node][i][0] = 1;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    a->t = t;
  }
}

/* OP in,in -> out,out attributes; OP may be domain::OP. */
static void read_node(text_model *m, char **words) {
  size_t i = m->graph.n_node++;
  Onnx__NodeProto *n = &m->nodes[i];
  char *colons = strstr(words[0], "::"), *rest = NULL;
  onnx__node_proto__init(n);
  m->node_list[i] = n;
  n->op_type = colons ? colons + 2 : words[0];
  if (colons) *colons = 0, n->domain = words[0];
  bool has_inputs = words[1] && strcmp(words[1], "->") != 0;
  if (has_inputs)
    for (char *w = strtok_r(words[1], ",", &rest); w; w = strtok_r(NULL, ",", &rest))
      m->operands[i][0][n->n_input++] = strcmp(w, "_") ? w : "";
  char **after = words + 1 + has_inputs;
  ck_assert_msg(*after && !strcmp(*after, "->"), "node %s", words[0]);
  for (char *w = after[1] ? strtok_r(after[1], ",", &rest) : NULL; w; w = strtok_r(NULL, ",", &rest))
    m->operands[i][1][n->n_output++] = strcmp(w, "_") ? w : "";
  n->input = m->operands[i][0];
  n->output = m->operands[i][1];
  n->attribute = m->attribute_list[i];
  for (char **w = after[1] ? after + 2 : after + 1; *w; w++) read_attribute(m, i, *w);
}

/* function NAME in,in -> out,out attributes */
static void begin_function(text_model *m, char **words) {
  Onnx__FunctionProto *f = &m->functions[m->model.n_functions];
  const Onnx__NodeProto *head = &m->nodes[m->graph.n_node];
  char **attributes = words;
  while (strcmp(*attributes, "->") != 0) attributes++;
  onnx__function_proto__init(f);
  for (f->attribute = keep(m, MOST * sizeof(char *)); attributes[2 + f->n_attribute]; f->n_attribute++)
    f->attribute[f->n_attribute] = attributes[2 + f->n_attribute];
  attributes[2] = NULL;
  read_node(m, words + 1);
  f->domain = head->domain, f->name = head->op_type;
  f->input = head->input, f->n_input = head->n_input;
  f->output = head->output, f->n_output = head->n_output;
  m->function_list[m->model.n_functions++] = f;
  f->node = m->node_list + m->graph.n_node;
}

static void end_function(text_model *m) {
  Onnx__FunctionProto *f = m->function_list[m->model.n_functions - 1];
  m->function_nodes = m->graph.n_node;
  f->n_node = (size_t)(m->node_list + m->graph.n_node - f->node);
}

static void read_line(text_model *m, char **words) {
  if (!strcmp(words[0], "opset")) {
    m->opset.version = strtoll(words[1], NULL, 10);
  } else if (!strcmp(words[0], "input")) {
    read_info(m, 0, &m->graph.n_input, words);
  } else if (!strcmp(words[0], "output")) {
    read_info(m, 1, &m->graph.n_output, words);
  } else if (!strcmp(words[0], "const")) {
    read_constant(m, words);
  } else if (!strcmp(words[0], "metadata")) {
    size_t i = m->model.n_metadata_props++;
    onnx__string_string_entry_proto__init(&m->metadata[i]);
    m->metadata_list[i] = &m->metadata[i];
    m->metadata[i].key = words[1];
    m->metadata[i].value = words[2];
  } else if (!strcmp(words[0], "function")) {
    begin_function(m, words);
  } else if (!strcmp(words[0], "end")) {
    end_function(m);
  } else {
    read_node(m, words);
  }
}

static void start(text_model *m) {
  onnx__model_proto__init(&m->model);
  onnx__graph_proto__init(&m->graph);
  onnx__operator_set_id_proto__init(&m->opset);
  m->opset.has_version = 1;
  m->opset.version = 13;
  m->opset.domain = (char *)"";
  m->opsets[0] = &m->opset;
  m->model.opset_import = m->opsets;
  m->model.n_opset_import = 1;
  m->model.has_ir_version = 1;
  m->model.ir_version = 8;
  m->model.graph = &m->graph;
  m->model.metadata_props = m->metadata_list;
  m->model.functions = m->function_list;
  m->graph.node = m->node_list;
  m->graph.initializer = m->constant_list;
  m->graph.input = m->info_list[0];
  m->graph.output = m->info_list[1];
}

uint8_t *onnx_text(const char *text, size_t *bytes) {
  text_model *m = calloc(1, sizeof *m);
  char *copy = strdup(text), *line_rest = NULL;
  start(m);
  for (char *line = strtok_r(copy, ";\n", &line_rest); line; line = strtok_r(NULL, ";\n", &line_rest)) {
    char *words[MOST] = {0}, *rest = NULL;
    size_t count = 0;
    for (char *w = strtok_r(line, " ", &rest); w && count + 1 < MOST; w = strtok_r(NULL, " ", &rest))
      words[count++] = w;
    if (count) read_line(m, words);
  }
  m->graph.node += m->function_nodes;
  m->graph.n_node -= m->function_nodes;
  *bytes = onnx__model_proto__get_packed_size(&m->model);
  uint8_t *packed = malloc(*bytes);
  onnx__model_proto__pack(&m->model, packed);
  for (size_t i = 0; i < m->block_count; i++) free(m->blocks[i]);
  free(copy);
  free(m);
  return packed;
}
