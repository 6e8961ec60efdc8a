/* The table of operations and what holds for every node before its translator runs. */
#include "model/operations.h"

#include <string.h>

#include "model/function.h"
#include "model/layout.h"

static const operation table[] = {
#define OPERATION(name, since, fewest, most, outputs, translate, attributes, remarks) \
  {#name, since, fewest, most, outputs, attributes, translate},
#include "model/operations.inc"
#undef OPERATION
};

static const char *const rows[] = {
#define OPERATION(name, since, fewest, most, outputs, translate, attributes, remarks) \
#name "\t" #since "\t" attributes "\t" remarks,
#include "model/operations.inc"
#undef OPERATION
};

const char *sepcl_operation_row(int32_t index) {
  return index >= 0 && index < (int32_t)(sizeof rows / sizeof *rows) ? rows[index] : NULL;
}

static const operation *find_operation(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp(table[i].name, name) == 0) return &table[i];
  return NULL;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

static sepcl_status refuse_unknown(const call *c) {
  const char *name = c->node->op_type;
  if (strstr(name, "uantizeLinear") || strstr(name, "QLinear") || ends_with(name, "Integer"))
    return refuse(c, SEPCL_UNSUPPORTED, "int8 and QDQ models are not supported yet: export the model as float32");
  if (!strcmp(name, "Loop") || !strcmp(name, "Scan"))
    return refuse(c, SEPCL_UNSUPPORTED, "control flow is not supported: export the model with its branches resolved");
  return refuse(c, SEPCL_UNSUPPORTED, "sepcl has no such operation: `sepcl ops` lists what it has");
}

static sepcl_status check_domain(const call *c) {
  const char *domain = c->node->domain;
  if (!domain || !*domain || !strcmp(domain, "ai.onnx")) return SEPCL_OK;
  return refuse(c, SEPCL_UNSUPPORTED, "operations of the domain '%s' are not supported: only ONNX's own are", domain);
}

/* Whether `word` is one of the blank-separated words of `list`. */
static bool lists(const char *list, const char *word) {
  size_t length = strlen(word);
  if (!length) return false;
  for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
    if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
  return false;
}

static sepcl_status check_attributes(const call *c) {
  for (size_t i = 0; i < c->node->n_attribute; i++) {
    const Onnx__AttributeProto *a = c->node->attribute[i];
    if (!a->name || !lists(c->operation->attributes, a->name))
      return refuse(c, SEPCL_UNSUPPORTED, "attribute '%s' is not supported", a->name ? a->name : "");
    if (a->ref_attr_name && *a->ref_attr_name)
      return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' refers to a function's attribute", a->name);
    for (size_t j = 0; j < i; j++)
      if (strcmp(c->node->attribute[j]->name, a->name) == 0)
        return refuse(c, SEPCL_BAD_MODEL, "attribute '%s' is given twice", a->name);
  }
  return SEPCL_OK;
}

/* Why a name has no tensor: sepcl does not compute that output of a node, or none makes it. */
static sepcl_status refuse_missing(const call *c, const char *name) {
  const Onnx__GraphProto *graph = c->reader->proto;
  for (size_t i = 0; i < graph->n_node; i++)
    for (size_t j = 1; j < graph->node[i]->n_output; j++)
      if (strcmp(graph->node[i]->output[j], name) == 0)
        return refuse(c, SEPCL_UNSUPPORTED, "it reads '%s', output %zu of a %s, which sepcl does not compute", name, j,
                      graph->node[i]->op_type);
  return refuse(c, SEPCL_BAD_MODEL, "it reads '%s', which nothing makes", name);
}

static sepcl_status find_inputs(call *c) {
  const Onnx__NodeProto *node = c->node;
  size_t count = node->n_input;
  while (count && !*node->input[count - 1]) count--;
  if ((int64_t)count < c->operation->min_inputs || (int64_t)count > c->operation->max_inputs)
    return refuse(c, SEPCL_BAD_MODEL, "it has %zu inputs instead of %d to %d", count, c->operation->min_inputs,
                  c->operation->max_inputs);
  c->input_count = (int32_t)count;
  for (size_t i = 0; i < count; i++) {
    if (!*node->input[i]) continue;
    c->inputs[i] = names_find(c->reader->names, node->input[i]);
    if (!c->inputs[i]) return refuse_missing(c, node->input[i]);
  }
  for (int32_t i = 0; i < c->operation->min_inputs; i++)
    if (!c->inputs[i]) return refuse(c, SEPCL_BAD_MODEL, "input %d is missing", i);
  return SEPCL_OK;
}

static sepcl_status check_outputs(const call *c) {
  size_t count = c->node->n_output;
  while (count && !*c->node->output[count - 1]) count--;
  if ((int64_t)count > c->operation->max_outputs)
    return refuse(c, SEPCL_BAD_MODEL, "it has %zu outputs instead of %d", count, c->operation->max_outputs);
  return SEPCL_OK;
}

sepcl_status translate_node(reader *r, const Onnx__NodeProto *node) {
  call c = {.reader = r, .node = node};
  bool done;
  if (!node->op_type || !*node->op_type) return failure(SEPCL_BAD_MODEL, "node '%s' has no operation", call_name(&c));
  const Onnx__FunctionProto *function = find_function(r, node);
  if (function) return inline_function(r, node, function);
  TRY(check_domain(&c));
  c.operation = find_operation(node->op_type);
  if (!c.operation) return refuse_unknown(&c);
  if (r->opset < c.operation->since)
    return refuse(&c, SEPCL_BAD_MODEL, "the operation exists since opset %d only", c.operation->since);
  TRY(check_outputs(&c));
  TRY(check_attributes(&c));
  TRY(find_inputs(&c));
  TRY(fold_node(&c, &done));
  if (done) return SEPCL_OK;
  sepcl_graph_name_next(r->graph, call_name(&c));
  TRY(c.operation->translate(&c));
  sepcl_graph_name_next(r->graph, NULL); /* a view made no node: the name waits no longer */
  return SEPCL_OK;
}
