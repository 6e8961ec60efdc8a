#include "model/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

typedef struct block {
  struct block *next;
  max_align_t data[];
} block;

typedef struct mapping {
  struct mapping *next;
  char *path;
  void *data;
  size_t bytes;
} mapping;

struct model_memory {
  block *blocks;
  mapping *mappings;
};

sepcl_status model_memory_create(model_memory **out) {
  *out = calloc(1, sizeof **out);
  return *out ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory");
}

void model_memory_free(void *object) {
  model_memory *memory = object;
  if (!memory) return;
  while (memory->blocks) {
    block *next = memory->blocks->next;
    free(memory->blocks);
    memory->blocks = next;
  }
  while (memory->mappings) {
    mapping *next = memory->mappings->next;
    munmap(memory->mappings->data, memory->mappings->bytes);
    free(memory->mappings->path);
    free(memory->mappings);
    memory->mappings = next;
  }
  free(memory);
}

sepcl_status model_memory_take(model_memory *memory, void **out, size_t count, size_t size) {
  size_t bytes;
  *out = NULL;
  if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, sizeof(block) + 1, &bytes))
    return failure(SEPCL_OVERFLOW, "%zu objects of %zu bytes do not fit into memory", count, size);
  block *fresh = calloc(1, bytes);
  if (!fresh) return failure(SEPCL_OUT_OF_MEMORY, "out of memory: %zu bytes for the model", bytes);
  fresh->next = memory->blocks;
  memory->blocks = fresh;
  *out = fresh->data;
  return SEPCL_OK;
}

sepcl_status model_memory_text(model_memory *memory, const char **out, const char *text) {
  size_t length = strlen(text);
  void *copy;
  TRY(model_memory_take(memory, &copy, length + 1, 1));
  memcpy(copy, text, length);
  *out = copy;
  return SEPCL_OK;
}

static sepcl_status map_descriptor(mapping *m, int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return failure(SEPCL_BAD_FILE, "%s: %s", m->path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return failure(SEPCL_BAD_FILE, "%s: not a regular file", m->path);
  if (status.st_size == 0) return failure(SEPCL_BAD_FILE, "%s: the file is empty", m->path);
  m->bytes = (size_t)status.st_size;
  m->data = mmap(NULL, m->bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (m->data == MAP_FAILED) return failure(SEPCL_BAD_FILE, "%s: cannot be mapped: %s", m->path, strerror(errno));
  return SEPCL_OK;
}

static sepcl_status open_and_map(mapping *m) {
  int descriptor = open(m->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failure(SEPCL_BAD_FILE, "%s: %s", m->path, strerror(errno));
  sepcl_status status = map_descriptor(m, descriptor);
  close(descriptor);
  return status;
}

sepcl_status model_memory_map(model_memory *memory, const char *path, const uint8_t **data, size_t *bytes) {
  mapping *m = memory->mappings;
  while (m && strcmp(m->path, path) != 0) m = m->next;
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m) return failure(SEPCL_OUT_OF_MEMORY, "out of memory");
    m->path = strdup(path);
    sepcl_status status = m->path ? open_and_map(m) : failure(SEPCL_OUT_OF_MEMORY, "out of memory");
    if (status != SEPCL_OK) {
      free(m->path);
      free(m);
      return status;
    }
    m->next = memory->mappings;
    memory->mappings = m;
  }
  *data = m->data;
  *bytes = m->bytes;
  return SEPCL_OK;
}
