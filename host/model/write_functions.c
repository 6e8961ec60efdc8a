/* Activations: ONNX's own operation, or the nodes that recognise.c knows again. */
#include <math.h>

#include "model/writer.h"

static sepcl_status chain(writer *w, const char *operation, const char *a, const char *b, const char **out) {
  TRY(writer_name(w, out));
  return write_node(w, operation, (const char *[]){a, b, NULL}, *out, NULL);
}

static sepcl_status chain_with(writer *w, const char *operation, const char *a, float b, const char **out) {
  const char *scalar = NULL;
  TRY(write_scalar(w, b, &scalar));
  return chain(w, operation, a, scalar, out);
}

/* x f(g(x)) */
static sepcl_status write_product(writer *w, const char *x, const char *const operations[2], const char *out) {
  const char *inner = x;
  for (int i = 0; i < 2 && operations[i]; i++) TRY(chain(w, operations[i], inner, NULL, &inner));
  return write_node(w, "Mul", (const char *[]){x, inner, NULL}, out, NULL);
}

/* x (1 + f) / 2 */
static sepcl_status write_gelu(writer *w, const char *x, bool tanh_form, const char *out) {
  const char *inner = NULL, *half = NULL;
  if (tanh_form) {
    TRY(chain(w, "Mul", x, x, &inner));
    TRY(chain(w, "Mul", inner, x, &inner));
    TRY(chain_with(w, "Mul", inner, 0.044715f, &inner));
    TRY(chain(w, "Add", x, inner, &inner));
    TRY(chain_with(w, "Mul", inner, (float)sqrt(2 / acos(-1.0)), &inner));
    TRY(chain(w, "Tanh", inner, NULL, &inner));
  } else {
    TRY(chain_with(w, "Mul", x, (float)sqrt(0.5), &inner));
    TRY(chain(w, "Erf", inner, NULL, &inner));
  }
  TRY(chain_with(w, "Add", inner, 1.0f, &inner));
  TRY(chain(w, "Mul", x, inner, &inner));
  TRY(write_scalar(w, 0.5f, &half));
  return write_node(w, "Mul", (const char *[]){inner, half, NULL}, out, NULL);
}

static sepcl_status write_clip(writer *w, const char *x, float low, float high, const char *out) {
  const char *lowest = "", *highest = NULL;
  if (low > high) return failure(SEPCL_UNSUPPORTED, "a clip whose bounds cross");
  if (low != -INFINITY) TRY(write_scalar(w, low, &lowest));
  if (high != INFINITY) TRY(write_scalar(w, high, &highest));
  if (!highest && !*lowest) return write_node(w, "Identity", (const char *[]){x, NULL}, out, NULL);
  return write_node(w, "Clip", (const char *[]){x, lowest, highest, NULL}, out, NULL);
}

static const struct {
  const char *name, *a, *b; /* the attributes that a and b are */
} simple[SEPCL_FUNCTION_COUNT] = {
    [SEPCL_NONE] = {"Identity", NULL, NULL},
    [SEPCL_RELU] = {"Relu", NULL, NULL},
    [SEPCL_LEAKY_RELU] = {"LeakyRelu", "alpha", NULL},
    [SEPCL_ELU] = {"Elu", "alpha", NULL},
    [SEPCL_HARD_SIGMOID] = {"HardSigmoid", "alpha", "beta"},
    [SEPCL_HARD_SWISH] = {"HardSwish", NULL, NULL},
    [SEPCL_SIGMOID] = {"Sigmoid", NULL, NULL},
    [SEPCL_TANH] = {"Tanh", NULL, NULL},
    [SEPCL_ERF] = {"Erf", NULL, NULL},
    [SEPCL_EXP] = {"Exp", NULL, NULL},
    [SEPCL_LOG] = {"Log", NULL, NULL},
    [SEPCL_SQRT] = {"Sqrt", NULL, NULL},
    [SEPCL_ABS] = {"Abs", NULL, NULL},
    [SEPCL_NEGATE] = {"Neg", NULL, NULL},
    [SEPCL_RECIPROCAL] = {"Reciprocal", NULL, NULL},
    [SEPCL_SOFTPLUS] = {"Softplus", NULL, NULL},
    [SEPCL_FLOOR] = {"Floor", NULL, NULL},
    [SEPCL_CEIL] = {"Ceil", NULL, NULL},
    [SEPCL_ROUND] = {"Round", NULL, NULL},
    [SEPCL_SIGN] = {"Sign", NULL, NULL},
    [SEPCL_THRESHOLDED] = {"ThresholdedRelu", "alpha", NULL},
    [SEPCL_SELU] = {"Selu", "alpha", "gamma"},
    [SEPCL_SOFTSIGN] = {"Softsign", NULL, NULL},
};

static sepcl_status write_simple(writer *w, const sepcl_activation *f, const char *x, const char *out) {
  Onnx__NodeProto *proto = NULL;
  if (!simple[f->kind].name) return failure(SEPCL_UNSUPPORTED, "function %d has no ONNX operation", (int)f->kind);
  TRY(write_node(w, simple[f->kind].name, (const char *[]){x, NULL}, out, &proto));
  if (simple[f->kind].a) TRY(write_float(w, proto, simple[f->kind].a, f->a));
  if (simple[f->kind].b) TRY(write_float(w, proto, simple[f->kind].b, f->b));
  return SEPCL_OK;
}

sepcl_status write_activation(writer *w, sepcl_value value) {
  const node *n = graph_node(w->graph, value);
  const sepcl_activation *f = &n->activation;
  const char *x, *out;
  const written *from = &w->values[n->inputs[0]];
  layout l = from->name ? from->layout : layout_native(n->rank);
  TRY(write_value(w, n->inputs[0], &l, &x));
  TRY(write_result(w, value, &l, &out));
  switch (f->kind) {
    case SEPCL_RELU6: return write_clip(w, x, 0.0f, 6.0f, out);
    case SEPCL_CLIP: return write_clip(w, x, f->a, f->b, out);
    case SEPCL_SWISH: return write_product(w, x, (const char *const[]){"Sigmoid", NULL}, out);
    case SEPCL_MISH: return write_product(w, x, (const char *const[]){"Softplus", "Tanh"}, out);
    case SEPCL_GELU: return write_gelu(w, x, false, out);
    case SEPCL_GELU_TANH: return write_gelu(w, x, true, out);
    default: return write_simple(w, f, x, out);
  }
}
