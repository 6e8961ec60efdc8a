/* Graph -> ONNX file. Read from the bottom: save, the model's message, values in the order that is asked for. */
#include <stdio.h>
#include <string.h>

#include "model/replace_file.h"
#include "model/writer.h"

shape node_shape(const node *n) {
  shape s = {.rank = n->rank};
  memcpy(s.dims, n->dims, sizeof s.dims);
  return s;
}

static bool same_layout(const layout *a, const layout *b, int32_t rank) {
  return !memcmp(a->perm, b->perm, (size_t)rank * sizeof *a->perm);
}

/* A constant's data, stored in the graph's order `dims`, as ONNX wants it: ONNX axis i is stored axis perm[i]. */
static sepcl_status write_constant(writer *w, const float *data, const shape *stored, const layout *l,
                                   const char **name) {
  int64_t stride[SEPCL_MAX_RANK], index[SEPCL_MAX_RANK] = {0}, step = 1, from = 0, native[SEPCL_MAX_RANK];
  layout identity = layout_native(stored->rank);
  shape s = {.rank = stored->rank};
  void *block;
  if (same_layout(l, &identity, stored->rank)) return write_floats(w, stored, data, name);
  for (int32_t i = stored->rank - 1; i >= 0; i--) native[i] = step, step *= stored->dims[i];
  for (int32_t i = 0; i < s.rank; i++) stride[i] = native[l->perm[i]], s.dims[i] = stored->dims[l->perm[i]];
  TRY(model_memory_take(w->memory, &block, (size_t)step, sizeof *data));
  float *to = block;
  for (int64_t e = 0; e < step; e++) {
    to[e] = data[from];
    for (int32_t i = s.rank - 1; i >= 0; i--) {
      from += stride[i];
      if (++index[i] < s.dims[i]) break;
      from -= stride[i] * s.dims[i];
      index[i] = 0;
    }
  }
  return write_floats(w, &s, to, name);
}

static sepcl_status write_transpose(writer *w, const written *v, const layout *l, int32_t rank, const char **name) {
  int64_t permutation[SEPCL_MAX_RANK] = {0};
  Onnx__NodeProto *n = NULL;
  TRY(writer_name(w, name));
  TRY(write_node(w, "Transpose", (const char *[]){v->name, NULL}, *name, &n));
  for (int32_t i = 0; i < rank; i++)
    for (int32_t j = 0; j < rank; j++)
      if (v->layout.perm[j] == l->perm[i]) permutation[i] = j;
  return write_ints(w, n, "perm", permutation, (size_t)rank);
}

sepcl_status write_value(writer *w, sepcl_value value, const layout *l, const char **name) {
  const node *n = graph_node(w->graph, value);
  written *v = &w->values[value];
  if (v->name && same_layout(&v->layout, l, n->rank)) {
    *name = v->name;
    return SEPCL_OK;
  }
  if (v->other && same_layout(&v->other_layout, l, n->rank)) {
    *name = v->other;
    return SEPCL_OK;
  }
  shape s = node_shape(n);
  if (n->kind == NODE_CONSTANT)
    TRY(write_constant(w, n->data, &s, l, name));
  else
    TRY(write_transpose(w, v, l, n->rank, name));
  v->other = *name;
  v->other_layout = *l;
  return SEPCL_OK;
}

sepcl_status write_value_wide(writer *w, sepcl_value value, int32_t rank, const layout *l, const char **name) {
  const node *n = graph_node(w->graph, value);
  shape s = {.rank = rank};
  const char *narrow, *dims;
  layout native = layout_native(n->rank);
  if (n->rank == rank) return write_value(w, value, l, name);
  for (int32_t i = 0; i < rank; i++) s.dims[i] = i < rank - n->rank ? 1 : n->dims[i - (rank - n->rank)];
  if (n->kind == NODE_CONSTANT) return write_constant(w, n->data, &s, l, name);
  TRY(write_value(w, value, &native, &narrow));
  TRY(write_integers(w, s.dims, rank, &dims));
  written wide = {.layout = layout_native(rank)};
  TRY(writer_name(w, &wide.name));
  TRY(write_node(w, "Reshape", (const char *[]){narrow, dims, NULL}, wide.name, NULL));
  *name = wide.name;
  return same_layout(l, &wide.layout, rank) ? SEPCL_OK : write_transpose(w, &wide, l, rank, name);
}

