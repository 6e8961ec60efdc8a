/* Tuning: what is measured, in which order, and what is kept of it. */
#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "run/tuner.h"

enum { QUICK_ROUNDS = 5, FULL_ROUNDS = 15 };

void tuner_show(const tuner *t, double share, const char *what) {
  if (t->how->progress) t->how->progress(t->how->user, share, what);
}

bool tuner_is_late(const tuner *t, double share) { return seconds_now() - t->start > share * t->limit; }

static void free_arrays(float **arrays, int32_t count) {
  for (int32_t i = 0; arrays && i < count; i++) free(arrays[i]);
  free(arrays);
}

static void release(tuner *t) {
  const sepcl_graph *graph = t->networks[0] ? t->networks[0]->graph : NULL;
  free_arrays(t->inputs, graph ? graph->input_count : 0);
  free_arrays(t->outputs, graph ? graph->output_count : 0);
  for (int i = 0; i < TUNE_NETWORKS; i++) {
    sepcl_execution_free(t->executions[i]);
    sepcl_network_free(t->networks[i]);
  }
  free(t->shape_of);
  free(t->shapes);
}

static sepcl_status tune(tuner *t) {
  TRY(tuner_prepare(t));
  t->report.shapes = t->shape_count;
  t->start = seconds_now(); /* compilers' time is not ours */
  TRY(tuner_measure_stages(t));
  TRY(tuner_measure_whole(t));
  for (int32_t k = 0; k < t->shape_count; k++) {
    const tuned_choice *choice = &t->shapes[k].choice;
    t->report.changed += choice->v || choice->tasks || choice->panel_tasks;
    tuning_remember(t->device, &t->networks[0]->steps[t->shapes[k].step].bound.s, choice);
  }
  TRY(tuner_measure_fusion(t));
  tuner_show(t, 1.0, "done");
  return SEPCL_OK;
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
  tuner t = {.device = device, .how = tune_options, .graph = graph, .options = options};
  if (tune_options->level < SEPCL_TUNING_QUICK) {
    TRY(look_up(&known, device, graph, options, tune_options->level == SEPCL_TUNING_OFF));
    if (tune_options->level == SEPCL_TUNING_OFF && device->cache) TRY(tuner_forget_fusion(device, graph, options));
    *out = t.report;
    return SEPCL_OK;
  }
  const double begin = seconds_now();
  t.limit = tune_options->seconds > 0.0 ? tune_options->seconds : full ? 80.0 : 30.0;
  t.cut_count = full ? (int32_t)TUNE_CUTS : (int32_t)TUNE_QUICK_CUTS;
  t.network_count = full ? (int32_t)TUNE_NETWORKS : (int32_t)TUNE_QUICK_NETWORKS;
  t.rounds = full ? FULL_ROUNDS : QUICK_ROUNDS;
  sepcl_status status = tune(&t);
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
