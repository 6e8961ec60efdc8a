/* What went wrong, kept for main to print as the one line `sepcl: ...`. */
#ifndef TOOL_MESSAGE_H
#define TOOL_MESSAGE_H

#include <stdbool.h>

/* Records the message (printf-style) and returns false, so that callers can `return complain(...)`. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with the library's last error. */
bool complain_library(void);
/* The last complaint; "" if there was none. */
const char *complaint(void);

/* What a subcommand returns, and the process with it. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#endif
