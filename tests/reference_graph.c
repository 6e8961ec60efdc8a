#include "reference_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_functions.h"
#include "reference_stages.h"

typedef struct evaluation {
  const sepcl_graph *graph;
  reference_values *values;
  const float *const *inputs;
  reference_graph_options options;
} evaluation;

typedef bool (*evaluator)(const evaluation *e, const node *n, float *y);

static const float *value_of(const evaluation *e, const node *n, int32_t input) {
  sepcl_value value = input < n->input_count ? n->inputs[input] : SEPCL_NO_VALUE;
  return value < 0 ? NULL : e->values->values[value];
}

static const node *node_of(const evaluation *e, const node *n, int32_t input) {
  return graph_node(e->graph, n->inputs[input]);
}

/* ---- positions ---- */

static void coordinates(const node *n, int64_t index, int64_t at[SEPCL_MAX_RANK]) {
  for (int32_t axis = n->rank - 1; axis >= 0; axis--) {
    at[axis] = index % n->dims[axis];
    index /= n->dims[axis];
  }
}

static int64_t index_of(const node *n, const int64_t at[SEPCL_MAX_RANK]) {
  int64_t index = 0;
  for (int32_t axis = 0; axis < n->rank; axis++) index = index * n->dims[axis] + at[axis];
  return index;
}

/* The element of `n` that the position `at` in a value of rank `rank` reads when n is broadcast to it. */
static int64_t broadcast_index(const node *n, const int64_t *at, int32_t rank) {
  int64_t own[SEPCL_MAX_RANK] = {0};
  for (int32_t axis = 0; axis < n->rank; axis++) own[axis] = n->dims[axis] == 1 ? 0 : at[axis + rank - n->rank];
  return index_of(n, own);
}

/* ---- convolutions, products, batch norms ---- */

typedef struct linear {
  sepcl_shape input;
  int32_t outputs, groups;
  sepcl_window window;
  const float *x;
  sepcl_weights set;
} linear;

static bool run_linear(const linear *l, float *y) {
  reference_weights folded;
  if (!reference_fold(&folded, &l->set, l->outputs, l->input.c / l->groups, &l->window)) return false;
  reference_conv_args args = {
      .input = l->input, .outputs = l->outputs, .groups = l->groups, .window = l->window, .x = l->x, .w = &folded};
  reference_conv(&args, y);
  reference_weights_free(&folded);
  return true;
}

static linear linear_of_conv(const evaluation *e, const node *n) {
  linear l = {node_shape4(node_of(e, n, 0)),
              n->conv.outputs,
              n->conv.groups,
              n->conv.window,
              value_of(e, n, 0),
              SEPCL_WEIGHTS_INIT};
  l.set.weights = value_of(e, n, 1);
  l.set.layout = n->conv.layout;
  l.set.bias = value_of(e, n, 2);
  return l;
}

static bool eval_conv(const evaluation *e, const node *n, float *y) {
  linear l = linear_of_conv(e, n);
  return run_linear(&l, y);
}

/* A product with a constant matrix, whose addend is one row: each output a pixel of a 1x1 convolution. */
static bool is_fully_connected(const evaluation *e, const node *n) {
  const node *b = node_of(e, n, 1);
  if (b->kind != NODE_CONSTANT || b->rank != 2) return false;
  return n->inputs[2] < 0 || node_elements(node_of(e, n, 2)) == node_channels(n);
}

static linear linear_of_matmul(const evaluation *e, const node *n) {
  const node *a = node_of(e, n, 0);
  int32_t inner = (int32_t)node_channels(a);
  sepcl_shape rows = {1, 1, (int32_t)(node_elements(a) / inner), inner};
  linear l = {rows, (int32_t)node_channels(n), 1, SEPCL_WINDOW_INIT, value_of(e, n, 0), SEPCL_WEIGHTS_INIT};
  l.set.weights = value_of(e, n, 1);
  l.set.layout = n->mode ? SEPCL_OIHW : SEPCL_HWIO;
  l.set.bias = value_of(e, n, 2);
  return l;
}

/* c, or 0, then the products with k ascending. */
static bool eval_matmul(const evaluation *e, const node *n, float *y) {
  if (is_fully_connected(e, n)) {
    linear l = linear_of_matmul(e, n);
    return run_linear(&l, y);
  }
  const node *a = node_of(e, n, 0), *b = node_of(e, n, 1);
  const float *a_data = value_of(e, n, 0), *b_data = value_of(e, n, 1), *c_data = value_of(e, n, 2);
  int32_t row_axis = n->rank - 2, column_axis = n->rank - 1;
  for (int64_t i = 0; i < node_elements(n); i++) {
    int64_t at[SEPCL_MAX_RANK];
    coordinates(n, i, at);
    float sum = c_data ? c_data[broadcast_index(node_of(e, n, 2), at, n->rank)] : 0.0f;
    int64_t row = at[row_axis], column = at[column_axis];
    for (int64_t k = 0; k < node_channels(a); k++) {
      at[row_axis] = row, at[column_axis] = k;
      float left = a_data[broadcast_index(a, at, n->rank)];
      at[row_axis] = n->mode ? column : k, at[column_axis] = n->mode ? k : column;
      sum = fmaf(left, b_data[broadcast_index(b, at, n->rank)], sum);
    }
    y[i] = sum;
  }
  return true;
}

