#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "message.h"

static void name_row(cJSON *events, trace_row row, const char *name) {
  cJSON *event = cJSON_CreateObject(), *args = cJSON_CreateObject();
  json_text(event, "name", "thread_name");
  json_text(event, "ph", "M");
  json_number(event, "pid", 1);
  json_number(event, "tid", row);
  json_text(args, "name", name);
  cJSON_AddItemToObject(event, "args", args);
  cJSON_AddItemToArray(events, event);
}

cJSON *trace_create(const session *s) {
  if (!s->o->profile) return NULL;
  cJSON *trace = cJSON_CreateObject(), *events = cJSON_AddArrayToObject(trace, "traceEvents");
  json_text(trace, "displayTimeUnit", "ms");
  name_row(events, TRACE_HOST, "host");
  name_row(events, TRACE_DEVICE, s->device_info.name);
  return trace;
}

cJSON *trace_event(cJSON *trace, trace_row row, const char *name, double start, double duration) {
  if (!trace) return NULL;
  cJSON *event = cJSON_CreateObject();
  json_text(event, "name", name);
  json_text(event, "ph", "X");
  json_number(event, "ts", start * 1e3);
  json_number(event, "dur", duration * 1e3);
  json_number(event, "pid", 1);
  json_number(event, "tid", row);
  cJSON_AddItemToArray(cJSON_GetObjectItem(trace, "traceEvents"), event);
  return cJSON_AddObjectToObject(event, "args");
}

void trace_stages(cJSON *trace, const session *s, const double *stage_ms, double start) {
  for (int i = 0; trace && i < sepcl_network_stage_count(s->network); i++) {
    sepcl_stage_info stage;
    if (sepcl_network_stage_info(&stage, s->network, i) != SEPCL_OK || !stage.launches) continue;
    cJSON *args = trace_event(trace, TRACE_DEVICE, stage.name, start, stage_ms[i]);
    json_text(args, "stage", stage.stage);
    json_text(args, "kernel", stage.kernel);
    json_number(args, "macs", (double)stage.macs);
    json_number(args, "bytes", (double)stage.bytes);
    start += stage_ms[i];
  }
}

bool trace_write(cJSON *trace, const char *path) {
  if (!trace) return true;
  char *text = cJSON_PrintUnformatted(trace);
  cJSON_Delete(trace);
  if (!text) return complain("out of memory for %s", path);
  file_part part = {text, strlen(text)};
  bool written = file_write(path, &part, 1);
  free(text);
  return written;
}
