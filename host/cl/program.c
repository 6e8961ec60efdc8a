#include "cl/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/cache.h"
#include "cl/image.h"
#include "error.h"
#include "params.h"

typedef struct built {
  char *source;
  cl_program program;
} built;

struct program_set {
  built *list;
  int32_t count;
  cl_program *by_form; /* variant_count * HALVES_COUNT of them; lent from the list; NULL: not built yet */
};

static bool is_pocl(const char *platform) { return !strncmp(platform, "Portable", 8); }

/* PoCL compiles with clang for the host's own processor: its prefetch is there. Its vload_half of vectors reads them as
 * aligned ones (PoCL 3.1): a fault where they are not. */
const char *program_options(const char *platform) {
  return !is_pocl(platform) ? "-cl-std=CL1.2" : "-cl-std=CL1.2 -DHAVE_BUILTIN_PREFETCH -DHALVES_BY_BITS";
}

static const char *build_options(const sepcl_device *device) { return program_options(device->info.platform); }

static sepcl_status open_set(sepcl_device *device) {
  if (device->programs) return SEPCL_OK;
  program_set *set = calloc(1, sizeof *set);
  if (set) set->by_form = calloc((size_t)variant_count * HALVES_COUNT + 1, sizeof *set->by_form);
  if (!set || !set->by_form) {
    free(set);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the list of programs");
  }
  device->programs = set;
  return SEPCL_OK;
}

void program_set_free(sepcl_device *device) {
  program_set *set = device->programs;
  if (!set) return;
  for (int32_t i = 0; i < set->count; i++) {
    device->cl->clReleaseProgram(set->list[i].program);
    free(set->list[i].source);
  }
  free(set->list);
  free(set->by_form);
  free(set);
  device->programs = NULL;
}

/* ---- the cache of binaries ---- */

static uint64_t hash(uint64_t h, const char *text) {
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return (h ^ 0xff) * 0x100000001b3u;
}

enum { KEY_SIZE = 64 };
static void cache_key(char key[KEY_SIZE], const sepcl_device *device, const char *source) {
  const sepcl_device_info *info = &device->info;
  const char *const parts[] = {source,       build_options(device), info->platform, info->name,
                               info->driver, info->version,         SEPCL_VERSION};
  uint64_t a = 0xcbf29ce484222325u, b = 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    a = hash(a, parts[i]);
    b = hash(b ^ (a >> 32), parts[i]);
  }
  snprintf(key, KEY_SIZE, "program-%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

/* The program out of the cache, built, or NULL. */
static cl_program load(sepcl_device *device, const char *key) {
  if (!device->cache) return NULL;
  const cl_api *cl = device->cl;
  size_t size = 0;
  unsigned char *binary = cache_get(device->cache, key, &size);
  if (!binary) return NULL;
  cl_program program = NULL;
  if (cache_begin_loading(device->cache, key)) {
    cl_int code = CL_SUCCESS, status = CL_SUCCESS;
    program = cl->clCreateProgramWithBinary(device->context, 1, &device->id, &size, (const unsigned char **)&binary,
                                            &status, &code);
    if (program && (code != CL_SUCCESS || status != CL_SUCCESS ||
                    cl->clBuildProgram(program, 1, &device->id, build_options(device), NULL, NULL) != CL_SUCCESS)) {
      cl->clReleaseProgram(program);
      program = NULL;
    }
    cache_end_loading(device->cache, key);
  }
  if (!program) cache_remove(device->cache, key);
  free(binary);
  return program;
}

/* Into the cache. */
static void save(sepcl_device *device, cl_program program, const char *source) {
  const cl_api *cl = device->cl;
  /* PoCL keeps what it compiled by source itself. Its binary would load in half the time (46 against 97 ms for
   * MobileNet v2), but it compiles every kernel once more to answer for it: 10 s instead of 6 with empty caches. */
  if (!device->cache || is_pocl(device->info.platform)) return;
  cl_uint devices = 0;
  size_t size = 0;
  if (cl->clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL) != CL_SUCCESS ||
      devices != 1 || /* a program of a context of many devices has a binary each: not worth the trouble */
      cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || !size)
    return;
  unsigned char *binary = malloc(size);
  if (!binary) return;
  char key[KEY_SIZE];
  cache_key(key, device, source);
  if (cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
    cache_put(device->cache, key, binary, size);
  free(binary);
}

/* ---- building ---- */

static sepcl_status build_failure(const sepcl_device *device, cl_program program, const char *what, cl_int code) {
  char log[6000] = "";
  size_t size = 0;
  if (device->cl->clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) == CL_SUCCESS &&
      size > 1) {
    char *whole = malloc(size + 1);
    if (whole &&
        device->cl->clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, whole, NULL) == CL_SUCCESS) {
      whole[size] = '\0';
      snprintf(log, sizeof log, "%s", whole);
    }
    free(whole);
  }
  return failure(SEPCL_BUILD_FAILED, "building %s failed with %s (%d):\n%s", what, cl_error_name(code), code, log);
}

