/* Functions of one number. */
#include <math.h>
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

typedef struct function_row {
  const char *name;
  sepcl_function kind;
  float alpha, beta; /* the attributes' defaults: a and b of the function */
} function_row;

static const function_row functions[] = {
    {"Relu", SEPCL_RELU, 0, 0},
    {"LeakyRelu", SEPCL_LEAKY_RELU, 0.01f, 0},
    {"Elu", SEPCL_ELU, 1.0f, 0},
    {"Selu", SEPCL_SELU, 1.67326319217681884765625f, 1.05070102214813232421875f},
    {"HardSigmoid", SEPCL_HARD_SIGMOID, 0.2f, 0.5f},
    {"HardSwish", SEPCL_HARD_SWISH, 0, 0},
    {"Sigmoid", SEPCL_SIGMOID, 0, 0},
    {"Tanh", SEPCL_TANH, 0, 0},
    {"Erf", SEPCL_ERF, 0, 0},
    {"Exp", SEPCL_EXP, 0, 0},
    {"Log", SEPCL_LOG, 0, 0},
    {"Sqrt", SEPCL_SQRT, 0, 0},
    {"Abs", SEPCL_ABS, 0, 0},
    {"Neg", SEPCL_NEGATE, 0, 0},
    {"Reciprocal", SEPCL_RECIPROCAL, 0, 0},
    {"Softplus", SEPCL_SOFTPLUS, 0, 0},
    {"Floor", SEPCL_FLOOR, 0, 0},
    {"Ceil", SEPCL_CEIL, 0, 0},
    {"Round", SEPCL_ROUND, 0, 0},
    {"Sign", SEPCL_SIGN, 0, 0},
    {"ThresholdedRelu", SEPCL_THRESHOLDED, 1.0f, 0},
    {"Softsign", SEPCL_SOFTSIGN, 0, 0},
    {"Mish", SEPCL_MISH, 0, 0},
};

sepcl_status emit_function(const call *c, tensor *t, sepcl_activation activation, tensor *out) {
  sepcl_value value;
  TRY(tensor_value_kept(c, t, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return tensor_of_value(c, out, sepcl_graph_activation(c->reader->graph, value, activation), &t->layout);
}

static sepcl_status give_function(call *c, sepcl_activation activation) {
  tensor out;
  TRY(emit_function(c, call_input(c, 0), activation, &out));
  return call_give(c, 0, &out);
}

sepcl_status op_function(call *c) {
  const function_row *row = functions;
  while (strcmp(row->name, c->node->op_type) != 0) row++;
  sepcl_activation activation = {row->kind, 0, 0};
  TRY(call_float(c, "alpha", row->alpha, &activation.a));
  TRY(call_float(c, row->kind == SEPCL_SELU ? "gamma" : "beta", row->beta, &activation.b));
  return give_function(c, activation);
}

/* Bounds are attributes up to opset 10, inputs since. Where they cross, the upper one wins. */
sepcl_status op_clip(call *c) {
  sepcl_activation activation = {SEPCL_CLIP, -INFINITY, INFINITY};
  if (c->reader->opset < 11) {
    TRY(call_float(c, "min", -INFINITY, &activation.a));
    TRY(call_float(c, "max", INFINITY, &activation.b));
  } else {
    TRY(call_known_float(c, 1, -INFINITY, &activation.a));
    TRY(call_known_float(c, 2, INFINITY, &activation.b));
  }
  if (isnan(activation.a) || isnan(activation.b)) return refuse(c, SEPCL_UNSUPPORTED, "a bound is not a number");
  if (activation.a > activation.b) activation.a = activation.b;
  if (activation.a == 0.0f && activation.b == INFINITY) activation = (sepcl_activation){SEPCL_RELU, 0, 0};
  if (activation.kind == SEPCL_CLIP && activation.a == 0.0f && activation.b == 6.0f)
    activation = (sepcl_activation){SEPCL_RELU6, 0, 0};
  return give_function(c, activation);
}

sepcl_status op_gelu(call *c) {
  const char *approximate;
  TRY(call_text(c, "approximate", "none", &approximate));
  bool tanh_form = !strcmp(approximate, "tanh");
  if (!tanh_form && strcmp(approximate, "none") != 0)
    return refuse(c, SEPCL_BAD_MODEL, "attribute 'approximate' is '%s'", approximate);
  return give_function(c, (sepcl_activation){tanh_form ? SEPCL_GELU_TANH : SEPCL_GELU, 0, 0});
}

/* x < 0 ? alpha (exp(x / alpha) - 1) : x, which is alpha Elu(x / alpha) for a positive alpha. */
sepcl_status op_celu(call *c) {
  float alpha;
  tensor scale, scaled, elu, out;
  TRY(call_float(c, "alpha", 1.0f, &alpha));
  if (!(alpha > 0)) return refuse(c, SEPCL_UNSUPPORTED, "attribute 'alpha' is %g", (double)alpha);
  if (alpha == 1.0f) return give_function(c, (sepcl_activation){SEPCL_ELU, 1.0f, 0});
  TRY(known_scalar(c, alpha, &scale));
  TRY(emit_binary(c, SEPCL_DIV, call_input(c, 0), &scale, &scaled));
  TRY(emit_function(c, &scaled, (sepcl_activation){SEPCL_ELU, 1.0f, 0}, &elu));
  TRY(emit_binary(c, SEPCL_MUL, &elu, &scale, &out));
  return call_give(c, 0, &out);
}

sepcl_status op_identity(call *c) { return call_give(c, 0, call_input(c, 0)); }

sepcl_status op_cast(call *c) {
  int64_t to;
  TRY(call_int(c, "to", ONNX_FLOAT, &to));
  if (to != ONNX_FLOAT)
    return refuse(c, SEPCL_UNSUPPORTED, "a cast to %s of a value that is computed: sepcl computes with float32 only",
                  type_name((int32_t)(to < 0 || to > 1000 ? 1000 : to)));
  return op_identity(c);
}

sepcl_status op_dropout(call *c) {
  tensor *training = call_input(c, 2), *ratio = call_input(c, 1);
  bool drops_nothing = ratio && ratio->floats && shape_elements(&ratio->shape) == 1 && ratio->floats[0] == 0.0f;
  if (drops_nothing) return op_identity(c);
  if (training && (!training->integers || shape_elements(&training->shape) != 1 || training->integers[0]))
    return refuse(c, SEPCL_UNSUPPORTED, "training mode is not supported");
  return op_identity(c);
}
