/* Arithmetic on tensors that are known when the model is loaded: the shapes that exporters compute inside the model,
 * and constants. Only what rounds correctly is computed here; exp and its like are left to the device. */
#include <math.h>
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

typedef enum fold_kind {
  FOLD_ADD,
  FOLD_SUB,
  FOLD_MUL,
  FOLD_DIV,
  FOLD_MIN,
  FOLD_MAX,
  FOLD_POW,
  FOLD_EQUAL,
  FOLD_LESS,
  FOLD_GREATER
} fold_kind;

static const struct {
  const char *name;
  fold_kind kind;
} folds[] = {{"Add", FOLD_ADD},   {"Sub", FOLD_SUB},         {"Mul", FOLD_MUL}, {"Div", FOLD_DIV},
             {"Min", FOLD_MIN},   {"Max", FOLD_MAX},         {"Pow", FOLD_POW}, {"Equal", FOLD_EQUAL},
             {"Less", FOLD_LESS}, {"Greater", FOLD_GREATER}, {"Sum", FOLD_ADD}};

static bool is_comparison(fold_kind kind) { return kind >= FOLD_EQUAL; }

static int64_t integer_power(int64_t base, int64_t exponent) {
  uint64_t result = 1, square = (uint64_t)base;
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  for (; exponent; exponent >>= 1, square *= square)
    if (exponent & 1) result *= square;
  return (int64_t)result;
}

/* Wraps around as the types do; the caller has checked the divisor. */
static int64_t fold_integers(fold_kind kind, int64_t a, int64_t b) {
  switch (kind) {
    case FOLD_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case FOLD_SUB: return (int64_t)((uint64_t)a - (uint64_t)b);
    case FOLD_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case FOLD_DIV: return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case FOLD_MIN: return a < b ? a : b;
    case FOLD_MAX: return a > b ? a : b;
    case FOLD_POW: return integer_power(a, b);
    case FOLD_EQUAL: return a == b;
    case FOLD_LESS: return a < b;
    default: return a > b;
  }
}

static float fold_floats(fold_kind kind, float a, float b) {
  switch (kind) {
    case FOLD_ADD: return a + b;
    case FOLD_SUB: return a - b;
    case FOLD_MUL: return a * b;
    case FOLD_DIV: return a / b;
    case FOLD_MIN: return isnan(a) || a < b ? a : b;
    case FOLD_MAX: return isnan(a) || a > b ? a : b;
    case FOLD_POW: return (float)pow((double)a, (double)b);
    case FOLD_EQUAL: return a == b;
    case FOLD_LESS: return a < b;
    default: return a > b;
  }
}

/* Brings all inputs to one shape; *s is it. */
static sepcl_status broadcast_inputs(call *c, tensor *wide, int32_t count, shape *s) {
  *s = (shape){0};
  for (int32_t k = 0; k < count; k++)
    if (c->inputs[k]->shape.rank > s->rank) s->rank = c->inputs[k]->shape.rank;
  for (int32_t i = 0; i < s->rank; i++) s->dims[i] = 1;
  for (int32_t k = 0; k < count; k++) {
    tensor *t = c->inputs[k];
    TRY(view_unsqueeze_front(c, &t, s->rank, &wide[k]));
    wide[k] = *t;
    for (int32_t i = 0; i < s->rank; i++) {
      if (t->shape.dims[i] != s->dims[i] && t->shape.dims[i] != 1 && s->dims[i] != 1)
        return refuse(c, SEPCL_INVALID_SHAPE, "the inputs' shapes do not broadcast");
      if (t->shape.dims[i] != 1) s->dims[i] = t->shape.dims[i];
    }
  }
  for (int32_t k = 0; k < count; k++) {
    tensor t = wide[k];
    if (!shape_equal(&t.shape, s)) TRY(known_expand(c, &t, s, &wide[k]));
  }
  return SEPCL_OK;
}

static sepcl_status new_integers(const call *c, tensor *out, int32_t type, const shape *s, int64_t **data) {
  sepcl_status status = tensor_new_integers(c->reader, out, type, s, data);
  return status == SEPCL_OK ? SEPCL_OK : refuse(c, status, "%s", sepcl_last_error());
}

static sepcl_status new_floats(const call *c, tensor *out, const shape *s, float **data) {
  sepcl_status status = tensor_new_floats(c->reader, out, s, data);
  return status == SEPCL_OK ? SEPCL_OK : refuse(c, status, "%s", sepcl_last_error());
}

