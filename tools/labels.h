/* Names of a classifier's outputs. */
#ifndef TOOL_LABELS_H
#define TOOL_LABELS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct labels {
  char **names;
  size_t count;
} labels;

/* A file with a name a line, or a JSON list of strings. */
bool labels_load(labels *out, const char *path);
/* The same from text; `name` is for complaints. */
bool labels_parse(labels *out, const char *text, const char *name);
void labels_free(labels *l);
/* As text, a name a line; NULL when out of memory. The caller frees it. */
char *labels_text(const labels *l);

#endif
