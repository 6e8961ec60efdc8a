#include "cl/image.h"

#include "error.h"

sepcl_status image_of_buffer(cl_mem *out, const sepcl_device *device, cl_mem buffer, size_t floats) {
  const cl_image_format format = {CL_RGBA, CL_FLOAT};
  cl_image_desc shape = {0};
  shape.image_type = CL_MEM_OBJECT_IMAGE1D_BUFFER;
  shape.image_width = floats / TEXEL_FLOATS;
  shape.buffer = buffer;
  if (shape.image_width > device->image_texels)
    return failure(SEPCL_UNSUPPORTED, "an image over %zu bytes of weights has more texels than the device's %llu",
                   floats * sizeof(float), (unsigned long long)device->image_texels);
  cl_int code = CL_SUCCESS;
  *out = device->cl->clCreateImage(device->context, CL_MEM_READ_ONLY, &format, &shape, NULL, &code);
  return *out ? SEPCL_OK : failure_cl("clCreateImage over the weights", code);
}