static int32_t uses(const sepcl_graph *graph, sepcl_value value) {
  int32_t count = 0;
  for (int32_t i = 0; i < graph->count; i++)
    for (int32_t k = 0; k < graph->nodes[i].input_count; k++) count += graph->nodes[i].inputs[k] == value;
  for (int32_t i = 0; i < graph->output_count; i++) count += graph->outputs[i].value == value;
  return count;
}

static void set_norm(const evaluation *e, const node *n, sepcl_weights *set) {
  set->gamma = value_of(e, n, 1);
  set->beta = value_of(e, n, 2);
  set->mean = value_of(e, n, 3);
  set->variance = value_of(e, n, 4);
  set->epsilon = n->epsilon;
}

static bool eval_batch_norm(const evaluation *e, const node *n, float *y) {
  const node *x = node_of(e, n, 0);
  bool linear_before = x->kind == NODE_CONV || (x->kind == NODE_MATMUL && is_fully_connected(e, x));
  if (e->options.fold_batch_norm && linear_before && uses(e->graph, n->inputs[0]) == 1) {
    linear folded = x->kind == NODE_CONV ? linear_of_conv(e, x) : linear_of_matmul(e, x);
    set_norm(e, n, &folded.set);
    return run_linear(&folded, y);
  }
  int32_t channels = (int32_t)node_channels(n);
  sepcl_shape rows = {1, 1, (int32_t)(node_elements(n) / channels), channels};
  linear l = {rows, channels, channels, SEPCL_WINDOW_INIT, value_of(e, n, 0), SEPCL_WEIGHTS_INIT};
  float *ones = malloc((size_t)channels * sizeof *ones);
  for (int32_t c = 0; ones && c < channels; c++) ones[c] = 1.0f;
  l.set.weights = ones;
  set_norm(e, n, &l.set);
  bool done = ones && run_linear(&l, y);
  free(ones);
  return done;
}

/* ---- what the reference knows as stages ---- */

/* The stage of a node on images, its operands contiguous. */
static void run_stage(const evaluation *e, const node *n, stage *s, reference_operands *o) {
  const node *x = node_of(e, n, 0);
  if (x->rank == 4) s->input = node_shape4(x);
  if (n->rank == 4) s->output = node_shape4(n);
  o->x = value_of(e, n, 0);
  o->x_pitch = node_channels(x);
  o->y_pitch = node_channels(n);
  o->block = 64;
  reference_stage(s, o);
}

static bool eval_pool(const evaluation *e, const node *n, float *y) {
  stage s = {.kind = STAGE_POOL, .window = n->pool.window, .mode = (int32_t)n->pool.kind};
  reference_operands o = {.y = y};
  run_stage(e, n, &s, &o);
  return true;
}

static bool eval_resize(const evaluation *e, const node *n, float *y) {
  const sepcl_resize_attributes *a = &n->resize;
  stage s = {.kind = STAGE_RESIZE, .mode = (int32_t)a->mode};
  s.extra[0] = (int32_t)a->coordinates;
  s.extra[1] = (int32_t)a->nearest;
  s.extra_float[0] = a->scale_h;
  s.extra_float[1] = a->scale_w;
  reference_operands o = {.y = y};
  run_stage(e, n, &s, &o);
  return true;
}

static bool eval_norm(const evaluation *e, const node *n, float *y) {
  const sepcl_norm_attributes *a = &n->norm;
  stage s = {.kind = STAGE_NORM, .mode = (int32_t)a->kind};
  s.extra_float[0] = a->kind == SEPCL_LRN ? a->alpha : a->epsilon;
  s.extra_float[1] = a->beta;
  s.extra_float[2] = a->bias;
  s.extra[0] = a->window;
  reference_operands o = {.y = y, .r = value_of(e, n, 1), .s = value_of(e, n, 2)};
  s.has_residual = o.r;
  s.has_scale = o.s;
  if (a->kind != SEPCL_LAYER_NORM) {
    run_stage(e, n, &s, &o);
    return true;
  }
  int64_t length = 1; /* the axes from `axis` on are one row */
  for (int32_t axis = a->axis; axis < n->rank; axis++) length *= n->dims[axis];
  s.input = s.output = (sepcl_shape){1, 1, (int32_t)(node_elements(n) / length), (int32_t)length};
  o.x = value_of(e, n, 0);
  o.x_pitch = o.y_pitch = length;
  o.block = 64;
  reference_stage(&s, &o);
  return true;
}

