/* What the strided stages share. */
#ifndef SEPCL_STRIDED_H
#define SEPCL_STRIDED_H

#include "stage/split.h"

/* Elements of axes [from, to). */
static inline int64_t axes_elements(const stage *s, int32_t from, int32_t to) {
  int64_t elements = 1;
  for (int32_t i = from; i < to; i++) elements *= s->dims[i];
  return elements;
}

static inline int64_t ceil_div64(int64_t a, int64_t b) { return (a + b - 1) / b; }

#endif
