#include "model/layout.h"

#include <string.h>

#include "graph/graph.h"

layout layout_native(int32_t rank) {
  layout l = {{0}};
  for (int32_t i = 0; i < rank; i++) l.perm[i] = i;
  return l;
}

layout layout_channels_last(int32_t rank) {
  layout l = layout_native(rank);
  if (rank < 3) return l;
  l.perm[1] = rank - 1;
  for (int32_t i = 2; i < rank; i++) l.perm[i] = i - 1;
  return l;
}

shape layout_stored(const shape *s, const layout *l) {
  shape stored = {.rank = s->rank};
  for (int32_t i = 0; i < s->rank; i++) stored.dims[l->perm[i]] = s->dims[i];
  return stored;
}

/* The ONNX axes of more than one element, in stored order; returns how many. */
static int32_t long_axes(const shape *s, const layout *l, int32_t axes[SEPCL_MAX_RANK]) {
  int32_t at[SEPCL_MAX_RANK] = {0}, count = 0;
  for (int32_t i = 0; i < s->rank; i++) at[l->perm[i]] = i;
  for (int32_t j = 0; j < s->rank; j++)
    if (s->dims[at[j]] != 1) axes[count++] = at[j];
  return count;
}

/* Whether both orders lay the elements out alike: axes of one element may stand anywhere. */
static bool same_order(const shape *s, const layout *a, const layout *b) {
  int32_t axes_a[SEPCL_MAX_RANK], axes_b[SEPCL_MAX_RANK];
  int32_t count = long_axes(s, a, axes_a);
  long_axes(s, b, axes_b);
  return memcmp(axes_a, axes_b, (size_t)count * sizeof *axes_a) == 0;
}

/* ---- values ---- */

sepcl_value emit_reshape(sepcl_graph *graph, sepcl_value value, const shape *s) {
  for (;;) {
    const node *n = graph_node(graph, value);
    if (!n) return SEPCL_NO_VALUE;
    if (n->rank == s->rank && memcmp(n->dims, s->dims, (size_t)s->rank * sizeof *s->dims) == 0) return value;
    if (n->kind != NODE_RESHAPE) break;
    value = n->inputs[0];
  }
  return sepcl_graph_reshape(graph, value, s->rank, s->dims);
}

static sepcl_status constant_value(const call *c, const tensor *t, const layout *l, sepcl_value *out) {
  shape stored = layout_stored(&t->shape, l);
  layout native = layout_native(t->shape.rank);
  const float *data = t->floats;
  if (!data)
    return refuse(c, SEPCL_UNSUPPORTED, "'%s' is %s; sepcl computes with float32 only", t->name ? t->name : "?",
                  type_name(t->type));
  if (shape_elements(&t->shape) == 0)
    return refuse(c, SEPCL_UNSUPPORTED, "'%s' is a tensor without elements", t->name ? t->name : "?");
  if (!same_order(&t->shape, l, &native)) {
    tensor permuted;
    int32_t axes[SEPCL_MAX_RANK];
    for (int32_t i = 0; i < t->shape.rank; i++) axes[l->perm[i]] = i;
    TRY(known_transpose(c, t, axes, &permuted));
    data = permuted.floats;
  }
  *out = sepcl_graph_constant_borrowed(c->reader->graph, stored.rank, stored.dims, data);
  return SEPCL_OK;
}

static sepcl_status transposed_value(const call *c, const tensor *t, const layout *l, sepcl_value *out) {
  int32_t permutation[SEPCL_MAX_RANK];
  shape stored = layout_stored(&t->shape, &t->layout);
  for (int32_t i = 0; i < t->shape.rank; i++) permutation[l->perm[i]] = t->layout.perm[i];
  *out = emit_reshape(c->reader->graph, t->value, &stored);
  if (*out != SEPCL_NO_VALUE) *out = sepcl_graph_transpose(c->reader->graph, *out, permutation);
  return SEPCL_OK;
}

