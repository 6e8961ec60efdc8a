/* ONNX file -> graph. Read from the bottom: load, scan and unpack, initializers, inputs, nodes, outputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/inputs.h"
#include "model/layout.h"
#include "model/order.h"
#include "model/prune.h"
#include "model/scan.h"

static sepcl_status add_known(reader *r, const tensor *t) {
  void *block;
  if (!*t->name) return failure(SEPCL_BAD_MODEL, "a constant has no name");
  TRY(model_memory_take(r->scratch, &block, 1, sizeof *t));
  memcpy(block, t, sizeof *t);
  return names_add(r->names, block);
}

static sepcl_status read_initializers(reader *r) {
  tensor t;
  for (size_t i = 0; i < r->proto->n_initializer; i++) {
    TRY(read_initializer(r, r->proto->initializer[i], &t));
    TRY(add_known(r, &t));
  }
  for (size_t i = 0; i < r->proto->n_sparse_initializer; i++) {
    TRY(read_sparse_initializer(r, r->proto->sparse_initializer[i], &t));
    TRY(add_known(r, &t));
  }
  return SEPCL_OK;
}

/* Outputs come in ONNX's order of axes. */
static sepcl_status read_output(reader *r, const char *name) {
  Onnx__NodeProto edge = ONNX__NODE_PROTO__INIT;
  char *outputs[1] = {(char *)name};
  edge.op_type = "output";
  edge.output = outputs;
  edge.n_output = 1;
  call c = {.reader = r, .node = &edge};
  sepcl_value value;
  if (!name || !*name) return failure(SEPCL_BAD_MODEL, "an output has no name");
  tensor *t = names_find(r->names, name);
  if (!t) return failure(SEPCL_BAD_MODEL, "output '%s' is not made by any node", name);
  layout native = layout_native(t->shape.rank);
  TRY(tensor_value(&c, t, &native, &value));
  sepcl_graph_output(r->graph, name, value);
  return sepcl_graph_status(r->graph);
}

sepcl_status read_opset(Onnx__OperatorSetIdProto *const *imports, size_t count, int64_t *opset) {
  for (size_t i = 0; i < count; i++) {
    const char *domain = imports[i]->domain;
    if (!domain || !*domain || !strcmp(domain, "ai.onnx")) *opset = imports[i]->version;
  }
  if (*opset >= 1 && *opset <= MAX_OPSET) return SEPCL_OK;
  return failure(SEPCL_UNSUPPORTED, "the model is of ONNX opset %lld; sepcl reads 1 to %d", (long long)*opset,
                 MAX_OPSET);
}

/* An output that is listed twice is one. */
static bool listed_before(const Onnx__GraphProto *proto, size_t output) {
  for (size_t i = 0; i < output; i++)
    if (proto->output[i]->name && proto->output[output]->name &&
        !strcmp(proto->output[i]->name, proto->output[output]->name))
      return true;
  return false;
}

static sepcl_status read_nodes(reader *r) {
  node_list ordered;
  TRY(order_graph(r, r->proto, &ordered));
  for (size_t i = 0; i < ordered.count; i++) TRY(translate_node(r, ordered.nodes[i]));
  return SEPCL_OK;
}

static sepcl_status read_graph(reader *r, const Onnx__ModelProto *model) {
  const Onnx__GraphProto *proto = model->graph;
  if (!proto) return failure(SEPCL_BAD_MODEL, "the file holds no ONNX graph");
  r->model = model;
  r->proto = proto;
  r->opset = model->n_opset_import ? 0 : 1;
  TRY(read_opset(model->opset_import, model->n_opset_import, &r->opset));
  TRY(names_create(&r->names, proto->n_initializer + proto->n_sparse_initializer + proto->n_input +
                                  count_tensors(proto->node, proto->n_node)));
  TRY(read_initializers(r));
  TRY(read_inputs(r));
  TRY(read_nodes(r));
  if (proto->n_output == 0) return failure(SEPCL_BAD_MODEL, "the model has no outputs");
  for (size_t i = 0; i < proto->n_output; i++)
    if (!listed_before(proto, i)) TRY(read_output(r, proto->output[i]->name));
  for (size_t i = 0; i < model->n_metadata_props; i++) {
    const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
    if (entry->key && entry->value) TRY(sepcl_graph_set_metadata(r->graph, entry->key, entry->value));
  }
  return prune_graph(r->graph);
}

