#include "graph/passes/bounds.h"

#include <math.h>
#include <stdlib.h>

#include "error.h"
#include "graph/passes/channel_sets.h"

static const double UNIT_ROUNDOFF = 0x1p-24;

size_t weight_index(const folded_channel *f, int32_t output, int32_t input, int32_t y, int32_t x) {
  size_t o = (size_t)output, i = (size_t)input, h = (size_t)y, w = (size_t)x;
  size_t O = (size_t)f->outputs, I = (size_t)f->inputs, H = (size_t)f->kernel_h, W = (size_t)f->kernel_w;
  switch (f->layout) {
    case SEPCL_OIHW: return ((o * I + i) * H + h) * W + w;
    case SEPCL_OHWI: return ((o * H + h) * W + w) * I + i;
    case SEPCL_HWIO: return ((h * W + w) * I + i) * O + o;
    case SEPCL_HWC: return (h * W + w) * O + o;
  }
  return 0;
}

static const float *data_of(const sepcl_graph *graph, sepcl_value value) {
  const node *n = graph_node(graph, value);
  return n ? n->data : NULL;
}

bool weights_of(folded_channel *out, const sepcl_graph *graph, const node *n) {
  const weight_set set = node_weight_set(n);
  *out = (folded_channel){.factor = 1.0};
  out->weights = data_of(graph, set.weights);
  if (!out->weights) return false;
  const bool conv = n->kind == NODE_CONV;
  out->groups = conv ? n->conv.groups : 1;
  out->outputs = (int32_t)node_channels(n);
  out->inputs = (int32_t)(node_channels(graph_node(graph, n->inputs[0])) / out->groups);
  out->kernel_h = conv ? n->conv.window.kernel_h : 1;
  out->kernel_w = conv ? n->conv.window.kernel_w : 1;
  out->layout = set.layout;
  return true;
}

bool folded_channel_of(folded_channel *out, const sepcl_graph *graph, const node *n, int32_t output) {
  if (!weights_of(out, graph, n)) return false;
  const weight_set set = node_weight_set(n);
  const float *bias = data_of(graph, set.bias), *variance = data_of(graph, set.variance);
  out->bias = bias ? bias[output] : 0.0;
  if (variance) {
    const float *gamma = data_of(graph, set.gamma), *beta = data_of(graph, set.beta), *mean = data_of(graph, set.mean);
    if (!mean) return false;
    out->factor = (gamma ? gamma[output] : 1.0) / sqrt((double)variance[output] + set.epsilon);
    out->bias = (out->bias - mean[output]) * out->factor + (beta ? beta[output] : 0.0);
  }
  return isfinite(out->factor) && isfinite(out->bias);
}

static interval everything(void) { return (interval){-INFINITY, INFINITY}; }

/* What the activation makes of an interval; widened by a few roundings where it computes. */
static interval activated(interval in, sepcl_activation a) {
  double low = in.low, high = in.high;
  switch (a.kind) {
    case SEPCL_NONE: return in;
    case SEPCL_LEAKY_RELU:
    case SEPCL_ELU:
    case SEPCL_GELU:
    case SEPCL_SWISH: return low == 0 && high == 0 ? in : everything(); /* x times something, or x */
    case SEPCL_RELU: return (interval){low < 0 ? 0 : low, high < 0 ? 0 : high};
    case SEPCL_RELU6:
    case SEPCL_CLIP: {
      double bottom = a.kind == SEPCL_RELU6 ? 0 : a.a, top = a.kind == SEPCL_RELU6 ? 6 : a.b;
      if (!(bottom <= top)) return everything();
      return (interval){fmin(fmax(low, bottom), top), fmin(fmax(high, bottom), top)};
    }
    case SEPCL_SIGMOID:
    case SEPCL_HARD_SIGMOID: return (interval){0, 1.0001};
    case SEPCL_TANH:
    case SEPCL_ERF: return (interval){-1.0001, 1.0001};
    case SEPCL_HARD_SWISH: return (interval){low >= 0 ? 0 : -0.3751, high <= 0 ? 0 : high * 1.0001};
    default: return everything();
  }
}

/* The fma chain's computed value: exact sum within gamma_n (sum |w x| + |b|); where no term can be positive (negative),
 * no partial sum can be either, since rounding is monotone. */
typedef struct chain {
  double low, high, magnitude;
  int64_t terms;
  bool never_positive, never_negative;
} chain;

