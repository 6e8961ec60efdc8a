/* From the command line to a network that runs: what most subcommands begin with. */
#ifndef TOOL_SESSION_H
#define TOOL_SESSION_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "options.h"
#include "sepcl.h"

typedef struct session {
  float input_low, input_high; /* what the network was told of its inputs */
  const options *o;
  const char *model;
  sepcl_graph *graph;
  sepcl_device *device;
  sepcl_device_info device_info;
  sepcl_network *network;
  sepcl_network_info info;
  sepcl_execution *execution;
  uint64_t macs; /* the model's; the network may do without some of them (info.macs) */
  double load_ms, compile_ms;
  uint32_t compiled, cached; /* programs, by the time that the network was made */
} session;

/* Each takes the session one step further; false with a complaint. */
bool session_load(session *s, const options *o, const char *model);
bool session_open_device(session *s);
/* The network's options by the command line. */
bool session_options(sepcl_network_options *out, session *s);
/* Without `execute` only the plan is made. */
bool session_compile(session *s, bool execute);
void session_free(session *s);

/* Buffers for all inputs or outputs of a loaded model. */
typedef struct arrays {
  int32_t count;
  sepcl_io_info *infos;
  float **data;
} arrays;

bool arrays_of_inputs(arrays *a, const session *s);
bool arrays_of_outputs(arrays *a, const session *s);
/* From --input NAME=FILE.npy; every input needs one. */
bool arrays_read(arrays *a, char *const *assignments);
/* Repeatable noise between -1 and 1. */
void arrays_fill(arrays *a);
/* DIR/NAME.npy each; makes DIR. */
bool arrays_write(const arrays *a, const char *dir);
void arrays_free(arrays *a);

/* The inference itself. */
bool session_infer(session *s, const arrays *inputs, const arrays *outputs);

/* ---- JSON ---- */

/* NULL-safe; NaN and infinities become null, as JSON knows none. */
void json_number(cJSON *object, const char *name, double value);
void json_text(cJSON *object, const char *name, const char *value);
cJSON *json_shape(int32_t rank, const int64_t *dims);
/* Model, device, driver, precision, batch. */
void json_session(cJSON *object, const session *s);
/* Prints and deletes; what a subcommand returns. */
int json_finish(cJSON *object);

#endif
