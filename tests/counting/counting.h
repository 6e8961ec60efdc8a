/* What libsepcl_counting_opencl.so counts. Select it with SEPCL_OPENCL=/path/to/libsepcl_counting_opencl.so; it
 * forwards every call to libOpenCL.so.1. Find its functions with counting_find. After its sepcl_counting_hold() it
 * keeps a reference to each buffer that has a destructor callback; sepcl_counting_let_go() releases these and says how
 * many. */
#ifndef SEPCL_TESTS_COUNTING_H
#define SEPCL_TESTS_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

typedef enum counting_kind {
  COUNT_ALLOCATIONS = 0, /* buffers, sub-buffers, command buffers */
  COUNT_BUILDS,          /* programs created or built */
  COUNT_KERNELS,         /* kernel objects created */
  COUNT_BLOCKING,        /* clFinish, clWaitForEvents, blocking reads, writes and maps */
  COUNT_ENQUEUES,        /* every clEnqueue* */
  COUNT_KINDS
} counting_kind;

typedef struct counting {
  void (*read)(uint64_t counts[COUNT_KINDS]);
  void (*reset)(void);
} counting;

/* The counters of the library that $SEPCL_OPENCL names; 0 when it is not the counting one. */
int counting_find(counting *out);

/* Something was enqueued and nothing else counted. */
bool counting_only_enqueues(const uint64_t counts[COUNT_KINDS]);
/* "5 enqueues, 0 allocations, ..." to standard output, without an end of line. */
void counting_print(const uint64_t counts[COUNT_KINDS]);

/* Files in PoCL's own cache, $POCL_CACHE_DIR: it may compile where no OpenCL call shows it. */
uint64_t counting_driver_files(void);

#endif
