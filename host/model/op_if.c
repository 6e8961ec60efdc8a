/* If, where the condition is known when the model is loaded: the branch's nodes take its place. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"
#include "model/order.h"

static const Onnx__GraphProto *find_branch(const call *c, const char *name) {
  for (size_t i = 0; i < c->node->n_attribute; i++)
    if (strcmp(c->node->attribute[i]->name, name) == 0) return c->node->attribute[i]->g;
  return NULL;
}

static sepcl_status read_branch_constants(reader *r, const Onnx__GraphProto *branch) {
  for (size_t i = 0; i < branch->n_initializer; i++) {
    void *block;
    TRY(model_memory_take(r->scratch, &block, 1, sizeof(tensor)));
    TRY(read_initializer(r, branch->initializer[i], block));
    TRY(names_add(r->names, block));
  }
  return SEPCL_OK;
}

/* The branch's outputs, whose own names end with it: another branch may use them again. */
static sepcl_status read_branch(call *c, const Onnx__GraphProto *branch, tensor *outputs) {
  name_table *names = c->reader->names;
  const size_t outside = names_count(names);
  node_list ordered;
  TRY(read_branch_constants(c->reader, branch));
  TRY(order_graph(c->reader, branch, &ordered));
  for (size_t i = 0; i < ordered.count; i++) TRY(translate_node(c->reader, ordered.nodes[i]));
  for (size_t i = 0; i < branch->n_output; i++) {
    const char *name = branch->output[i]->name ? branch->output[i]->name : "";
    const tensor *t = names_find(names, name);
    if (!t) return refuse(c, SEPCL_BAD_MODEL, "the branch's output '%s' is not made by any node", name);
    outputs[i] = *t;
  }
  names_forget(names, outside);
  return SEPCL_OK;
}

sepcl_status op_if(call *c) {
  tensor *condition = call_input(c, 0);
  if (!condition->integers || shape_elements(&condition->shape) != 1)
    return refuse(c, SEPCL_UNSUPPORTED,
                  "control flow that depends on computed values is not supported: export the model with its branches "
                  "resolved");
  const Onnx__GraphProto *branch = find_branch(c, condition->integers[0] ? "then_branch" : "else_branch");
  if (!branch) return refuse(c, SEPCL_BAD_MODEL, "the branch that is taken is missing");
  if (branch->n_output != c->node->n_output)
    return refuse(c, SEPCL_BAD_MODEL, "the branch that is taken has %zu outputs instead of %zu", branch->n_output,
                  c->node->n_output);
  void *outputs;
  TRY(model_memory_take(c->reader->scratch, &outputs, branch->n_output + 1, sizeof(tensor)));
  TRY(read_branch(c, branch, outputs));
  for (size_t i = 0; i < branch->n_output; i++) TRY(call_give(c, (int32_t)i, (tensor *)outputs + i));
  return SEPCL_OK;
}

size_t count_tensors(Onnx__NodeProto *const *nodes, size_t count) {
  size_t tensors = 0;
  for (size_t i = 0; i < count; i++) {
    tensors += nodes[i]->n_output;
    for (size_t k = 0; k < nodes[i]->n_attribute; k++) {
      const Onnx__GraphProto *inner = nodes[i]->attribute[k]->g;
      if (inner) tensors += inner->n_initializer + count_tensors(inner->node, inner->n_node);
    }
  }
  return tensors;
}