sepcl_status tensor_value(const call *c, tensor *t, const layout *l, sepcl_value *out) {
  shape stored = layout_stored(&t->shape, l);
  if (!tensor_is_known(t) && same_order(&t->shape, &t->layout, l)) {
    *out = emit_reshape(c->reader->graph, t->value, &stored);
  } else if (t->other != SEPCL_NO_VALUE && same_order(&t->shape, &t->other_layout, l)) {
    *out = emit_reshape(c->reader->graph, t->other, &stored);
  } else {
    if (tensor_is_known(t))
      TRY(constant_value(c, t, l, out));
    else
      TRY(transposed_value(c, t, l, out));
    t->other = *out;
    t->other_layout = *l;
  }
  tensor unused;
  return *out == SEPCL_NO_VALUE ? tensor_of_value(c, &unused, *out, l) : SEPCL_OK;
}

sepcl_status tensor_value_kept(const call *c, tensor *t, sepcl_value *out) {
  return tensor_value(c, t, &t->layout, out);
}

/* ---- views ---- */

sepcl_status view_transpose(const call *c, const tensor *t, const int32_t *axes, tensor *out) {
  int32_t rank = t->shape.rank;
  tensor view = *t;
  for (int32_t i = 0; i < rank; i++) {
    view.shape.dims[i] = t->shape.dims[axes[i]];
    view.layout.perm[i] = t->layout.perm[axes[i]];
    view.other_layout.perm[i] = t->other_layout.perm[axes[i]];
  }
  if (tensor_is_known(t)) return known_transpose(c, t, axes, out); /* known data stays in ONNX's order */
  *out = view;
  return SEPCL_OK;
}

/* Axes that a reshape maps onto each other: input axes [from, from_end) onto output axes [to, to_end), counted among
 * the axes of more than one element. */
typedef struct axis_group {
  int32_t from, from_end, to, to_end;
  int32_t key; /* its place in stored order */
} axis_group;

typedef struct long_shape {
  int32_t count, axes[SEPCL_MAX_RANK];
} long_shape;

static long_shape long_axes_of(const shape *s) {
  layout native = layout_native(s->rank);
  long_shape list = {0};
  list.count = long_axes(s, &native, list.axes);
  return list;
}

/* Both shapes have the same, non-zero number of elements. */
static int32_t match_axes(const shape *a, const long_shape *in, const shape *b, const long_shape *out,
                          axis_group groups[SEPCL_MAX_RANK]) {
  int32_t count = 0, i = 0, j = 0;
  while (i < in->count && j < out->count) {
    axis_group *g = &groups[count++];
    int64_t p = a->dims[in->axes[i]], q = b->dims[out->axes[j]];
    *g = (axis_group){.from = i++, .to = j++};
    while (p != q)
      if (p < q)
        p *= a->dims[in->axes[i++]];
      else
        q *= b->dims[out->axes[j++]];
    g->from_end = i;
    g->to_end = j;
  }
  return count;
}

/* The order nearest to the stored one in which the axes of each group are neighbours, in ONNX's order: a group that has
 * to move goes where its innermost axis is. Axes of one element stay in front of what they were in front of. */
static layout gathered_layout(const tensor *t, const long_shape *in, axis_group *groups, int32_t count) {
  int32_t key[SEPCL_MAX_RANK][2], rank = t->shape.rank;
  layout l = {{0}};
  for (int32_t i = 0; i < rank; i++) key[i][0] = t->layout.perm[i], key[i][1] = -1;
  for (int32_t g = 0; g < count; g++) {
    groups[g].key = 0;
    for (int32_t i = groups[g].from; i < groups[g].from_end; i++)
      if (t->layout.perm[in->axes[i]] > groups[g].key) groups[g].key = t->layout.perm[in->axes[i]];
    for (int32_t i = groups[g].from; i < groups[g].from_end; i++)
      key[in->axes[i]][0] = groups[g].key, key[in->axes[i]][1] = i;
  }
  for (int32_t i = 0; i < rank; i++)
    for (int32_t j = 0; j < rank; j++)
      l.perm[i] += key[j][0] < key[i][0] || (key[j][0] == key[i][0] && key[j][1] < key[i][1]);
  return l;
}

