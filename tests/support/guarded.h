/* A tensor in a buffer with canaries around it and between its rows: the whole buffer is compared afterwards, so a
 * kernel that writes one float beside the tensor is caught, and one that reads there gets NaNs. */
#ifndef SEPCL_TESTS_GUARDED_H
#define SEPCL_TESTS_GUARDED_H

#include "support/context.h"

typedef struct guarded_layout {
  size_t before, after; /* floats in front of the first row and behind the last */
  size_t rows, channels, pitch;
} guarded_layout;

typedef struct guarded {
  guarded_layout layout;
  size_t floats; /* elements */
  bool half;     /* the elements are halves in the buffer, which is as large as for floats; host holds their values */
  float *host;   /* what the buffer holds, or should hold */
  cl_mem buffer;
} guarded;

/* Lays out `contiguous` (rows x channels; NULL: canaries there too) and uploads it. False: out of memory or OpenCL. */
bool guarded_create_of(guarded *out, const test_context *context, const guarded_layout *layout, const float *contiguous,
                       bool half);
/* Of floats. */
bool guarded_create(guarded *out, const test_context *context, const guarded_layout *layout, const float *contiguous);
void guarded_free(guarded *tensor, const test_context *context);

/* Puts `contiguous` where the tensor lies in `host`: what the buffer should come to hold. */
void guarded_expect(guarded *tensor, const float *contiguous);
/* Uploads `host` again. */
bool guarded_upload(const guarded *tensor, const test_context *context);
sepcl_operand guarded_operand(const guarded *tensor);

/* Compares the buffer with `host`: bits, any NaN for a NaN inside the tensor. -1: equal; else the first wrong float's
 * index, what it is, and whether it lies inside the tensor. */
typedef struct guarded_difference {
  long long index; /* -1: none; -2: the buffer could not be read */
  bool inside;
  size_t row, channel;
  float got, expected;
} guarded_difference;
guarded_difference guarded_compare(const guarded *tensor, const test_context *context);

#endif
