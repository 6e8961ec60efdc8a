/* Runs a network of the zoo on a device and on the plain-C reference. */
#ifndef SEPCL_TESTS_ZOO_COMPARE_H
#define SEPCL_TESTS_ZOO_COMPARE_H

#include <stdbool.h>

#include "sepcl.h"

typedef struct zoo_comparison {
  size_t elements, different; /* outputs; those whose bits differ */
  double error;               /* largest difference, as a share of the reference's range */
  double range;
  bool finite;
  sepcl_network_info info;
  char message[1024]; /* what went wrong; "" if all ran */
} zoo_comparison;

typedef struct zoo_comparison_options {
  sepcl_network_options network;
  bool fold_batch_norm; /* in the reference */
  bool perturb;         /* negative control: the device's weights differ in one bit of one weight */
} zoo_comparison_options;

/* False: something failed; `message` says what. Differences are no failure. */
bool zoo_compare(zoo_comparison *out, sepcl_device *device, const char *spec, const zoo_comparison_options *options);

/* The specs that cover the zoo with little work; NULL past the last. */
const char *zoo_small_spec(int index);

#endif
