#include "support/proof_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/certificate.h"
#include "run/run.h"
#include "support/exact.h"
#include "support/half.h"

typedef struct checker {
  const test_context *context;
  sepcl_execution *execution;
  sepcl_operand *io;
  int32_t part; /* of the batch */
  const proof_check_options *options;
  proof_check *out;
} checker;

static bool fail(checker *c, const char *why) {
  snprintf(c->out->message, sizeof c->out->message, "%s", why);
  return false;
}

/* A storage's elements as floats. */
typedef struct content {
  float *values;
  int64_t elements;
} content;

static bool read_bytes(const checker *c, cl_mem buffer, int64_t at, void *to, size_t bytes) {
  return c->context->cl->clEnqueueReadBuffer(c->context->queue, buffer, CL_TRUE, (size_t)at, bytes, to, 0, NULL,
                                             NULL) == CL_SUCCESS;
}

static bool read_storage(content *out, const checker *c, const place *from) {
  const storage *s = &c->execution->network->storages[from->root];
  const place start = {from->root, 0, 0};
  params_long at = 0;
  cl_mem buffer = locate_operand(c->execution, c->part, c->io, &start, &at);
  out->elements = s->half ? 2 * s->floats : s->floats;
  out->values = malloc((size_t)(out->elements + 1) * sizeof(float));
  if (!out->values) return false;
  if (!s->half) return read_bytes(c, buffer, at * 4, out->values, (size_t)out->elements * 4);
  uint16_t *bits = malloc((size_t)(out->elements + 1) * sizeof *bits);
  const bool done = bits && read_bytes(c, buffer, at * 2, bits, (size_t)out->elements * 2);
  for (int64_t i = 0; done && i < out->elements; i++) out->values[i] = half_value(bits[i]);
  free(bits);
  return done;
}

static bool launch(const checker *c, int32_t index) {
  const stage_launch l = locate_step(c->execution, c->part, index, c->io);
  return stage_enqueue(c->context->cl, &l, c->context->queue, NULL) == SEPCL_OK;
}

/* What the exact side computes, against what the device left in memory. */
static bool within_bound(checker *c, const step *p, const content *y, const exact_operands *o) {
  const known *k = &p->proven;
  double worst = 0;
  bool outside = false;
  for (int64_t i = 0; i + p->y.offset < y->elements; i++) {
    if (!o->used[i]) continue;
    const double got = (double)y->values[i + p->y.offset], error = fabs(got - o->y[i]);
    const double share = error / (k->local / c->options->divisor);
    if (error > 0) worst = fmax(worst, share);
    outside = outside || !(error <= k->local / c->options->divisor) || !(got >= k->low && got <= k->high);
  }
  c->out->outside += outside;
  c->out->worst = fmax(c->out->worst, worst);
  if (c->options->verbose || (outside && c->options->divisor == 1 && !(c->options->moved > 0)))
    fprintf(c->options->log, "  %-40s %-24s within %.4g, error at most %.3g, found %.3g of that%s\n",
            c->execution->network->graph->nodes[p->node].name, p->bound.v->name, fmax(fabs(k->low), fabs(k->high)),
            k->local, worst, outside ? "  OUTSIDE" : "");
  return !outside;
}

static void take_sets(sepcl_weights sets[3], const checker *c, const step *p) {
  const sepcl_network *network = c->execution->network;
  for (int32_t i = 0; i < p->set_count && i < 3; i++) sets[i] = network_weights(network, &p->sets[i]);
}

/* How far apart two results of a stage are at most; NaN when one is. */
static double distance(const exact_operands *o, const double *other, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++)
    if (o->used[i] && !(fabs(o->y[i] - other[i]) <= most)) most = fabs(o->y[i] - other[i]);
  return most;
}

/* Changes one weight until exact results lie `far` or farther from those in o->y, which it replaces. Where results are
 * linear in the weight the second change suffices; functions may clip what the others move, so that both signs and far
 * larger changes follow. False: none was enough. */
static bool move_result(exact_operands *o, const stage *s, float *weight, double far, size_t count) {
  enum { TRIES = 10 };
  double *kept = malloc(count * sizeof *kept);
  const float original = *weight;
  double change = fmax((double)fabsf(original), 1e-3);
  bool moved = false;
  if (kept) memcpy(kept, o->y, count * sizeof *kept);
  for (int i = 0; kept && i < TRIES && !moved; i++) {
    *weight = (float)((double)original + change);
    if (!exact_stage(s, o)) break;
    const double found = distance(o, kept, count);
    moved = found >= far && isfinite(found);
    change *= found > 0 && i == 0 ? 1.01 * far / found : -8;
  }
  if (kept && !moved) memcpy(o->y, kept, count * sizeof *kept);
  free(kept);
  return moved;
}

enum { CANDIDATES = 40 };

/* The i-th place among so many that is tried. Their distances share no factor with a kernel's taps: at equal ones all
 * may be the same tap, which sees nothing but padding. */
