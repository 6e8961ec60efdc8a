/* The certificate of a network: for every value, where its numbers can lie and how far they can be from exact
 * arithmetic, whatever the inputs within the given range; and, from that, which values may be halves in memory. */
#include "plan/certificate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "plan/certify.h"
#include "stage/clblast.h"
#include "stage/copy.h"

/* What is known of each storage, by the innermost index of its root value. */
typedef struct contents {
  known *channels;
  int64_t count;
} contents;

typedef struct certificate {
  const sepcl_network *network;
  contents *storages; /* per slot */
} certificate;

static sepcl_value value_of_slot(const sepcl_network *network, sepcl_value slot) {
  const int32_t count = network->graph->count;
  return slot < count ? slot : slot < own_slot(network, 0) ? network->graph->outputs[slot - count].value : -1;
}

int64_t storage_channels(const sepcl_network *network, sepcl_value slot) {
  const node *n = graph_node(network->graph, value_of_slot(network, slot));
  return network->storages[slot].kind == STORAGE_NONE || !n ? 0 : node_channels(n);
}

static void describe_constant(contents *c, const node *n) {
  const int64_t elements = node_elements(n);
  for (int64_t i = 0; n->data && i < elements; i++) {
    const double v = (double)n->data[i];
    known *k = &c->channels[i % c->count];
    *k = isfinite(v) ? known_hull(*k, known_exact(v, v)) : known_nothing("constants that are not finite");
  }
}

static bool describe_storages(certificate *c) {
  const sepcl_network *network = c->network;
  const sepcl_network_options *options = &network->options;
  const bool given = options->input_low != 0.0f || options->input_high != 0.0f;
  const double low = given ? (double)options->input_low : -1, high = given ? (double)options->input_high : 1;
  for (sepcl_value slot = 0; slot < own_slot(network, 0); slot++) {
    const storage *s = &network->storages[slot];
    const node *n = graph_node(network->graph, value_of_slot(network, slot));
    contents *to = &c->storages[slot];
    to->count = storage_channels(network, slot);
    if (!to->count) continue;
    to->channels = calloc((size_t)to->count + 1, sizeof *to->channels);
    if (!to->channels) return false;
    for (int64_t i = 0; i < to->count; i++)
      to->channels[i] = n->kind == NODE_INPUT ? known_exact(low, high) : known_empty();
    if (s->kind == STORAGE_WEIGHTS) describe_constant(to, n);
  }
  return true;
}

static void close_certificate(certificate *c) {
  for (int32_t i = 0; c->storages && i < c->network->slot_count; i++) free(c->storages[i].channels);
  free(c->storages);
}

/* ---- channels of an operand ---- */

static known whole(const contents *c) {
  known k = known_empty();
  for (int64_t i = 0; i < c->count; i++) k = known_hull(k, c->channels[i]);
  return known_loaded(k);
}

/* Where an operand's first channel lies within its storage's, or -1 where its channels are not some of those: another
 * shape looks at them, so that any of them may be any element. */
static int64_t first_channel(const certificate *c, const place *at, int64_t channels) {
  const contents *in = &c->storages[at->root];
  const int64_t first = in->count ? at->offset % in->count : 0;
  return at->pitch == in->count && first + channels <= in->count ? first : -1;
}

/* One `known` a channel, as the stage counts them by `order` (NULL: as they lie); the caller frees them. NULL: out of
 * memory. */
static known *read_channels(const certificate *c, const place *at, int64_t channels, const int32_t *order) {
  known *out = calloc((size_t)channels + 1, sizeof *out);
  const contents *in = &c->storages[at->root];
  const int64_t first = first_channel(c, at, order ? 1 : channels);
  const known any = out ? whole(in) : known_empty();
  for (int64_t i = 0; out && i < channels; i++) {
    const int64_t channel = first + (order ? order[i] : i);
    out[i] = first < 0 || channel >= in->count ? any : known_loaded(in->channels[channel]);
  }
  return out;
}

static void add_to(contents *to, int64_t channel, known k) {
  if (channel >= 0 && channel < to->count) {
    to->channels[channel] = known_hull(to->channels[channel], k);
    return;
  }
  for (int64_t i = 0; i < to->count; i++) to->channels[i] = known_hull(to->channels[i], k);
}

/* A stage's result as it is in memory: into its storage and the step's summary. */
static void write_known(certificate *c, step *p, int64_t channel, known k) {
  if (c->network->storages[p->y.root].half) k = known_stored_half(k);
  add_to(&c->storages[p->y.root], channel, k);
  p->proven = known_hull(p->proven, k);
}

/* ---- stages with channels ---- */

