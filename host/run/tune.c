/* Tuning: every candidate runs inside the network itself, so that it meets the caches and neighbours that it will have.
 * A first part times each stage with a launch of its own, all candidates in turns; a second part takes the winners
 * through whole inferences and keeps only what makes those faster. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "run/run.h"
#include "select/tuning.h"

/* A candidate for all stages at once: how many tasks for each unit of the device, over how many panels, and whether
 * with each stage's first or second best variant. 0: the stage's own rule. */
typedef struct candidate {
  int32_t tasks_per_unit, panel_tasks, network;
} candidate;

static const candidate candidates[] = {{0, 0, 0},  {2, 0, 0}, {8, 0, 0},  {0, 1, 0},  {0, 2, 0}, {0, 0, 1}, {4, 0, 0},
                                       {16, 0, 0}, {0, 4, 0}, {8, 2, 0},  {1, 0, 0},  {4, 1, 0}, {4, 2, 0}, {4, 4, 0},
                                       {8, 1, 0},  {8, 4, 0}, {16, 1, 0}, {32, 0, 0}, {4, 0, 1}};
enum { MOST = sizeof candidates / sizeof *candidates, QUICK = 10, QUICK_ROUNDS = 5, FULL_ROUNDS = 15, RUNS = 24 };

/* What a winner must gain: another variant makes one more kernel to compile and keep. */
static const double SPLIT_GAIN = 0.97, VARIANT_GAIN = 0.9, WHOLE_GAIN = 0.99;
/* A split this much slower alone is not tried in the whole. */
static const double NEAR = 1.1;

typedef struct shape {
  int32_t step;      /* the first that has it */
  double best[MOST]; /* seconds, with each candidate */
  int32_t count;     /* steps that have it */
  tuned_choice choice;
} shape;

typedef struct tuner {
  sepcl_device *device;
  const sepcl_tune_options *options;
  sepcl_network *networks[2]; /* the default variants, the second best */
  sepcl_execution *executions[2];
  int32_t *shape_of; /* per step; -1: none */
  shape *shapes;
  int32_t shape_count, candidate_count, rounds;
  float **inputs, **outputs;
  double start, limit;
  sepcl_tune_report report;
} tuner;

static void show(const tuner *t, double share, const char *what) {
  if (t->options->progress) t->options->progress(t->options->user, share, what);
}

/* Whether more than a share of the time is over. */
static bool is_late(const tuner *t, double share) { return seconds_now() - t->start > share * t->limit; }

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
    t->shapes[known].count++;
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

static void free_arrays(float **arrays, int32_t count) {
  for (int32_t i = 0; arrays && i < count; i++) free(arrays[i]);
  free(arrays);
}

/* Row variants differ in their vectors, tiles in their shapes. */
static bool is_alternative(const variant *v, const variant *first) {
  if (v->stage != first->stage || v->family != first->family || v == first) return false;
  return v->family == FAMILY_TILE ? v->mr != first->mr : v > first && v->vec != first->vec;
}

/* The first variant besides the default one that can run the stage on this kind of device; NULL: there is none. */
static const variant *second_best(const sepcl_network *network, const stage *s, const variant *first) {
  const device_limits limits = device_limits_of(network->device);
  bound_stage bound;
  for (const variant *v = variants; v->name; v++)
    if (is_alternative(v, first) && stage_bind(&bound, s, v, SEPCL_FAMILY_AUTO, &limits) == SEPCL_OK) return v;
  return NULL;
}

/* Binds all stages of network 1 to their second best variants; false: none has one. */
static bool take_second_best(const sepcl_network *network, sepcl_network *second) {
  bool any = false;
  for (int32_t i = 0; i < second->step_count; i++) {
    step *p = &second->steps[i];
    if (!has_kernel(p) || !tuning_concerns(&p->bound.s)) continue;
    const tuned_choice choice = {second_best(network, &p->bound.s, p->bound.v), 0, 0};
    if (choice.v && bind_step(second, p, &choice) == SEPCL_OK) any = true;
  }
  plan_weights(second);
  return any;
}

