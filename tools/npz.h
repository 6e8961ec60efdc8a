/* NumPy's .npz files: a zip of .npy files, stored or deflated. */
#ifndef TOOL_NPZ_H
#define TOOL_NPZ_H

#include "npy.h"

typedef struct npz npz;

/* NULL with a complaint: no zip, a damaged one, or a build without libzip. */
npz *npz_open(const char *path);
void npz_close(npz *file);
int npz_count(const npz *file);

enum { NPZ_NAME = 128 };
/* The name of array `index`, without ".npy". False with a complaint: no name, or too long a one. */
bool npz_name(const npz *file, int index, char name[NPZ_NAME]);
/* Reads array `index`, which must not unpack to more than `limit` floats. */
bool npz_read(npz *file, int index, size_t limit, npy *out);

#endif
