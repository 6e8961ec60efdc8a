/* Tuning, the second part: takes the winners of the first through whole inferences, and keeps only what makes those
 * faster. */
#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "run/tuner.h"

enum { RUNS = 24 };

const double tuner_whole_gain = 0.99;
/* A split this much slower alone is not tried in the whole. */
static const double NEAR = 1.1;

/* A network of the choices, or of the defaults. */
static sepcl_status make_whole(sepcl_execution **out, tuner *t, const sepcl_network_options *options, bool chosen) {
  sepcl_network_options own = *options;
  sepcl_network *network = NULL;
  own.tuning = SEPCL_TUNING_OFF;
  *out = NULL;
  TRY(network_lay_out(&network, t->device, t->graph, &own));
  sepcl_status status = SEPCL_OK;
  for (int32_t i = 0; chosen && i < network->step_count && status == SEPCL_OK; i++)
    if (t->shape_of[i] >= 0) status = bind_step(network, &network->steps[i], &t->shapes[t->shape_of[i]].choice);
  if (status == SEPCL_OK) {
    plan_weights(network);
    status = network_finish(network);
  }
  if (status == SEPCL_OK) status = sepcl_execution_create(out, network);
  if (status == SEPCL_OK)
    adapt_stop(&(*out)->workers); /* no looks at one worker alone */
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
sepcl_status tuner_race(tuner *t, sepcl_execution *const runners[2], double seconds[2]) {
  double times[2][RUNS];
  int32_t done = 0;
  for (int32_t i = -2; i < RUNS && !(i > 4 && tuner_is_late(t, 1.0)); i++, done = i)
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
static sepcl_status judge(tuner *t, sepcl_execution *standard) {
  double seconds[2] = {0.0, 0.0};
  while (any_choice(t, false)) {
    sepcl_execution *tuned = NULL;
    TRY(make_whole(&tuned, t, t->options, true));
    sepcl_execution *const runners[2] = {standard, tuned};
    sepcl_status status = tuner_race(t, runners, seconds);
    free_whole(tuned);
    TRY(status);
    t->report.default_ms = 1e3 * seconds[0];
    t->report.tuned_ms = 1e3 * seconds[1];
    if (seconds[1] < tuner_whole_gain * seconds[0]) return SEPCL_OK;
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
static sepcl_status try_choice(tuner *t, sepcl_execution **current, tuned_shape *s, tuned_choice choice) {
  const tuned_choice before = s->choice;
  sepcl_execution *changed = NULL;
  double seconds[2] = {1.0, 0.0};
  s->choice = choice;
  TRY(make_whole(&changed, t, t->options, true));
  sepcl_execution *const runners[2] = {*current, changed};
  sepcl_status status = SEPCL_OK;
  bool faster = true;
  for (int i = 0; i < 2 && faster && status == SEPCL_OK; i++) {
    status = tuner_race(t, runners, seconds);
    faster = seconds[1] < tuner_whole_gain * seconds[0];
  }
  const bool keep = status == SEPCL_OK && faster;
  if (!keep) s->choice = before;
  free_whole(keep ? *current : changed);
  if (keep) *current = changed;
  return status;
}

static bool is_near(const tuned_shape *s, int32_t index) {
  return s->best[index] > 0.0 && s->best[index] < NEAR * s->best[0];
}

/* Shape by shape, the slowest first, each split in whole inferences: launches of one stage say little of one launch. */
static sepcl_status descend(tuner *t) {
  bool *tried = calloc((size_t)t->shape_count + 1, sizeof *tried);
  sepcl_execution *current = NULL;
  sepcl_status status = tried ? make_whole(&current, t, t->options, true) : SEPCL_OUT_OF_MEMORY;
  int32_t k;
  for (int32_t n = 0; status == SEPCL_OK && !tuner_is_late(t, 0.9) && (k = slowest(t, tried)) >= 0; n++) {
    tuner_show(t, 0.7 + 0.2 * n / t->shape_count, "measuring the whole, shape by shape");
    tried[k] = true;
    for (int32_t c = 0; c < candidate_count(t) && status == SEPCL_OK && !tuner_is_late(t, 0.9); c++)
      if (candidate_is_split(t, c) && is_near(&t->shapes[k], c))
        status = try_choice(t, &current, &t->shapes[k], candidate_choice(t, &t->shapes[k], c));
  }
  free_whole(current);
  free(tried);
  return status;
}

/* The way of replay against the one that the rules give; *least: seconds of the fastest so far. */
static sepcl_status try_replay(tuner *t, sepcl_execution *standard, sepcl_replay replay, double *least) {
  sepcl_network_options own = *t->options;
  sepcl_execution *other = NULL;
  double seconds[2] = {0.0, 0.0};
  own.replay = replay;
  TRY(make_whole(&other, t, &own, false));
  sepcl_execution *const runners[2] = {standard, other};
  sepcl_status status = tuner_race(t, runners, seconds);
  free_whole(other);
  TRY(status);
  if (t->report.default_ms <= 0.0) t->report.default_ms = t->report.tuned_ms = 1e3 * seconds[0];
  const double share = seconds[1] / seconds[0];
  if (share >= tuner_whole_gain || share >= *least) return SEPCL_OK;
  *least = share;
  t->report.replay = replay;
  return SEPCL_OK;
}

/* One launch against a launch per stage and a command buffer, where the device and the caller leave a choice. */
static sepcl_status judge_replay(tuner *t, sepcl_execution *standard) {
  const sepcl_network *network = standard->network;
  double least = 1.0;
  t->report.replay = network->replay;
  if (t->options->replay != SEPCL_REPLAY_AUTO) return SEPCL_OK;
  if (network->replay != SEPCL_REPLAY_LAUNCHES) TRY(try_replay(t, standard, SEPCL_REPLAY_LAUNCHES, &least));
  if (!recorded_refuses(network)) TRY(try_replay(t, standard, SEPCL_REPLAY_COMMAND_BUFFER, &least));
  tuning_remember_replay(network, t->report.replay);
  return SEPCL_OK;
}

sepcl_status tuner_measure_whole(tuner *t) {
  sepcl_execution *standard = NULL;
  tuner_show(t, 0.6, "compiling the whole");
  TRY(make_whole(&standard, t, t->options, false));
  tuner_show(t, 0.7, "measuring the whole");
  sepcl_status status = judge(t, standard);
  if (status == SEPCL_OK && t->how->level == SEPCL_TUNING_FULL) {
    status = descend(t);
    if (status == SEPCL_OK) status = judge(t, standard);
  }
  tuner_show(t, 0.9, "measuring replays");
  if (status == SEPCL_OK) status = judge_replay(t, standard);
  free_whole(standard);
  return status;
}
