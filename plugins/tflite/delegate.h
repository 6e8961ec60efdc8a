/* The delegate's own state, shared by its parts; lives as long as the delegate or one of its kernels. */
#ifndef SEPCL_TFLITE_DELEGATE_H
#define SEPCL_TFLITE_DELEGATE_H

#include <pthread.h>

#include "tflite/subgraph.h"

/* What Prepare found for one host's graph, until the host has asked for every part. */
typedef struct preparation {
  struct preparation *next;
  tfl_context *context;
  tfl_ints *plan;
  int *producers;   /* by tensor */
  bool *open;       /* by tensor, as the translator's */
  tfl_ints *wanted; /* nodes that can run */
  subgraph **parts;
  int part_count;
} preparation;

typedef struct delegate_state {
  tfl_delegate delegate; /* first: the host's pointer is ours */
  pthread_mutex_t lock;  /* guards users and preparations */
  int users;
  preparation *preparations;
  sepcl_device *device;
  options options;
} delegate_state;

/* Looks at every node, asks the host how it would divide them, and compiles the parts that are worth it: their nodes,
 * in order, are left in p->wanted. */
bool prepare_parts(delegate_state *state, preparation *p, char reason[REASON_SIZE]);
void preparation_free(preparation *p);

#endif