static sepcl_status compile(cl_program *out, sepcl_device *device, const char *source, const char *what) {
  const cl_api *cl = device->cl;
  cl_int code = CL_SUCCESS;
  cl_program program = cl->clCreateProgramWithSource(device->context, 1, &source, NULL, &code);
  if (!program) return failure_cl("clCreateProgramWithSource", code);
  code = cl->clBuildProgram(program, 1, &device->id, build_options(device), NULL, NULL);
  if (code != CL_SUCCESS) {
    sepcl_status status = build_failure(device, program, what, code);
    cl->clReleaseProgram(program);
    return status;
  }
  *out = program;
  return SEPCL_OK;
}

/* Adds the program to the set, which then owns it and, on success, `source`. */
static sepcl_status keep(sepcl_device *device, char *source, cl_program program) {
  program_set *set = device->programs;
  built *list = realloc(set->list, (size_t)(set->count + 1) * sizeof *list);
  if (!list) {
    device->cl->clReleaseProgram(program);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the list of programs");
  }
  set->list = list;
  set->list[set->count++] = (built){source, program};
  return SEPCL_OK;
}

/* The program of a text: shared, out of the cache, or compiled (then *unsaved, for `save`). Owns `source` from here on.
 * The lock is held. */
static sepcl_status obtain(cl_program *out, sepcl_device *device, char *source, const char *what, bool *unsaved) {
  *unsaved = false;
  for (int32_t i = 0; i < device->programs->count; i++)
    if (!strcmp(device->programs->list[i].source, source)) {
      *out = device->programs->list[i].program;
      free(source);
      return SEPCL_OK;
    }
  char key[KEY_SIZE];
  cache_key(key, device, source);
  cl_program program = load(device, key);
  sepcl_status status = SEPCL_OK;
  bool compiled = false;
  if (program) {
    device->cached++;
  } else {
    status = compile(&program, device, source, what);
    if (status == SEPCL_OK) device->compiled++;
    compiled = status == SEPCL_OK;
  }
  if (status == SEPCL_OK) status = keep(device, source, program);
  *unsaved = status == SEPCL_OK && compiled;
  if (status != SEPCL_OK) free(source);
  if (status == SEPCL_OK) *out = program;
  return status;
}

static sepcl_status make_kernel(cl_kernel *out, const sepcl_device *device, cl_program program, const char *entry) {
  cl_int code = CL_SUCCESS;
  cl_kernel kernel = device->cl->clCreateKernel(program, entry, &code);
  if (!kernel)
    return failure(SEPCL_OPENCL_ERROR, "clCreateKernel(%s) failed: %s (%d)", entry, cl_error_name(code), code);
  *out = kernel;
  return SEPCL_OK;
}

static cl_program *program_of(const sepcl_device *device, const kernel_form *form) {
  return &device->programs->by_form[(form->v - variants) * HALVES_COUNT + form->halves];
}

static sepcl_status form_kernel(cl_kernel *out, const sepcl_device *device, const kernel_form *form) {
  char name[KERNEL_NAME_SIZE], entry[KERNEL_NAME_SIZE + 8];
  kernel_form_name(name, form);
  snprintf(entry, sizeof entry, "%s_kernel", name);
  return make_kernel(out, device, *program_of(device, form), entry);
}

/* Runs a kernel with no tasks. Some drivers (PoCL) compile a kernel to the end when it is first enqueued: better here
 * than in the caller's first inference, and what they made then goes into the binary that the cache keeps. */
