/* What the files of tuning share: tune.c decides, tune_stages.c times stage by stage, tune_whole.c whole inferences. */
#ifndef SEPCL_TUNER_H
#define SEPCL_TUNER_H

#include "run/run.h"
#include "select/tuning.h"

/* Cuts of the default variants come first, then a candidate for each of the other networks. */
enum { TUNE_CUTS = 18, TUNE_QUICK_CUTS = 9, TUNE_NETWORKS = 8, TUNE_QUICK_NETWORKS = 5 };
enum { TUNE_CANDIDATES = TUNE_CUTS + TUNE_NETWORKS - 1 };

/* A stage's shape, which some steps may have in common. */
typedef struct tuned_shape {
  int32_t step;                 /* the first that has it */
  double best[TUNE_CANDIDATES]; /* seconds, with each candidate; 0: not measured */
  int32_t count;                /* steps that have it */
  stage_params standard;        /* as its own rule cuts it */
  tuned_choice choice;
} tuned_shape;

typedef struct tuner {
  sepcl_device *device;
  const sepcl_tune_options *how;
  const sepcl_graph *graph;
  const sepcl_network_options *options;
  /* The default variants; then those that the cost model ranks first of the others, second, ...; NULL: no stage has so
   * many. */
  sepcl_network *networks[TUNE_NETWORKS];
  sepcl_execution *executions[TUNE_NETWORKS];
  int32_t *shape_of; /* per step; -1: none */
  tuned_shape *shapes;
  int32_t shape_count, cut_count, network_count, rounds;
  float **inputs, **outputs;
  double start, limit;
  sepcl_tune_report report;
} tuner;

/* tune.c */
void tuner_show(const tuner *t, double share, const char *what);
/* Whether more than a share of the time is over. */
bool tuner_is_late(const tuner *t, double share);

/* tune_stages.c: the networks of all candidates; then the best of them for each shape. */
sepcl_status tuner_prepare(tuner *t);
sepcl_status tuner_measure_stages(tuner *t);
/* Of all cuts and networks, those that this level tries: 0 is the default, cuts precede networks. */
int32_t candidate_count(const tuner *t);
/* Whether the candidate cuts nothing but tasks. */
bool candidate_is_split(const tuner *t, int32_t index);
tuned_choice candidate_choice(const tuner *t, const tuned_shape *s, int32_t index);

/* tune_whole.c: keeps of the shapes' choices what makes whole inferences faster. */
sepcl_status tuner_measure_whole(tuner *t);

/* tune_fusion.c: blocks as one stage against their stages one by one, after what else was found is remembered; and
 * whether such a block was fused by it before: forgotten. */
sepcl_status tuner_measure_fusion(tuner *t);
sepcl_status tuner_forget_fusion(sepcl_device *device, const sepcl_graph *graph, const sepcl_network_options *options);

/* Inferences of two executions in turns: the lower quartile of each, in seconds. tune_whole.c */
sepcl_status tuner_race(tuner *t, sepcl_execution *const runners[2], double seconds[2]);
/* What a winner must gain in whole inferences. */
extern const double tuner_whole_gain;

#endif