static void write_channels(certificate *c, step *p, const known *v, int64_t count) {
  const int32_t *order = p->bound.s.output_order;
  int64_t first = first_channel(c, &p->y, order ? 1 : count);
  for (int64_t i = 0; i < count; i++) write_known(c, p, first < 0 ? -1 : first + (order ? order[i] : i), v[i]);
}

/* Sums in halves, unless one of them may pass 65504. */
static bool certify_sums(known *out, const certificate *c, step *p, stage_operands *o) {
  stage *s = &p->bound.s;
  const half_sums halves = {c->network->storages[p->x.root].half && !o->s,
                            c->network->device->half_denormals ? 0x1p-25 : LEAST_NORMAL_HALF};
  o->halves = s->halves & HALF_SUMS ? &halves : NULL;
  bool done = certify_convolution(out, s, o), known_all = true;
  for (int32_t i = 0; done && i < s->output.c; i++) known_all = known_all && known_is_something(&out[i]);
  if (!done || known_all || !o->halves) return done;
  s->halves &= ~HALF_SUMS;
  o->halves = NULL;
  return certify_convolution(out, s, o);
}

static bool certify_channels(certificate *c, step *p) {
  const stage *s = &p->bound.s;
  const bool convolves = p->set_count > 0, residual = p->r.root != SEPCL_NO_VALUE && s->kind != STAGE_DEFORM_CONV;
  const bool scale = p->s.root != SEPCL_NO_VALUE;
  const int64_t inputs = s->input.c, outputs = convolves ? s->output.c : inputs;
  sepcl_weights sets[3];
  bool rounded = false;
  for (int32_t i = 0; i < p->set_count; i++) {
    sets[i] = network_weights(c->network, &p->sets[i]);
    rounded = rounded || p->sets[i].rounded;
  }
  known *x = read_channels(c, &p->x, inputs, s->input_order), *out = calloc((size_t)outputs + 1, sizeof *out);
  known *r = residual ? read_channels(c, &p->r, outputs, NULL) : NULL;
  /* A mask has channels of its own. */
  known *v = scale ? read_channels(c, &p->s, s->kind == STAGE_DEFORM_CONV ? 1 : inputs, NULL) : NULL;
  bool done = x && out && (r || !residual) && (v || !scale);
  if (done && scale && s->kind == STAGE_DEFORM_CONV) v[0] = whole(&c->storages[p->s.root]);
  if (done && s->kind == STAGE_DEFORM_CONV && whole(&c->storages[p->r.root]).nan) /* a sample at no place is none */
    for (int64_t i = 0; i < inputs; i++) x[i] = known_nothing("offsets that may be NaN");
  stage_operands operands = {x, r, v, sets, rounded, NULL};
  if (done && convolves) done = certify_sums(out, c, p, &operands);
  if (done && !convolves) certify_window(out, s, &operands);
  if (done) write_channels(c, p, out, outputs);
  free(x);
  free(r);
  free(v);
  free(out);
  return done;
}

/* ---- stages with strides ---- */

/* The channels that an operand walks along the innermost axis: (first + i step) modulo its storage's; step < 0: any. */
typedef struct lane {
  const contents *in;
  int64_t first, step;
} lane;

static lane lane_of(const certificate *c, const place *at, const int64_t *strides, const stage *s) {
  const int32_t last = s->rank - 1;
  lane l = {&c->storages[at->root], 0, -1};
  const int64_t count = l.in->count, inner = s->dims[last], stride = inner == 1 ? 0 : strides[last];
  if (!count || stride < 0 || stride > 1) return l;
  for (int32_t i = 0; i < last; i++)
    if (s->dims[i] > 1 && strides[i] % count) return l;
  l.first = at->offset % count;
  if (stride == 0 || l.first + inner <= count || (l.first == 0 && inner % count == 0)) l.step = stride;
  return l;
}

static known lane_known(const lane *l, int64_t i, known any) {
  return l->step < 0 ? any : known_loaded(l->in->channels[(l->first + i * l->step) % l->in->count]);
}

/* Lanes that go around together: else any element meets any. */
static void align(lane *l, const lane *y, int64_t inner) {
  const bool around = inner > y->in->count;
  if (y->step < 0 || (l->step > 0 && (around || inner > l->in->count) && l->in->count != y->in->count)) l->step = -1;
}

typedef struct lanes {
  lane x, r, s, y;
  known any_x, any_r, any_s;
  bool has_r, has_s;
} lanes;

