#include "message.h"

#include <stdarg.h>
#include <stdio.h>

static char text[8192];
static bool of_usage;

void record_complaint(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  of_usage = false;
}

void record_usage_complaint(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  of_usage = true;
}

bool complaint_is_of_usage(void) { return of_usage; }

const char *complaint(void) { return text; }
