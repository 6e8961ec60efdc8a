/* What a loaded model needs for as long as its graph lives: mapped files and blocks of memory, released together. */
#ifndef SEPCL_MODEL_MEMORY_H
#define SEPCL_MODEL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "sepcl.h"

typedef struct model_memory model_memory;

sepcl_status model_memory_create(model_memory **out);
/* Takes void *, so that sepcl_graph_keep can call it. */
void model_memory_free(void *memory);

/* Zeroed memory for `count` objects of `size` bytes; never less than one byte. */
sepcl_status model_memory_take(model_memory *memory, void **out, size_t count, size_t size);
/* A copy of the text. */
sepcl_status model_memory_text(model_memory *memory, const char **out, const char *text);

/* Maps a regular file for reading; a file that was mapped before is not mapped again. */
sepcl_status model_memory_map(model_memory *memory, const char *path, const uint8_t **data, size_t *bytes);

#endif