/* A value that is an output in this very order gets the output's name. */
sepcl_status write_result(writer *w, sepcl_value value, const layout *l, const char **name) {
  const node *n = graph_node(w->graph, value);
  layout native = layout_native(n->rank);
  written *v = &w->values[value];
  v->layout = *l;
  v->name = NULL;
  for (int32_t i = 0; i < w->graph->output_count && same_layout(l, &native, n->rank); i++)
    if (w->graph->outputs[i].value == value) {
      v->name = w->graph->outputs[i].name;
      break;
    }
  if (!v->name) TRY(writer_name(w, &v->name));
  *name = v->name;
  return SEPCL_OK;
}

/* ---- the model ---- */

static sepcl_status check_names(const sepcl_graph *graph) {
  for (int32_t i = 0; i < graph->input_count; i++)
    for (int32_t k = 0; k < graph->output_count; k++)
      if (!strcmp(graph->inputs[i].name, graph->outputs[k].name) && graph->inputs[i].value != graph->outputs[k].value)
        return failure(SEPCL_UNSUPPORTED, "input and output '%s' have one name but are two values",
                       graph->inputs[i].name);
  return SEPCL_OK;
}

static sepcl_status write_output(writer *w, const graph_io *output) {
  const char *name;
  layout native = layout_native(graph_node(w->graph, output->value)->rank);
  TRY(write_value(w, output->value, &native, &name));
  if (strcmp(name, output->name) == 0) return SEPCL_OK;
  return write_node(w, "Identity", (const char *[]){name, NULL}, output->name, NULL);
}

static sepcl_status choose_prefix(writer *w) {
  char text[40] = "v";
  for (size_t length = 1; length + 1 < sizeof text; text[length++] = '_') {
    bool taken = false;
    for (int32_t i = 0; i < w->graph->input_count; i++)
      taken = taken || !strncmp(w->graph->inputs[i].name, text, length);
    for (int32_t i = 0; i < w->graph->output_count; i++)
      taken = taken || !strncmp(w->graph->outputs[i].name, text, length);
    if (!taken) break;
  }
  return model_memory_text(w->memory, &w->prefix, text);
}

/* Opset 17, unless an operation is younger. */
static int64_t needed_opset(const sepcl_graph *graph) {
  int64_t opset = 17;
  for (int32_t i = 0; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    bool dilated = n->pool.window.dilation_h > 1 || n->pool.window.dilation_w > 1;
    if (n->kind == NODE_DEFORM_CONV || (n->kind == NODE_POOL && n->pool.kind != SEPCL_MAX_POOL && dilated)) opset = 19;
  }
  return opset;
}

/* The last message is the node itself and gets its name; what prepares its operands has none. Names of ONNX nodes must
 * differ, those of graph nodes need not. */
static sepcl_status name_last_node(writer *w, const char *name) {
  char text[256];
  int32_t same = 1;
  for (size_t i = 0; i + 1 < w->nodes.count; i++) {
    const char *other = ((Onnx__NodeProto *)w->nodes.items[i])->name;
    if (!other || strcmp(other, same == 1 ? name : text) != 0) continue;
    snprintf(text, sizeof text, "%.200s#%d", name, ++same);
    i = 0;
  }
  if (same > 1) TRY(model_memory_text(w->memory, &name, text));
  ((Onnx__NodeProto *)w->nodes.items[w->nodes.count - 1])->name = (char *)name;
  return SEPCL_OK;
}

static sepcl_status write_nodes(writer *w) {
  TRY(check_names(w->graph));
  void *block;
  TRY(model_memory_take(w->memory, &block, (size_t)w->graph->count, sizeof *w->values));
  w->values = block;
  TRY(choose_prefix(w));
  for (sepcl_value v = 0; v < w->graph->count; v++) {
    size_t first = w->nodes.count;
    sepcl_status status = write_graph_node(w, v);
    const char *name = graph_node(w->graph, v)->name;
    if (status != SEPCL_OK) return failure(status, "node '%s' cannot be written: %s", name, sepcl_last_error());
    if (w->nodes.count > first) TRY(name_last_node(w, name));
  }
  for (int32_t i = 0; i < w->graph->output_count; i++) TRY(write_output(w, &w->graph->outputs[i]));
  return SEPCL_OK;
}

