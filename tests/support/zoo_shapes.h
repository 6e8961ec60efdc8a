/* Networks of the zoo at any batch and size of picture, held to what must give the same bits: each image alone, the
 * other replay, the other families of kernels and, where it is small enough, the plain-C reference. */
#ifndef SEPCL_TESTS_ZOO_SHAPES_H
#define SEPCL_TESTS_ZOO_SHAPES_H

#include <stdbool.h>

#include "sepcl.h"

typedef struct zoo_shape {
  int batch, height, width;
} zoo_shape;

typedef struct zoo_shape_options {
  uint64_t reference_macs; /* up to this size on the plain-C reference */
  uint64_t family_macs;    /* up to this size with the tile family and the scalar kernels */
  bool perturb;            /* the control: what is compared has two weights off, so that every comparison must differ */
} zoo_shape_options;

typedef struct zoo_shape_result {
  uint64_t macs;
  size_t elements;
  int comparisons, different; /* how many were made, how many found other bits */
  char made[256];             /* which; "!" before those that differ */
  sepcl_network_info info;
  char message[1024]; /* what failed; "" if all ran */
} zoo_shape_result;

/* `name` may carry options. False: something failed to run; `message` says what. */
bool zoo_shape_check(zoo_shape_result *out, sepcl_device *device, const char *name, zoo_shape shape,
                     const zoo_shape_options *options);

#endif
