#include "message.h"

#include <stdarg.h>
#include <stdio.h>

static char text[8192];
static bool of_usage;

void record_complaint(bool usage, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  of_usage = usage;
}

bool complaint_is_of_usage(void) { return of_usage; }

const char *complaint(void) { return text; }
