/* From graph to network: reads as the pipeline. */
#include "run/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "error.h"
#include "plan/certificate.h"
#include "run/run.h"
#include "select/tuning.h"
#include "stage/clblast.h"

static sepcl_status check_gemm(const sepcl_network_options *options) {
  if ((int)options->gemm < 0 || options->gemm > SEPCL_GEMM_CLBLAST)
    return failure(SEPCL_INVALID_ARGUMENT, "options.gemm is %d, not a sepcl_gemm_source", (int)options->gemm);
  if (options->gemm != SEPCL_GEMM_CLBLAST) return SEPCL_OK;
  if (options->policy != SEPCL_FASTEST)
    return failure(SEPCL_INVALID_ARGUMENT,
                   "options.gemm is CLBlast, whose sums are in no written order: the policy must "
                   "be SEPCL_FASTEST");
  if (options->precision != SEPCL_F32)
    return failure(SEPCL_INVALID_ARGUMENT,
                   "options.gemm is CLBlast, which is used with 32-bit floats only: the precision "
                   "must be SEPCL_F32");
  return clblast_load();
}

static sepcl_status check(sepcl_network **out, const sepcl_device *device, const sepcl_graph *graph,
                          const sepcl_network_options *options) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "compiling a network: out is NULL");
  *out = NULL;
  if (!device) return failure(SEPCL_INVALID_ARGUMENT, "compiling a network: device is NULL");
  if (!graph) return failure(SEPCL_INVALID_ARGUMENT, "compiling a network: graph is NULL");
  if (options && options->size != sizeof *options)
    return failure(SEPCL_INVALID_ARGUMENT, "options.size is %u, not %zu: start from SEPCL_NETWORK_OPTIONS_INIT",
                   options->size, sizeof *options);
  if (options) TRY(check_gemm(options));
  if (options && ((int)options->tuning < 0 || options->tuning > SEPCL_TUNING_FULL))
    return failure(SEPCL_INVALID_ARGUMENT, "options.tuning is %d, not a sepcl_tuning", (int)options->tuning);
  if (options && ((int)options->precision < 0 || options->precision > SEPCL_F16_SUMS))
    return failure(SEPCL_INVALID_ARGUMENT, "options.precision is %d: no sepcl_precision", (int)options->precision);
  if (options && options->images_at_once < 0)
    return failure(SEPCL_INVALID_ARGUMENT, "options.images_at_once is %d", options->images_at_once);
  if (options &&
      !(isfinite(options->input_low) && isfinite(options->input_high) && options->input_low <= options->input_high))
    return failure(SEPCL_INVALID_ARGUMENT, "options.input_low and input_high are %g and %g: no finite range",
                   (double)options->input_low, (double)options->input_high);
  TRY(sepcl_graph_status(graph));
  if (graph->output_count == 0) return failure(SEPCL_BAD_GRAPH, "the graph has no output");
  return SEPCL_OK;
}

/* One launch where workers sleep between launches, that is on CPUs; else, and on request, a launch per stage. */
static sepcl_status choose_replay(sepcl_network *network) {
  const char *refused = one_launch_refuses(network);
  sepcl_replay wanted = network->options.replay;
  if (wanted == SEPCL_REPLAY_COMMAND_BUFFER) {
    network->replay_reason = recorded_refuses(network);
    network->replay = network->replay_reason ? SEPCL_REPLAY_LAUNCHES : SEPCL_REPLAY_COMMAND_BUFFER;
    return SEPCL_OK;
  }
  if (wanted == SEPCL_REPLAY_ONE_LAUNCH && refused)
    return failure(SEPCL_UNSUPPORTED, "the network cannot run in one launch: %s", refused);
  if (wanted == SEPCL_REPLAY_AUTO) wanted = tuning_recall_replay(network);
  if (wanted == SEPCL_REPLAY_COMMAND_BUFFER && recorded_refuses(network)) wanted = SEPCL_REPLAY_AUTO;
  if (wanted == SEPCL_REPLAY_COMMAND_BUFFER)
    network->replay = wanted;
  else
    network->replay = wanted == SEPCL_REPLAY_LAUNCHES || refused ? SEPCL_REPLAY_LAUNCHES : SEPCL_REPLAY_ONE_LAUNCH;
  return SEPCL_OK;
}