static size_t candidate(int i, size_t count) {
  const double share = i * 0.6180339887498949;
  return (size_t)((share - floor(share)) * (double)count);
}

/* How far the control moves a result. Where nothing is rounded it is any way. */
static double control_distance(const checker *c, const step *p) {
  return fmax(c->options->moved * p->proven.local, 1e-30);
}

/* The control of a stage, a weight here and there until one does (others see nothing but padding, or zeros): of a fused
 * block a weight of the last set, for nothing may clip away what it changes. False: no weight moves a result far
 * enough. */
static bool perturb_weight(checker *c, const step *p, exact_operands *o, sepcl_weights *sets, size_t count) {
  const double far = control_distance(c, p);
  const int32_t last = p->set_count - 1;
  const node *n = graph_node(c->execution->network->graph, p->sets[last].weights);
  const size_t weights = n ? (size_t)node_elements(n) : 0;
  float *changed = malloc((weights + 1) * sizeof *changed);
  bool moved = false;
  const float *kept = sets[last].weights;
  sets[last].weights = changed;
  for (int i = 0; changed && weights && i < CANDIDATES && !moved && far < p->proven.high - p->proven.low; i++) {
    memcpy(changed, n->data, weights * sizeof *changed);
    moved = move_result(o, &p->bound.s, &changed[candidate(i, weights)], far, count);
  }
  sets[last].weights = kept;
  free(changed);
  return moved;
}

/* The same with an input: there are no weights (a batch norm of its own has none here), or none that moves anything. */
static bool perturb_input(checker *c, const step *p, exact_operands *o, const content *x, size_t count) {
  const double far = control_distance(c, p);
  const int64_t elements = x->elements - p->x.offset;
  float *values = x->values + p->x.offset;
  bool moved = false;
  for (int i = 0; elements > 0 && i < CANDIDATES && !moved && far < p->proven.high - p->proven.low; i++) {
    const size_t at = candidate(i, (size_t)elements);
    const float kept = values[at];
    moved = isfinite(kept) && move_result(o, &p->bound.s, &values[at], far, count);
    values[at] = kept;
  }
  return moved;
}

/* Between which numbers the elements of each channel lie; NULL: no operand, or out of memory. */
static known *ranges_of(const content *from, int64_t channels) {
  known *out = from->values && channels ? calloc((size_t)channels, sizeof *out) : NULL;
  for (int64_t i = 0; out && i < channels; i++) out[i] = known_empty();
  for (int64_t i = 0; out && i < from->elements; i++) {
    known *k = &out[i % channels];
    if (!isfinite(from->values[i])) *k = known_nothing("what is read is not finite");
    k->low = fmin(k->low, (double)from->values[i]);
    k->high = fmax(k->high, (double)from->values[i]);
  }
  return out;
}

/* The step's bound for the ranges that its operands have now. */
static bool certify_as_measured(step *p, const checker *c, const content in[3]) {
  const sepcl_network *network = c->execution->network;
  const place *operands[3] = {&p->x, &p->r, &p->s};
  known *ranges[3] = {NULL, NULL, NULL};
  for (int i = 0; i < 3; i++)
    if (operands[i]->root != SEPCL_NO_VALUE)
      ranges[i] = ranges_of(&in[i], storage_channels(network, operands[i]->root));
  const bool done = certify_measured(network, p, ranges) == SEPCL_OK;
  p->given = 0;
  for (int i = 0; i < 3; i++) free(ranges[i]);
  return done;
}

/* Of which channels an operand's storage is read; whoever reads it by strides may read all. */
static int64_t read_width(const step *p, int operand) {
  const stage *s = &p->bound.s;
  if (s->rank) return INT64_MAX;
  return operand == 1 && s->kind != STAGE_DEFORM_CONV ? s->output.c : s->input.c;
}

/* Whether the stage reads what its bound is given for. Behind those channels lies what nobody has written yet. */
static bool is_given(const checker *c, const step *p, const content in[3]) {
  const place *operands[3] = {&p->x, &p->r, &p->s};
  const storage *storages = c->execution->network->storages;
  for (int k = 0; p->given > 0 && k < 3; k++) {
    const place *at = operands[k];
    if (at->root == SEPCL_NO_VALUE || storages[at->root].kind == STORAGE_WEIGHTS) continue;
    const int64_t pitch = at->pitch > 0 ? at->pitch : 1, width = p->bound.s.input_order ? pitch : read_width(p, k);
    for (int64_t i = at->offset; i < in[k].elements; i++)
      if ((i - at->offset) % pitch < width && !(fabs((double)in[k].values[i]) <= p->given)) return false;
  }
  return true;
}

static void judge(checker *c, const step *p, const content *in, exact_operands *o, sepcl_weights *sets) {
  const content *y = &in[3];
  const bool control = c->options->moved > 0;
  const size_t count = (size_t)y->elements;
  const bool moved =
      control && ((p->set_count && perturb_weight(c, p, o, sets, count)) || perturb_input(c, p, o, &in[0], count));
  const bool within = within_bound(c, p, y, o);
  c->out->vague += bound_is_vague(p->proven.local, p->proven.low, p->proven.high);
  c->out->moved += moved;
  c->out->unmoved += control && !moved;
  c->out->hidden += moved && within;
}