static sepcl_status fold_binary(call *c, fold_kind kind) {
  tensor in[2], out;
  shape s;
  float *floats = NULL;
  int64_t *integers = NULL;
  TRY(broadcast_inputs(c, in, 2, &s));
  bool floating = in[0].floats != NULL;
  if (floating != (in[1].floats != NULL)) return refuse(c, SEPCL_BAD_MODEL, "the inputs' types differ");
  if (floating && !is_comparison(kind))
    TRY(new_floats(c, &out, &s, &floats));
  else
    TRY(new_integers(c, &out, is_comparison(kind) ? ONNX_BOOL : in[0].type, &s, &integers));
  for (int64_t i = 0; i < shape_elements(&s); i++) {
    if (!floating && kind == FOLD_DIV && in[1].integers[i] == 0)
      return refuse(c, SEPCL_BAD_MODEL, "a division by zero");
    if (floats)
      floats[i] = fold_floats(kind, in[0].floats[i], in[1].floats[i]);
    else if (floating)
      integers[i] = fold_floats(kind, in[0].floats[i], in[1].floats[i]) != 0.0f;
    else
      integers[i] = fold_integers(kind, in[0].integers[i], in[1].integers[i]);
  }
  return call_give(c, 0, &out);
}

static sepcl_status fold_where(call *c) {
  tensor in[3], out;
  shape s;
  float *floats = NULL;
  int64_t *integers = NULL;
  TRY(broadcast_inputs(c, in, 3, &s));
  if (!in[0].integers || !in[1].floats != !in[2].floats) return refuse(c, SEPCL_BAD_MODEL, "the inputs' types differ");
  if (in[1].floats)
    TRY(new_floats(c, &out, &s, &floats));
  else
    TRY(new_integers(c, &out, in[1].type, &s, &integers));
  for (int64_t i = 0; i < shape_elements(&s); i++) {
    const tensor *chosen = in[0].integers[i] ? &in[1] : &in[2];
    if (floats)
      floats[i] = chosen->floats[i];
    else
      integers[i] = chosen->integers[i];
  }
  return call_give(c, 0, &out);
}

/* What casts of floats outside the range give is not defined; here they stay at the range's ends, NaN at the lower. */
static int64_t to_integer(float value, int64_t type) {
  const bool is_unsigned = type == ONNX_UINT8 || type == ONNX_UINT16 || type == ONNX_UINT32 || type == ONNX_UINT64;
  const int bits = type == ONNX_UINT8 || type == ONNX_INT8     ? 8
                   : type == ONNX_UINT16 || type == ONNX_INT16 ? 16
                   : type == ONNX_UINT32 || type == ONNX_INT32 ? 32
                                                               : 64;
  const double end = ldexp(1.0, is_unsigned && bits < 64 ? bits : bits - 1), low = is_unsigned ? 0.0 : -end;
  if (!((double)value > low)) return is_unsigned ? 0 : bits == 64 ? INT64_MIN : (int64_t)low;
  return (double)value < end ? (int64_t)value : bits == 64 ? INT64_MAX : (int64_t)end - 1;
}

static int64_t narrow(int64_t value, int64_t type) {
  switch (type) {
    case ONNX_UINT8: return (uint8_t)value;
    case ONNX_INT8: return (int8_t)value;
    case ONNX_UINT16: return (uint16_t)value;
    case ONNX_INT16: return (int16_t)value;
    case ONNX_INT32: return (int32_t)value;
    case ONNX_UINT32: return (uint32_t)value;
    case ONNX_BOOL: return value != 0;
    default: return value;
  }
}

/* The nearest number of half precision. */
static float to_half(float value) {
  int exponent;
  if (!isfinite(value) || value == 0.0f) return value;
  frexpf(value, &exponent);
  const float step = ldexpf(1.0f, exponent < -13 ? -24 : exponent - 11), rounded = nearbyintf(value / step) * step;
  return fabsf(rounded) > 65504.0f ? copysignf(INFINITY, value) : rounded;
}

static sepcl_status fold_cast(call *c) {
  const tensor *x = c->inputs[0];
  tensor out;
  float *floats = NULL;
  int64_t *integers = NULL, to;
  TRY(call_int(c, "to", ONNX_FLOAT, &to));
  bool to_integers =
      (to > ONNX_FLOAT && to <= ONNX_BOOL && to != ONNX_STRING) || to == ONNX_UINT32 || to == ONNX_UINT64;
  if (!to_integers && to != ONNX_FLOAT && to != ONNX_FLOAT16 && to != ONNX_DOUBLE)
    return refuse(c, SEPCL_UNSUPPORTED, "a cast to %s", type_name((int32_t)(to < 0 || to > 1000 ? 1000 : to)));
  if (!to_integers)
    TRY(new_floats(c, &out, &x->shape, &floats));
  else
    TRY(new_integers(c, &out, (int32_t)to, &x->shape, &integers));
  for (int64_t i = 0; i < shape_elements(&x->shape); i++) {
    if (floats)
      floats[i] = x->floats ? x->floats[i] : (float)x->integers[i];
    else if (to == ONNX_BOOL)
      integers[i] = x->floats ? x->floats[i] != 0.0f : x->integers[i] != 0;
    else
      integers[i] = narrow(x->floats ? to_integer(x->floats[i], to) : x->integers[i], to);
    if (to == ONNX_FLOAT16) floats[i] = to_half(floats[i]);
  }
  return call_give(c, 0, &out);
}

