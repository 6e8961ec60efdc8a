/* FNV-1a. */
#ifndef SEPCL_HASH_H
#define SEPCL_HASH_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t HASH_START = UINT64_C(14695981039346656037);

/* The hash of what `hash` is of, followed by these bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
  return hash;
}

#endif
