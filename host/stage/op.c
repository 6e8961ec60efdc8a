/* Ops: making, copying, packing, and what can be told of them. */
#include "stage/op.h"

#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "error.h"

static sepcl_status find_variant(const variant **out, const char *name) {
  *out = NULL;
  if (!name) return SEPCL_OK;
  *out = variant_find(name);
  return *out ? SEPCL_OK : failure(SEPCL_INVALID_ARGUMENT, "desc.variant: there is no kernel named '%s'", name);
}

sepcl_status op_make(sepcl_op **out, sepcl_device *device, const stage *s, const char *variant_name) {
  const variant *v = NULL;
  TRY(find_variant(&v, variant_name));
  device_limits limits = device_limits_of(device);
  sepcl_op *op = calloc(1, sizeof *op);
  if (!op) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an op");
  op->device = device;
  sepcl_status status = stage_bind(&op->bound, s, v, SEPCL_FAMILY_AUTO, &limits);
  if (status == SEPCL_OK) status = program_kernel(&op->kernel, device, kernel_of(&op->bound));
  if (status != SEPCL_OK) {
    free(op);
    return status;
  }
  *out = op;
  return SEPCL_OK;
}

sepcl_status sepcl_op_clone(sepcl_op **out, const sepcl_op *op) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_clone: out is NULL");
  *out = NULL;
  if (!op) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_clone: op is NULL");
  sepcl_op *copy = malloc(sizeof *copy);
  if (!copy) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for an op");
  *copy = *op;
  copy->kernel = NULL;
  copy->image = copy->image_of = NULL;
  sepcl_status status = program_kernel(&copy->kernel, op->device, kernel_of(&op->bound));
  if (status != SEPCL_OK) {
    free(copy);
    return status;
  }
  *out = copy;
  return SEPCL_OK;
}

void sepcl_op_free(sepcl_op *op) {
  if (!op) return;
  op->device->cl->clReleaseKernel(op->kernel);
  if (op->image) op->device->cl->clReleaseMemObject(op->image);
  if (op->image_of) op->device->cl->clReleaseMemObject(op->image_of);
  free(op);
}

sepcl_shape sepcl_op_output_shape(const sepcl_op *op) { return op ? op->bound.s.output : (sepcl_shape){0, 0, 0, 0}; }

const char *sepcl_op_kernel(const sepcl_op *op) { return op ? op->bound.v->name : ""; }

size_t sepcl_op_packed_size(const sepcl_op *op) { return op ? op->bound.packed_floats * sizeof(float) : 0; }

/* Only a set of depthwise weights may lie as [H][W][O]. */
static bool is_depthwise_set(const stage *s, uint32_t index) {
  return s->kind == STAGE_DEPTHWISE || (s->kind == STAGE_SEPARABLE && index == 0) ||
         (s->kind == STAGE_INVERTED_RESIDUAL && index == 1);
}

static sepcl_status check_set(const stage *s, const sepcl_weights *set, uint32_t index) {
  if (set->size != sizeof *set)
    return failure(SEPCL_INVALID_ARGUMENT, "sets[%u].size is %u, not %zu: start from SEPCL_WEIGHTS_INIT", index,
                   set->size, sizeof *set);
  if (!set->weights) return failure(SEPCL_INVALID_ARGUMENT, "sets[%u].weights is NULL", index);
  if ((int)set->layout < SEPCL_OIHW || set->layout > SEPCL_HWC)
    return failure(SEPCL_INVALID_ARGUMENT, "sets[%u].layout is %d, not a sepcl_weight_layout", index, (int)set->layout);
  if (set->layout == SEPCL_HWC && !is_depthwise_set(s, index))
    return failure(SEPCL_INVALID_ARGUMENT, "sets[%u].layout: SEPCL_HWC is for depthwise weights only", index);
  return SEPCL_OK;
}

sepcl_status sepcl_op_pack(const sepcl_op *op, void *packed, const sepcl_weights *sets, uint32_t count) {
  if (!op) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_pack: op is NULL");
  const stage *s = &op->bound.s;
  const stage_class *class = stage_classes[s->kind];
  if (count != (uint32_t) class->weight_sets)
    return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_pack: count is %u; a %s op has %d weight sets", count, class->name,
                   class->weight_sets);
  if (count == 0) return SEPCL_OK;
  if (!packed) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_pack: packed is NULL");
  if (!sets) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_op_pack: sets is NULL");
  for (uint32_t i = 0; i < count; i++) TRY(check_set(s, &sets[i], i));
  class->pack(s, op->bound.v, sets, packed);
  return SEPCL_OK;
}
