/* A host for the TensorFlow Lite delegate that is nothing but its binary interface: tensors and nodes as a test lays
 * them out, wrong ones too. Divides the graph into runs of neighbouring nodes. */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include "../../plugins/tflite/abi.h"

enum { HOST_TENSORS = 16, HOST_NODES = 8, HOST_LIST = 16 };

typedef struct host_kernel {
  tfl_registration registration;
  tfl_node node;
} host_kernel;

typedef struct fake_host {
  tfl_context context; /* first: callbacks get its address */
  tfl_tensor tensors[HOST_TENSORS];
  tfl_node nodes[HOST_NODES];
  tfl_registration registrations[HOST_NODES];
  int node_count, output; /* the graph's output tensor */
  tfl_ints *plan;
  tfl_delegate_params parts[HOST_NODES];
  int part_count;
  host_kernel kernels[HOST_NODES];
  int kernel_count, taken;
  char error[1024];
  void *blocks[128]; /* what host_list and host_tensor allocated */
  int block_count;
} fake_host;

void host_open(fake_host *host);
void host_close(fake_host *host); /* frees the kernels first */
tfl_ints *host_list(fake_host *host, int count, const int *values);
/* A tensor of floats with memory of its own, zeroed; returns its number. */
int host_tensor(fake_host *host, int rank, const int *dims);
/* Makes it a constant of `type` with these bytes. */
void host_constant(fake_host *host, int tensor, int type, const void *data, size_t bytes);
void host_node(fake_host *host, int code, const int inputs[4], int output, void *options);
/* Offers the graph to the delegate; its status. host->taken counts the nodes that it took. */
int host_delegate(fake_host *host, tfl_delegate *delegate);
/* Prepares and runs the delegate's kernels in order; the first status that is not TFL_OK. */
int host_run(fake_host *host);

#endif
