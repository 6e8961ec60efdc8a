#include "cl/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "error.h"

/* Large pages spare the processor most of its address translations: a network walks through more memory in a
 * millisecond than its small pages' table of addresses reaches. */
enum { LARGE_PAGE = 2 * 1024 * 1024 };

/* Called by a thread of the driver's, maybe after the last call of ours: libsepcl.so is linked to stay loaded. */
static void CL_CALLBACK free_pages(cl_mem buffer, void *pages) {
  (void)buffer;
  free(pages);
}

/* Memory of our own as a buffer, its whole large pages as such; NULL where that cannot be. */
static cl_mem in_large_pages(const sepcl_device *device, cl_mem_flags flags, size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (!(device->info.type & CL_DEVICE_TYPE_CPU) || bytes < LARGE_PAGE) return NULL;
  void *pages = NULL;
  if (posix_memalign(&pages, LARGE_PAGE, bytes)) return NULL;
  /* A hint, for whole pages only: the rest of a last one would be wasted. */
  (void)madvise(pages, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
  cl_int code = CL_SUCCESS;
  cl_mem buffer = device->cl->clCreateBuffer(device->context, flags | CL_MEM_USE_HOST_PTR, bytes, pages, &code);
  if (buffer && device->cl->clSetMemObjectDestructorCallback(buffer, free_pages, pages) == CL_SUCCESS) return buffer;
  if (buffer) device->cl->clReleaseMemObject(buffer);
  free(pages);
#else
  (void)device, (void)flags, (void)bytes;
#endif
  return NULL;
}

sepcl_status buffer_create(cl_mem *out, const sepcl_device *device, cl_mem_flags flags, size_t bytes,
                           const char *what) {
  cl_int code = CL_SUCCESS;
  *out = in_large_pages(device, flags, bytes);
  if (!*out) *out = device->cl->clCreateBuffer(device->context, flags, bytes, NULL, &code);
  if (*out) return SEPCL_OK;
  char call[96];
  snprintf(call, sizeof call, "clCreateBuffer for %s", what);
  return failure_cl(call, code);
}
