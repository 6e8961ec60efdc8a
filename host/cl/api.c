#include "cl/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static cl_api api;
static char load_error[512]; /* empty when the table is complete */

static void load(void) {
  const char *name = getenv("SEPCL_OPENCL");
  if (!name || !*name) name = "libOpenCL.so.1";
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    snprintf(load_error, sizeof load_error,
             "no OpenCL: %s (install the ICD loader, Debian: ocl-icd-libopencl1, and a driver such as "
             "pocl-opencl-icd)",
             why ? why : name);
    return;
  }
#define LOAD(function)                                 \
  *(void **)&api.function = dlsym(library, #function); \
  if (!api.function && !load_error[0])                 \
    snprintf(load_error, sizeof load_error, "no OpenCL: %s lacks %s (OpenCL 1.2 is needed)", name, #function);
  CL_FUNCTIONS(LOAD)
#undef LOAD
}

const cl_api *cl_api_get(void) {
  pthread_once(&once, load);
  if (load_error[0]) {
    failure(SEPCL_NO_OPENCL, "%s", load_error);
    return NULL;
  }
  return &api;
}
