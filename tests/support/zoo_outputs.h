/* The outputs of a network of the zoo on a device, for a picture that is the same wherever it is asked for. */
#ifndef SEPCL_TESTS_ZOO_OUTPUTS_H
#define SEPCL_TESTS_ZOO_OUTPUTS_H

#include <stdbool.h>

#include "sepcl.h"

typedef struct zoo_outputs {
  float *values; /* to be released with zoo_outputs_free */
  size_t elements;
  int64_t images;
  sepcl_network_info info;
  char message[960]; /* what went wrong; "" if all ran */
} zoo_outputs;

/* Random pixels for the graph's input: image i of a batch is image `first_image` + i, whatever the batch. NULL: out of
 * memory. */
float *zoo_pictures(const sepcl_graph *graph, int64_t first_image);

/* Compiles and runs twice, so that the second run finds the arena as the first left it. */
bool zoo_outputs_run(zoo_outputs *out, sepcl_device *device, const sepcl_graph *graph,
                     const sepcl_network_options *options, int64_t first_image);
void zoo_outputs_free(zoo_outputs *out);

/* The negative control: the first convolution's first and last weight off by a two-thousandth (one may be of a dead
 * channel). */
void zoo_perturb(sepcl_graph *graph);

/* A number made of all bits. */
uint64_t zoo_digest(const float *values, size_t count);

#endif
