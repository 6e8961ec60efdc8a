/* Tuning, the third part: blocks of convolutions as one stage against their stages one by one. What was found before is
 * remembered already: both networks are compiled with it. */
#include <stdlib.h>

#include "error.h"
#include "run/tuner.h"

/* A fused stage of the network in which all blocks are fused that can be. */
typedef struct block {
  int32_t step;
  double fused, apart; /* seconds, the best of the rounds, with launches of their own */
} block;

typedef struct blocks {
  sepcl_network *fused, *apart;
  block *list;
  int32_t count;
  bool *in_fused; /* per value: a step of the fused network makes it */
} blocks;

static bool is_fused(const step *p) {
  return p->bound.s.kind == STAGE_SEPARABLE || p->bound.s.kind == STAGE_INVERTED_RESIDUAL;
}

static sepcl_status lay_out(sepcl_network **out, const tuner *t, sepcl_fusion fusion) {
  sepcl_network_options own = *t->options;
  own.tuning = SEPCL_TUNING_REMEMBERED;
  own.replay = SEPCL_REPLAY_LAUNCHES;
  own.fusion = fusion;
  return network_lay_out(out, t->device, t->graph, &own);
}

static sepcl_status find_blocks(blocks *b) {
  const sepcl_network *network = b->fused;
  b->list = calloc((size_t)network->step_count + 1, sizeof *b->list);
  b->in_fused = calloc((size_t)network->graph->count + 1, sizeof *b->in_fused);
  if (!b->list || !b->in_fused) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  for (int32_t i = 0; i < network->step_count; i++) {
    b->in_fused[network->steps[i].node] = true;
    if (is_fused(&network->steps[i])) b->list[b->count++].step = i;
  }
  return SEPCL_OK;
}

static void keep_least(double *least, double seconds) {
  if (*least <= 0.0 || seconds < *least) *least = seconds;
}

/* What of the unfused network makes the values that a fused stage leaves out, up to its own. */
static void note_apart(blocks *b, const uint64_t *ns) {
  double seconds = 0.0;
  int32_t next = 0;
  for (int32_t i = 0; i < b->apart->step_count && next < b->count; i++) {
    const sepcl_value value = b->apart->steps[i].node;
    const bool last = value == b->fused->steps[b->list[next].step].node;
    if (!b->in_fused[value] || last) seconds += 1e-9 * (double)ns[i];
    if (!last) continue;
    keep_least(&b->list[next++].apart, seconds);
    seconds = 0.0;
  }
}

static sepcl_status profile(tuner *t, blocks *b, sepcl_execution *const runners[2]) {
  const int32_t steps = b->apart->step_count; /* fusing leaves none over */
  uint64_t *ns = calloc((size_t)steps + 1, sizeof *ns);
  if (!ns) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for tuning");
  sepcl_status status = SEPCL_OK;
  for (int32_t round = 0; round < t->rounds && status == SEPCL_OK && !(round && tuner_is_late(t, 1.0)); round++) {
    status = sepcl_execution_profile(runners[0], (const float *const *)t->inputs, ns);
    for (int32_t i = 0; i < b->count && status == SEPCL_OK; i++)
      keep_least(&b->list[i].fused, 1e-9 * (double)ns[b->list[i].step]);
    if (status == SEPCL_OK) status = sepcl_execution_profile(runners[1], (const float *const *)t->inputs, ns);
    if (status == SEPCL_OK) note_apart(b, ns);
  }
  free(ns);
  return status;
}

static sepcl_status make(sepcl_execution **out, sepcl_network *network) {
  TRY(network_finish(network));
  TRY(sepcl_execution_create(out, network));
  adapt_stop(&(*out)->workers); /* no looks at one worker alone */
  return SEPCL_OK;
}

static sepcl_status measure_blocks(tuner *t, blocks *b) {
  sepcl_execution *runners[2] = {NULL, NULL};
  sepcl_status status = make(&runners[0], b->fused);
  if (status == SEPCL_OK) status = make(&runners[1], b->apart);
  if (status == SEPCL_OK) status = profile(t, b, runners);
  for (int i = 0; i < 2; i++) sepcl_execution_free(runners[i]);
  return status;
}

/* Remembers for each block whether it is fused; `as_measured` false: for none. */
static bool remember(const tuner *t, const blocks *b, bool as_measured) {
  bool any = false;
  for (int32_t i = 0; i < b->count; i++) {
    const bool fused = as_measured && b->list[i].fused < tuner_whole_gain * b->list[i].apart;
    any = any || fused;
    tuning_remember_fusion(t->device, &b->fused->steps[b->list[i].step].bound.s, fused);
  }
  return any;
}

/* Whole inferences with the blocks fused that gain alone, against none: else none is. */
static sepcl_status judge(tuner *t, const blocks *b) {
  sepcl_network_options own = *t->options;
  sepcl_network *networks[2] = {NULL, NULL};
  sepcl_execution *runners[2] = {NULL, NULL};
  double seconds[2] = {0.0, 0.0};
  own.tuning = SEPCL_TUNING_REMEMBERED;
  sepcl_status status = SEPCL_OK;
  for (int i = 0; i < 2 && status == SEPCL_OK; i++) {
    own.fusion = i ? SEPCL_FUSION_AUTO : SEPCL_FUSION_NEVER;
    status = network_lay_out(&networks[i], t->device, t->graph, &own);
    if (status == SEPCL_OK) status = make(&runners[i], networks[i]);
  }
  if (status == SEPCL_OK) status = tuner_race(t, runners, seconds);
  for (int i = 0; i < 2; i++) {
    sepcl_execution_free(runners[i]);
    sepcl_network_free(networks[i]);
  }
  if (status != SEPCL_OK || seconds[1] >= tuner_whole_gain * seconds[0])
    remember(t, b, false);
  else
    t->report.tuned_ms *= seconds[1] / seconds[0];
  return status;
}

static void release(blocks *b) {
  sepcl_network_free(b->fused);
  sepcl_network_free(b->apart);
  free(b->list);
  free(b->in_fused);
}

sepcl_status tuner_measure_fusion(tuner *t) {
  blocks b = {NULL, NULL, NULL, 0, NULL};
  if (t->options->fusion != SEPCL_FUSION_AUTO || !t->device->cache || tuner_is_late(t, 1.0)) return SEPCL_OK;
  tuner_show(t, 0.95, "measuring fused blocks");
  sepcl_status status = lay_out(&b.fused, t, SEPCL_FUSION_ALWAYS);
  if (status == SEPCL_OK) status = lay_out(&b.apart, t, SEPCL_FUSION_NEVER);
  if (status == SEPCL_OK) status = find_blocks(&b);
  if (status == SEPCL_OK && b.count) status = measure_blocks(t, &b);
  if (status == SEPCL_OK && b.count && remember(t, &b, true)) status = judge(t, &b);
  release(&b);
  return status;
}

sepcl_status tuner_forget_fusion(sepcl_device *device, const sepcl_graph *graph, const sepcl_network_options *options) {
  const tuner t = {.device = device, .graph = graph, .options = options};
  sepcl_network *network = NULL;
  TRY(lay_out(&network, &t, SEPCL_FUSION_ALWAYS));
  for (int32_t i = 0; i < network->step_count; i++)
    if (is_fused(&network->steps[i])) tuning_forget_fusion(device, &network->steps[i].bound.s);
  sepcl_network_free(network);
  return SEPCL_OK;
}