static float fold_function(char initial, float x) {
  switch (initial) {
    case 'F': return floorf(x);
    case 'C': return ceilf(x);
    case 'R': return nearbyintf(x);
    case 'S': return sqrtf(x);
    case 'N': return -x;
    default: return fabsf(x);
  }
}

static sepcl_status fold_unary(call *c) {
  const tensor *x = c->inputs[0];
  const char *name = c->node->op_type;
  tensor out;
  float *floats = NULL;
  int64_t *integers = NULL;
  if (!x->floats && strchr("FCRS", name[0])) return refuse(c, SEPCL_BAD_MODEL, "its input is not float");
  if (x->floats)
    TRY(new_floats(c, &out, &x->shape, &floats));
  else
    TRY(new_integers(c, &out, x->type, &x->shape, &integers));
  for (int64_t i = 0; i < shape_elements(&x->shape); i++) {
    if (floats)
      floats[i] = fold_function(name[0], x->floats[i]);
    else if (!strcmp(name, "Not"))
      integers[i] = !x->integers[i];
    else if (name[0] == 'N' || (name[0] == 'A' && x->integers[i] < 0))
      integers[i] = (int64_t)(0 - (uint64_t)x->integers[i]);
    else
      integers[i] = x->integers[i];
  }
  return call_give(c, 0, &out);
}

static sepcl_status fold_range(call *c) {
  tensor out;
  float *floats;
  int64_t *integers;
  shape s = {.rank = 1};
  const tensor *start = c->inputs[0], *limit = c->inputs[1], *delta = c->inputs[2];
  for (int32_t i = 0; i < 3; i++)
    if (shape_elements(&c->inputs[i]->shape) != 1 || !c->inputs[i]->floats != !start->floats)
      return refuse(c, SEPCL_BAD_MODEL, "the inputs are not single numbers of one type");
  double from = start->floats ? (double)start->floats[0] : (double)start->integers[0];
  double step = start->floats ? (double)delta->floats[0] : (double)delta->integers[0];
  double count = ceil(((start->floats ? (double)limit->floats[0] : (double)limit->integers[0]) - from) / step);
  if (!(step != 0) || isnan(count) || count > 1e8) return refuse(c, SEPCL_BAD_MODEL, "it has no end, or too far away");
  s.dims[0] = count > 0 ? (int64_t)count : 0;
  if (start->floats) {
    TRY(new_floats(c, &out, &s, &floats));
    for (int64_t i = 0; i < s.dims[0]; i++) floats[i] = (float)(from + (double)i * step);
  } else {
    TRY(new_integers(c, &out, start->type, &s, &integers));
    for (int64_t i = 0; i < s.dims[0]; i++)
      integers[i] = (int64_t)((uint64_t)start->integers[0] + (uint64_t)i * (uint64_t)delta->integers[0]);
  }
  return call_give(c, 0, &out);
}

static bool is_one_of(const char *name, const char *const *names) {
  while (*names && strcmp(*names, name) != 0) names++;
  return *names != NULL;
}

sepcl_status fold_node(call *c, bool *done) {
  static const char *const functions[] = {"Floor", "Ceil", "Round", "Sqrt", "Neg", "Abs", "Not", NULL};
  const char *name = c->node->op_type;
  *done = false;
  if (c->input_count == 0) return SEPCL_OK;
  for (int32_t i = 0; i < c->input_count; i++)
    if (!c->inputs[i] || !tensor_is_known(c->inputs[i])) return SEPCL_OK;
  *done = true;
  for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
    if (!strcmp(folds[i].name, name) && c->input_count == 2) return fold_binary(c, folds[i].kind);
  if (is_one_of(name, functions)) return fold_unary(c);
  if (!strcmp(name, "Cast")) return fold_cast(c);
  if (!strcmp(name, "Where")) return fold_where(c);
  if (!strcmp(name, "Range")) return fold_range(c);
  if (!strncmp(name, "Reduce", 6)) return fold_reduce(c);
  *done = false;
  return SEPCL_OK;
}