static sepcl_status value_info(writer *w, const graph_io *io, Onnx__ValueInfoProto **out) {
  typedef struct parts {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dims[SEPCL_MAX_RANK], *dim[SEPCL_MAX_RANK];
  } parts;
  const node *n = graph_node(w->graph, io->value);
  void *block;
  TRY(model_memory_take(w->memory, &block, 1, sizeof(parts)));
  parts *p = block;
  onnx__value_info_proto__init(&p->info);
  onnx__type_proto__init(&p->type);
  onnx__type_proto__tensor__init(&p->tensor);
  onnx__tensor_shape_proto__init(&p->shape);
  for (int32_t i = 0; i < n->rank; i++) {
    onnx__tensor_shape_proto__dimension__init(&p->dims[i]);
    p->dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    p->dims[i].dim_value = n->dims[i];
    p->dim[i] = &p->dims[i];
  }
  p->shape.dim = p->dim;
  p->shape.n_dim = (size_t)n->rank;
  p->tensor.has_elem_type = 1;
  p->tensor.elem_type = ONNX_FLOAT;
  p->tensor.shape = &p->shape;
  p->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  p->type.tensor_type = &p->tensor;
  p->info.name = io->name;
  p->info.type = &p->type;
  *out = &p->info;
  return SEPCL_OK;
}

static sepcl_status value_infos(writer *w, const graph_io *ios, int32_t count, Onnx__ValueInfoProto ***out) {
  void *block;
  TRY(model_memory_take(w->memory, &block, (size_t)count, sizeof **out));
  *out = block;
  for (int32_t i = 0; i < count; i++) TRY(value_info(w, &ios[i], &(*out)[i]));
  return SEPCL_OK;
}

static sepcl_status metadata(writer *w, Onnx__ModelProto *model) {
  void *block;
  size_t count = (size_t)w->graph->metadata_count / 2;
  TRY(model_memory_take(w->memory, &block, count, sizeof *model->metadata_props));
  model->metadata_props = block;
  TRY(model_memory_take(w->memory, &block, count, sizeof(Onnx__StringStringEntryProto)));
  Onnx__StringStringEntryProto *entries = block;
  for (size_t i = 0; i < count; i++) {
    onnx__string_string_entry_proto__init(&entries[i]);
    entries[i].key = w->graph->metadata[2 * i];
    entries[i].value = w->graph->metadata[2 * i + 1];
    model->metadata_props[i] = &entries[i];
  }
  model->n_metadata_props = count;
  return SEPCL_OK;
}

static sepcl_status fill_graph(writer *w, Onnx__GraphProto *graph) {
  graph->name = (char *)"sepcl";
  graph->node = (Onnx__NodeProto **)w->nodes.items;
  graph->n_node = w->nodes.count;
  graph->initializer = (Onnx__TensorProto **)w->initializers.items;
  graph->n_initializer = w->initializers.count;
  graph->n_input = (size_t)w->graph->input_count;
  graph->n_output = (size_t)w->graph->output_count;
  TRY(value_infos(w, w->graph->inputs, w->graph->input_count, &graph->input));
  return value_infos(w, w->graph->outputs, w->graph->output_count, &graph->output);
}

/* protobuf-c packs into whatever can append. */
typedef struct file_buffer {
  ProtobufCBuffer base;
  FILE *file;
} file_buffer;

static void append_to_file(ProtobufCBuffer *buffer, size_t length, const uint8_t *data) {
  fwrite(data, 1, length, ((file_buffer *)buffer)->file); /* errors stay in the stream: replace_file looks */
}

static void pack_into(FILE *file, const void *message) {
  file_buffer buffer = {.base = {append_to_file}, .file = file};
  protobuf_c_message_pack_to_buffer(message, &buffer.base);
}

static sepcl_status write_model(writer *w, const char *path) {
  Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
  Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
  Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[1] = {&opset};
  TRY(write_nodes(w));
  TRY(fill_graph(w, &graph));
  TRY(metadata(w, &model));
  opset.domain = (char *)"";
  opset.has_version = 1;
  opset.version = w->opset;
  model.has_ir_version = 1;
  model.ir_version = w->opset > 17 ? 9 : 8;
  model.producer_name = (char *)"sepcl";
  model.producer_version = (char *)SEPCL_VERSION;
  model.opset_import = opsets;
  model.n_opset_import = 1;
  model.graph = &graph;
  if (onnx__model_proto__get_packed_size(&model) > INT32_MAX)
    return failure(SEPCL_UNSUPPORTED, "the model would be larger than 2 GiB, which ONNX files cannot be");
  return replace_file(path, pack_into, &model);
}

sepcl_status sepcl_graph_save(const sepcl_graph *graph, const char *path) {
  if (!graph || !path || !*path) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_save: graph or path is NULL");
  TRY(sepcl_graph_status(graph));
  if (graph->output_count == 0) return failure(SEPCL_BAD_GRAPH, "the graph has no outputs");
  writer w = {.graph = graph, .opset = needed_opset(graph)};
  TRY(model_memory_create(&w.memory));
  sepcl_status status = write_model(&w, path);
  model_memory_free(w.memory);
  return status == SEPCL_OK ? SEPCL_OK : failure(status, "%s: %s", path, sepcl_last_error());
}
