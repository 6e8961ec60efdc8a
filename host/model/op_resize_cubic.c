/* Cubic resizing: along each axis a product with a matrix that is made here, four numbers in each row. */
#include <math.h>

#include "graph/graph.h"
#include "model/layout.h"
#include "model/operations.h"

/* The input's coordinate that output pixel `o` of `m` lies at; n input pixels. */
static double coordinate(sepcl_coordinates rule, int64_t o, int64_t n, int64_t m, double scale) {
  switch (rule) {
    case SEPCL_ALIGN_CORNERS: return m == 1 ? 0.0 : (double)o * (double)(n - 1) / (double)(m - 1);
    case SEPCL_ASYMMETRIC: return (double)o / scale;
    case SEPCL_TF_HALF_PIXEL_FOR_NN: return ((double)o + 0.5) / scale;
    case SEPCL_PYTORCH_HALF_PIXEL: return m == 1 ? 0.0 : ((double)o + 0.5) / scale - 0.5;
    default: return ((double)o + 0.5) / scale - 0.5;
  }
}

/* Keys' kernel. */
static double cubic(double x, double a) {
  x = fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void fill_row(float *row, double x, int64_t n, double a, bool exclude) {
  double weights[4], sum = 0;
  int64_t first = (int64_t)floor(x) - 1;
  for (int k = 0; k < 4; k++) {
    bool outside = first + k < 0 || first + k >= n;
    weights[k] = exclude && outside ? 0 : cubic(x - (double)(first + k), a);
    sum += weights[k];
  }
  for (int k = 0; k < 4; k++) {
    int64_t at = first + k < 0 ? 0 : first + k >= n ? n - 1 : first + k;
    row[at] += (float)(exclude ? weights[k] / sum : weights[k]);
  }
}

sepcl_status resize_cubic_axis(const call *c, tensor *x, const cubic_axis *k, tensor *out) {
  int64_t n = x->shape.dims[k->axis], m = k->size;
  double scale = k->scale > 0 ? (double)k->scale : (double)m / (double)n;
  shape stored = layout_stored(&x->shape, &x->layout), split = {3, {1, n, 1}}, s = {2, {m, n}}, result = x->shape;
  int32_t at = x->layout.perm[k->axis];
  layout native = layout_native(2);
  tensor matrix;
  float *rows;
  sepcl_value value, product;
  for (int32_t j = 0; j < stored.rank; j++)
    if (j != at) split.dims[j < at ? 0 : 2] *= stored.dims[j];
  TRY(tensor_new_floats(c->reader, &matrix, &s, &rows));
  for (int64_t o = 0; o < m; o++)
    fill_row(rows + o * n, coordinate(k->rule, o, n, m, scale), n, (double)k->a, k->exclude);
  TRY(tensor_value(c, &matrix, &native, &product));
  TRY(tensor_value_kept(c, x, &value));
  value = emit_reshape(c->reader->graph, value, &split);
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_matmul(c->reader->graph, product, value, SEPCL_NO_VALUE, 0);
  result.dims[k->axis] = m;
  stored = layout_stored(&result, &x->layout);
  if (value != SEPCL_NO_VALUE) value = emit_reshape(c->reader->graph, value, &stored);
  return tensor_of_value(c, out, value, &x->layout);
}