static bool eval_conv_transpose(const evaluation *e, const node *n, float *y) {
  stage s = {.kind = STAGE_CONV_TRANSPOSE, .window = n->conv_transpose.window, .groups = n->conv_transpose.groups};
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = value_of(e, n, 1);
  set.bias = value_of(e, n, 2);
  set.layout = n->conv_transpose.layout;
  reference_operands o = {.y = y, .weights = &set};
  run_stage(e, n, &s, &o);
  return true;
}

static bool eval_deform_conv(const evaluation *e, const node *n, float *y) {
  stage s = {.kind = STAGE_DEFORM_CONV, .window = n->conv.window, .groups = n->conv.groups};
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = value_of(e, n, 1);
  set.bias = value_of(e, n, 3);
  set.layout = n->conv.layout;
  s.extra[0] = n->mode;
  reference_operands o = {.y = y, .weights = &set, .r = value_of(e, n, 2), .s = value_of(e, n, 4)};
  s.has_residual = true;
  s.has_scale = o.s;
  o.r_pitch = node_channels(node_of(e, n, 2));
  o.s_pitch = o.s ? node_channels(node_of(e, n, 4)) : 0;
  run_stage(e, n, &s, &o);
  return true;
}

static void strides_of(const node *n, int64_t strides[SEPCL_MAX_RANK]) {
  int64_t step = 1;
  for (int32_t axis = n->rank - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= n->dims[axis];
  }
}

static bool eval_reduce(const evaluation *e, const node *n, float *y) {
  const node *x = node_of(e, n, 0);
  stage s = {.kind = STAGE_REDUCE, .mode = n->mode, .rank = x->rank};
  memcpy(s.dims, x->dims, sizeof s.dims);
  strides_of(x, s.x_stride);
  int64_t step = 1;
  for (int32_t axis = x->rank - 1; axis >= 0; axis--) {
    s.extra[axis] = n->axes >> axis & 1;
    s.y_stride[axis] = s.extra[axis] ? 0 : step;
    step *= s.extra[axis] ? 1 : x->dims[axis];
  }
  reference_operands o = {.y = y};
  run_stage(e, n, &s, &o);
  return true;
}

static bool eval_softmax(const evaluation *e, const node *n, float *y) {
  stage s = {.kind = STAGE_SOFTMAX, .rank = n->rank};
  memcpy(s.dims, n->dims, sizeof s.dims);
  strides_of(n, s.x_stride);
  int64_t stride = s.x_stride[n->axis], last = s.x_stride[n->rank - 1];
  s.dims[n->axis] = n->dims[n->rank - 1]; /* the axis goes last */
  s.x_stride[n->axis] = last;
  s.dims[n->rank - 1] = n->dims[n->axis];
  s.x_stride[n->rank - 1] = stride;
  memcpy(s.y_stride, s.x_stride, sizeof s.y_stride);
  reference_operands o = {.y = y};
  run_stage(e, n, &s, &o);
  return true;
}

/* ---- element by element ---- */

static bool eval_activation(const evaluation *e, const node *n, float *y) {
  const float *x = value_of(e, n, 0);
  for (int64_t i = 0; i < node_elements(n); i++) y[i] = reference_function(n->activation, x[i]);
  return true;
}

static bool eval_binary(const evaluation *e, const node *n, float *y) {
  const node *a = node_of(e, n, 0), *b = node_of(e, n, 1);
  const float *a_data = value_of(e, n, 0), *b_data = value_of(e, n, 1);
  int64_t at[SEPCL_MAX_RANK];
  for (int64_t i = 0; i < node_elements(n); i++) {
    coordinates(n, i, at);
    y[i] = reference_binary((sepcl_binary)n->mode, a_data[broadcast_index(a, at, n->rank)],
                            b_data[broadcast_index(b, at, n->rank)]);
  }
  return true;
}

/* Brings a padded index back into the input; false: the constant. */
static bool pad_source(const node *n, int64_t size, int64_t *i) {
  if (*i >= 0 && *i < size) return true;
  if (n->mode == SEPCL_PAD_CONSTANT) return false;
  if (n->mode == SEPCL_PAD_EDGE)
    *i = *i < 0 ? 0 : size - 1;
  else
    *i = *i < 0 ? -*i : 2 * (size - 1) - *i;
  return true;
}