static void add_term(chain *c, double weight, interval x, bool padded) {
  c->terms++;
  if (weight == 0) return;
  if (!isfinite(weight)) { /* a product may be infinite or NaN */
    c->magnitude = INFINITY;
    c->never_positive = c->never_negative = false;
    return;
  }
  double a = weight * x.low, b = weight * x.high;
  double low = fmin(a, b), high = fmax(a, b);
  if (padded) { /* the tap may be skipped */
    low = fmin(low, 0);
    high = fmax(high, 0);
  }
  c->low += low;
  c->high += high;
  c->magnitude += fmax(fabs(low), fabs(high));
  if (high > 0) c->never_positive = false;
  if (low < 0) c->never_negative = false;
}

static interval chain_interval(const chain *c) {
  if (!isfinite(c->magnitude)) {
    return (interval){c->never_negative ? 0 : -INFINITY, c->never_positive ? 0 : INFINITY};
  }
  /* Folded weights are rounded once more than the exact ones. */
  double margin = ((double)c->terms + 4) * UNIT_ROUNDOFF * 1.01 * c->magnitude;
  interval out = {c->low - margin, c->high + margin};
  if (c->never_negative && out.low < 0) out.low = 0;
  if (c->never_positive && out.high > 0) out.high = 0;
  return out;
}

/* Near the largest float: sums and products beyond it may overflow. */
static const double LARGE = 1e38;

/* Rounded outwards by more than one rounding; zero stays zero. */
static interval widened(double low, double high) {
  if (!(low <= high) || low < -LARGE || high > LARGE) return everything(); /* or a NaN is among them */
  return (interval){low - fabs(low) * 2 * UNIT_ROUNDOFF, high + fabs(high) * 2 * UNIT_ROUNDOFF};
}

