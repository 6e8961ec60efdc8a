/* Tuning, the first part: each stage with a launch of its own, all candidates in turns, inside the network itself, so
 * that it meets the caches and neighbours that it will have. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "run/tuner.h"
#include "select/cost.h"

/* How a stage is cut: how many tasks for each unit of the device, over how many panels; 0: the stage's own rule. */
typedef struct cut {
  int32_t tasks_per_unit, panel_tasks;
} cut;

static const cut cuts[TUNE_CUTS] = {{0, 0}, {2, 0}, {8, 0}, {0, 1}, {0, 2}, {4, 0}, {16, 0}, {0, 4},  {8, 2},
                                    {1, 0}, {4, 1}, {4, 2}, {4, 4}, {8, 1}, {8, 4}, {16, 1}, {32, 0}, {16, 2}};

/* What a winner must gain: another variant makes one more kernel to compile and keep. */
static const double SPLIT_GAIN = 0.97, VARIANT_GAIN = 0.9;
/* ---- preparation ---- */

static sepcl_status find_shapes(tuner *t) {
  const sepcl_network *network = t->networks[0];
  const size_t room = (size_t)network->step_count + 1;
  t->shape_of = calloc(room, sizeof *t->shape_of);
  t->shapes = calloc(room, sizeof *t->shapes);
  char(*keys)[TUNING_KEY] = calloc(room, sizeof *keys);
  sepcl_status status = SEPCL_OK;
  if (!t->shape_of || !t->shapes || !keys) status = failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  for (int32_t i = 0; status == SEPCL_OK && i < network->step_count; i++) {
    const step *p = &network->steps[i];
    t->shape_of[i] = -1;
    if (!has_kernel(p) || !tuning_concerns(&p->bound.s)) continue;
    tuning_key(keys[t->shape_count], t->device, &p->bound.s);
    int32_t known = 0;
    while (strcmp(keys[known], keys[t->shape_count])) known++;
    if (known == t->shape_count) t->shapes[t->shape_count++].step = i;
    if (!t->shapes[known].count++) t->shapes[known].standard = p->bound.params;
    t->shape_of[i] = known;
  }
  free(keys);
  return status;
}

/* Noise: zeros or subnormals could run at another speed. */
static float **make_arrays(const sepcl_network *network, int32_t first, int32_t count) {
  float **arrays = calloc((size_t)count + 1, sizeof *arrays);
  uint32_t state = 1;
  for (int32_t i = 0; arrays && i < count; i++) {
    const size_t elements = io_elements(network, first + i);
    arrays[i] = malloc(elements * sizeof(float));
    for (size_t k = 0; arrays[i] && k < elements; k++) {
      state = state * 1664525u + 1013904223u;
      arrays[i][k] = (float)(state >> 8) * 0x1p-23f - 1.0f;
    }
  }
  return arrays;
}

/* Whether timing a variant may teach more than timing the first did. Row variants differ in their vectors. */
static bool is_other(const variant *v, const variant *first, const device_limits *limits) {
  if (v == first || v->stage != first->stage || v->family != first->family) return false;
  if (variant_macro(v, "IMAGE") && !limits->weight_images) return false;
  return v->family == FAMILY_TILE || (v > first && v->vec != first->vec);
}

typedef struct ranked {
  const variant *v;
  double cost;
} ranked;

/* Into a list in the order of cost; of equals, what came first. */
static void insert(ranked *list, int32_t *count, int32_t room, ranked r) {
  int32_t at = *count;
  while (at > 0 && list[at - 1].cost > r.cost) at--;
  if (at >= room) return;
  if (*count < room) ++*count;
  memmove(&list[at + 1], &list[at], (size_t)(*count - 1 - at) * sizeof *list);
  list[at] = r;
}

/* The stage's other variants on this kind of device, the best first: their number. */
static int32_t rank_alternatives(ranked *list, int32_t room, const sepcl_network *network, const step *p) {
  const device_limits limits = device_limits_of(network->device);
  const device_rates rates = rates_of_limits(&limits);
  int32_t count = 0;
  bound_stage bound;
  for (const variant *v = variants; v->name; v++)
    if (is_other(v, p->bound.v, &limits) && stage_bind(&bound, &p->bound.s, v, SEPCL_FAMILY_AUTO, &limits) == SEPCL_OK)
      insert(list, &count, room, (ranked){v, stage_seconds(&bound, &rates, &limits, true)});
  return count;
}

