/* NumPy's .npy files of 32-bit floats in C order. */
#ifndef TOOL_NPY_H
#define TOOL_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_MAX_RANK 8

typedef struct npy {
  int32_t rank;
  int64_t dims[NPY_MAX_RANK];
  size_t elements;
  float *data; /* to be released with npy_free */
} npy;

/* Format versions 1 to 3. Anything but float32 in C order is refused with a complaint that names it. */
bool npy_read(npy *out, const char *path);
/* The same from memory; `name` is for complaints. `out->data` is a copy. */
bool npy_parse(npy *out, const void *bytes, size_t size, const char *name);
void npy_free(npy *array);

/* Replaces `path` only when complete. */
bool npy_write(const char *path, int32_t rank, const int64_t *dims, const float *data);

/* "1x3x224x224" into `text`, of `size` bytes; "scalar" for rank 0. Returns `text`. */
char *npy_shape_text(char *text, size_t size, int32_t rank, const int64_t *dims);

#endif