/* Turns a position in n into the one in its input that it copies; false: n's constant instead. */
static bool source_of(const node *n, const node *x, int64_t at[SEPCL_MAX_RANK]) {
  int64_t from[SEPCL_MAX_RANK] = {0};
  bool inside = true;
  for (int32_t axis = 0; axis < n->rank; axis++) switch (n->kind) {
      case NODE_SLICE: from[axis] = n->starts[axis] + at[axis] * n->steps[axis]; break;
      case NODE_TRANSPOSE: from[n->permutation[axis]] = at[axis]; break;
      case NODE_GATHER: from[axis] = axis == n->axis ? n->indices[at[axis]] : at[axis]; break;
      case NODE_PAD:
        from[axis] = at[axis] - n->before[axis];
        inside = pad_source(n, x->dims[axis], &from[axis]) && inside;
        break;
      default: break;
    }
  memcpy(at, from, sizeof from);
  return inside;
}

static bool eval_move(const evaluation *e, const node *n, float *y) {
  const node *x = node_of(e, n, 0);
  const float *data = value_of(e, n, 0);
  int64_t at[SEPCL_MAX_RANK];
  for (int64_t i = 0; i < node_elements(n); i++) {
    coordinates(n, i, at);
    y[i] = source_of(n, x, at) ? data[index_of(x, at)] : n->value;
  }
  return true;
}

static bool eval_expand(const evaluation *e, const node *n, float *y) {
  int64_t at[SEPCL_MAX_RANK];
  for (int64_t i = 0; i < node_elements(n); i++) {
    coordinates(n, i, at);
    y[i] = value_of(e, n, 0)[broadcast_index(node_of(e, n, 0), at, n->rank)];
  }
  return true;
}

static bool eval_reshape(const evaluation *e, const node *n, float *y) {
  memcpy(y, value_of(e, n, 0), (size_t)node_elements(n) * sizeof *y);
  return true;
}

static bool eval_concat(const evaluation *e, const node *n, float *y) {
  int64_t first = 0, at[SEPCL_MAX_RANK];
  for (int32_t k = 0; k < n->input_count; k++) {
    const node *part = node_of(e, n, k);
    for (int64_t i = 0; i < node_elements(part); i++) {
      coordinates(part, i, at);
      at[n->axis] += first;
      y[index_of(n, at)] = value_of(e, n, k)[i];
    }
    first += part->dims[n->axis];
  }
  return true;
}

static bool eval_input(const evaluation *e, const node *n, float *y) {
  for (int32_t i = 0; i < e->graph->input_count; i++)
    if (graph_node(e->graph, e->graph->inputs[i].value) == n)
      memcpy(y, e->inputs[i], (size_t)node_elements(n) * sizeof *y);
  return true;
}

static bool eval_constant(const evaluation *e, const node *n, float *y) {
  (void)e;
  memcpy(y, n->data, (size_t)node_elements(n) * sizeof *y);
  return true;
}

static const evaluator evaluators[NODE_KIND_COUNT] = {
    [NODE_INPUT] = eval_input,
    [NODE_CONSTANT] = eval_constant,
    [NODE_CONV] = eval_conv,
    [NODE_CONV_TRANSPOSE] = eval_conv_transpose,
    [NODE_DEFORM_CONV] = eval_deform_conv,
    [NODE_BATCH_NORM] = eval_batch_norm,
    [NODE_NORM] = eval_norm,
    [NODE_ACTIVATION] = eval_activation,
    [NODE_BINARY] = eval_binary,
    [NODE_POOL] = eval_pool,
    [NODE_REDUCE] = eval_reduce,
    [NODE_MATMUL] = eval_matmul,
    [NODE_CONCAT] = eval_concat,
    [NODE_SLICE] = eval_move,
    [NODE_PAD] = eval_move,
    [NODE_RESHAPE] = eval_reshape,
    [NODE_TRANSPOSE] = eval_move,
    [NODE_EXPAND] = eval_expand,
    [NODE_GATHER] = eval_move,
    [NODE_SOFTMAX] = eval_softmax,
    [NODE_RESIZE] = eval_resize,
};

bool reference_graph_run(reference_values *out, const sepcl_graph *graph, const float *const *inputs,
                         reference_graph_options options) {
  out->count = graph->count;
  out->values = calloc((size_t)graph->count + 1, sizeof *out->values);
  evaluation e = {graph, out, inputs, options};
  bool done = out->values;
  for (int32_t i = 0; done && i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    out->values[i] = malloc((size_t)node_elements(n) * sizeof(float));
    done = out->values[i] && evaluators[n->kind] && evaluators[n->kind](&e, n, out->values[i]);
  }
  if (!done) reference_values_free(out);
  return done;
}

const float *reference_graph_output(const reference_values *values, const sepcl_graph *graph, int32_t index) {
  return values->values[graph->outputs[index].value];
}

void reference_values_free(reference_values *values) {
  for (int32_t i = 0; values->values && i < values->count; i++) free(values->values[i]);
  free(values->values);
  *values = (reference_values){NULL, 0};
}
