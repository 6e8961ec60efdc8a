/* Reductions of tensors that are known when the model is loaded: in double precision, rounded once. */
#include <math.h>
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

typedef struct accumulator {
  double floating;
  int64_t integer; /* wraps around as the types do */
} accumulator;

static void add(accumulator *a, const char *name, double x, int64_t i) {
  if (!strcmp(name, "ReduceProd")) {
    a->floating *= x;
    a->integer = (int64_t)((uint64_t)a->integer * (uint64_t)i);
  } else if (!strcmp(name, "ReduceMax")) {
    a->floating = isnan(a->floating) || a->floating > x ? a->floating : x;
    a->integer = a->integer > i ? a->integer : i;
  } else if (!strcmp(name, "ReduceMin")) {
    a->floating = isnan(a->floating) || a->floating < x ? a->floating : x;
    a->integer = a->integer < i ? a->integer : i;
  } else {
    a->floating += !strcmp(name, "ReduceL1") ? fabs(x) : strstr(name, "2") || strstr(name, "Square") ? x * x : x;
    a->integer = (int64_t)((uint64_t)a->integer + (uint64_t)i);
  }
}

static accumulator neutral(const char *name) {
  if (!strcmp(name, "ReduceProd")) return (accumulator){1, 1};
  if (!strcmp(name, "ReduceMax")) return (accumulator){-INFINITY, INT64_MIN};
  if (!strcmp(name, "ReduceMin")) return (accumulator){INFINITY, INT64_MAX};
  return (accumulator){0, 0};
}

static void accumulate(const tensor *x, const char *name, uint32_t axes, accumulator *sums, int64_t results) {
  int64_t index[SEPCL_MAX_RANK] = {0};
  const int64_t elements = shape_elements(&x->shape);
  for (int64_t i = 0; i < results; i++) sums[i] = neutral(name);
  for (int64_t e = 0; e < elements; e++) {
    int64_t at = 0;
    for (int32_t i = 0; i < x->shape.rank; i++)
      if (!(axes >> i & 1)) at = at * x->shape.dims[i] + index[i];
    add(&sums[at], name, x->floats ? x->floats[e] : 0, x->integers ? x->integers[e] : 0);
    for (int32_t i = x->shape.rank - 1; i >= 0 && ++index[i] == x->shape.dims[i]; i--) index[i] = 0;
  }
}

static double finished(const char *name, double sum, int64_t count) {
  if (!strcmp(name, "ReduceMean")) return sum / (double)count;
  return !strcmp(name, "ReduceL2") ? sqrt(sum) : sum;
}

sepcl_status fold_reduce(call *c) {
  static const int32_t flag[2] = {0, 1};
  const tensor *x = c->inputs[0];
  const char *name = c->node->op_type;
  float *floats = NULL;
  int64_t *integers = NULL;
  uint32_t axes;
  int32_t keep;
  tensor out;
  shape s = {0};
  void *block;
  TRY(reduced_axes(c, x, &axes));
  TRY(call_int32(c, "keepdims", 1, flag, &keep));
  bool plain = !strcmp(name, "ReduceSum") || !strcmp(name, "ReduceProd") || !strcmp(name, "ReduceMax") ||
               !strcmp(name, "ReduceMin");
  if (x->integers && !plain)
    return refuse(c, SEPCL_UNSUPPORTED, "integers are reduced to sums, products, least and greatest only");
  for (int32_t i = 0; i < x->shape.rank; i++)
    if (keep || !(axes >> i & 1)) s.dims[s.rank++] = axes >> i & 1 ? 1 : x->shape.dims[i];
  sepcl_status status = x->floats ? tensor_new_floats(c->reader, &out, &s, &floats)
                                  : tensor_new_integers(c->reader, &out, x->type, &s, &integers);
  if (status != SEPCL_OK) return refuse(c, status, "%s", sepcl_last_error());
  const int64_t results = shape_elements(&s), count = results ? shape_elements(&x->shape) / results : 0;
  TRY(model_memory_take(c->reader->scratch, &block, (size_t)results, sizeof(accumulator)));
  const accumulator *sums = block;
  accumulate(x, name, axes, block, results);
  for (int64_t i = 0; i < results; i++) {
    if (floats)
      floats[i] = (float)finished(name, sums[i].floating, count);
    else
      integers[i] = sums[i].integer;
  }
  return call_give(c, 0, &out);
}