/* A stage without a bound, or one that reads more than its bound is given for. */
static void note_unknown(checker *c, const step *p) {
  const char *name = c->execution->network->graph->nodes[p->node].name, *const *named = c->options->unbounded;
  bool excused = false;
  for (; named && *named; named++) excused = excused || !strcmp(*named, name);
  c->out->unknown++;
  c->out->excused += excused;
  if (c->options->verbose && p->proven.why) fprintf(c->options->log, "  %-40s unknown: %s\n", name, p->proven.why);
  if (c->options->verbose && !p->proven.why)
    fprintf(c->options->log, "  %-40s reads more than %g, for which it has a bound\n", name, p->given);
}

static bool check_step(checker *c, int32_t index) {
  step of_measured = c->execution->network->steps[index];
  const step *p = &of_measured;
  const place *operands[4] = {&p->x, &p->r, &p->s, &p->y};
  content in[4] = {{NULL, 0}};
  bool done = true;
  for (int i = 0; i < 3 && done; i++)
    if (operands[i]->root != SEPCL_NO_VALUE) done = read_storage(&in[i], c, operands[i]);
  if (done && c->options->measured) done = certify_as_measured(&of_measured, c, in);
  const bool given = done && is_given(c, p, in);
  done = done && launch(c, index) && read_storage(&in[3], c, &p->y);
  sepcl_weights sets[3];
  const stage_params *params = &p->bound.params;
  const size_t room = (size_t)in[3].elements + 1;
  exact_operands o = {in[0].values + p->x.offset,
                      in[1].values ? in[1].values + p->r.offset : NULL,
                      in[2].values ? in[2].values + p->s.offset : NULL,
                      calloc(room, sizeof(double)),
                      calloc(room, sizeof(bool)),
                      params->x_pitch,
                      params->r_pitch,
                      params->s_pitch,
                      params->y_pitch,
                      sets};
  done = done && o.y && o.used;
  if (done) take_sets(sets, c, p);
  if (done) done = exact_stage(&p->bound.s, &o);
  c->out->stages++;
  c->out->halves += (p->bound.s.halves & ALL_HALVES) != 0;
  c->out->half_sums += (p->bound.s.halves & HALF_SUMS) != 0;
  const bool bounded = given && !p->proven.why;
  c->out->given += bounded && p->given > 0;
  if (!bounded) note_unknown(c, p);
  if (done && bounded) judge(c, p, in, &o, sets);
  free(o.y);
  free(o.used);
  for (int i = 0; i < 4; i++) free(in[i].values);
  return done || fail(c, "a stage could not be run, read or computed");
}

static bool check_outputs(checker *c) {
  const sepcl_network *network = c->execution->network;
  c->out->finite = true;
  for (int32_t i = network->graph->input_count; i < io_count(network); i++) {
    const size_t elements = io_elements(network, i);
    float *values = malloc(elements * sizeof *values);
    if (!values || !read_bytes(c, c->io[i].buffer, 0, values, elements * sizeof *values)) {
      free(values);
      return fail(c, "an output could not be read");
    }
    for (size_t k = 0; k < elements; k++) c->out->finite = c->out->finite && isfinite(values[k]);
    free(values);
  }
  return true;
}

static bool run_steps(checker *c, const float *x) {
  const sepcl_network *network = c->execution->network;
  bool done = true;
  for (int32_t i = 0; i < io_count(network); i++) {
    c->io[i].buffer = test_buffer(c->context, i ? NULL : x, io_elements(network, i) * sizeof(float));
    done = done && c->io[i].buffer;
  }
  for (c->part = 0; c->part < network->parts; c->part++)
    for (int32_t i = 0; i < network->step_count && done; i++)
      if (!network->steps[i].view) done = check_step(c, i);
  done = done && check_outputs(c);
  for (int32_t i = 0; i < io_count(network); i++)
    if (c->io[i].buffer) c->context->cl->clReleaseMemObject(c->io[i].buffer);
  return done;
}

bool proof_check_run(proof_check *out, const test_context *context, const sepcl_graph *graph, const float *x,
                     const proof_check_options *options) {
  memset(out, 0, sizeof *out);
  checker c = {.context = context, .options = options, .out = out};
  sepcl_network_options network_options = options->network;
  network_options.replay = SEPCL_REPLAY_LAUNCHES;
  sepcl_network *network = NULL;
  bool done = !sepcl_network_compile(&network, context->device, graph, &network_options) &&
              !sepcl_execution_create(&c.execution, network) && !sepcl_network_get_info(&out->info, network);
  if (!done) fail(&c, sepcl_last_error());
  c.io = done ? calloc((size_t)io_count(network) + 1, sizeof *c.io) : NULL;
  done = done && c.io && run_steps(&c, x);
  free(c.io);
  sepcl_execution_free(c.execution);
  sepcl_network_free(network);
  return done;
}
