/* A variant: one kernel of kernels/variants.inc. */
#ifndef SEPCL_VARIANT_H
#define SEPCL_VARIANT_H

#include "sepcl.h"

typedef enum stage_kind {
  STAGE_POINTWISE = 0,     /* 1x1, groups, strides; matrix products too */
  STAGE_CONV,              /* any kernel, groups, dilation */
  STAGE_DEPTHWISE,         /* groups = channels, any multiplier */
  STAGE_SEPARABLE,         /* depthwise + pointwise */
  STAGE_INVERTED_RESIDUAL, /* expand + depthwise + project */
  STAGE_POOL,
  STAGE_GLOBAL_POOL, /* over all pixels of each channel: average, sum, max or min */
  STAGE_ELEMENTWISE, /* activation(x) or activation(x OP r), strided, broadcasting */
  STAGE_COPY,        /* y = x, strided: transposes, slices, pads, concatenations that are no views */
  STAGE_SOFTMAX,     /* over the innermost axis */
  STAGE_REDUCE,      /* any axes */
  STAGE_MATMUL,      /* two activations */
  STAGE_RESIZE,
  STAGE_NORM, /* layer norm, instance norm, LRN */
  STAGE_CONV_TRANSPOSE,
  STAGE_DEFORM_CONV,
  STAGE_KIND_COUNT
} stage_kind;

typedef enum variant_family { FAMILY_ROW = 0, FAMILY_TILE, FAMILY_SCALAR } variant_family;

typedef struct variant {
  stage_kind stage;
  const char *name;
  variant_family family;
  const char *source, *macros;
  int32_t local, vec, mr, nr;
} variant;

/* Bits of stage.halves: operands that are halves in memory, and whether products are summed in halves. */
enum { HALF_X = 1, HALF_R = 2, HALF_S = 4, HALF_Y = 8, HALF_SUMS = 16, HALVES_COUNT = 32 };
enum { ALL_HALVES = HALF_X | HALF_R | HALF_S | HALF_Y };

/* A variant compiled for operands of certain element types. */
typedef struct kernel_form {
  const variant *v;
  int32_t halves;
} kernel_form;

/* What its device function is called: the variant's name, and where there are halves the types of x, r, s and y, as in
 * pointwise_row16_hhfh; _sums behind it where HALF_SUMS is set. */
enum { KERNEL_NAME_SIZE = 80 };
void kernel_form_name(char name[KERNEL_NAME_SIZE], const kernel_form *form);

/* All variants, in the order of variants.inc. */
extern const variant variants[];
extern const int32_t variant_count;

/* By name; NULL if there is none. */
const variant *variant_find(const char *name);
/* The number that a variant's macros give NAME; 0 if they do not. */
int32_t variant_macro(const variant *v, const char *name);
const char *stage_kind_name(stage_kind kind);

#endif
