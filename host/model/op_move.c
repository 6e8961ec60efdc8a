/* Operations that copy elements: concat, split, slice, pad, expand, gather, tile. */
#include <string.h>

#include "model/layout.h"
#include "model/operations.h"

/* The order that most operands lie in already; the first computed one's on a tie. */
static layout concat_layout(const call *c) {
  layout best = layout_native(call_input(c, 0)->shape.rank);
  int32_t rank = call_input(c, 0)->shape.rank, votes = 0;
  for (int32_t i = 0; i < c->input_count; i++) {
    int32_t same = 0;
    if (tensor_is_known(call_input(c, i))) continue;
    const layout *l = &call_input(c, i)->layout;
    for (int32_t j = 0; j < c->input_count; j++)
      same += !tensor_is_known(call_input(c, j)) &&
              !memcmp(call_input(c, j)->layout.perm, l->perm, (size_t)rank * sizeof *l->perm);
    if (same > votes) votes = same, best = *l;
  }
  return best;
}

sepcl_status op_concat(call *c) {
  int64_t given;
  int32_t axis, rank = call_input(c, 0)->shape.rank;
  sepcl_value values[MAX_INPUTS];
  TRY(call_int(c, "axis", 1, &given));
  TRY(call_axis(c, given, rank, false, &axis));
  for (int32_t i = 0; i < c->input_count; i++)
    if (!call_input(c, i) || call_input(c, i)->shape.rank != rank)
      return refuse(c, SEPCL_INVALID_SHAPE, "input %d has not %d dimensions", i, rank);
  bool all_known = true;
  for (int32_t i = 0; i < c->input_count; i++) all_known = all_known && tensor_is_known(call_input(c, i));
  if (all_known) {
    tensor known;
    TRY(known_concat(c, axis, &known));
    return call_give(c, 0, &known);
  }
  layout l = concat_layout(c);
  for (int32_t i = 0; i < c->input_count; i++) TRY(tensor_value(c, call_input(c, i), &l, &values[i]));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  return call_give_value(c, 0, sepcl_graph_concat(c->reader->graph, values, c->input_count, l.perm[axis]), &l);
}

/* ---- slices ---- */

typedef struct cut {
  int64_t starts[SEPCL_MAX_RANK], counts[SEPCL_MAX_RANK], steps[SEPCL_MAX_RANK];
} cut;

static cut whole(const shape *s) {
  cut all = {{0}, {0}, {0}};
  for (int32_t i = 0; i < s->rank; i++) all.counts[i] = s->dims[i], all.steps[i] = 1;
  return all;
}

