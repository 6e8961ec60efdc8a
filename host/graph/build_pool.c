/* Pools, reductions and resizing: everything over pixels without weights. */
#include <math.h>

#include "error.h"
#include "graph/build.h"

/* A window without a single tap inside the input has no maximum and no mean. */
static bool every_window_meets_input(const window_axis *a, int64_t positions) {
  for (int64_t at = 0; at < positions; at++) {
    int64_t first = at * a->stride - a->before;
    /* The first tap at or after pixel 0. */
    int64_t tap = first >= 0 ? 0 : (-first + a->dilation - 1) / a->dilation;
    if (tap >= a->kernel || first + tap * a->dilation >= a->input) return false;
  }
  return true;
}

static sepcl_status pool_rule(const sepcl_graph *graph, node *n, const sepcl_pool_attributes *given) {
  n->pool = (sepcl_pool_attributes)SEPCL_POOL_ATTRIBUTES_INIT;
  TRY(read_attributes(&n->pool, sizeof n->pool, given));
  const sepcl_pool_attributes *a = &n->pool;
  if (a->kind < SEPCL_MAX_POOL || a->kind > SEPCL_AVERAGE_POOL_WITH_PADDING)
    return failure(SEPCL_INVALID_ARGUMENT, "pool %d is unknown", (int)a->kind);
  const node *x = input_of(graph, n, 0);
  TRY(check_rank4(x));
  TRY(check_window(&a->window));
  window_axis h = window_axis_h(&a->window, x->dims[1]), w = window_axis_w(&a->window, x->dims[2]);
  int64_t oh = window_positions(&h, a->ceil_mode != 0), ow = window_positions(&w, a->ceil_mode != 0);
  if (oh <= 0 || ow <= 0)
    return failure(SEPCL_INVALID_SHAPE, "the window %dx%d does not fit into %lldx%lld padded pixels",
                   a->window.kernel_h, a->window.kernel_w, (long long)(h.input + h.before + h.after),
                   (long long)(w.input + w.before + w.after));
  TRY(set_shape(n, 4, (int64_t[]){x->dims[0], oh, ow, x->dims[3]}));
  if (!every_window_meets_input(&h, oh) || !every_window_meets_input(&w, ow))
    return failure(SEPCL_INVALID_SHAPE, "a window lies in the padding alone");
  return SEPCL_OK;
}

sepcl_value sepcl_graph_pool(sepcl_graph *graph, sepcl_value x, const sepcl_pool_attributes *attributes) {
  node *n = graph_begin(graph, NODE_POOL, &x, 1, 1);
  return n ? graph_finish(graph, pool_rule(graph, n, attributes)) : SEPCL_NO_VALUE;
}

static sepcl_status reduce_rule(const sepcl_graph *graph, node *n, sepcl_reduction kind, bool keep_dims) {
  const node *x = input_of(graph, n, 0);
  if (kind < SEPCL_REDUCE_MEAN || kind > SEPCL_REDUCE_MIN)
    return failure(SEPCL_INVALID_ARGUMENT, "reduction %d is unknown", (int)kind);
  if (n->axes >> x->rank)
    return failure(SEPCL_INVALID_ARGUMENT, "the axes 0x%x do not all exist in a value of rank %d", n->axes, x->rank);
  n->mode = kind;
  int32_t rank = 0;
  int64_t dims[SEPCL_MAX_RANK];
  for (int32_t i = 0; i < x->rank; i++) {
    bool reduced = n->axes >> i & 1;
    if (!reduced || keep_dims) dims[rank++] = reduced ? 1 : x->dims[i];
  }
  return set_shape(n, rank, dims);
}

sepcl_value sepcl_graph_reduce(sepcl_graph *graph, sepcl_value x, sepcl_reduction kind, uint32_t axes,
                               int32_t keep_dims) {
  node *n = graph_begin(graph, NODE_REDUCE, &x, 1, 1);
  if (!n) return SEPCL_NO_VALUE;
  n->axes = axes;
  return graph_finish(graph, reduce_rule(graph, n, kind, keep_dims != 0));
}

sepcl_value sepcl_graph_global_average_pool(sepcl_graph *graph, sepcl_value x) {
  node *n = graph_begin(graph, NODE_REDUCE, &x, 1, 1);
  if (!n) return SEPCL_NO_VALUE;
  n->axes = 1u << 1 | 1u << 2;
  sepcl_status status = check_rank4(input_of(graph, n, 0));
  return graph_finish(graph, status ? status : reduce_rule(graph, n, SEPCL_REDUCE_MEAN, true));
}

static sepcl_status check_scale(float scale) {
  if (isfinite(scale) && scale >= 0.0f) return SEPCL_OK;
  return failure(SEPCL_INVALID_ARGUMENT, "the scale %g is not positive", (double)scale);
}

static sepcl_status resize_rule(const sepcl_graph *graph, node *n, const sepcl_resize_attributes *given) {
  n->resize = (sepcl_resize_attributes)SEPCL_RESIZE_ATTRIBUTES_INIT;
  TRY(read_attributes(&n->resize, sizeof n->resize, given));
  const sepcl_resize_attributes *a = &n->resize;
  const node *x = input_of(graph, n, 0);
  TRY(check_rank4(x));
  if (a->mode < SEPCL_NEAREST || a->mode > SEPCL_LINEAR)
    return failure(SEPCL_INVALID_ARGUMENT, "resize mode %d is unknown", (int)a->mode);
  if (a->coordinates < SEPCL_HALF_PIXEL || a->coordinates > SEPCL_TF_HALF_PIXEL_FOR_NN)
    return failure(SEPCL_INVALID_ARGUMENT, "coordinate rule %d is unknown", (int)a->coordinates);
  if (a->nearest < SEPCL_ROUND_PREFER_FLOOR || a->nearest > SEPCL_NEAREST_CEIL)
    return failure(SEPCL_INVALID_ARGUMENT, "rounding rule %d is unknown", (int)a->nearest);
  TRY(check_scale(a->scale_h));
  TRY(check_scale(a->scale_w));
  return set_shape(n, 4, (int64_t[]){x->dims[0], a->height, a->width, x->dims[3]});
}

sepcl_value sepcl_graph_resize(sepcl_graph *graph, sepcl_value x, const sepcl_resize_attributes *attributes) {
  node *n = graph_begin(graph, NODE_RESIZE, &x, 1, 1);
  return n ? graph_finish(graph, resize_rule(graph, n, attributes)) : SEPCL_NO_VALUE;
}
