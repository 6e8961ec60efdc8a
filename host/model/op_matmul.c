/* Gemm and MatMul. */
#include "model/layout.h"
#include "model/operations.h"

/* A constant times a factor: one rounding a weight. */
static sepcl_status scaled_constant(const call *c, tensor *t, float factor) {
  tensor scaled;
  float *data;
  TRY(tensor_new_floats(c->reader, &scaled, &t->shape, &data));
  for (int64_t i = 0; i < shape_elements(&t->shape); i++) data[i] = t->floats[i] * factor;
  scaled.name = t->name;
  *t = scaled;
  return SEPCL_OK;
}

static sepcl_status scaled(const call *c, tensor *t, float factor) {
  tensor scalar, out;
  if (factor == 1.0f) return SEPCL_OK;
  if (t->floats) return scaled_constant(c, t, factor);
  TRY(known_scalar(c, factor, &scalar));
  TRY(emit_binary(c, SEPCL_MUL, t, &scalar, &out));
  *t = out;
  return SEPCL_OK;
}

static sepcl_status transposed(const call *c, tensor *t, int64_t wanted) {
  static const int32_t swap[2] = {1, 0};
  tensor out;
  if (!wanted) return SEPCL_OK;
  TRY(view_transpose(c, t, swap, &out));
  *t = out;
  return SEPCL_OK;
}

typedef struct gemm {
  tensor a, b, c;
  float alpha, beta;
  int64_t transpose_a, transpose_b, broadcast;
} gemm;

static sepcl_status read_gemm(const call *c, gemm *g) {
  TRY(call_float(c, "alpha", 1.0f, &g->alpha));
  TRY(call_float(c, "beta", 1.0f, &g->beta));
  TRY(call_int(c, "transA", 0, &g->transpose_a));
  TRY(call_int(c, "transB", 0, &g->transpose_b));
  TRY(call_int(c, "broadcast", 0, &g->broadcast));
  g->a = *call_input(c, 0);
  g->b = *call_input(c, 1);
  if (g->a.shape.rank != 2 || g->b.shape.rank != 2)
    return refuse(c, SEPCL_INVALID_SHAPE, "operands of %d and %d dimensions", g->a.shape.rank, g->b.shape.rank);
  return SEPCL_OK;
}

/* B as [N][K] is what the graph calls transposed: a constant stays as it lies in the file. */
sepcl_status op_gemm(call *c) {
  gemm g;
  sepcl_value a, b, addend = SEPCL_NO_VALUE;
  TRY(read_gemm(c, &g));
  layout l = layout_native(2);
  TRY(transposed(c, &g.a, g.transpose_a));
  TRY(scaled(c, g.b.floats ? &g.b : &g.a, g.alpha));
  if (call_input(c, 2) && g.beta != 0.0f) {
    g.c = *call_input(c, 2);
    layout kept = layout_native(g.c.shape.rank);
    TRY(scaled(c, &g.c, g.beta));
    TRY(tensor_value(c, &g.c, &kept, &addend));
  }
  TRY(tensor_value(c, &g.a, &l, &a));
  TRY(tensor_value(c, &g.b, &l, &b));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return call_give_value(c, 0, sepcl_graph_matmul(c->reader->graph, a, b, addend, g.transpose_b != 0), &l);
}

sepcl_status op_matmul(call *c) {
  tensor *a = call_input(c, 0), *b = call_input(c, 1), row, column, product, out;
  bool is_row = a->shape.rank == 1, is_column = b->shape.rank == 1;
  sepcl_value value_a, value_b, value;
  if (a->shape.rank < 1 || b->shape.rank < 1) return refuse(c, SEPCL_INVALID_SHAPE, "an operand is a scalar");
  if (is_row) {
    TRY(view_insert_axis(c, a, 0, &row));
    a = &row;
  }
  if (is_column) {
    TRY(view_insert_axis(c, b, 1, &column));
    b = &column;
  }
  layout la = layout_native(a->shape.rank), lb = layout_native(b->shape.rank);
  TRY(tensor_value(c, a, &la, &value_a));
  TRY(tensor_value(c, b, &lb, &value_b));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_matmul(c->reader->graph, value_a, value_b, SEPCL_NO_VALUE, 0);
  layout l = layout_native(a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank);
  TRY(tensor_of_value(c, &product, value, &l));
  if (is_row) {
    TRY(view_remove_axis(c, &product, product.shape.rank - 2, &out));
    product = out;
  }
  if (is_column) {
    TRY(view_remove_axis(c, &product, product.shape.rank - 1, &out));
    product = out;
  }
  return call_give(c, 0, &product);
}