/* Names from the file stand in messages, which are one line. */
static sepcl_status as_one_line(sepcl_status status) {
  char message[2048];
  if (status == SEPCL_OK) return status;
  snprintf(message, sizeof message, "%s", sepcl_last_error());
  for (char *c = message; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '_';
  return failure(status, "%s", message);
}

static sepcl_status unpack_and_read(reader *r) {
  uint8_t *stripped;
  size_t bytes;
  TRY(scan_model(r->file, r->file_bytes, &stripped, &bytes));
  Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, bytes, stripped);
  free(stripped);
  if (!model) return failure(SEPCL_BAD_MODEL, "protobuf cannot read the file as an ONNX model");
  sepcl_status status = read_graph(r, model);
  onnx__model_proto__free_unpacked(model, NULL);
  return status;
}

/* Takes `memory` over: the graph keeps it. */
static sepcl_status read_with_memory(reader *r, model_memory *memory, sepcl_graph **out) {
  sepcl_status status = sepcl_graph_create(&r->graph);
  if (status == SEPCL_OK) status = sepcl_graph_keep(r->graph, memory, model_memory_free);
  if (status != SEPCL_OK) {
    model_memory_free(memory);
    sepcl_graph_free(r->graph);
    return status;
  }
  r->memory = memory;
  status = model_memory_create(&r->scratch);
  if (status == SEPCL_OK) status = as_one_line(unpack_and_read(r));
  names_free(r->names);
  model_memory_free(r->scratch);
  if (status != SEPCL_OK)
    sepcl_graph_free(r->graph);
  else
    *out = r->graph;
  return status;
}

static sepcl_status check_options(const sepcl_load_options *options) {
  if (!options) return SEPCL_OK;
  if (options->size != sizeof *options)
    return failure(SEPCL_INVALID_ARGUMENT, "load options of another size: start from SEPCL_LOAD_OPTIONS_INIT");
  if (options->batch < 0 || options->batch > INT32_MAX)
    return failure(SEPCL_INVALID_ARGUMENT, "a batch of %lld", (long long)options->batch);
  if (options->input_shape_count && !options->input_shapes)
    return failure(SEPCL_INVALID_ARGUMENT, "input_shapes is NULL");
  return SEPCL_OK;
}

sepcl_status sepcl_graph_load_memory(sepcl_graph **out, const void *data, size_t bytes,
                                     const sepcl_load_options *options) {
  model_memory *memory;
  if (out) *out = NULL;
  if (!out || !data) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_load_memory: out or data is NULL");
  TRY(check_options(options));
  if (!bytes) return failure(SEPCL_BAD_MODEL, "the model is empty");
  TRY(model_memory_create(&memory));
  reader r = {.file = data, .file_bytes = bytes, .options = options};
  return read_with_memory(&r, memory, out);
}

static sepcl_status load_from(const char *path, const char *folder, const sepcl_load_options *options,
                              sepcl_graph **out) {
  model_memory *memory;
  reader r = {.folder = folder, .options = options};
  TRY(model_memory_create(&memory));
  sepcl_status status = model_memory_map(memory, path, &r.file, &r.file_bytes);
  if (status != SEPCL_OK) {
    model_memory_free(memory);
    return status;
  }
  status = read_with_memory(&r, memory, out);
  return status == SEPCL_OK ? SEPCL_OK : failure(status, "%s: %s", path, sepcl_last_error());
}

sepcl_status sepcl_graph_load(sepcl_graph **out, const char *path, const sepcl_load_options *options) {
  if (out) *out = NULL;
  if (!out || !path) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_graph_load: out or path is NULL");
  TRY(check_options(options));
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  char *folder = calloc(length + 2, 1);
  if (!folder) return failure(SEPCL_OUT_OF_MEMORY, "out of memory");
  memcpy(folder, slash ? path : ".", slash ? length : 1);
  sepcl_status status = load_from(path, folder, options, out);
  free(folder);
  return status;
}
