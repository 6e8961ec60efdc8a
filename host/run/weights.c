/* Packed weights and constant operands: laid out in one buffer, packed one tensor at a time straight into it. */
#include <stdlib.h>
#include <string.h>

#include "cl/buffer.h"
#include "cl/image.h"
#include "error.h"
#include "run/network.h"
#include "run/run.h"
#include "select/tuning.h"
#include "stage/clblast.h"

enum { ALIGNMENT_FLOATS = 64 };

static int64_t reserve(sepcl_network *network, int64_t floats) {
  int64_t at = network->weights_floats;
  network->weights_floats += (floats + ALIGNMENT_FLOATS - 1) / ALIGNMENT_FLOATS * ALIGNMENT_FLOATS;
  return at;
}

void plan_weights(sepcl_network *network) {
  network->weights_floats = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    step *p = &network->steps[i];
    if (!p->view && p->bound.packed_floats) p->weights_at = reserve(network, (int64_t)p->bound.packed_floats);
    if (p->bound.v == &clblast_variant) network->storages[own_slot(network, p->node)].at = p->weights_at;
  }
  for (int32_t i = 0; i < network->slot_count; i++) {
    storage *s = &network->storages[i];
    if (s->kind == STORAGE_WEIGHTS && s->first >= 0) s->at = reserve(network, s->floats);
  }
}

static bool any_reads_image(const sepcl_network *network) {
  for (int32_t i = 0; i < network->step_count; i++)
    if (!network->steps[i].view && network->steps[i].bound.reads_image) return true;
  return false;
}

sepcl_status settle_image(sepcl_network *network) {
  if (!any_reads_image(network) || (uint64_t)network->weights_floats / TEXEL_FLOATS <= network->device->image_texels)
    return SEPCL_OK;
  for (int32_t i = 0; i < network->step_count; i++) {
    step *p = &network->steps[i];
    if (p->view || !p->bound.reads_image) continue;
    p->bound.v = NULL;
    p->reason = "the weights are too many for an image";
    TRY(bind_step(network, p, NULL));
  }
  plan_weights(network);
  return SEPCL_OK;
}

/* A region of the weights buffer, mapped for writing. */
static sepcl_status map_region(float **out, sepcl_network *network, cl_command_queue queue, int64_t at,
                               int64_t floats) {
  cl_int code = CL_SUCCESS;
  *out = network->device->cl->clEnqueueMapBuffer(queue, network->weights, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION,
                                                 (size_t)at * sizeof(float), (size_t)floats * sizeof(float), 0, NULL,
                                                 NULL, &code);
  return *out ? SEPCL_OK : failure_cl("clEnqueueMapBuffer", code);
}

static sepcl_status unmap_region(sepcl_network *network, cl_command_queue queue, float *mapped) {
  cl_int code = network->device->cl->clEnqueueUnmapMemObject(queue, network->weights, mapped, 0, NULL, NULL);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueUnmapMemObject", code);
}

static const float *data_of(const sepcl_network *network, sepcl_value value) {
  const node *n = graph_node(network->graph, value);
  return n ? n->data : NULL;
}

sepcl_weights network_weights(const sepcl_network *network, const weight_set *set) {
  sepcl_weights w = SEPCL_WEIGHTS_INIT;
  w.weights = data_of(network, set->weights);
  w.layout = set->layout;
  w.bias = data_of(network, set->bias);
  w.gamma = data_of(network, set->gamma);
  w.beta = data_of(network, set->beta);
  w.mean = data_of(network, set->mean);
  w.variance = data_of(network, set->variance);
  w.epsilon = set->epsilon;
  return w;
}

static sepcl_status pack_step(sepcl_network *network, cl_command_queue queue, const step *p) {
  const bound_stage *b = &p->bound;
  float *mapped = NULL;
  sepcl_weights sets[3];
  for (int32_t i = 0; i < p->set_count && i < 3; i++) sets[i] = network_weights(network, &p->sets[i]);
  sepcl_status status = map_region(&mapped, network, queue, p->weights_at, (int64_t)b->packed_floats);
  if (status == SEPCL_OK) {
    stage_classes[b->s.kind]->pack(&b->s, b->v, sets, mapped);
    status = unmap_region(network, queue, mapped);
  }
  return status;
}

/* The index list of a gather, as the 32-bit integers that the kernel reads. */
static sepcl_status upload_indices(sepcl_network *network, cl_command_queue queue, sepcl_value slot) {
  const storage *s = &network->storages[slot];
  const node *gather = &network->graph->nodes[slot - own_slot(network, 0)];
  float *mapped = NULL;
  TRY(map_region(&mapped, network, queue, s->at, s->floats));
  for (int64_t i = 0; i < s->floats; i++) {
    int32_t index = (int32_t)gather->indices[i];
    memcpy(&mapped[i], &index, sizeof index);
  }
  return unmap_region(network, queue, mapped);
}

static sepcl_status upload_constant(sepcl_network *network, cl_command_queue queue, sepcl_value value) {
  if (value >= own_slot(network, 0)) return upload_indices(network, queue, value);
  const storage *s = &network->storages[value];
  const float *data = data_of(network, value);
  if (!data) return failure(SEPCL_BAD_GRAPH, "constant '%s' has no data", network->graph->nodes[value].name);
  cl_int code =
      network->device->cl->clEnqueueWriteBuffer(queue, network->weights, CL_TRUE, (size_t)s->at * sizeof(float),
                                                (size_t)s->floats * sizeof(float), data, 0, NULL, NULL);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueWriteBuffer", code);
}

static sepcl_status fill(sepcl_network *network, cl_command_queue queue) {
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    if (!p->view && p->bound.packed_floats) TRY(pack_step(network, queue, p));
  }
  for (int32_t i = 0; i < network->slot_count; i++)
    if (network->storages[i].kind == STORAGE_WEIGHTS && network->storages[i].first >= 0)
      TRY(upload_constant(network, queue, i));
  cl_int code = network->device->cl->clFinish(queue);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clFinish", code);
}

sepcl_status upload_weights(sepcl_network *network) {
  const cl_api *cl = network->device->cl;
  cl_int code = CL_SUCCESS;
  size_t bytes = (size_t)(network->weights_floats ? network->weights_floats : ALIGNMENT_FLOATS) * sizeof(float);
  TRY(buffer_create(&network->weights, network->device, CL_MEM_READ_ONLY, bytes, "the weights"));
  cl_command_queue queue = cl->clCreateCommandQueue(network->device->context, network->device->id, 0, &code);
  if (!queue) return failure_cl("clCreateCommandQueue", code);
  sepcl_status status = fill(network, queue);
  cl->clReleaseCommandQueue(queue);
  if (status == SEPCL_OK && any_reads_image(network))
    status = image_of_buffer(&network->weights_image, network->device, network->weights, bytes / sizeof(float));
  return status;
}