static sepcl_status plan(sepcl_network *network, const sepcl_graph *graph, bool certify) {
  TRY(graph_copy(&network->graph, graph));
  TRY(split_batch(network));
  TRY(passes_run(network->graph, &network->options, &network->passes));
  TRY(fuse_blocks(network));
  TRY(place_values(network));
  TRY(lower_graph(network));
  if (certify) TRY(certify_network(network));
  TRY(bind_steps(network));
  TRY(plan_memory(network));
  plan_weights(network);
  TRY(settle_image(network));
  return choose_replay(network);
}

bool has_kernel(const step *p) { return !p->view && p->bound.v != &clblast_variant; }

int32_t kernel_index(const kernel_form *used, int32_t count, kernel_form form) {
  for (int32_t i = 0; i < count; i++)
    if (used[i].v == form.v && used[i].halves == form.halves) return i;
  return -1;
}

int32_t used_kernels(const sepcl_network *network, kernel_form *used) {
  int32_t count = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    kernel_form form = kernel_of(&network->steps[i].bound);
    if (has_kernel(&network->steps[i]) && kernel_index(used, count, form) < 0) used[count++] = form;
  }
  return count;
}

sepcl_status build_stage_programs(sepcl_network *network) {
  kernel_form *used = calloc((size_t)network->step_count + 1, sizeof *used);
  if (!used) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the list of kernels");
  int32_t count = used_kernels(network, used);
  sepcl_status status = program_prepare(network->device, used, count);
  free(used);
  return status;
}

/* Only what the replay needs. */
static sepcl_status build_programs(sepcl_network *network) {
  if (network->replay != SEPCL_REPLAY_ONE_LAUNCH) return build_stage_programs(network);
  cl_kernel kernel = NULL;
  TRY(one_launch_program(&kernel, network));
  network->device->cl->clReleaseKernel(kernel);
  return SEPCL_OK;
}

static sepcl_status make(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                         const sepcl_network_options *options, bool executable) {
  TRY(check(out, device, graph, options));
  sepcl_network *network = calloc(1, sizeof *network);
  if (!network) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for a network");
  network->device = device;
  network->options = options ? *options : (sepcl_network_options)SEPCL_NETWORK_OPTIONS_INIT;
  network->executable = executable;
  network->error_bound = -1.0;
  network->tuned = tuning_is_wanted(network);
  /* A certificate reads all weights: only for who looks at the plan, or where storage depends on it. */
  sepcl_status status = plan(network, graph, !executable || network->options.precision != SEPCL_F32);
  network->options.skip_passes = NULL; /* the caller's text is not kept */
  if (status != SEPCL_OK) {
    sepcl_network_free(network);
    return status;
  }
  *out = network;
  return SEPCL_OK;
}

sepcl_status network_lay_out(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                             const sepcl_network_options *options) {
  return make(out, device, graph, options, true);
}

sepcl_status network_finish(sepcl_network *network) {
  TRY(build_programs(network));
  return upload_weights(network);
}

sepcl_status sepcl_network_compile(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                                   const sepcl_network_options *options) {
  if (options && options->tuning) {
    TRY(check(out, device, graph, options));
    TRY(tune_unless_known(device, graph, options));
  }
  TRY(make(out, device, graph, options, true));
  sepcl_status status = network_finish(*out);
  if (status == SEPCL_OK) return SEPCL_OK;
  sepcl_network_free(*out);
  *out = NULL;
  return status;
}

sepcl_status sepcl_network_plan(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                                const sepcl_network_options *options) {
  return make(out, device, graph, options, false);
}

void sepcl_network_free(sepcl_network *network) {
  if (!network) return;
  if (network->weights_image) network->device->cl->clReleaseMemObject(network->weights_image);
  if (network->weights) network->device->cl->clReleaseMemObject(network->weights);
  sepcl_graph_free(network->graph);
  free(network->places);
  free(network->storages);
  free(network->steps);
  free(network);
}
