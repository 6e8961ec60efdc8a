/* Operators that move values: concatenation, reshaping, slices, padding, resizing. */
#include <stdlib.h>

#include "tflite/translate.h"

void translate_concatenation(translator *t) {
  const tfl_concatenation *p = t->options;
  int count = t->node->inputs ? t->node->inputs->size : 0;
  sepcl_value *values = calloc((size_t)count + 1, sizeof *values);
  if (!values) {
    refuse(t, "out of memory for %d operands", count);
    return;
  }
  for (int i = 0; i < count; i++) values[i] = operand(t, i);
  set_activated(t, sepcl_graph_concat(t->graph, values, count, p->axis), p->activation);
  free(values);
}

/* The host has worked out the shape already: RESHAPE, SQUEEZE and EXPAND_DIMS are one, where what they read is
 * constant. */
void translate_squeeze(translator *t) {
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  sepcl_value x = operand(t, 0);
  if (output_shape(t, &rank, dims)) set_output(t, 0, sepcl_graph_reshape(t->graph, x, rank, dims));
}

void translate_expand_dims(translator *t) {
  int64_t axis;
  if (integers(t, 1, &axis, 1) == 1) translate_squeeze(t);
}

/* x, the shape if it is not among the options. */
void translate_reshape(translator *t) {
  int64_t shape[2 * SEPCL_MAX_RANK]; /* of too many dimensions: for a better reason */
  if (input_tensor(t, 1) < 0 || integers(t, 1, shape, 2 * SEPCL_MAX_RANK) >= 0) translate_squeeze(t);
}

void translate_transpose(translator *t) {
  int64_t order[SEPCL_MAX_RANK], dims[SEPCL_MAX_RANK];
  int32_t permutation[SEPCL_MAX_RANK] = {0}, rank;
  sepcl_value x = operand(t, 0);
  int count = integers(t, 1, order, SEPCL_MAX_RANK);
  if (count < 0 || !shape_of(t, x, &rank, dims)) return;
  if (count != rank) {
    refuse(t, "a permutation of %d axes for %d dimensions", count, rank);
    return;
  }
  for (int i = 0; i < count; i++) permutation[i] = (int32_t)(order[i] < 0 ? order[i] + rank : order[i]);
  set_output(t, 0, sepcl_graph_transpose(t->graph, x, permutation));
}

void translate_pad(translator *t) {
  int64_t pairs[2 * SEPCL_MAX_RANK], before[SEPCL_MAX_RANK], after[SEPCL_MAX_RANK], dims[SEPCL_MAX_RANK];
  int32_t rank;
  sepcl_value x = operand(t, 0);
  int count = integers(t, 1, pairs, 2 * SEPCL_MAX_RANK);
  if (count < 0 || !shape_of(t, x, &rank, dims)) return;
  if (count != 2 * rank) {
    refuse(t, "%d amounts of padding for %d dimensions", count, rank);
    return;
  }
  for (int32_t i = 0; i < rank; i++) {
    before[i] = pairs[2 * i];
    after[i] = pairs[2 * i + 1];
  }
  set_output(t, 0, sepcl_graph_pad(t->graph, x, SEPCL_PAD_CONSTANT, before, after, 0.0f));
}

/* ---- slices ---- */

typedef struct slice {
  int64_t starts[SEPCL_MAX_RANK], counts[SEPCL_MAX_RANK], steps[SEPCL_MAX_RANK];
} slice;

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/* One axis: what begin, end, step and the masks' bits mean; the builder refuses an empty range. Of an axis that goes,
 * the host takes the first element of the range. */
static void slice_axis(slice *s, int axis, int64_t size, int64_t end, const tfl_strided_slice *p) {
  int64_t begin = s->starts[axis], step = s->steps[axis], low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  begin = begin < 0 ? begin + size : begin;
  end = end < 0 ? end + size : end;
  if (p->shrink_axis_mask >> axis & 1) {
    s->starts[axis] = p->begin_mask >> axis & 1 ? 0 : begin;
    s->counts[axis] = s->steps[axis] = 1;
    return;
  }
  begin = p->begin_mask >> axis & 1 ? (step > 0 ? 0 : size - 1) : clamp(begin, low, high);
  end = p->end_mask >> axis & 1 ? (step > 0 ? size : -1) : clamp(end, low, high);
  s->starts[axis] = begin;
  s->counts[axis] = step > 0 ? (end - begin + step - 1) / step : (begin - end - step - 1) / -step;
}

