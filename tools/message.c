#include "message.h"

#include <stdarg.h>
#include <stdio.h>

#include "sepcl.h"

static char text[8192];

bool complain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return false;
}

bool complain_library(void) { return complain("%s", sepcl_last_error()); }

const char *complaint(void) { return text; }
