#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#undef failure
#undef failure_cl

static _Thread_local char last_error[8192];

const char *sepcl_last_error(void) { return last_error; }

const char *sepcl_version(void) { return SEPCL_VERSION; }

sepcl_status failure(sepcl_status status, const char *format, ...) {
  /* The arguments may point into last_error itself, when a caller adds context to a message. */
  char message[sizeof last_error];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  snprintf(last_error, sizeof last_error, "%s", message);
  return status;
}

sepcl_status failure_cl(const char *call, cl_int code) {
  sepcl_status status = code == CL_OUT_OF_HOST_MEMORY || code == CL_MEM_OBJECT_ALLOCATION_FAILURE ? SEPCL_OUT_OF_MEMORY
                                                                                                  : SEPCL_OPENCL_ERROR;
  return failure(status, "%s failed: %s (%d)", call, cl_error_name(code), code);
}

const char *sepcl_status_name(sepcl_status status) {
  switch (status) {
    case SEPCL_OK: return "SEPCL_OK";
    case SEPCL_INVALID_ARGUMENT: return "SEPCL_INVALID_ARGUMENT";
    case SEPCL_INVALID_SHAPE: return "SEPCL_INVALID_SHAPE";
    case SEPCL_OVERFLOW: return "SEPCL_OVERFLOW";
    case SEPCL_BUFFER_TOO_SMALL: return "SEPCL_BUFFER_TOO_SMALL";
    case SEPCL_MISALIGNED: return "SEPCL_MISALIGNED";
    case SEPCL_WRONG_CONTEXT: return "SEPCL_WRONG_CONTEXT";
    case SEPCL_UNSUPPORTED: return "SEPCL_UNSUPPORTED";
    case SEPCL_OUT_OF_MEMORY: return "SEPCL_OUT_OF_MEMORY";
    case SEPCL_NO_OPENCL: return "SEPCL_NO_OPENCL";
    case SEPCL_NO_DEVICE: return "SEPCL_NO_DEVICE";
    case SEPCL_BUILD_FAILED: return "SEPCL_BUILD_FAILED";
    case SEPCL_OPENCL_ERROR: return "SEPCL_OPENCL_ERROR";
    case SEPCL_BAD_FILE: return "SEPCL_BAD_FILE";
    case SEPCL_BAD_MODEL: return "SEPCL_BAD_MODEL";
    case SEPCL_BAD_GRAPH: return "SEPCL_BAD_GRAPH";
  }
  return "SEPCL_UNKNOWN_STATUS";
}

const char *cl_error_name(cl_int code) {
#define NAME(c) \
  case c: return #c;
  switch (code) {
    /* clang-format off */
    NAME(CL_SUCCESS) NAME(CL_DEVICE_NOT_FOUND) NAME(CL_DEVICE_NOT_AVAILABLE) NAME(CL_COMPILER_NOT_AVAILABLE)
    NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE) NAME(CL_OUT_OF_RESOURCES) NAME(CL_OUT_OF_HOST_MEMORY)
    NAME(CL_PROFILING_INFO_NOT_AVAILABLE) NAME(CL_MEM_COPY_OVERLAP) NAME(CL_BUILD_PROGRAM_FAILURE)
    NAME(CL_MAP_FAILURE) NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET) NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    NAME(CL_COMPILE_PROGRAM_FAILURE) NAME(CL_LINK_PROGRAM_FAILURE) NAME(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
    NAME(CL_INVALID_VALUE) NAME(CL_INVALID_DEVICE_TYPE) NAME(CL_INVALID_PLATFORM) NAME(CL_INVALID_DEVICE)
    NAME(CL_INVALID_CONTEXT) NAME(CL_INVALID_QUEUE_PROPERTIES) NAME(CL_INVALID_COMMAND_QUEUE)
    NAME(CL_INVALID_HOST_PTR) NAME(CL_INVALID_MEM_OBJECT) NAME(CL_INVALID_BINARY) NAME(CL_INVALID_BUILD_OPTIONS)
    NAME(CL_INVALID_PROGRAM) NAME(CL_INVALID_PROGRAM_EXECUTABLE) NAME(CL_INVALID_KERNEL_NAME)
    NAME(CL_INVALID_KERNEL_DEFINITION) NAME(CL_INVALID_KERNEL) NAME(CL_INVALID_ARG_INDEX) NAME(CL_INVALID_ARG_VALUE)
    NAME(CL_INVALID_ARG_SIZE) NAME(CL_INVALID_KERNEL_ARGS) NAME(CL_INVALID_WORK_DIMENSION)
    NAME(CL_INVALID_WORK_GROUP_SIZE) NAME(CL_INVALID_WORK_ITEM_SIZE) NAME(CL_INVALID_GLOBAL_OFFSET)
    NAME(CL_INVALID_EVENT_WAIT_LIST) NAME(CL_INVALID_EVENT) NAME(CL_INVALID_OPERATION) NAME(CL_INVALID_BUFFER_SIZE)
    NAME(CL_INVALID_GLOBAL_WORK_SIZE) NAME(CL_INVALID_PROPERTY)
    case -1001: return "CL_PLATFORM_NOT_FOUND_KHR";
  }
/* clang-format on */
#undef NAME
  return "unknown OpenCL error";
}