/* Binds all stages of network `index` to their variant of that rank; *any: some have so many. */
static sepcl_status take_alternatives(sepcl_network *network, int index, bool *any) {
  *any = false;
  for (int32_t i = 0; i < network->step_count; i++) {
    step *p = &network->steps[i];
    ranked others[TUNE_NETWORKS];
    if (!has_kernel(p) || !tuning_concerns(&p->bound.s)) continue;
    if (rank_alternatives(others, TUNE_NETWORKS - 1, network, p) < index) continue;
    const tuned_choice choice = {others[index - 1].v, 0, 0};
    if (bind_step(network, p, &choice) == SEPCL_OK) *any = true;
  }
  plan_weights(network);
  return settle_image(network);
}

/* Network `index`, unless it would be none of its own. */
static sepcl_status prepare_alternative(tuner *t, const sepcl_network_options *own, int index) {
  bool any = false;
  TRY(network_lay_out(&t->networks[index], t->device, t->graph, own));
  TRY(take_alternatives(t->networks[index], index, &any));
  if (!any) {
    sepcl_network_free(t->networks[index]);
    t->networks[index] = NULL;
    return SEPCL_OK;
  }
  TRY(network_finish(t->networks[index]));
  return sepcl_execution_create(&t->executions[index], t->networks[index]);
}

sepcl_status tuner_prepare(tuner *t) {
  sepcl_network_options own = *t->options;
  own.tuning = SEPCL_TUNING_OFF;
  own.replay = SEPCL_REPLAY_LAUNCHES;
  tuner_show(t, 0.0, "compiling kernels");
  TRY(sepcl_network_compile(&t->networks[0], t->device, t->graph, &own));
  TRY(find_shapes(t));
  TRY(sepcl_execution_create(&t->executions[0], t->networks[0]));
  const int32_t inputs = t->networks[0]->graph->input_count, outputs = t->networks[0]->graph->output_count;
  t->inputs = make_arrays(t->networks[0], 0, inputs);
  t->outputs = make_arrays(t->networks[0], inputs, outputs);
  for (int32_t i = 0; t->inputs && i < inputs; i++)
    if (!t->inputs[i]) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the tuning's inputs");
  for (int32_t i = 0; t->outputs && i < outputs; i++)
    if (!t->outputs[i]) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the tuning's outputs");
  if (!t->inputs || !t->outputs) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  for (int i = 1; i < t->network_count && t->networks[i - 1]; i++) TRY(prepare_alternative(t, &own, i));
  return SEPCL_OK;
}

/* ---- measuring ---- */

int32_t candidate_count(const tuner *t) { return t->cut_count + t->network_count - 1; }

bool candidate_is_split(const tuner *t, int32_t index) { return index < t->cut_count; }

static int32_t network_of(const tuner *t, int32_t index) {
  return candidate_is_split(t, index) ? 0 : index - t->cut_count + 1;
}

tuned_choice candidate_choice(const tuner *t, const tuned_shape *s, int32_t index) {
  const int32_t which = network_of(t, index), units = (int32_t)device_limits_of(t->device).compute_units;
  if (which) return (tuned_choice){t->networks[which]->steps[s->step].bound.v, 0, 0};
  return (tuned_choice){NULL, cuts[index].tasks_per_unit * units, cuts[index].panel_tasks};
}

static sepcl_status apply(const tuner *t, int32_t index) {
  sepcl_network *network = t->networks[network_of(t, index)];
  for (int32_t i = 0; i < network->step_count; i++) {
    if (t->shape_of[i] < 0) continue;
    const tuned_choice choice = candidate_choice(t, &t->shapes[t->shape_of[i]], index);
    TRY(bind_step(network, &network->steps[i], &choice));
  }
  return SEPCL_OK;
}

