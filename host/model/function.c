#include "model/function.h"

#include <stdio.h>
#include <string.h>

#include "model/order.h"

enum { MAX_CALLS = 32, MAX_INLINED = 1 << 18 };

static bool is_onnx(const char *domain) { return !domain || !*domain || !strcmp(domain, "ai.onnx"); }

static bool same_text(const char *a, const char *b) { return a && b && !strcmp(a, b); }

const Onnx__FunctionProto *find_function(const reader *r, const Onnx__NodeProto *node) {
  for (size_t i = 0; i < r->model->n_functions; i++) {
    const Onnx__FunctionProto *f = r->model->functions[i];
    bool domain = same_text(f->domain, node->domain) || (is_onnx(f->domain) && is_onnx(node->domain));
    if (domain && same_text(f->name, node->op_type)) return f;
  }
  return NULL;
}

static const Onnx__AttributeProto *given(const Onnx__NodeProto *node, const char *name) {
  for (size_t i = 0; i < node->n_attribute; i++)
    if (same_text(node->attribute[i]->name, name)) return node->attribute[i];
  return NULL;
}

static bool lists(char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (same_text(names[i], name)) return true;
  return false;
}

/* The body's attributes, those that refer to the function's own with what the call gives. One that the call leaves out
 * is left out, too. */
static sepcl_status bind_attributes(const call *c, const Onnx__FunctionProto *f, Onnx__NodeProto *n) {
  void *list, *copies;
  size_t count = 0;
  TRY(model_memory_take(c->reader->scratch, &list, n->n_attribute, sizeof *n->attribute));
  TRY(model_memory_take(c->reader->scratch, &copies, n->n_attribute, sizeof **n->attribute));
  Onnx__AttributeProto **bound = list, *copy = copies;
  for (size_t i = 0; i < n->n_attribute; i++) {
    const char *reference = n->attribute[i]->ref_attr_name;
    bound[count++] = n->attribute[i];
    if (!reference || !*reference) continue;
    const Onnx__AttributeProto *value = given(c->node, reference);
    if (!value && !lists(f->attribute, f->n_attribute, reference))
      return refuse(c, SEPCL_UNSUPPORTED, "it leaves out attribute '%s', whose default in the function is not read",
                    reference);
    count--;
    if (!value) continue;
    copy[i] = *value;
    copy[i].name = n->attribute[i]->name;
    bound[count++] = &copy[i];
  }
  n->attribute = bound;
  n->n_attribute = count;
  return SEPCL_OK;
}

/* Formal inputs that the call leaves out are left out of the body, too. */
static sepcl_status bind_inputs(const call *c, const Onnx__FunctionProto *f, Onnx__NodeProto *n) {
  void *block;
  TRY(model_memory_take(c->reader->scratch, &block, n->n_input, sizeof *n->input));
  char **inputs = block;
  for (size_t i = 0; i < n->n_input; i++)
    inputs[i] = lists(f->input, f->n_input, n->input[i]) && !names_find(c->reader->names, n->input[i]) ? (char *)""
                                                                                                       : n->input[i];
  n->input = inputs;
  return SEPCL_OK;
}

/* CALL/NODE */
static sepcl_status bind_name(const call *c, Onnx__NodeProto *n) {
  const call inner = {.reader = c->reader, .node = n};
  const char *outside = call_name(c), *inside = call_name(&inner);
  const size_t size = strlen(outside) + strlen(inside) + 2;
  void *text;
  TRY(model_memory_take(c->reader->scratch, &text, size, 1));
  snprintf(text, size, "%s/%s", outside, inside);
  n->name = text;
  return SEPCL_OK;
}

/* The body, in a scope of its own; `outputs` are the tensors that it leaves. */
static sepcl_status translate_body(call *c, const Onnx__FunctionProto *f, tensor *outputs) {
  reader *r = c->reader;
  node_list ordered;
  void *copies;
  TRY(order_nodes(r, &(node_list){f->node, f->n_node}, f->output, f->n_output, &ordered));
  TRY(model_memory_take(r->scratch, &copies, ordered.count, sizeof(Onnx__NodeProto)));
  for (size_t i = 0; i < ordered.count; i++) {
    Onnx__NodeProto *n = (Onnx__NodeProto *)copies + i;
    *n = *ordered.nodes[i];
    TRY(bind_attributes(c, f, n));
    TRY(bind_inputs(c, f, n));
    TRY(bind_name(c, n));
    TRY(translate_node(r, n));
  }
  for (size_t i = 0; i < c->node->n_output; i++) {
    const tensor *t = names_find(r->names, f->output[i]);
    if (!t) return refuse(c, SEPCL_BAD_MODEL, "the function's output '%s' is not made by any node", f->output[i]);
    outputs[i] = *t;
  }
  return SEPCL_OK;
}

/* Puts the call's inputs into `names`, under the function's names for them. */
static sepcl_status bind_formals(const call *c, const Onnx__FunctionProto *f, name_table *names) {
  for (size_t i = 0; i < c->node->n_input; i++) {
    const char *name = c->node->input[i];
    const tensor *t = names_find(c->reader->names, name);
    void *copy;
    if (!*name) continue;
    if (!t) return refuse(c, SEPCL_BAD_MODEL, "it reads '%s', which nothing makes", name);
    TRY(model_memory_take(c->reader->scratch, &copy, 1, sizeof *t));
    *(tensor *)copy = *t;
    ((tensor *)copy)->name = f->input[i];
    TRY(names_add(names, copy));
  }
  return SEPCL_OK;
}

static sepcl_status check_call(const call *c, const Onnx__FunctionProto *f) {
  reader *r = c->reader;
  if (c->node->n_input > f->n_input || c->node->n_output > f->n_output)
    return refuse(c, SEPCL_BAD_MODEL, "it has %zu inputs and %zu outputs, the function %zu and %zu", c->node->n_input,
                  c->node->n_output, f->n_input, f->n_output);
  r->inlined += f->n_node;
  if (r->calls >= MAX_CALLS || r->inlined > MAX_INLINED)
    return refuse(c, SEPCL_UNSUPPORTED, "functions that call functions %d deep, or more than %d nodes of them",
                  (int)MAX_CALLS, (int)MAX_INLINED);
  return SEPCL_OK;
}

sepcl_status inline_function(reader *r, const Onnx__NodeProto *node, const Onnx__FunctionProto *f) {
  call c = {.reader = r, .node = node};
  name_table *outside = r->names, *inside = NULL;
  const int64_t opset = r->opset;
  void *outputs;
  TRY(check_call(&c, f));
  TRY(model_memory_take(r->scratch, &outputs, node->n_output, sizeof(tensor)));
  sepcl_status status = names_create(&inside, f->n_input + count_tensors(f->node, f->n_node));
  if (status == SEPCL_OK) status = bind_formals(&c, f, inside);
  if (status == SEPCL_OK) status = read_opset(f->opset_import, f->n_opset_import, &r->opset);
  r->names = inside;
  r->calls++;
  if (status == SEPCL_OK) status = translate_body(&c, f, outputs);
  r->calls--;
  r->names = outside;
  r->opset = opset;
  names_free(inside);
  for (size_t i = 0; status == SEPCL_OK && i < node->n_output; i++)
    status = call_give(&c, (int32_t)i, (tensor *)outputs + i);
  return status;
}