static sepcl_status prepare(tuner *t, const sepcl_graph *graph, const sepcl_network_options *options) {
  sepcl_network_options own = *options;
  own.tuning = SEPCL_TUNING_OFF;
  own.replay = SEPCL_REPLAY_LAUNCHES;
  show(t, 0.0, "compiling kernels");
  TRY(sepcl_network_compile(&t->networks[0], t->device, graph, &own));
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
  TRY(network_lay_out(&t->networks[1], t->device, graph, &own));
  if (!take_second_best(t->networks[0], t->networks[1])) {
    sepcl_network_free(t->networks[1]);
    t->networks[1] = NULL;
    return SEPCL_OK;
  }
  TRY(network_finish(t->networks[1]));
  return sepcl_execution_create(&t->executions[1], t->networks[1]);
}

/* ---- the first part: stage by stage ---- */

static tuned_choice choice_of(const tuner *t, const shape *s, int32_t index) {
  const candidate *c = &candidates[index];
  const sepcl_network *network = t->networks[c->network];
  const int32_t units = (int32_t)device_limits_of(t->device).compute_units;
  return (tuned_choice){c->network ? network->steps[s->step].bound.v : NULL, c->tasks_per_unit * units, c->panel_tasks};
}

static sepcl_status apply(const tuner *t, int32_t index) {
  sepcl_network *network = t->networks[candidates[index].network];
  for (int32_t i = 0; i < network->step_count; i++) {
    if (t->shape_of[i] < 0) continue;
    const tuned_choice choice = choice_of(t, &t->shapes[t->shape_of[i]], index);
    TRY(bind_step(network, &network->steps[i], &choice));
  }
  return SEPCL_OK;
}

static sepcl_status profile(tuner *t, int32_t index, uint64_t *ns) {
  const int32_t which = candidates[index].network;
  TRY(apply(t, index));
  TRY(sepcl_execution_profile(t->executions[which], (const float *const *)t->inputs, ns));
  for (int32_t k = 0; k < t->shape_count; k++) {
    shape *s = &t->shapes[k];
    if (which && t->networks[1]->steps[s->step].bound.v == t->networks[0]->steps[s->step].bound.v) continue;
    double seconds = 0.0; /* of equal stages the sum counts */
    for (int32_t i = 0; i < t->networks[which]->step_count; i++)
      if (t->shape_of[i] == k) seconds += 1e-9 * (double)ns[i];
    if (s->best[index] <= 0.0 || seconds < s->best[index]) s->best[index] = seconds;
  }
  return SEPCL_OK;
}

static sepcl_status measure_stages(tuner *t) {
  uint64_t *ns = calloc((size_t)t->networks[0]->step_count + 1, sizeof *ns);
  if (!ns) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  sepcl_status status = SEPCL_OK;
  for (int32_t round = 0; round < t->rounds && status == SEPCL_OK && !(round && is_late(t, 0.6)); round++) {
    show(t, 0.1 + 0.5 * round / t->rounds, "measuring stages");
    for (int32_t c = 0; c < t->candidate_count && status == SEPCL_OK; c++)
      if (t->networks[candidates[c].network]) status = profile(t, c, ns);
    t->report.rounds++;
  }
  free(ns);
  return status;
}

static void choose(tuner *t) {
  for (int32_t k = 0; k < t->shape_count; k++) {
    shape *s = &t->shapes[k];
    double least = s->best[0];
    for (int32_t c = 1; c < t->candidate_count; c++) {
      if (s->best[c] <= 0.0) continue;
      t->report.candidates++;
      const double gain = candidates[c].network ? VARIANT_GAIN : SPLIT_GAIN;
      if (s->best[c] >= gain * s->best[0] || s->best[c] >= least) continue;
      least = s->best[c];
      s->choice = choice_of(t, s, c);
    }
  }
}

/* ---- the second part: whole inferences ---- */

