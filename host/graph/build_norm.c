/* Batch, layer and instance normalisation, local response normalisation. */
#include <math.h>

#include "error.h"
#include "graph/build.h"

static sepcl_status check_epsilon(float epsilon) {
  if (isfinite(epsilon) && epsilon >= 0.0f) return SEPCL_OK;
  return failure(SEPCL_INVALID_ARGUMENT, "epsilon is %g, not a small positive number", (double)epsilon);
}

static sepcl_status batch_norm_rule(const sepcl_graph *graph, node *n, float epsilon) {
  const node *x = input_of(graph, n, 0);
  if (x->rank < 1) return failure(SEPCL_INVALID_SHAPE, "the input is a scalar");
  TRY(check_epsilon(epsilon));
  int64_t channels = node_channels(x);
  static const char *const names[] = {"gamma", "beta", "the mean", "the variance"};
  for (int32_t i = 0; i < 4; i++) TRY(check_parameter(graph, n, 1 + i, names[i], channels));
  n->epsilon = epsilon;
  return set_shape_of(n, x);
}

sepcl_value sepcl_graph_batch_norm(sepcl_graph *graph, sepcl_value x, const sepcl_value parameters[4], float epsilon) {
  sepcl_value inputs[5] = {x, SEPCL_NO_VALUE, SEPCL_NO_VALUE, SEPCL_NO_VALUE, SEPCL_NO_VALUE};
  for (int32_t i = 0; parameters && i < 4; i++) inputs[1 + i] = parameters[i];
  node *n = graph_begin(graph, NODE_BATCH_NORM, inputs, 5, 5);
  return n ? graph_finish(graph, batch_norm_rule(graph, n, epsilon)) : SEPCL_NO_VALUE;
}

static sepcl_status layer_norm_rule(const sepcl_graph *graph, node *n, const node *x) {
  TRY(resolve_axis(&n->norm.axis, x->rank));
  TRY(check_epsilon(n->norm.epsilon));
  for (int32_t index = 1; index <= 2; index++) {
    const node *parameter = input_of(graph, n, index);
    if (!parameter) continue;
    int32_t axes = x->rank - n->norm.axis;
    bool fits = parameter->rank <= axes;
    for (int32_t i = 1; fits && i <= axes; i++)
      fits = (i <= parameter->rank ? parameter->dims[parameter->rank - i] : 1) == x->dims[x->rank - i];
    char text[SHAPE_TEXT], wanted[SHAPE_TEXT];
    if (!fits)
      return failure(SEPCL_INVALID_SHAPE, "the %s has the shape %s instead of %s", index == 1 ? "scale" : "shift",
                     shape_text(text, parameter->rank, parameter->dims),
                     shape_text(wanted, axes, x->dims + n->norm.axis));
  }
  return SEPCL_OK;
}

static sepcl_status instance_norm_rule(const sepcl_graph *graph, node *n, const node *x) {
  TRY(check_rank4(x));
  TRY(check_epsilon(n->norm.epsilon));
  TRY(check_parameter(graph, n, 1, "the scale", x->dims[3]));
  return check_parameter(graph, n, 2, "the shift", x->dims[3]);
}

static sepcl_status lrn_rule(const sepcl_graph *graph, const node *n) {
  const sepcl_norm_attributes *a = &n->norm;
  if (input_of(graph, n, 1) || input_of(graph, n, 2))
    return failure(SEPCL_INVALID_ARGUMENT, "local response normalisation takes no scale and no shift");
  if (a->window <= 0) return failure(SEPCL_INVALID_ARGUMENT, "a window of %d channels is not positive", a->window);
  if (!isfinite(a->alpha) || !isfinite(a->beta) || !isfinite(a->bias))
    return failure(SEPCL_INVALID_ARGUMENT, "alpha, beta or bias is not finite");
  return SEPCL_OK;
}

static sepcl_status norm_rule(const sepcl_graph *graph, node *n, const sepcl_norm_attributes *given) {
  n->norm = (sepcl_norm_attributes)SEPCL_NORM_ATTRIBUTES_INIT;
  TRY(read_attributes(&n->norm, sizeof n->norm, given));
  const node *x = input_of(graph, n, 0);
  if (x->rank < 1) return failure(SEPCL_INVALID_SHAPE, "the input is a scalar");
  switch (n->norm.kind) {
    case SEPCL_LAYER_NORM: TRY(layer_norm_rule(graph, n, x)); break;
    case SEPCL_INSTANCE_NORM: TRY(instance_norm_rule(graph, n, x)); break;
    case SEPCL_LRN: TRY(lrn_rule(graph, n)); break;
    default: return failure(SEPCL_INVALID_ARGUMENT, "normalisation %d is unknown", (int)n->norm.kind);
  }
  return set_shape_of(n, x);
}

sepcl_value sepcl_graph_norm(sepcl_graph *graph, sepcl_value x, sepcl_value scale, sepcl_value shift,
                             const sepcl_norm_attributes *attributes) {
  node *n = graph_begin(graph, NODE_NORM, (sepcl_value[]){x, scale, shift}, 3, 1);
  return n ? graph_finish(graph, norm_rule(graph, n, attributes)) : SEPCL_NO_VALUE;
}
