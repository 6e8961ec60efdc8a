#ifndef SEPCL_MODEL_REPLACE_FILE_H
#define SEPCL_MODEL_REPLACE_FILE_H

#include <stdio.h>

#include "sepcl.h"

/* Writes a file through `write` beside `path` and renames it only when it is complete, so that readers see the old one
 * or the new one. What is no regular file (a pipe, /dev/stdout) is written to directly. */
sepcl_status replace_file(const char *path, void (*write)(FILE *file, const void *object), const void *object);

#endif