static void certify_lane(certificate *c, step *p, const lanes *l, int64_t count) {
  const stage *s = &p->bound.s;
  for (int64_t i = 0; i < count; i++) {
    known v = lane_known(&l->x, i, l->any_x);
    if (l->has_s) v = known_product(v, lane_known(&l->s, i, l->any_s));
    if (l->has_r) v = known_binary((sepcl_binary)s->mode, v, lane_known(&l->r, i, l->any_r));
    if (s->kind == STAGE_ELEMENTWISE) v = known_function(s->activation, v);
    if (s->kind == STAGE_COPY && s->mode == STAGE_COPY_CONSTANT)
      v = known_hull(v, known_exact((double)s->extra_float[0], (double)s->extra_float[0]));
    write_known(c, p, l->y.step < 0 ? -1 : (l->y.first + i * l->y.step) % l->y.in->count, v);
  }
}

/* Elementwise stages and copies. */
static void certify_lanes(certificate *c, step *p) {
  const stage *s = &p->bound.s;
  const int64_t inner = s->dims[s->rank - 1];
  int64_t s_stride[SEPCL_MAX_RANK] = {0};
  lanes l = {.has_r = s->kind == STAGE_ELEMENTWISE && s->mode >= 0, .has_s = p->s.root != SEPCL_NO_VALUE};
  for (int32_t i = 0; l.has_s && i < s->rank; i++) s_stride[i] = s->extra[i];
  l.y = lane_of(c, &p->y, s->y_stride, s);
  if (l.y.step == 0 && inner > 1) l.y.step = -1;
  l.x = lane_of(c, &p->x, s->x_stride, s);
  align(&l.x, &l.y, inner);
  l.any_x = whole(l.x.in);
  if (l.has_r) {
    l.r = lane_of(c, &p->r, s->r_stride, s);
    align(&l.r, &l.y, inner);
    l.any_r = whole(l.r.in);
  }
  if (l.has_s) {
    l.s = lane_of(c, &p->s, s_stride, s);
    align(&l.s, &l.y, inner);
    l.any_s = whole(l.s.in);
  }
  /* A pad moves x along its axes, a gather picks along one. */
  const bool moves = s->kind == STAGE_COPY && s->mode != STAGE_COPY_PLAIN;
  if (moves && (s->mode == STAGE_COPY_GATHER || s->r_stride[s->rank - 1] || s->extra[s->rank - 1] != inner))
    l.x.step = -1;
  certify_lane(c, p, &l, l.y.step < 0 ? 1 : inner < l.y.in->count ? inner : l.y.in->count);
}

static void certify_any(certificate *c, step *p) {
  const known none = known_exact(0, 0);
  const known x = whole(&c->storages[p->x.root]);
  const known r = p->r.root != SEPCL_NO_VALUE ? whole(&c->storages[p->r.root]) : none;
  const known start = p->s.root != SEPCL_NO_VALUE ? whole(&c->storages[p->s.root]) : none;
  write_known(c, p, -1, certify_whole(&p->bound.s, x, r, start));
}

static bool certify_step(certificate *c, step *p) {
  const stage_kind kind = p->bound.s.kind;
  p->proven = known_empty();
  if (kind == STAGE_ELEMENTWISE || kind == STAGE_COPY)
    certify_lanes(c, p);
  else if (kind == STAGE_SOFTMAX || kind == STAGE_REDUCE || kind == STAGE_MATMUL)
    certify_any(c, p);
  else
    return certify_channels(c, p);
  return true;
}

/* ---- the network ---- */

static bool certify_steps(certificate *c) {
  bool done = describe_storages(c);
  for (int32_t i = 0; done && i < c->network->step_count; i++)
    if (!c->network->steps[i].view) done = certify_step(c, &c->network->steps[i]);
  return done;
}

/* Takes back halves that may overflow; true if there was one. Fewer roundings make ranges smaller: what remains a half
 * stays within its range. */
static bool keep_floats(certificate *c) {
  bool any = false;
  for (int32_t i = 0; i < c->network->slot_count; i++) {
    storage *s = &c->network->storages[i];
    if (!s->half) continue;
    const known k = whole(&c->storages[i]);
    if (!k.why && known_magnitude(&k) <= LARGEST_HALF) continue;
    s->half = false;
    any = true;
  }
  return any;
}

static void reset(certificate *c) {
  for (int32_t i = 0; i < c->network->slot_count; i++) {
    free(c->storages[i].channels);
    c->storages[i] = (contents){NULL, 0};
  }
}

/* ---- where ranges are too wide ---- */

