/* A device in a context, with the programs compiled for it. */
#ifndef SEPCL_CL_DEVICE_H
#define SEPCL_CL_DEVICE_H

#include <pthread.h>

#include "cl/api.h"

typedef struct program_set program_set; /* cl/program.c: programs by key */
typedef struct cache cache;             /* cl/cache.c: the SQLite file, NULL when nothing is kept */

struct sepcl_device {
  const cl_api *cl;
  cl_context context;
  cl_device_id id;
  sepcl_device_info info;
  uint32_t subgroup_sizes; /* bit n: kernels may ask for subgroups of n items, and shuffle */
  uint64_t image_texels;   /* of an image over a buffer, at most; 0: no images */
  pthread_mutex_t lock;    /* guards programs */
  program_set *programs;
  cache *cache;
  uint32_t compiled, cached; /* programs built from source, loaded from the cache */
};

#endif
