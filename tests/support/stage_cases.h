/* Random stages of every kind but the convolutions: shapes, strides, modes, operands. */
#ifndef SEPCL_TESTS_STAGE_CASES_H
#define SEPCL_TESTS_STAGE_CASES_H

#include "stage/stage.h"
#include "support/random.h"

/* A stage and how its operands lie: where each starts in its buffer and how many floats it spans from there. */
typedef struct stage_case {
  stage s;
  int64_t x_at, r_at, s_at, y_at;
  int64_t x_floats, r_floats, s_floats, y_floats;
  int64_t x_pitch, r_pitch, s_pitch, y_pitch; /* window stages */
  int32_t index_limit;                        /* gathers: r holds integers below it; else 0 */
  sepcl_weights weights;                      /* layout and which parts there are; data from stage_case_weights */
  int64_t weight_count;
  bool special; /* a few NaNs and infinities among the inputs */
} stage_case;

/* False: there is no such kind here. */
bool stage_case_draw(stage_case *out, stage_kind kind, rng *r);
/* In one line. */
void stage_case_describe(const stage_case *c, char *out, size_t size);
sepcl_activation random_activation(rng *r);

#endif
