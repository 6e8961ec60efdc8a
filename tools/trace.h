/* A trace of what ran when, for chrome://tracing and ui.perfetto.dev. */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "session.h"

typedef enum trace_row { TRACE_HOST = 1, TRACE_DEVICE } trace_row;

/* NULL-safe throughout: without --profile there is no trace. */
cJSON *trace_create(const session *s);
/* Times in milliseconds. Returns the event's "args", to which details can be added, or NULL. */
cJSON *trace_event(cJSON *trace, trace_row row, const char *name, double start, double duration);
/* Each stage's device time, end to end from `start` on. */
void trace_stages(cJSON *trace, const session *s, const double *stage_ms, double start);
/* Writes and deletes. */
bool trace_write(cJSON *trace, const char *path);

#endif
