/* The thread's last error: every failing function of the library ends in one of these. */
#ifndef SEPCL_ERROR_H
#define SEPCL_ERROR_H

#include "sepcl.h"

/* Records the message (printf-style) and returns `status`, so that callers can `return failure(...)`. */
sepcl_status failure(sepcl_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For an OpenCL call that returned `code`. */
sepcl_status failure_cl(const char *call, cl_int code);
/* The OpenCL error's name, such as "CL_OUT_OF_RESOURCES". */
const char *cl_error_name(cl_int code);

#ifdef __clang_analyzer__ /* which sees one file at a time: failures give what they were given, never SEPCL_OK */
#define failure(status, ...) (failure(status, __VA_ARGS__), (status))
#define failure_cl(call, code) (failure_cl(call, code), SEPCL_OPENCL_ERROR)
#endif

#define TRY(expression)                              \
  do {                                               \
    sepcl_status try_status_ = (expression);         \
    if (try_status_ != SEPCL_OK) return try_status_; \
  } while (0)

#endif
