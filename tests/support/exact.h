/* Stages in exact arithmetic, as near as double precision comes: what proven error bounds are bounds of. */
#ifndef SEPCL_TESTS_EXACT_H
#define SEPCL_TESTS_EXACT_H

#include "stage/stage.h"

/* Operands at their first elements, widened to floats; pitches as in stage_params. `used[i]` is set for each y[i] that
 * the stage writes. */
typedef struct exact_operands {
  const float *x, *r, *s;
  double *y;
  bool *used;
  int64_t x_pitch, r_pitch, s_pitch, y_pitch;
  const sepcl_weights *sets;
} exact_operands;

/* False: out of memory. */
bool exact_stage(const stage *s, const exact_operands *o);

#endif
