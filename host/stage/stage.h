/* A stage: one kernel launch's worth of work, described by shapes alone. The primitives make one each; a network is a
 * list of them. One file per kind in this folder fills in a stage_class. */
#ifndef SEPCL_STAGE_H
#define SEPCL_STAGE_H

#include <stdbool.h>

#include "../../kernels/params.h"
#include "cl/device.h"
#include "stage/variant.h"

typedef struct stage {
  stage_kind kind;
  sepcl_shape input, output; /* window stages; matrix products have n = 1, h = 1, w = rows */
  sepcl_window window;
  int32_t groups, expanded;
  sepcl_activation activation; /* final */
  sepcl_activation inner[2];   /* separable: after the depthwise; inverted residual: after expand, after depthwise */
  bool has_residual, has_scale;
  int32_t halves; /* HALF_X, ...: operands that are halves in memory, those that it lacks having x's bit; HALF_SUMS */
  const int32_t *input_order;  /* pointwise: where in its pixel each input lies; NULL: in order */
  const int32_t *output_order; /* pointwise, conv: where in its pixel each output is stored; NULL: in order */
  int32_t mode; /* sepcl_pool_kind, sepcl_binary, sepcl_reduction, ...: the kind's own; for elementwise -1 is unary */
  /* Strided stages (elementwise, copy, reduce, ...): the output's dims; strides in elements, 0 broadcasts. Copies may
   * start at x_first in x and y_first in y. */
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  int64_t x_stride[SEPCL_MAX_RANK], r_stride[SEPCL_MAX_RANK], y_stride[SEPCL_MAX_RANK];
  int64_t x_first, y_first;
  int32_t extra[8];
  float extra_float[4];
} stage;

/* What a variant needs to know of the device to say whether it applies. */
typedef struct device_limits {
  uint32_t vector_width, compute_units;
  uint64_t local_memory, max_work_group;
  uint32_t subgroup_sizes; /* as in sepcl_device */
  uint64_t image_texels;   /* likewise */
  bool half_sums;          /* likewise */
  bool gpu;
  bool weight_images;   /* as in sepcl_device */
  bool local_is_global; /* local memory is a part of global memory */
  /* How tuning wants the stage cut; 0: by the stage's own rule. */
  int32_t tasks, panel_tasks;
} device_limits;

/* A stage bound to a variant: everything an enqueue needs but buffers, offsets and pitches. */
typedef struct bound_stage {
  stage s;
  const variant *v;
  stage_params params; /* offsets zero, pitches those of contiguous operands */
  size_t packed_floats;
  bool reads_image; /* its weights, too */
} bound_stage;

typedef struct stage_class {
  const char *name;
  int32_t weight_sets;
  /* NULL if the variant can run the stage on such a device, else why not. */
  const char *(*refuses)(const stage *s, const variant *v, const device_limits *limits);
  size_t (*packed_floats)(const stage *s, const variant *v);
  void (*pack)(const stage *s, const variant *v, const sepcl_weights *sets, float *packed);
  /* Fills params.u, params.tasks and what else is the kind's own; the rest is filled already. */
  void (*prepare)(const stage *s, const variant *v, const device_limits *limits, stage_params *params);
} stage_class;

extern const stage_class *const stage_classes[STAGE_KIND_COUNT];

static inline kernel_form kernel_of(const bound_stage *b) { return (kernel_form){b->v, b->s.halves}; }

/* Whether a LIGHT variant computes it (kernels/activated.cl). */
bool is_light(sepcl_activation a);

/* Checks shapes (positive, fitting, no overflow of 32-bit indices); the message names what is wrong. */
sepcl_status stage_check(const stage *s);
/* Binds to `v`, or to the first variant of the list that applies when v is NULL; `family` narrows that choice. */
sepcl_status stage_bind(bound_stage *out, const stage *s, const variant *v, sepcl_family family,
                        const device_limits *limits);
device_limits device_limits_of(const sepcl_device *device);

/* Positions of a window along one axis, `pads` being both together; 0 if it does not fit. */
int32_t window_output(int32_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads);

/* Multiply-adds of the stage. */
uint64_t stage_macs(const stage *s);

/* A kernel and all that it is given. Buffers that the stage does not use may be NULL. */
typedef struct stage_launch {
  cl_kernel kernel;
  const variant *v;
  stage_params params;
  cl_mem x, w, r, s, y;
  cl_mem image; /* over w, where the variant reads one; else NULL */
} stage_launch;

cl_int stage_set_arguments(const cl_api *cl, const stage_launch *launch);
/* Sets the kernel's arguments and enqueues it: `tasks` work-groups of the variant's size. */
sepcl_status stage_enqueue(const cl_api *cl, const stage_launch *launch, cl_command_queue queue,
                           const sepcl_sync *sync);

#endif
