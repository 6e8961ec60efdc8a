/* What went wrong, kept for main to print as the one line `sepcl: ...`. */
#ifndef TOOL_MESSAGE_H
#define TOOL_MESSAGE_H

#include <stdbool.h>

#include "sepcl.h"

/* Records the message (printf-style). */
void record_complaint(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline bool complained(void) { return false; }
/* The same, and is false, so that callers can `return complain(...)`. */
#define complain(...) (record_complaint(__VA_ARGS__), complained())
/* The same with the library's last error. */
#define complain_library() complain("%s", sepcl_last_error())
/* The same for a wrong word on the command line: the process returns EXIT_USAGE. */
#define complain_usage(...) (record_usage_complaint(__VA_ARGS__), complained())
void record_usage_complaint(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool complaint_is_of_usage(void);
/* The last complaint; "" if there was none. */
const char *complaint(void);

/* What a subcommand returns, and the process with it. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#endif