/* A candidate that changes nothing would win by noise only. */
static bool is_cut_alike(const stage_params *a, const stage_params *b) {
  return a->tasks == b->tasks && !memcmp(&a->u, &b->u, sizeof a->u);
}

static sepcl_status profile(tuner *t, int32_t index, uint64_t *ns) {
  const int32_t which = network_of(t, index);
  TRY(apply(t, index));
  TRY(sepcl_execution_profile(t->executions[which], (const float *const *)t->inputs, ns));
  for (int32_t k = 0; k < t->shape_count; k++) {
    tuned_shape *s = &t->shapes[k];
    if (which && t->networks[which]->steps[s->step].bound.v == t->networks[0]->steps[s->step].bound.v) continue;
    if (index && !which && is_cut_alike(&t->networks[0]->steps[s->step].bound.params, &s->standard)) continue;
    double seconds = 0.0; /* of equal stages the sum counts */
    for (int32_t i = 0; i < t->networks[which]->step_count; i++)
      if (t->shape_of[i] == k) seconds += 1e-9 * (double)ns[i];
    if (s->best[index] <= 0.0 || seconds < s->best[index]) s->best[index] = seconds;
  }
  return SEPCL_OK;
}

static void choose(tuner *t) {
  for (int32_t k = 0; k < t->shape_count; k++) {
    tuned_shape *s = &t->shapes[k];
    double least = s->best[0];
    for (int32_t c = 1; c < candidate_count(t); c++) {
      if (s->best[c] <= 0.0) continue;
      t->report.candidates++;
      const double gain = network_of(t, c) ? VARIANT_GAIN : SPLIT_GAIN;
      if (s->best[c] >= gain * s->best[0] || s->best[c] >= least) continue;
      least = s->best[c];
      s->choice = candidate_choice(t, s, c);
    }
  }
}

/* What ranking the candidates by the cost model would have given. */
static sepcl_status judge_model(tuner *t) {
  const device_limits limits = device_limits_of(t->device);
  const device_rates rates = rates_of_limits(&limits);
  double *least = calloc((size_t)t->shape_count + 1, sizeof *least);
  int32_t *picks = calloc((size_t)t->shape_count + 1, sizeof *picks);
  sepcl_status status = least && picks ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  for (int32_t c = 0; c < candidate_count(t) && status == SEPCL_OK; c++) {
    const sepcl_network *network = t->networks[network_of(t, c)];
    if (!network) continue;
    status = apply(t, c);
    for (int32_t k = 0; k < t->shape_count && status == SEPCL_OK; k++) {
      if (t->shapes[k].best[c] <= 0.0) continue;
      const double seconds = stage_seconds(&network->steps[t->shapes[k].step].bound, &rates, &limits, true);
      if (c && seconds >= least[k]) continue;
      least[k] = seconds;
      picks[k] = c;
    }
  }
  for (int32_t k = 0; k < t->shape_count && status == SEPCL_OK; k++) {
    const tuned_shape *s = &t->shapes[k];
    double best = s->best[0];
    for (int32_t c = 1; c < candidate_count(t); c++)
      if (s->best[c] > 0.0 && s->best[c] < best) best = s->best[c];
    t->report.rules_ms += 1e3 * s->best[0];
    t->report.model_ms += 1e3 * s->best[picks[k]];
    t->report.best_ms += 1e3 * best;
  }
  free(least);
  free(picks);
  return status;
}

sepcl_status tuner_measure_stages(tuner *t) {
  uint64_t *ns = calloc((size_t)t->networks[0]->step_count + 1, sizeof *ns);
  if (!ns) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  sepcl_status status = SEPCL_OK;
  for (int32_t round = 0; round < t->rounds && status == SEPCL_OK && !(round && tuner_is_late(t, 0.6)); round++) {
    tuner_show(t, 0.1 + 0.5 * round / t->rounds, "measuring stages");
    for (int32_t c = 0; c < candidate_count(t) && status == SEPCL_OK; c++)
      if (t->networks[network_of(t, c)]) status = profile(t, c, ns);
    t->report.rounds++;
  }
  free(ns);
  if (status == SEPCL_OK) choose(t);
  if (status == SEPCL_OK) status = judge_model(t);
  return status;
}
