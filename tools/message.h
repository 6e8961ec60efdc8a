/* What went wrong, kept for main to print as the one line `sepcl: ...`. */
#ifndef TOOL_MESSAGE_H
#define TOOL_MESSAGE_H

#include <stdbool.h>

#include "sepcl.h"

/* Records the message (printf-style), and whether a wrong word on the command line is what it is about. */
void record_complaint(bool usage, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool complained(void) { return false; }
/* The same, and is false, so that callers can `return complain(...)`. */
#define complain(...) (record_complaint(false, __VA_ARGS__), complained())
/* For a wrong word on the command line: the process returns EXIT_USAGE. */
#define complain_usage(...) (record_complaint(true, __VA_ARGS__), complained())
bool complaint_is_of_usage(void);
/* The same with the library's last error. */
#define complain_library() complain("%s", sepcl_last_error())
/* The last complaint; "" if there was none. */
const char *complaint(void);

/* What a subcommand returns, and the process with it. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#endif
