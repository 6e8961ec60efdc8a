#include "cl/device.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/cache.h"
#include "cl/program.h"
#include "error.h"

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

/* Every device of every platform, in the order of "P:D". */
typedef struct device_list {
  struct {
    cl_device_id id;
    int platform, device;
  } entries[MAX_DEVICES];
  int count;
} device_list;

static sepcl_status list_devices_alone(device_list *list, const cl_api *cl) {
  cl_platform_id platforms[MAX_PLATFORMS];
  cl_uint platform_count = 0;
  list->count = 0;
  cl_int code = cl->clGetPlatformIDs(MAX_PLATFORMS, platforms, &platform_count);
  if (code == -1001 /* CL_PLATFORM_NOT_FOUND_KHR */ || (code == CL_SUCCESS && platform_count == 0))
    return failure(SEPCL_NO_OPENCL,
                   "no OpenCL driver is installed (Debian: pocl-opencl-icd runs on any CPU; GPUs need their vendor's)");
  if (code != CL_SUCCESS) return failure_cl("clGetPlatformIDs", code);
  if (platform_count > MAX_PLATFORMS) platform_count = MAX_PLATFORMS;
  for (cl_uint p = 0; p < platform_count; p++) {
    cl_device_id ids[MAX_DEVICES];
    cl_uint count = 0;
    if (cl->clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &count) != CL_SUCCESS) continue;
    for (cl_uint d = 0; d < count && d < MAX_DEVICES && list->count < MAX_DEVICES; d++) {
      list->entries[list->count].id = ids[d];
      list->entries[list->count].platform = (int)p;
      list->entries[list->count].device = (int)d;
      list->count++;
    }
  }
  return SEPCL_OK;
}

/* Drivers prepare their devices when they are first asked for them, and PoCL 3.1 does so without a lock: two threads
 * that open the process' first devices at once would find none, or half-made ones. */
static sepcl_status list_devices(device_list *list, const cl_api *cl) {
  static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&one_at_a_time);
  sepcl_status status = list_devices_alone(list, cl);
  pthread_mutex_unlock(&one_at_a_time);
  return status;
}

static void text_info(const cl_api *cl, cl_device_id id, cl_device_info what, char *out, size_t size) {
  char *text = calloc(1, 16384); /* extension strings are long */
  out[0] = 0;
  if (text && cl->clGetDeviceInfo(id, what, 16383, text, NULL) == CL_SUCCESS) snprintf(out, size, "%s", text);
  free(text);
}

static uint64_t number_info(const cl_api *cl, cl_device_id id, cl_device_info what) {
  uint64_t value = 0; /* little-endian hosts only see the low bytes filled for 32-bit answers */
  if (cl->clGetDeviceInfo(id, what, sizeof value, &value, NULL) != CL_SUCCESS) return 0;
  return value;
}

