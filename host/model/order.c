#include "model/order.h"

enum { UNSEEN = 0, NEEDED, OPEN, DONE };

typedef struct ordering {
  reader *r;
  const node_list *all;
  name_table *makers; /* tensors that stand for outputs; `value` is their node's number */
  uint8_t *state;     /* of each node */
  size_t *stack, used;
  uint8_t wanted; /* the state of the nodes that are to be visited */
  bool cycle;
} ordering;

/* ---- what a node reads: its inputs, and whatever the graphs inside it read from outside ---- */

static void visit(ordering *o, const char *name) {
  const tensor *t = name && *name ? names_find(o->makers, name) : NULL;
  if (!t) return;
  if (o->state[t->value] == o->wanted) o->stack[o->used++] = (size_t)t->value;
  o->cycle |= o->state[t->value] == OPEN;
}

static void visit_reads(ordering *o, const Onnx__NodeProto *n) {
  for (size_t i = 0; i < n->n_input; i++) visit(o, n->input[i]);
  for (size_t k = 0; k < n->n_attribute; k++) {
    const Onnx__GraphProto *inner = n->attribute[k]->g;
    for (size_t i = 0; inner && i < inner->n_node; i++) visit_reads(o, inner->node[i]);
    for (size_t i = 0; inner && i < inner->n_output; i++) visit(o, inner->output[i]->name);
  }
}

static size_t count_reads(const Onnx__NodeProto *n) {
  size_t count = n->n_input;
  for (size_t k = 0; k < n->n_attribute; k++) {
    const Onnx__GraphProto *inner = n->attribute[k]->g;
    for (size_t i = 0; inner && i < inner->n_node; i++) count += count_reads(inner->node[i]);
    if (inner) count += inner->n_output;
  }
  return count;
}

/* ---- the two walks ---- */

static void find_needed(ordering *o, char *const *outputs, size_t output_count) {
  o->wanted = UNSEEN;
  for (size_t i = 0; i < output_count; i++) visit(o, outputs[i]);
  while (o->used) {
    const size_t node = o->stack[--o->used];
    if (o->state[node] != UNSEEN) continue; /* two of its outputs are read */
    o->state[node] = NEEDED;
    visit_reads(o, o->all->nodes[node]);
  }
}

/* Depth first: a node is done when all that it reads is. */
static sepcl_status append_with_makers(ordering *o, size_t first, node_list *out) {
  o->stack[o->used++] = first;
  while (o->used) {
    const size_t node = o->stack[o->used - 1];
    if (o->state[node] == NEEDED) {
      o->state[node] = OPEN;
      visit_reads(o, o->all->nodes[node]);
      if (!o->cycle) continue;
      const call c = {.reader = o->r, .node = o->all->nodes[node]};
      return refuse(&c, SEPCL_BAD_MODEL, "the graph has a cycle: it reads what depends on its own outputs");
    }
    if (o->state[node] == OPEN) out->nodes[out->count++] = o->all->nodes[node];
    o->state[node] = DONE;
    o->used--;
  }
  return SEPCL_OK;
}

/* Two nodes that make one tensor are refused here, needed or not. */
static sepcl_status name_makers(ordering *o, size_t *reads) {
  void *block;
  size_t outputs = 0;
  for (size_t i = 0; i < o->all->count; i++) outputs += o->all->nodes[i]->n_output;
  TRY(names_create(&o->makers, outputs));
  TRY(model_memory_take(o->r->scratch, &block, outputs, sizeof(tensor)));
  for (size_t i = 0; i < o->all->count; i++) {
    const Onnx__NodeProto *n = o->all->nodes[i];
    *reads += count_reads(n);
    for (size_t k = 0; k < n->n_output; k++) {
      tensor *t = (tensor *)block + --outputs;
      t->name = n->output[k];
      t->value = (sepcl_value)i;
      if (names_find(o->r->names, t->name)) return failure(SEPCL_BAD_MODEL, "two tensors are called '%s'", t->name);
      if (*t->name) TRY(names_add(o->makers, t));
    }
  }
  return SEPCL_OK;
}

static sepcl_status find_order(ordering *o, char *const *outputs, size_t output_count, node_list *out) {
  size_t reads = output_count;
  void *block;
  TRY(name_makers(o, &reads));
  TRY(model_memory_take(o->r->scratch, &block, o->all->count, 1));
  o->state = block;
  TRY(model_memory_take(o->r->scratch, &block, o->all->count + reads, sizeof *o->stack));
  o->stack = block;
  TRY(model_memory_take(o->r->scratch, &block, o->all->count, sizeof(Onnx__NodeProto *)));
  *out = (node_list){block, 0};
  find_needed(o, outputs, output_count);
  o->wanted = NEEDED;
  for (size_t i = 0; i < o->all->count; i++)
    if (o->state[i] == NEEDED) TRY(append_with_makers(o, i, out));
  return SEPCL_OK;
}

sepcl_status order_nodes(reader *r, const node_list *all, char *const *outputs, size_t output_count, node_list *out) {
  ordering o = {.r = r, .all = all};
  sepcl_status status = find_order(&o, outputs, output_count, out);
  names_free(o.makers);
  return status;
}

sepcl_status order_graph(reader *r, const Onnx__GraphProto *graph, node_list *out) {
  void *block;
  TRY(model_memory_take(r->scratch, &block, graph->n_output, sizeof(char *)));
  char **outputs = block;
  for (size_t i = 0; i < graph->n_output; i++) outputs[i] = graph->output[i]->name;
  return order_nodes(r, &(node_list){graph->node, graph->n_node}, outputs, graph->n_output, out);
}
