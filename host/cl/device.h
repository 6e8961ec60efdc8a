/* A device in a context, with the programs compiled for it. */
#ifndef SEPCL_CL_DEVICE_H
#define SEPCL_CL_DEVICE_H

#include <pthread.h>
#include <stdbool.h>

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
  uint64_t cache_bytes;    /* of the cache before its memory, 0: none or not known */
  bool weight_images;      /* as images_may_hold_weights has it */
  bool half_sums;          /* kernels may compute with halves: cl_khr_fp16, to nearest */
  bool half_denormals;     /* and small ones are kept */
  pthread_mutex_t lock;    /* guards programs */
  program_set *programs;
  cache *cache;
  uint32_t compiled, cached; /* programs built from source, loaded from the cache */
};

/* Whether tuning tries weights as images. They are for caches of images apart, which integrated and mobile GPUs may
 * have; cards with memory of their own read both through one. Of devices with AMD's or NVIDIA's queries it is known
 * that the kernel is none for them, integrated ones included: it spills on gfx900, and FMAs are 57% of its loop on
 * gfx1030. */
bool images_may_hold_weights(bool host_memory, const char *extensions);

#endif