static void enqueue_nothing(sepcl_device *device, cl_command_queue queue, const kernel_form *form) {
  const cl_api *cl = device->cl;
  const stage_params none = {0};
  const size_t size = (size_t)form->v->local;
  cl_kernel kernel = NULL;
  if (form_kernel(&kernel, device, form) != SEPCL_OK) return; /* whoever needs it will be told */
  cl_int code = CL_SUCCESS;
  for (cl_uint i = 0; i < 5 && code == CL_SUCCESS; i++) code = cl->clSetKernelArg(kernel, i, sizeof(cl_mem), NULL);
  if (code == CL_SUCCESS) code = cl->clSetKernelArg(kernel, 5, sizeof none, &none);
  cl_mem weights = NULL, image = NULL;
  if (code == CL_SUCCESS && variant_macro(form->v, "IMAGE")) { /* PoCL 3.1 crashes on an image whose buffer it lacks */
    weights = cl->clCreateBuffer(device->context, CL_MEM_READ_ONLY, TEXEL_FLOATS * sizeof(float), NULL, &code);
    if (weights && image_of_buffer(&image, device, weights, TEXEL_FLOATS) != SEPCL_OK) code = CL_INVALID_IMAGE_SIZE;
    if (code == CL_SUCCESS) code = cl->clSetKernelArg(kernel, 1, sizeof weights, &weights);
    if (code == CL_SUCCESS) code = cl->clSetKernelArg(kernel, 6, sizeof image, &image);
  }
  if (code == CL_SUCCESS) cl->clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &size, &size, 0, NULL, NULL);
  /* PoCL compiles once more for grids of 65536 work-items and more, which work-groups of several items reach. */
  const size_t large = size * ((65536 + size - 1) / size);
  if (code == CL_SUCCESS && size > 1) cl->clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &large, &size, 0, NULL, NULL);
  cl->clFinish(queue);
  cl->clReleaseKernel(kernel);
  if (image) cl->clReleaseMemObject(image);
  if (weights) cl->clReleaseMemObject(weights);
}

static void finish_compilation(sepcl_device *device, const kernel_form *list, int32_t count) {
  cl_int code = CL_SUCCESS;
  cl_command_queue queue = device->cl->clCreateCommandQueue(device->context, device->id, 0, &code);
  if (!queue) return;
  for (int32_t i = 0; i < count; i++) enqueue_nothing(device, queue, &list[i]);
  device->cl->clReleaseCommandQueue(queue);
}

static sepcl_status prepare_locked(sepcl_device *device, const kernel_form *wanted, int32_t count) {
  TRY(open_set(device));
  kernel_form *missing = calloc((size_t)count + 1, sizeof *missing);
  if (!missing) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the list of kernels");
  int32_t missing_count = 0;
  /* In the order of the list of variants, so that the same set is the same text whatever the network's order. */
  for (int32_t k = 0; k < variant_count * HALVES_COUNT; k++) {
    const kernel_form form = {&variants[k / HALVES_COUNT], k % HALVES_COUNT};
    bool asked = false;
    for (int32_t i = 0; i < count && !asked; i++) asked = wanted[i].v == form.v && wanted[i].halves == form.halves;
    if (asked && !*program_of(device, &form)) missing[missing_count++] = form;
  }
  sepcl_status status = SEPCL_OK;
  if (missing_count > 0) {
    char *source = program_source(missing, missing_count, true);
    cl_program program = NULL;
    bool unsaved = false;
    status = source ? obtain(&program, device, source, missing[0].v->name, &unsaved) : SEPCL_BUILD_FAILED;
    for (int32_t i = 0; status == SEPCL_OK && i < missing_count; i++) *program_of(device, &missing[i]) = program;
    if (status == SEPCL_OK) finish_compilation(device, missing, missing_count);
    if (unsaved) save(device, program, source);
  }
  free(missing);
  return status;
}

sepcl_status program_prepare(sepcl_device *device, const kernel_form *list, int32_t count) {
  pthread_mutex_lock(&device->lock);
  sepcl_status status = prepare_locked(device, list, count);
  pthread_mutex_unlock(&device->lock);
  return status;
}

sepcl_status program_kernel(cl_kernel *out, sepcl_device *device, kernel_form form) {
  pthread_mutex_lock(&device->lock);
  sepcl_status status = prepare_locked(device, &form, 1);
  if (status == SEPCL_OK) status = form_kernel(out, device, &form);
  pthread_mutex_unlock(&device->lock);
  return status;
}

sepcl_status program_kernel_from_source(cl_kernel *out, sepcl_device *device, const char *source, const char *entry) {
  char *copy = malloc(strlen(source) + 1);
  if (!copy) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the source of %s", entry);
  memcpy(copy, source, strlen(source) + 1);
  pthread_mutex_lock(&device->lock);
  cl_program program = NULL;
  bool unsaved = false;
  sepcl_status status = open_set(device);
  if (status == SEPCL_OK) {
    status = obtain(&program, device, copy, entry, &unsaved);
    if (unsaved) save(device, program, copy);
  } else {
    free(copy);
  }
  if (status == SEPCL_OK) status = make_kernel(out, device, program, entry);
  pthread_mutex_unlock(&device->lock);
  return status;
}
