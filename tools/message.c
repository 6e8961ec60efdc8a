#include "message.h"

#include <stdarg.h>
#include <stdio.h>

static char text[8192];

void record_complaint(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
}

const char *complaint(void) { return text; }
