/* Runs a network stage by stage and holds each against exact arithmetic on what the stage itself read. */
#ifndef SEPCL_TESTS_PROOF_CHECK_H
#define SEPCL_TESTS_PROOF_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "support/context.h"

typedef struct proof_check_options {
  sepcl_network_options network;
  double divisor; /* negative control: bounds are divided by it; 1: as they are */
  /* Negative control: the exact side takes one weight of each stage, or one input where no weight will do, as so
   * much larger or smaller that a result moves by at least as many of the stage's bounds; 0: as it is. */
  double moved;
  bool verbose;                 /* a line a stage */
  bool measured;                /* bounds for the ranges that the stages' operands really have, not for all inputs */
  const char *const *unbounded; /* names of stages that may be without a bound, NULL behind the last; NULL: none */
  FILE *log;
} proof_check_options;

typedef struct proof_check {
  int32_t stages, halves, unknown; /* launched; with halves in memory; without a bound for what they read */
  int32_t excused;                 /* of the unknown: named by the options */
  int32_t vague;                   /* whose bound is more than a tenth of their range */
  int32_t given;                   /* with a bound that depends on what they read, which was so */
  int32_t half_sums;               /* with sums in halves */
  int32_t outside;                 /* stages that are not within their bound or range */
  int32_t moved;                   /* of the control: stages with a result that one number moves so far */
  int32_t unmoved;                 /* and those where none does, mostly for a bound as wide as the range */
  int32_t hidden;                  /* of the moved: within the bound all the same, which no working check says */
  double worst;                    /* the largest error as a share of its stage's bound */
  bool finite;                     /* all of the network's outputs */
  sepcl_network_info info;
  char message[960];
} proof_check;

/* `x`: the network's one input. False: something failed; `message` says what. */
bool proof_check_run(proof_check *out, const test_context *context, const sepcl_graph *graph, const float *x,
                     const proof_check_options *options);

#endif