/* A slice of `t`, given by ONNX's axes. */
static sepcl_status emit_slice(const call *c, tensor *t, const cut *k, tensor *out) {
  cut stored;
  sepcl_value value;
  bool is_whole = true;
  for (int32_t i = 0; i < t->shape.rank; i++) {
    int32_t j = t->layout.perm[i];
    stored.starts[j] = k->starts[i], stored.counts[j] = k->counts[i], stored.steps[j] = k->steps[i];
    is_whole = is_whole && k->counts[i] == t->shape.dims[i] && k->steps[i] == 1;
  }
  *out = *t;
  if (is_whole) return SEPCL_OK;
  if (tensor_is_known(t)) return known_slice(c, t, k->starts, k->counts, k->steps, out);
  TRY(tensor_value_kept(c, t, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_slice(c->reader->graph, value, stored.starts, stored.counts, stored.steps);
  return tensor_of_value(c, out, value, &t->layout);
}

/* Sizes from the attribute or the input; without either, equal parts, the last one smaller (since opset 18). */
static sepcl_status split_sizes(const call *c, int64_t total, const int64_t **sizes) {
  int32_t count, parts = (int32_t)c->node->n_output;
  int64_t wanted, sum = 0;
  void *block;
  TRY(call_known_ints(c, "split", c->input_count > 1 ? 1 : -1, sizes, &count));
  TRY(call_int(c, "num_outputs", parts, &wanted));
  if (count >= 0 && count != parts) return refuse(c, SEPCL_BAD_MODEL, "%d sizes for %d outputs", count, parts);
  if (count < 0) {
    int64_t part = (total + parts - 1) / parts;
    if (wanted != parts || (c->reader->opset < 18 && total % parts))
      return refuse(c, SEPCL_BAD_MODEL, "%lld elements cannot be split into %d", (long long)total, parts);
    TRY(model_memory_take(c->reader->scratch, &block, (size_t)parts, sizeof **sizes));
    int64_t *own = block;
    for (int32_t i = 0; i < parts; i++) own[i] = i + 1 < parts ? part : total - part * (parts - 1);
    *sizes = own;
  }
  for (int32_t i = 0; i < parts; i++) {
    if ((*sizes)[i] < 1 || (*sizes)[i] > total - sum)
      return refuse(c, SEPCL_INVALID_SHAPE, "part %d of %lld elements does not fit into %lld", i,
                    (long long)(*sizes)[i], (long long)total);
    sum += (*sizes)[i];
  }
  return sum == total ? SEPCL_OK : refuse(c, SEPCL_INVALID_SHAPE, "the parts do not make up the input");
}

sepcl_status op_split(call *c) {
  tensor *x = call_input(c, 0), out;
  const int64_t *sizes;
  int64_t given, start = 0;
  int32_t axis;
  TRY(call_int(c, "axis", 0, &given));
  TRY(call_axis(c, given, x->shape.rank, false, &axis));
  TRY(split_sizes(c, x->shape.dims[axis], &sizes));
  for (int32_t i = 0; i < (int32_t)c->node->n_output; i++) {
    cut k = whole(&x->shape);
    k.starts[axis] = start;
    k.counts[axis] = sizes[i];
    TRY(emit_slice(c, x, &k, &out));
    TRY(call_give(c, i, &out));
    start += sizes[i];
  }
  return SEPCL_OK;
}

/* ONNX clamps the bounds, which may be far outside; a backward end below zero is -1 after that. */
static void slice_axis(int64_t dim, int64_t start, int64_t end, int64_t step, cut *k, int32_t axis) {
  if (start < 0) start = start < -dim ? (step < 0 ? -1 : 0) : start + dim;
  if (end < 0) end = end < -dim ? (step < 0 ? -1 : 0) : end + dim;
  int64_t highest = step < 0 ? dim - 1 : dim, lowest = step < 0 ? -1 : 0;
  start = start > highest ? highest : start < 0 ? 0 : start;
  end = end > highest ? (step < 0 ? dim - 1 : dim) : end < lowest ? lowest : end;
  int64_t distance = step > 0 ? end - start : start - end;
  uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
  k->starts[axis] = start;
  k->steps[axis] = step;
  k->counts[axis] = distance <= 0 ? 0 : (int64_t)(((uint64_t)distance - 1) / stride + 1);
}

sepcl_status op_slice(call *c) {
  tensor *x = call_input(c, 0), out;
  bool as_inputs = c->reader->opset >= 10;
  const int64_t *starts, *ends, *axes, *steps = NULL;
  int32_t count, end_count, axis_count, step_count = -1;
  cut k = whole(&x->shape);
  TRY(call_known_ints(c, "starts", as_inputs ? 1 : -1, &starts, &count));
  TRY(call_known_ints(c, "ends", as_inputs ? 2 : -1, &ends, &end_count));
  TRY(call_known_ints(c, "axes", as_inputs ? 3 : -1, &axes, &axis_count));
  if (as_inputs) TRY(call_known_ints(c, "steps", 4, &steps, &step_count));
  if (count < 0 || end_count != count || (axis_count >= 0 && axis_count != count) ||
      (step_count >= 0 && step_count != count))
    return refuse(c, SEPCL_BAD_MODEL, "starts, ends, axes and steps are not of one length");
  for (int32_t i = 0; i < count; i++) {
    int32_t axis;
    int64_t step = step_count >= 0 ? steps[i] : 1;
    TRY(call_axis(c, axis_count >= 0 ? axes[i] : i, x->shape.rank, false, &axis));
    if (step == 0) return refuse(c, SEPCL_BAD_MODEL, "the step of axis %d is 0", axis);
    slice_axis(x->shape.dims[axis], starts[i], ends[i], step, &k, axis);
    if (k.counts[axis] == 0 && !tensor_is_known(x))
      return refuse(c, SEPCL_UNSUPPORTED, "nothing is left of axis %d", axis);
  }
  TRY(emit_slice(c, x, &k, &out));
  return call_give(c, 0, &out);
}

/* ---- pads ---- */

static sepcl_status read_pad_mode(const call *c, sepcl_pad_mode *mode) {
  static const char *const names[] = {"constant", "reflect", "edge"};
  const char *name;
  TRY(call_text(c, "mode", "constant", &name));
  for (int i = 0; i < 3; i++)
    if (!strcmp(names[i], name)) {
      *mode = (sepcl_pad_mode)i;
      return SEPCL_OK;
    }
  return refuse(c, SEPCL_UNSUPPORTED, "pad mode '%s' is not supported", name);
}

/* Amounts in stored order. */
static sepcl_status read_pads(const call *c, const tensor *x, int64_t *before, int64_t *after) {
  const int64_t *pads, *axes = NULL;
  int32_t count, axis_count = -1;
  bool as_input = c->reader->opset >= 11;
  TRY(call_known_ints(c, call_has_attribute(c, "paddings") ? "paddings" : "pads", as_input ? 1 : -1, &pads, &count));
  if (call_input(c, 3)) TRY(call_known_ints(c, "axes", 3, &axes, &axis_count));
  int32_t padded = axis_count >= 0 ? axis_count : x->shape.rank;
  if (count != 2 * padded) return refuse(c, SEPCL_BAD_MODEL, "%d amounts for %d axes", count, padded);
  for (int32_t i = 0; i < padded; i++) {
    int32_t axis;
    TRY(call_axis(c, axis_count >= 0 ? axes[i] : i, x->shape.rank, false, &axis));
    before[x->layout.perm[axis]] = pads[i];
    after[x->layout.perm[axis]] = pads[padded + i];
  }
  return SEPCL_OK;
}

sepcl_status op_pad(call *c) {
  tensor *x = call_input(c, 0);
  int64_t before[SEPCL_MAX_RANK] = {0}, after[SEPCL_MAX_RANK] = {0};
  sepcl_pad_mode mode = SEPCL_PAD_CONSTANT;
  float constant;
  sepcl_value value;
  TRY(read_pad_mode(c, &mode));
  TRY(read_pads(c, x, before, after));
  if (c->reader->opset < 11)
    TRY(call_float(c, "value", 0.0f, &constant));
  else
    TRY(call_known_float(c, 2, 0.0f, &constant));
  TRY(tensor_value_kept(c, x, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_pad(c->reader->graph, value, mode, before, after, constant);
  return call_give_value(c, 0, value, &x->layout);
}

/* ---- copies of the same elements ---- */

static sepcl_status emit_expand(const call *c, tensor *t, const shape *s, tensor *out) {
  shape stored = layout_stored(s, &t->layout);
  sepcl_value value;
  *out = *t;
  if (shape_equal(s, &t->shape)) return SEPCL_OK;
  if (tensor_is_known(t)) return known_expand(c, t, s, out);
  TRY(tensor_value_kept(c, t, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_expand(c->reader->graph, value, stored.rank, stored.dims);
  return tensor_of_value(c, out, value, &t->layout);
}

sepcl_status op_expand(call *c) {
  tensor *x = call_input(c, 0), wide, out;
  const int64_t *dims;
  int32_t count;
  TRY(call_known_ints(c, "shape", 1, &dims, &count));
  if (count > SEPCL_MAX_RANK) return refuse(c, SEPCL_UNSUPPORTED, "more than %d dimensions", SEPCL_MAX_RANK);
  TRY(view_unsqueeze_front(c, &x, count > x->shape.rank ? count : x->shape.rank, &wide));
  shape s = x->shape;
  for (int32_t i = 0; i < count; i++) {
    int64_t *dim = &s.dims[s.rank - count + i];
    if (*dim == 1)
      *dim = dims[i];
    else if (dims[i] != 1 && dims[i] != *dim)
      return refuse(c, SEPCL_INVALID_SHAPE, "axis %d of %lld elements cannot become %lld", s.rank - count + i,
                    (long long)*dim, (long long)dims[i]);
  }
  TRY(emit_expand(c, x, &s, &out));
  return call_give(c, 0, &out);
}

/* Each tiled axis gets an axis in front of it, is expanded along that and merged again. */
sepcl_status op_tile(call *c) {
  tensor t = *call_input(c, 0), split, repeated;
  const int64_t *repeats;
  int32_t count;
  TRY(call_known_ints(c, "repeats", 1, &repeats, &count));
  if (count != t.shape.rank) return refuse(c, SEPCL_BAD_MODEL, "%d repeats for %d dimensions", count, t.shape.rank);
  for (int32_t i = 0; i < count; i++) {
    shape s;
    if (repeats[i] == 1) continue;
    TRY(view_insert_axis(c, &t, i, &split));
    s = split.shape;
    s.dims[i] = repeats[i];
    TRY(emit_expand(c, &split, &s, &repeated));
    s = t.shape;
    s.dims[i] *= repeats[i];
    TRY(view_reshape(c, &repeated, &s, &t));
  }
  return call_give(c, 0, &t);
}

/* ---- gather ---- */

/* Indices that follow each other are a slice, which later costs nothing. */
static sepcl_status emit_gather(const call *c, tensor *x, int32_t axis, const int64_t *indices, int64_t count,
                                tensor *out) {
  bool in_row = count > 0;
  sepcl_value value;
  for (int64_t i = 1; i < count; i++) in_row = in_row && indices[i] == indices[i - 1] + 1;
  if (in_row) {
    cut k = whole(&x->shape);
    k.starts[axis] = indices[0];
    k.counts[axis] = count;
    return emit_slice(c, x, &k, out);
  }
  if (tensor_is_known(x)) return known_gather(c, x, axis, indices, count, out);
  TRY(tensor_value_kept(c, x, &value));
  sepcl_graph_name_next(c->reader->graph, call_name(c));
  value = sepcl_graph_gather(c->reader->graph, value, x->layout.perm[axis], indices, count);
  return tensor_of_value(c, out, value, &x->layout);
}

sepcl_status op_gather(call *c) {
  tensor *x = call_input(c, 0), *at = call_input(c, 1), gathered, out;
  int64_t given, count = shape_elements(&at->shape);
  int32_t axis;
  void *block;
  shape s = {.rank = x->shape.rank - 1 + at->shape.rank};
  TRY(call_int(c, "axis", 0, &given));
  TRY(call_axis(c, given, x->shape.rank, false, &axis));
  if (!at->integers)
    return refuse(c, SEPCL_UNSUPPORTED, "the indices ('%s') must be known when the model is loaded", at->name);
  if ((count < 1 && !tensor_is_known(x)) || s.rank > SEPCL_MAX_RANK)
    return refuse(c, SEPCL_UNSUPPORTED, "%lld indices, a result of %d dimensions", (long long)count, s.rank);
  TRY(model_memory_take(c->reader->scratch, &block, (size_t)count, sizeof(int64_t)));
  int64_t *indices = block, dim = x->shape.dims[axis];
  for (int64_t i = 0; i < count; i++) {
    int64_t index = at->integers[i];
    if (index < -dim || index >= dim)
      return refuse(c, SEPCL_BAD_MODEL, "index %lld of an axis of %lld", (long long)index, (long long)dim);
    indices[i] = index < 0 ? index + dim : index;
  }
  TRY(emit_gather(c, x, axis, indices, count, &gathered));
  for (int32_t i = 0; i < s.rank; i++)
    s.dims[i] = i < axis                    ? x->shape.dims[i]
                : i < axis + at->shape.rank ? at->shape.dims[i - axis]
                                            : x->shape.dims[i - at->shape.rank + 1];
  TRY(view_reshape(c, &gathered, &s, &out));
  return call_give(c, 0, &out);
}