/* A product that underflows becomes zero or gains at most the smallest number, on its side of zero. */
static interval product(interval a, interval b) {
  const double p[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  double low = p[0], high = p[0];
  for (int i = 0; i < 4; i++) {
    if (isnan(p[i])) return everything();
    low = fmin(low, p[i]);
    high = fmax(high, p[i]);
  }
  interval out = widened(low, high);
  if (low < 0) out.low -= 0x1p-149;
  if (high > 0) out.high += 0x1p-149;
  return out;
}

static interval sum(interval a, interval b) { return widened(a.low + b.low, a.high + b.high); }

static interval channel_of(const bounds *b, sepcl_value value, int32_t channel) {
  return b->channels[value] ? b->channels[value][channel] : everything();
}

interval read_interval(const bounds *b, const node *n, int32_t channel) {
  const interval x = channel_of(b, n->inputs[0], channel);
  return n->scale == SEPCL_NO_VALUE ? x : product(x, channel_of(b, n->scale, channel));
}

static interval conv_channel(const sepcl_graph *graph, const node *n, int32_t output, const bounds *known) {
  folded_channel f;
  if (!folded_channel_of(&f, graph, n, output)) return everything();
  const sepcl_window *w = &n->conv.window;
  bool padded = w->pad_top || w->pad_left || w->pad_bottom || w->pad_right;
  int32_t first = output / (n->conv.outputs / n->conv.groups) * f.inputs;
  chain c = {f.bias, f.bias, fabs(f.bias), 0, f.bias <= 0, f.bias >= 0};
  for (int32_t y = 0; y < f.kernel_h; y++)
    for (int32_t k = 0; k < f.kernel_w; k++)
      for (int32_t i = 0; i < f.inputs; i++)
        add_term(&c, f.factor * f.weights[weight_index(&f, output, i, y, k)],
                 read_interval(known, n, n->input_order ? n->input_order[first + i] : first + i), padded);
  if (c.terms && c.low == c.high && c.magnitude == fabs(f.bias)) /* all products are zero: exactly the packed bias */
    return (interval){(double)(float)f.bias, (double)(float)f.bias};
  return chain_interval(&c);
}

static void conv_bounds(interval *out, const sepcl_graph *graph, const node *n, const bounds *known) {
  /* Where they are scattered, the concatenation places them. */
  const int32_t *order = n->scattered ? NULL : n->output_order;
  for (int32_t o = 0; o < n->conv.outputs; o++) {
    const int32_t stored = order ? order[o] : o;
    interval v = conv_channel(graph, n, o, known);
    if (n->residual != SEPCL_NO_VALUE) v = n->scattered ? everything() : sum(v, channel_of(known, n->residual, stored));
    out[stored] = activated(v, n->activation);
  }
}

static void copy_bounds(interval *out, const interval *x, int64_t channels, sepcl_activation activation) {
  for (int64_t c = 0; c < channels; c++) out[c] = activated(x ? x[c] : everything(), activation);
}

static void concat_bounds(interval *out, const sepcl_graph *graph, const node *n, const bounds *known) {
  int64_t at = 0;
  for (int32_t i = 0; i < n->input_count; i++) {
    const interval *x = known->channels[n->inputs[i]];
    int64_t channels = node_channels(graph_node(graph, n->inputs[i])), step = n->interleaved ? n->input_count : 1;
    for (int64_t c = 0; c < channels; c++) out[at + c * step] = x ? x[c] : everything();
    at += n->interleaved ? 1 : channels;
  }
}

/* A mean of at most `terms` numbers, padding perhaps among them; a rounding for each and for the division. No partial
 * sum changes its sign. */
static interval mean(interval x, double terms, bool padded) {
  if (padded) x = (interval){fmin(x.low, 0), fmax(x.high, 0)};
  const double margin = (terms + 2) * UNIT_ROUNDOFF * 1.01 * fmax(fabs(x.low), fabs(x.high));
  if (!(terms * fmax(fabs(x.low), fabs(x.high)) < LARGE) || terms > 0x1p20) return everything();
  return (interval){x.low >= 0 ? fmax(x.low - margin, 0) : x.low - margin,
                    x.high <= 0 ? fmin(x.high + margin, 0) : x.high + margin};
}

static void mean_bounds(interval *out, const sepcl_graph *graph, const node *n, const bounds *known) {
  const node *x = graph_node(graph, n->inputs[0]);
  const bool pool = n->kind == NODE_POOL, padded = pool && n->pool.kind == SEPCL_AVERAGE_POOL_WITH_PADDING;
  const double terms =
      pool ? (double)n->pool.window.kernel_h * n->pool.window.kernel_w : (double)x->dims[1] * (double)x->dims[2];
  for (int32_t c = 0; c < node_channels(n); c++)
    out[c] = activated(mean(channel_of(known, n->inputs[0], c), terms, padded), n->activation);
}

static void binary_bounds(interval *out, const node *n, const bounds *known) {
  for (int32_t c = 0; c < node_channels(n); c++) {
    const interval a = read_interval(known, n, c), b = channel_of(known, n->inputs[1], c);
    const interval v = n->mode == SEPCL_ADD ? sum(a, b) : n->mode == SEPCL_MUL ? product(a, b) : everything();
    out[c] = activated(v, n->activation);
  }
}

/* False: nothing is known of the node's value. */
static bool node_bounds(interval *out, const sepcl_graph *graph, const node *n, const bounds *known) {
  switch (n->kind) {
    case NODE_CONV: conv_bounds(out, graph, n, known); return true;
    case NODE_ACTIVATION: copy_bounds(out, known->channels[n->inputs[0]], node_channels(n), n->activation); return true;
    case NODE_POOL:
    case NODE_REDUCE:
      if (!node_keeps_channels(graph, n) || (n->kind == NODE_REDUCE && n->mode != SEPCL_REDUCE_MEAN)) return false;
      if (n->kind == NODE_POOL && n->pool.kind == SEPCL_MAX_POOL)
        copy_bounds(out, known->channels[n->inputs[0]], node_channels(n), n->activation);
      else
        mean_bounds(out, graph, n, known);
      return true;
    case NODE_BINARY:
      if (!node_keeps_channels(graph, n)) return false;
      binary_bounds(out, n, known);
      return true;
    case NODE_CONCAT:
      if (n->axis != n->rank - 1) return false;
      if (n->interleaved && graph_node(graph, n->inputs[0])->scattered &&
          graph_node(graph, n->inputs[0])->kind == NODE_CONCAT)
        return false; /* written over (pass_through.c) */
      concat_bounds(out, graph, n, known);
      return true;
    default: return false;
  }
}

sepcl_status bounds_compute(bounds *out, const sepcl_graph *graph) {
  out->count = graph->count;
  out->channels = calloc((size_t)graph->count + 1, sizeof *out->channels);
  if (!out->channels) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for interval bounds");
  for (int32_t i = 0; i < graph->count; i++) {
    const node *n = &graph->nodes[i];
    if (n->dead || n->rank != 4) continue;
    interval *channels = malloc((size_t)node_channels(n) * sizeof *channels);
    if (!channels) {
      bounds_free(out);
      return failure(SEPCL_OUT_OF_MEMORY, "out of memory for interval bounds");
    }
    if (node_bounds(channels, graph, n, out))
      out->channels[i] = channels;
    else
      free(channels);
  }
  return SEPCL_OK;
}

void bounds_free(bounds *b) {
  for (int32_t i = 0; b->channels && i < b->count; i++) free(b->channels[i]);
  free(b->channels);
  b->channels = NULL;
}
