/* The provider of one session, and what its files share. */
#ifndef SEPCL_ORT_PROVIDER_H
#define SEPCL_ORT_PROVIDER_H

#include "onnxruntime/host_graph.h"
#include "onnxruntime/model.h"

#define PROVIDER_NAME "SepclExecutionProvider"
#define OPTION_PREFIX "ep.sepclexecutionprovider." /* as the host spells it */

/* From the session's configuration; false, with the reason, if a key or a value is unknown. */
bool options_read(options *out, const ort_api *api, const ort_session_options *session, char reason[REASON_SIZE]);

typedef struct provider {
  ort_ep ep; /* first: the host's pointer is ours */
  const ort_api *api;
  sepcl_device *device;
  options options;
  /* The host gives all parts of a graph the same name, and refuses the second; see also host_graph's tells_ranks. */
  bool is_1_23;
} provider;

/* capability.c: the parts of the graph that sepcl takes. */
bool take_parts(const provider *p, const ort_graph *graph, ort_support *support, char reason[REASON_SIZE]);

/* part.c: one part as a network, or as one for each shape that its inputs come in. */
typedef struct part part;
bool part_create(part **out, const provider *p, const ort_graph *graph, const ort_node *fused,
                 char reason[REASON_SIZE]);
void part_free(part *s);
/* Any number of threads at once. */
bool part_run(part *s, ort_run *run, char reason[REASON_SIZE]);

#endif