/* Where the output axes of more than one element lie is given by the groups' places; the others may stand anywhere, so
 * they are put where the usual orders have them, the one that the input is in first. */
static layout output_layout(const tensor *t, const shape *s, const axis_group *groups, int32_t count) {
  layout native = layout_native(t->shape.rank);
  long_shape out = long_axes_of(s);
  bool in_order = same_order(&t->shape, &t->layout, &native);
  int32_t place[SEPCL_MAX_RANK] = {0}, next = 0;
  layout candidates[2] = {layout_channels_last(s->rank), layout_native(s->rank)}, l = {{0}};
  for (int32_t i = 0; i < out.count; i++)
    for (int32_t g = 0; g < count; g++)
      for (int32_t j = groups[g].to; j < groups[g].to_end; j++) {
        int32_t mine = 0;
        for (int32_t h = 0; h < count; h++)
          if (groups[h].to <= i && i < groups[h].to_end) mine = groups[h].key;
        place[i] += groups[g].key < mine || (groups[g].key == mine && j < i);
      }
  for (int32_t i = 0; i < s->rank; i++)
    if (s->dims[i] == 1) l.perm[i] = next++;
  for (int32_t i = 0; i < out.count; i++) l.perm[out.axes[i]] = next + place[i];
  for (int32_t k = 0; k < 2; k++)
    if (same_order(s, &candidates[in_order ? 1 - k : k], &l)) return candidates[in_order ? 1 - k : k];
  return l;
}

sepcl_status view_reshape(const call *c, tensor *t, const shape *s, tensor *out) {
  axis_group groups[SEPCL_MAX_RANK];
  tensor view = *t;
  if (shape_elements(s) != shape_elements(&t->shape))
    return refuse(c, SEPCL_INVALID_SHAPE, "%lld elements cannot be reshaped into %lld",
                  (long long)shape_elements(&t->shape), (long long)shape_elements(s));
  view.shape = *s;
  view.other = SEPCL_NO_VALUE;
  if (tensor_is_known(t)) {
    view.layout = layout_native(s->rank);
    *out = view;
    return SEPCL_OK;
  }
  long_shape from = long_axes_of(&t->shape), to = long_axes_of(s);
  int32_t count = match_axes(&t->shape, &from, s, &to, groups);
  layout gathered = gathered_layout(t, &from, groups, count);
  if (!same_order(&t->shape, &t->layout, &gathered)) TRY(tensor_value(c, t, &gathered, &view.value));
  view.layout = output_layout(t, s, groups, count);
  *out = view;
  return SEPCL_OK;
}

sepcl_status view_insert_axis(const call *c, tensor *t, int32_t axis, tensor *out) {
  shape s = {.rank = t->shape.rank + 1};
  if (s.rank > SEPCL_MAX_RANK) return refuse(c, SEPCL_UNSUPPORTED, "more than %d dimensions", SEPCL_MAX_RANK);
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = i == axis ? 1 : t->shape.dims[i - (i > axis)];
  return view_reshape(c, t, &s, out);
}

sepcl_status view_remove_axis(const call *c, tensor *t, int32_t axis, tensor *out) {
  shape s = {.rank = t->shape.rank - 1};
  for (int32_t i = 0; i < s.rank; i++) s.dims[i] = t->shape.dims[i + (i >= axis)];
  return view_reshape(c, t, &s, out);
}

sepcl_status view_unsqueeze_front(const call *c, tensor **t, int32_t rank, tensor *view) {
  shape s = {.rank = rank};
  int32_t added = rank - (*t)->shape.rank;
  if (!added) return SEPCL_OK;
  for (int32_t i = 0; i < rank; i++) s.dims[i] = i < added ? 1 : (*t)->shape.dims[i - added];
  TRY(view_reshape(c, *t, &s, view));
  *t = view;
  return SEPCL_OK;
}
