/* A device with a queue for tests. */
#ifndef SEPCL_TESTS_CONTEXT_H
#define SEPCL_TESTS_CONTEXT_H

#include <stdbool.h>

#include "cl/api.h"
#include "sepcl.h"

typedef struct test_context {
  sepcl_device *device;
  const cl_api *cl;
  cl_command_queue queue; /* in order, with profiling */
} test_context;

/* Opens the device that `spec` names (as sepcl_device_open), with no cache. False: sepcl_last_error() says why. */
bool test_context_open(test_context *out, const char *spec);
void test_context_close(test_context *context);

/* One for the whole process, opened at first use on $SEPCL_TEST_DEVICE or the default device; ends the test run if
 * there is none. */
const test_context *test_context_shared(void);

/* The bytes of `size` in a new buffer; NULL on failure. `data` may be NULL: zeros. */
cl_mem test_buffer(const test_context *context, const void *data, size_t size);

#endif