static bool names(const char *extensions, const char *name) { /* as a whole word */
  const size_t length = strlen(name);
  for (const char *at = extensions; (at = strstr(at, name)); at += length)
    if ((at == extensions || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
  return false;
}

/* The caller frees it; NULL: out of memory. */
static char *extensions_of(const cl_api *cl, cl_device_id id) {
  enum { ROOM = 16384 };
  char *extensions = calloc(1, ROOM);
  if (extensions) text_info(cl, id, CL_DEVICE_EXTENSIONS, extensions, ROOM);
  return extensions;
}

/* Sizes of up to 31 items that cl_intel_required_subgroup_size offers, where subgroups can shuffle. */
static uint32_t subgroup_sizes(const cl_api *cl, cl_device_id id) {
  enum { SUB_GROUP_SIZES_INTEL = 0x4108 };
  size_t sizes[16], bytes = 0;
  uint32_t found = 0;
  char *extensions = extensions_of(cl, id);
  if (!extensions) return 0; /* then without */
  const bool offered = names(extensions, "cl_intel_required_subgroup_size") &&
                       (names(extensions, "cl_intel_subgroups") || names(extensions, "cl_khr_subgroup_shuffle")) &&
                       cl->clGetDeviceInfo(id, SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) == CL_SUCCESS;
  for (size_t i = 0; offered && i < bytes / sizeof *sizes; i++)
    if (sizes[i] < 32) found |= UINT32_C(1) << sizes[i];
  free(extensions);
  return found;
}

/* Whether the promise of equal bits holds. OpenCL's full profile asks that fma be correctly rounded on every device:
 * CL_FP_FMA says that hardware does it, and Intel's runtime for CPUs leaves it out though its fma is a correct one. */
static bool is_reproducible(const cl_api *cl, cl_device_id id) {
  const cl_device_fp_config fp = number_info(cl, id, CL_DEVICE_SINGLE_FP_CONFIG);
  char profile[32];
  text_info(cl, id, CL_DEVICE_PROFILE, profile, sizeof profile);
  const bool fma = (fp & CL_FP_FMA) || !strcmp(profile, "FULL_PROFILE");
  return fma && (fp & CL_FP_DENORM) && (fp & CL_FP_ROUND_TO_NEAREST);
}

/* Floats in a vector register: compilers that vectorise by themselves prefer one, and some drivers leave one of both
 * out. */
static uint32_t vector_width(const cl_api *cl, cl_device_id id) {
  const uint64_t native = number_info(cl, id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT),
                 preferred = number_info(cl, id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
  return (uint32_t)(native > preferred ? native : preferred);
}

static sepcl_status query_info(sepcl_device_info *info, const cl_api *cl, cl_device_id id) {
  memset(info, 0, sizeof *info);
  cl_platform_id platform = NULL;
  cl_int code = cl->clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
  if (code != CL_SUCCESS) return failure_cl("clGetDeviceInfo", code);
  cl->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info->platform - 1, info->platform, NULL);
  text_info(cl, id, CL_DEVICE_NAME, info->name, sizeof info->name);
  text_info(cl, id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
  text_info(cl, id, CL_DEVICE_VERSION, info->version, sizeof info->version);
  info->type = (cl_device_type)number_info(cl, id, CL_DEVICE_TYPE);
  info->compute_units = (uint32_t)number_info(cl, id, CL_DEVICE_MAX_COMPUTE_UNITS);
  info->clock_mhz = (uint32_t)number_info(cl, id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
  info->vector_width = vector_width(cl, id);
  info->global_memory = number_info(cl, id, CL_DEVICE_GLOBAL_MEM_SIZE);
  info->local_memory = number_info(cl, id, CL_DEVICE_LOCAL_MEM_SIZE);
  info->local_is_global = number_info(cl, id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_GLOBAL;
  info->max_work_group = number_info(cl, id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  info->base_alignment = (uint32_t)number_info(cl, id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
  info->reproducible = is_reproducible(cl, id);
  char *extensions = extensions_of(cl, id);
  if (!extensions) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for a device's extensions");
  info->fp16 = strstr(extensions, "cl_khr_fp16") != NULL;
  info->subgroups = subgroup_sizes(cl, id) != 0;
  info->command_buffer = strstr(extensions, "cl_khr_command_buffer") != NULL;
  free(extensions);
  /* OpenCL 3.0's CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES: acquire-release order at device scope. */
  uint64_t atomics = number_info(cl, id, 0x1063);
  info->device_atomics = (atomics & 2) && (atomics & 32);
  return SEPCL_OK;
}

sepcl_status sepcl_devices(sepcl_device_info *out, uint32_t capacity, uint32_t *count) {
  if (!count || (!out && capacity)) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_devices: a null pointer");
  *count = 0;
  const cl_api *cl = cl_api_get();
  if (!cl) return SEPCL_NO_OPENCL;
  device_list list;
  TRY(list_devices(&list, cl));
  for (int i = 0; i < list.count && (uint32_t)i < capacity; i++) {
    TRY(query_info(&out[i], cl, list.entries[i].id));
    out[i].platform_number = (uint32_t)list.entries[i].platform;
    out[i].device_number = (uint32_t)list.entries[i].device;
  }
  *count = (uint32_t)list.count;
  return SEPCL_OK;
}

static bool same_letter(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

static bool contains_ignoring_case(const char *text, const char *part) {
  size_t length = strlen(part);
  for (; *text; text++) {
    size_t i = 0;
    while (i < length && same_letter(text[i], part[i])) i++;
    if (i == length) return true;
  }
  return length == 0;
}

static bool matches(const sepcl_device_info *info, const char *spec) {
  if (!strcmp(spec, "gpu")) return info->type & CL_DEVICE_TYPE_GPU;
  if (!strcmp(spec, "cpu")) return info->type & CL_DEVICE_TYPE_CPU;
  return contains_ignoring_case(info->platform, spec) || contains_ignoring_case(info->name, spec);
}

static sepcl_status choose(cl_device_id *out, const device_list *list, const cl_api *cl, const char *spec) {
  int platform, device, used = 0;
  if (sscanf(spec, "%d:%d%n", &platform, &device, &used) == 2 && !spec[used]) {
    for (int i = 0; i < list->count; i++)
      if (list->entries[i].platform == platform && list->entries[i].device == device) {
        *out = list->entries[i].id;
        return SEPCL_OK;
      }
    return failure(SEPCL_NO_DEVICE, "no device \"%s\": `sepcl devices` lists the %d there are", spec, list->count);
  }
  const char *wanted[2] = {*spec ? spec : "gpu", *spec ? spec : ""};
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < list->count; i++) {
      sepcl_device_info info;
      TRY(query_info(&info, cl, list->entries[i].id));
      if (matches(&info, wanted[round])) {
        *out = list->entries[i].id;
        return SEPCL_OK;
      }
    }
  if (!list->count) return failure(SEPCL_NO_DEVICE, "the OpenCL drivers that are installed offer no device");
  return failure(SEPCL_NO_DEVICE, "no device matches \"%s\": `sepcl devices` lists the %d there are", spec,
                 list->count);
}

static uint64_t image_texels(const cl_api *cl, cl_device_id id) {
  cl_bool images = CL_FALSE;
  if (cl->clGetDeviceInfo(id, CL_DEVICE_IMAGE_SUPPORT, sizeof images, &images, NULL) != CL_SUCCESS || !images) return 0;
  size_t texels = 0;
  return cl->clGetDeviceInfo(id, CL_DEVICE_IMAGE_MAX_BUFFER_SIZE, sizeof texels, &texels, NULL) == CL_SUCCESS ? texels
                                                                                                              : 0;
}

bool images_may_hold_weights(bool host_memory, const char *extensions) {
  return host_memory && !names(extensions, "cl_amd_device_attribute_query") &&
         !names(extensions, "cl_nv_device_attribute_query");
}

static bool weight_images(const cl_api *cl, cl_device_id id) {
  char *extensions = extensions_of(cl, id);
  if (!extensions) return false;
  const bool may = images_may_hold_weights(number_info(cl, id, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0, extensions);
  free(extensions);
  return may;
}

/* OpenCL's cl_khr_fp16: CL_DEVICE_HALF_FP_CONFIG. */
static void ask_about_halves(sepcl_device *device) {
  const cl_device_fp_config fp = device->info.fp16 ? number_info(device->cl, device->id, 0x1033) : 0;
  device->half_sums = (fp & CL_FP_ROUND_TO_NEAREST) && (fp & CL_FP_INF_NAN);
  device->half_denormals = device->half_sums && (fp & CL_FP_DENORM);
}

static sepcl_status make(sepcl_device **out, const cl_api *cl, cl_context context, cl_device_id id,
                         const sepcl_device_options *options) {
  sepcl_device *device = calloc(1, sizeof *device);
  if (!device) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for a device");
  sepcl_status status = query_info(&device->info, cl, id);
  if (status != SEPCL_OK) {
    free(device);
    return status;
  }
  device->subgroup_sizes = subgroup_sizes(cl, id);
  device->image_texels = image_texels(cl, id);
  device->cache_bytes = number_info(cl, id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
  device->weight_images = weight_images(cl, id);
  device->cl = cl;
  device->context = context;
  device->id = id;
  ask_about_halves(device);
  cl->clRetainContext(context);
  cl->clRetainDevice(id);
  pthread_mutex_init(&device->lock, NULL);
  device->cache = cache_open(options ? options->cache_dir : NULL);
  *out = device;
  return SEPCL_OK;
}

static sepcl_status check_options(const sepcl_device_options *options) {
  if (options && options->size != sizeof *options)
    return failure(SEPCL_INVALID_ARGUMENT, "options.size is %u, not %zu: start from SEPCL_DEVICE_OPTIONS_INIT",
                   options->size, sizeof *options);
  return SEPCL_OK;
}

static bool context_has(const cl_api *cl, cl_context context, cl_device_id id) {
  cl_device_id ids[MAX_DEVICES];
  size_t size = 0;
  if (cl->clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof ids, ids, &size) != CL_SUCCESS) return false;
  for (size_t i = 0; i < size / sizeof *ids; i++)
    if (ids[i] == id) return true;
  return false;
}

sepcl_status sepcl_device_wrap(sepcl_device **out, cl_context context, cl_device_id id,
                               const sepcl_device_options *options) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_device_wrap: out is NULL");
  *out = NULL;
  if (!context) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_device_wrap: context is NULL");
  if (!id) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_device_wrap: id is NULL");
  TRY(check_options(options));
  const cl_api *cl = cl_api_get();
  if (!cl) return SEPCL_NO_OPENCL;
  if (!context_has(cl, context, id))
    return failure(SEPCL_WRONG_CONTEXT, "sepcl_device_wrap: the device is not one of the context's");
  return make(out, cl, context, id, options);
}

sepcl_status sepcl_device_open(sepcl_device **out, const char *spec, const sepcl_device_options *options) {
  if (!out) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_device_open: out is NULL");
  *out = NULL;
  TRY(check_options(options));
  const cl_api *cl = cl_api_get();
  if (!cl) return SEPCL_NO_OPENCL;
  device_list list;
  TRY(list_devices(&list, cl));
  cl_device_id id = NULL;
  TRY(choose(&id, &list, cl, spec ? spec : ""));
  cl_int code = CL_SUCCESS;
  cl_context context = cl->clCreateContext(NULL, 1, &id, NULL, NULL, &code);
  if (!context) return failure_cl("clCreateContext", code);
  sepcl_status status = make(out, cl, context, id, options);
  cl->clReleaseContext(context); /* make retained it */
  return status;
}

void sepcl_device_free(sepcl_device *device) {
  if (!device) return;
  program_set_free(device);
  cache_close(device->cache);
  device->cl->clReleaseContext(device->context);
  device->cl->clReleaseDevice(device->id);
  pthread_mutex_destroy(&device->lock);
  free(device);
}

cl_context sepcl_device_context(const sepcl_device *device) { return device ? device->context : NULL; }

cl_device_id sepcl_device_id(const sepcl_device *device) { return device ? device->id : NULL; }

sepcl_status sepcl_device_get_info(sepcl_device_info *out, const sepcl_device *device) {
  if (!out || !device) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_device_get_info: a null pointer");
  *out = device->info;
  return SEPCL_OK;
}

void sepcl_device_program_counts(const sepcl_device *device, uint32_t *compiled, uint32_t *cached) {
  uint32_t counts[2] = {0, 0};
  if (device) {
    pthread_mutex_t *lock = (pthread_mutex_t *)&device->lock; /* the device itself stays as it is */
    pthread_mutex_lock(lock);
    counts[0] = device->compiled;
    counts[1] = device->cached;
    pthread_mutex_unlock(lock);
  }
  if (compiled) *compiled = counts[0];
  if (cached) *cached = counts[1];
}
