/* Buffers read as images of four floats a texel. */
#ifndef SEPCL_CL_IMAGE_H
#define SEPCL_CL_IMAGE_H

#include "cl/device.h"

enum { TEXEL_FLOATS = 4 };

/* The whole texels of a buffer's first `floats`. Nothing is copied; the caller releases the image. */
sepcl_status image_of_buffer(cl_mem *out, const sepcl_device *device, cl_mem buffer, size_t floats);

#endif