/* The storage's contents, its numbers taken to lie within +-GIVEN_INPUTS; constants are what they are. */
static void take_within(const certificate *c, sepcl_value root) {
  if (root == SEPCL_NO_VALUE || c->network->storages[root].kind == STORAGE_WEIGHTS) return;
  const contents *in = &c->storages[root];
  for (int64_t i = 0; i < in->count; i++) in->channels[i] = known_within(in->channels[i], GIVEN_INPUTS);
}

/* A bound for each stage that has none for all inputs: one that holds where what the stage reads is no larger than any
 * half. Worst cases multiply from stage to stage until floats do not hold them; what stages really read does not. */
static bool certify_given(certificate *c) {
  bool done = true;
  for (int32_t i = 0; done && i < c->network->step_count; i++) {
    step *p = &c->network->steps[i];
    if (p->view || !p->proven.why) continue;
    take_within(c, p->x.root);
    take_within(c, p->r.root);
    take_within(c, p->s.root);
    done = certify_step(c, p);
    p->given = p->proven.why ? 0 : GIVEN_INPUTS;
  }
  return done;
}

static double output_error(const certificate *c) {
  const sepcl_network *network = c->network;
  double worst = 0;
  for (int32_t i = 0; i < network->slot_count; i++) {
    const storage *s = &network->storages[i];
    if (s->kind != STORAGE_IO || s->index < network->graph->input_count || !c->storages[i].count) continue;
    const known k = whole(&c->storages[i]);
    if (k.why) return -1;
    if (k.high > k.low) worst = fmax(worst, k.error / (k.high - k.low));
  }
  return worst;
}

/* x's bit stands for operands that are not there, so that fewer kernels differ. */
static void set_halves(sepcl_network *network) {
  for (int32_t i = 0; i < network->step_count; i++) {
    step *p = &network->steps[i];
    const place *operands[4] = {&p->x, &p->r, &p->s, &p->y};
    static const int32_t bits[4] = {HALF_X, HALF_R, HALF_S, HALF_Y};
    if (p->view) continue;
    for (int k = 0; k < 4; k++) {
      const place *at = operands[k]->root == SEPCL_NO_VALUE ? &p->x : operands[k];
      if (network->storages[at->root].half) p->bound.s.halves |= bits[k];
    }
  }
  for (int32_t i = 0; i < network->slot_count; i++) {
    storage *s = &network->storages[i];
    if (s->half) s->floats = (s->floats + 1) / 2;
  }
}

/* Stages for which selection takes a kernel that sums in halves. */
static void ask_for_half_sums(sepcl_network *network) {
  const device_limits limits = device_limits_of(network->device);
  const sepcl_family family = network->options.family;
  const bool takes_tiles = family == SEPCL_FAMILY_TILE || (family == SEPCL_FAMILY_AUTO && limits.gpu);
  for (int32_t i = 0; takes_tiles && i < network->step_count; i++) {
    stage *s = &network->steps[i].bound.s;
    bound_stage tried;
    if (network->steps[i].view) continue;
    s->halves = HALF_SUMS;
    if (stage_bind(&tried, s, NULL, SEPCL_FAMILY_TILE, &limits) != SEPCL_OK) s->halves = 0;
  }
}

sepcl_status certify_network(sepcl_network *network) {
  for (int32_t i = 0; i < network->step_count; i++) /* CLBlast's sums have no order that a bound could be for */
    if (!network->steps[i].view && network->steps[i].bound.v == &clblast_variant) return SEPCL_OK;
  certificate c = {network, calloc((size_t)network->slot_count + 1, sizeof(contents))};
  for (int32_t i = 0; i < network->slot_count; i++)
    network->storages[i].half = network->options.precision != SEPCL_F32 && network->storages[i].kind == STORAGE_ARENA;
  if (network->options.precision == SEPCL_F16_SUMS) ask_for_half_sums(network);
  bool done = c.storages && certify_steps(&c);
  while (done && keep_floats(&c)) {
    reset(&c);
    done = certify_steps(&c);
  }
  if (done) network->error_bound = output_error(&c);
  done = done && certify_given(&c);
  if (done) set_halves(network);
  network->certified = done;
  close_certificate(&c);
  return done ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for the network's certificate");
}

sepcl_status certify_measured(const sepcl_network *network, step *p, known *const measured[3]) {
  const sepcl_value roots[3] = {p->x.root, p->r.root, p->s.root};
  certificate c = {network, calloc((size_t)network->slot_count + 1, sizeof(contents))};
  for (int i = 0; c.storages && i < 3; i++)
    if (measured[i]) c.storages[roots[i]] = (contents){measured[i], storage_channels(network, roots[i])};
  const bool done = c.storages && certify_step(&c, p);
  free(c.storages);
  return done ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for a stage's certificate");
}
