/* Device memory that lives as long as a network or an execution. */
#ifndef SEPCL_CL_BUFFER_H
#define SEPCL_CL_BUFFER_H

#include "cl/device.h"

/* A buffer of `bytes` whose contents are not set. On CPU devices it lies in large pages where the system has them. */
sepcl_status buffer_create(cl_mem *out, const sepcl_device *device, cl_mem_flags flags, size_t bytes, const char *what);

#endif