void translate_strided_slice(translator *t) {
  const tfl_strided_slice *p = t->options;
  slice s;
  int64_t ends[SEPCL_MAX_RANK], dims[SEPCL_MAX_RANK], out[SEPCL_MAX_RANK];
  int32_t rank, out_rank;
  sepcl_value x = operand(t, 0);
  int begins = integers(t, 1, s.starts, SEPCL_MAX_RANK), stops = integers(t, 2, ends, SEPCL_MAX_RANK);
  int steps = integers(t, 3, s.steps, SEPCL_MAX_RANK);
  if (begins < 0 || stops != begins || steps != begins || !shape_of(t, x, &rank, dims) ||
      !output_shape(t, &out_rank, out))
    return;
  if (p->ellipsis_mask || p->new_axis_mask || p->offset || begins > rank) {
    refuse(t, "a slice with an ellipsis, a new axis or relative ends");
    return;
  }
  for (int i = 0; i < rank; i++) {
    if (i >= begins) {
      s.starts[i] = 0;
      s.counts[i] = dims[i];
      s.steps[i] = 1;
    } else if (s.steps[i] == 0 || (s.steps[i] < 0 && p->shrink_axis_mask >> i & 1)) {
      refuse(t, "a slice with step %lld of axis %d", (long long)s.steps[i], i);
      return;
    } else {
      slice_axis(&s, i, dims[i], ends[i], p);
    }
  }
  sepcl_value y = sepcl_graph_slice(t->graph, x, s.starts, s.counts, s.steps);
  set_output(t, 0, p->shrink_axis_mask ? sepcl_graph_reshape(t->graph, y, out_rank, out) : y);
}

/* axis, x: equal parts. */
void translate_split(translator *t) {
  slice s = {{0}, {0}, {0}};
  int64_t axis, dims[SEPCL_MAX_RANK];
  int32_t rank;
  int parts = t->node->outputs ? t->node->outputs->size : 0, count = integers(t, 0, &axis, 1);
  sepcl_value x = operand(t, 1);
  if (count != 1 || !shape_of(t, x, &rank, dims)) return;
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank || parts < 1 || dims[axis] % parts) {
    refuse(t, "%d parts do not divide the axis", parts);
    return;
  }
  for (int i = 0; i < rank; i++) s.counts[i] = dims[i];
  s.counts[axis] = dims[axis] / parts;
  for (int i = 0; i < parts; i++, s.starts[axis] += s.counts[axis])
    set_output(t, i, sepcl_graph_slice(t->graph, x, s.starts, s.counts, NULL));
}

/* ---- blocks of pixels ---- */

/* Through six axes: [N][H][W][b][b][C] and [N][H][b][W][b][C] differ in the order of the middle four. */
static void move_blocks(translator *t, bool to_space) {
  static const int32_t order[6] = {0, 1, 3, 2, 4, 5};
  int64_t b = ((const tfl_block *)t->options)->size, d[SEPCL_MAX_RANK], out[4];
  sepcl_value x = operand(t, 0);
  if (!image_of(t, x, d)) return;
  bool fits = b > 0 && b < 1 << 15 && (to_space ? d[3] % (b * b) == 0 : d[1] % b == 0 && d[2] % b == 0);
  if (!fits) {
    refuse(t, "blocks of %lld do not divide its input", (long long)b);
    return;
  }
  int64_t apart[6] = {d[0], d[1], d[2], b, b, to_space ? d[3] / (b * b) : 0};
  int64_t together[6] = {d[0], d[1] / b, b, d[2] / b, b, d[3]};
  for (int i = 0; i < 4; i++) out[i] = d[i];
  out[1] = to_space ? d[1] * b : d[1] / b;
  out[2] = to_space ? d[2] * b : d[2] / b;
  out[3] = to_space ? d[3] / (b * b) : d[3] * b * b;
  sepcl_value y = sepcl_graph_reshape(t->graph, x, 6, to_space ? apart : together);
  y = sepcl_graph_transpose(t->graph, y, order);
  set_output(t, 0, sepcl_graph_reshape(t->graph, y, 4, out));
}

void translate_depth_to_space(translator *t) { move_blocks(t, true); }
void translate_space_to_depth(translator *t) { move_blocks(t, false); }

/* ---- resizing ---- */

static void resize(translator *t, sepcl_resize_attributes *a) {
  int64_t size[2];
  sepcl_value x = operand(t, 0);
  int count = integers(t, 1, size, 2);
  if (count < 0) return;
  if (count != 2) {
    refuse(t, "a size of %d numbers", count);
    return;
  }
  a->height = size[0];
  a->width = size[1];
  set_output(t, 0, sepcl_graph_resize(t->graph, x, a));
}

void translate_resize_bilinear(translator *t) {
  const tfl_resize *p = t->options;
  sepcl_resize_attributes a = SEPCL_RESIZE_ATTRIBUTES_INIT;
  a.mode = SEPCL_LINEAR;
  a.coordinates = p->align_corners ? SEPCL_ALIGN_CORNERS : p->half_pixel_centers ? SEPCL_HALF_PIXEL : SEPCL_ASYMMETRIC;
  resize(t, &a);
}

void translate_resize_nearest(translator *t) {
  const tfl_resize *p = t->options;
  sepcl_resize_attributes a = SEPCL_RESIZE_ATTRIBUTES_INIT;
  a.coordinates = p->align_corners        ? SEPCL_ALIGN_CORNERS
                  : p->half_pixel_centers ? SEPCL_TF_HALF_PIXEL_FOR_NN
                                          : SEPCL_ASYMMETRIC;
  a.nearest = p->align_corners ? SEPCL_ROUND_PREFER_CEIL : SEPCL_NEAREST_FLOOR;
  resize(t, &a);
}