/* A network of the choices, or of the defaults. */
static sepcl_status make_whole(sepcl_execution **out, tuner *t, const sepcl_graph *graph,
                               const sepcl_network_options *options, bool chosen) {
  sepcl_network_options own = *options;
  sepcl_network *network = NULL;
  own.tuning = SEPCL_TUNING_OFF;
  *out = NULL;
  TRY(network_lay_out(&network, t->device, graph, &own));
  sepcl_status status = SEPCL_OK;
  for (int32_t i = 0; chosen && i < network->step_count && status == SEPCL_OK; i++)
    if (t->shape_of[i] >= 0) status = bind_step(network, &network->steps[i], &t->shapes[t->shape_of[i]].choice);
  if (status == SEPCL_OK) {
    plan_weights(network);
    status = network_finish(network);
  }
  if (status == SEPCL_OK) status = sepcl_execution_create(out, network);
  if (status == SEPCL_OK)
    (*out)->workers.countdown = INT_MAX; /* no looks at one worker alone */
  else
    sepcl_network_free(network);
  return status;
}

static void free_whole(sepcl_execution *execution) {
  sepcl_network *network = execution ? execution->network : NULL;
  sepcl_execution_free(execution);
  sepcl_network_free(network);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Inferences in turns; the lower quartile of each, for what disturbs only ever adds. */
static sepcl_status race(tuner *t, sepcl_execution *const runners[2], double seconds[2]) {
  double times[2][RUNS];
  int32_t done = 0;
  for (int32_t i = -2; i < RUNS && !(i > 4 && is_late(t, 1.0)); i++, done = i)
    for (int k = 0; k < 2; k++) {
      const int which = (i & 1) ? 1 - k : k;
      const double start = seconds_now();
      TRY(sepcl_execution_run(runners[which], (const float *const *)t->inputs, t->outputs));
      if (i >= 0) times[which][i] = seconds_now() - start;
    }
  for (int k = 0; k < 2; k++) {
    qsort(times[k], (size_t)done, sizeof **times, ascending);
    seconds[k] = times[k][done / 4];
  }
  return SEPCL_OK;
}

static void drop(tuner *t, bool variants_only) {
  for (int32_t k = 0; k < t->shape_count; k++)
    if (!variants_only || t->shapes[k].choice.v) t->shapes[k].choice = (tuned_choice){NULL, 0, 0};
}

static bool any_choice(const tuner *t, bool of_variant) {
  for (int32_t k = 0; k < t->shape_count; k++) {
    const tuned_choice *c = &t->shapes[k].choice;
    if (c->v || (!of_variant && (c->tasks || c->panel_tasks))) return true;
  }
  return false;
}

/* Keeps the choices only if whole inferences are faster by them; without the other variants first, if there are any. */
static sepcl_status judge(tuner *t, sepcl_execution *standard, const sepcl_graph *graph,
                          const sepcl_network_options *options) {
  double seconds[2] = {0.0, 0.0};
  while (any_choice(t, false)) {
    sepcl_execution *tuned = NULL;
    TRY(make_whole(&tuned, t, graph, options, true));
    sepcl_execution *const runners[2] = {standard, tuned};
    sepcl_status status = race(t, runners, seconds);
    free_whole(tuned);
    TRY(status);
    t->report.default_ms = 1e3 * seconds[0];
    t->report.tuned_ms = 1e3 * seconds[1];
    if (seconds[1] < WHOLE_GAIN * seconds[0]) return SEPCL_OK;
    drop(t, any_choice(t, true));
    t->report.tuned_ms = t->report.default_ms;
  }
  return SEPCL_OK;
}

/* The shape that takes most time of those not tried yet; -1: none. */
static int32_t slowest(const tuner *t, const bool *tried) {
  int32_t best = -1;
  for (int32_t k = 0; k < t->shape_count; k++)
    if (!tried[k] && (best < 0 || t->shapes[k].best[0] > t->shapes[best].best[0])) best = k;
  return best;
}

/* Whether whole inferences are faster, twice, with the shape's choice changed; *current is then replaced. */
static sepcl_status try_choice(tuner *t, sepcl_execution **current, shape *s, tuned_choice choice,
                               const sepcl_graph *graph, const sepcl_network_options *options) {
  const tuned_choice before = s->choice;
  sepcl_execution *changed = NULL;
  double seconds[2] = {1.0, 0.0};
  s->choice = choice;
  TRY(make_whole(&changed, t, graph, options, true));
  sepcl_execution *const runners[2] = {*current, changed};
  sepcl_status status = SEPCL_OK;
  bool faster = true;
  for (int i = 0; i < 2 && faster && status == SEPCL_OK; i++) {
    status = race(t, runners, seconds);
    faster = seconds[1] < WHOLE_GAIN * seconds[0];
  }
  const bool keep = status == SEPCL_OK && faster;
  if (!keep) s->choice = before;
  free_whole(keep ? *current : changed);
  if (keep) *current = changed;
  return status;
}

/* Shape by shape, the slowest first, each split in whole inferences: launches of one stage say little of one launch. */
static sepcl_status descend(tuner *t, const sepcl_graph *graph, const sepcl_network_options *options) {
  bool *tried = calloc((size_t)t->shape_count + 1, sizeof *tried);
  sepcl_execution *current = NULL;
  sepcl_status status = tried ? make_whole(&current, t, graph, options, true) : SEPCL_OUT_OF_MEMORY;
  int32_t k;
  for (int32_t n = 0; status == SEPCL_OK && !is_late(t, 0.9) && (k = slowest(t, tried)) >= 0; n++) {
    show(t, 0.7 + 0.2 * n / t->shape_count, "measuring the whole, shape by shape");
    tried[k] = true;
    for (int32_t c = 0; c < t->candidate_count && status == SEPCL_OK && !is_late(t, 0.9); c++)
      if (!candidates[c].network && t->shapes[k].best[c] < NEAR * t->shapes[k].best[0])
        status = try_choice(t, &current, &t->shapes[k], choice_of(t, &t->shapes[k], c), graph, options);
  }
  free_whole(current);
  free(tried);
  return status;
}

/* One launch against a launch per stage, where the device and the caller leave a choice. */
static sepcl_status judge_replay(tuner *t, sepcl_execution *standard, const sepcl_graph *graph,
                                 const sepcl_network_options *options) {
  t->report.replay = standard->network->replay;
  if (options->replay != SEPCL_REPLAY_AUTO || standard->network->replay == SEPCL_REPLAY_LAUNCHES) return SEPCL_OK;
  sepcl_network_options own = *options;
  sepcl_execution *launches = NULL;
  double seconds[2] = {0.0, 0.0};
  own.replay = SEPCL_REPLAY_LAUNCHES;
  TRY(make_whole(&launches, t, graph, &own, false));
  sepcl_execution *const runners[2] = {standard, launches};
  sepcl_status status = race(t, runners, seconds);
  free_whole(launches);
  TRY(status);
  if (seconds[1] < WHOLE_GAIN * seconds[0]) t->report.replay = SEPCL_REPLAY_LAUNCHES;
  if (t->report.default_ms <= 0.0) t->report.default_ms = t->report.tuned_ms = 1e3 * seconds[0];
  tuning_remember_replay(standard->network, t->report.replay);
  return SEPCL_OK;
}

static sepcl_status measure_whole(tuner *t, const sepcl_graph *graph, const sepcl_network_options *options) {
  sepcl_execution *standard = NULL;
  show(t, 0.6, "compiling the whole");
  TRY(make_whole(&standard, t, graph, options, false));
  show(t, 0.7, "measuring the whole");
  sepcl_status status = judge(t, standard, graph, options);
  if (status == SEPCL_OK && t->options->level == SEPCL_TUNING_FULL) {
    status = descend(t, graph, options);
    if (status == SEPCL_OK) status = judge(t, standard, graph, options);
  }
  show(t, 0.9, "measuring replays");
  if (status == SEPCL_OK) status = judge_replay(t, standard, graph, options);
  free_whole(standard);
  return status;
}

static sepcl_status tune(tuner *t, const sepcl_graph *graph, const sepcl_network_options *options) {
  TRY(prepare(t, graph, options));
  t->report.shapes = t->shape_count;
  t->start = seconds_now(); /* compilers' time is not ours */
  TRY(measure_stages(t));
  choose(t);
  TRY(measure_whole(t, graph, options));
  for (int32_t k = 0; k < t->shape_count; k++) {
    const tuned_choice *choice = &t->shapes[k].choice;
    t->report.changed += choice->v || choice->tasks || choice->panel_tasks;
    tuning_remember(t->device, &t->networks[0]->steps[t->shapes[k].step].bound.s, choice);
  }
  show(t, 1.0, "done");
  return SEPCL_OK;
}

static void release(tuner *t) {
  const sepcl_graph *graph = t->networks[0] ? t->networks[0]->graph : NULL;
  free_arrays(t->inputs, graph ? graph->input_count : 0);
  free_arrays(t->outputs, graph ? graph->output_count : 0);
  for (int i = 0; i < 2; i++) {
    sepcl_execution_free(t->executions[i]);
    sepcl_network_free(t->networks[i]);
  }
  free(t->shape_of);
  free(t->shapes);
}

/* What the graph's stages have in the cache: all of it is known, or forgotten. */
static sepcl_status look_up(bool *known, sepcl_device *device, const sepcl_graph *graph,
                            const sepcl_network_options *options, bool forget) {
  sepcl_network_options own = *options;
  sepcl_network *network = NULL;
  own.tuning = SEPCL_TUNING_OFF;
  *known = true;
  TRY(network_lay_out(&network, device, graph, &own));
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    tuned_choice choice;
    if (!has_kernel(p) || !tuning_concerns(&p->bound.s)) continue;
    if (forget) tuning_forget(device, &p->bound.s);
    *known = *known && tuning_recall(&choice, device, &p->bound.s);
  }
  if (forget) tuning_remember_replay(network, SEPCL_REPLAY_AUTO);
  sepcl_network_free(network);
  return SEPCL_OK;
}

