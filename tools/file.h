/* Whole files: read at once, written completely or not at all. */
#ifndef TOOL_FILE_H
#define TOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The file's bytes with a zero behind them (to be freed), or NULL with a complaint. Refuses more than `limit` bytes. */
void *file_read(const char *path, size_t limit, size_t *size);

typedef struct file_part {
  const void *data;
  size_t size;
} file_part;

/* Writes the parts one after another into a file beside `path` that then takes its place: `path` holds the old contents
 * or the new ones, never a part. What is no regular file (a pipe, a terminal) is written to directly. */
bool file_write(const char *path, const file_part *parts, int count);

#endif
