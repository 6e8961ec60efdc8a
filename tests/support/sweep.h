/* Many cases of one kind on every variant of its stage. */
#ifndef SEPCL_TESTS_SWEEP_H
#define SEPCL_TESTS_SWEEP_H

#include <stdio.h>

#include "support/cases.h"

typedef struct sweep_options {
  uint64_t seed, first, count;
  const char *variant; /* only this one; NULL: all of the stage */
  case_limits limits;
  uint32_t max_programs; /* variants whose programs would be more are left out; 0: no limit */
  int32_t halves;        /* of every case; -1: all halves, and mixed types, in turn */
  bool half_sums;        /* products are summed in halves, too, or only that */
  bool unfused;          /* fused kinds also against their stages run one by one */
  bool shrink;           /* print a smaller case beside a wrong one */
  FILE *log;             /* one line a wrong case; NULL: silent */
} sweep_options;

typedef struct sweep_result {
  uint64_t cases, launches, refused, wrong, failed, unfused;
  uint64_t macs; /* of the cases, each counted once */
} sweep_result;

/* Adds to `result` and to hits[variant_count], the launches of each variant. */
void sweep_kind(const test_context *context, case_kind kind, const sweep_options *options, sweep_result *result,
                uint64_t *hits);

/* The same cases against a reference with two additions swapped or, where a stage has no chain of products, with one
 * bit of its result changed: how many were found wrong, of how many. */
void sweep_negative_control(const test_context *context, case_kind kind, const sweep_options *options, uint64_t *found,
                            uint64_t *cases);

/* Programs built by the context's device so far, from source or cache. */
uint32_t sweep_programs(const test_context *context);

#endif
