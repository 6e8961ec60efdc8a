/* Runs a network stage by stage and holds each against exact arithmetic on what the stage itself read. */
#ifndef SEPCL_TESTS_PROOF_CHECK_H
#define SEPCL_TESTS_PROOF_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "support/context.h"

typedef struct proof_check_options {
  sepcl_network_options network;
  double divisor; /* negative control: bounds are divided by it; 1: as they are */
  int32_t
      perturb;   /* negative control: the exact side takes the first weight of each stage as this many times greater */
  bool verbose;  /* a line a stage */
  bool measured; /* bounds for the ranges that the stages' operands really have, not for all inputs */
  FILE *log;
} proof_check_options;

typedef struct proof_check {
  int32_t stages, halves, unknown; /* launched; with halves in memory; without a bound */
  int32_t half_sums;               /* with sums in halves */
  int32_t outside;                 /* stages that are not within their bound or range */
  double worst;                    /* the largest error as a share of its stage's bound */
  bool finite;                     /* all of the network's outputs */
  sepcl_network_info info;
  char message[960];
} proof_check;

/* `x`: the network's one input. False: something failed; `message` says what. */
bool proof_check_run(proof_check *out, const test_context *context, const sepcl_graph *graph, const float *x,
                     const proof_check_options *options);

#endif