static sepcl_status check(const sepcl_tune_report *out, const sepcl_tune_options *tune) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_tune: out is NULL");
  if (tune->size != sizeof *tune)
    return failure(SEPCL_INVALID_ARGUMENT, "tune.size is %u, not %zu: start from SEPCL_TUNE_OPTIONS_INIT", tune->size,
                   sizeof *tune);
  if ((int)tune->level < 0 || tune->level > SEPCL_TUNING_FULL)
    return failure(SEPCL_INVALID_ARGUMENT, "tune.level is %d, not a sepcl_tuning", (int)tune->level);
  if (!(tune->seconds >= 0.0)) return failure(SEPCL_INVALID_ARGUMENT, "tune.seconds is %g", tune->seconds);
  return SEPCL_OK;
}

sepcl_status sepcl_network_tune(sepcl_tune_report *out, sepcl_device *device, const sepcl_graph *graph,
                                const sepcl_network_options *options, const sepcl_tune_options *tune_options) {
  static const sepcl_network_options standard = SEPCL_NETWORK_OPTIONS_INIT;
  static const sepcl_tune_options quick = SEPCL_TUNE_OPTIONS_INIT;
  if (!options) options = &standard;
  if (!tune_options) tune_options = &quick;
  TRY(check(out, tune_options));
  const bool full = tune_options->level == SEPCL_TUNING_FULL;
  bool known = false;
  tuner t = {.device = device, .options = tune_options};
  if (tune_options->level < SEPCL_TUNING_QUICK) {
    TRY(look_up(&known, device, graph, options, tune_options->level == SEPCL_TUNING_OFF));
    *out = t.report;
    return SEPCL_OK;
  }
  const double begin = seconds_now();
  t.limit = tune_options->seconds > 0.0 ? tune_options->seconds : full ? 80.0 : 30.0;
  t.candidate_count = full ? (int32_t)MOST : (int32_t)QUICK;
  t.rounds = full ? FULL_ROUNDS : QUICK_ROUNDS;
  sepcl_status status = tune(&t, graph, options);
  release(&t);
  t.report.seconds = seconds_now() - begin;
  if (status == SEPCL_OK) *out = t.report;
  return status;
}

sepcl_status tune_unless_known(sepcl_device *device, const sepcl_graph *graph, const sepcl_network_options *options) {
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_tune_report report;
  bool known = false;
  how.level = options->tuning;
  if (how.level < SEPCL_TUNING_QUICK || options->family != SEPCL_FAMILY_AUTO || !device->cache) return SEPCL_OK;
  TRY(look_up(&known, device, graph, options, false));
  return known ? SEPCL_OK : sepcl_network_tune(&report, device, graph, options, &how);
}
