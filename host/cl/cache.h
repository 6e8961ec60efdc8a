/* What survives the process: program binaries and tuning results, in one SQLite file. Costs time when it is corrupt,
 * read-only, full or from the future, never correctness: every failure reads as "not there". */
#ifndef SEPCL_CL_CACHE_H
#define SEPCL_CL_CACHE_H

#include "cl/device.h"

/* `folder` as in sepcl_device_options. NULL when nothing is to be kept or the file cannot be used. */
cache *cache_open(const char *folder);
void cache_close(cache *c);

/* A value by key; NULL if absent. The caller frees it. */
void *cache_get(cache *c, const char *key, size_t *size);
void cache_put(cache *c, const char *key, const void *value, size_t size);
void cache_remove(cache *c, const char *key);

/* Around the first use of a binary: a mark that stays behind a crash makes cache_begin_loading refuse the binary the
 * next time (0), so that it is rebuilt. */
int cache_begin_loading(cache *c, const char *key);
void cache_end_loading(cache *c, const char *key);

#endif
