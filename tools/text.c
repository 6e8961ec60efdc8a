#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* The bytes of the UTF-8 sequence at `at`, or 0. Overlong forms and surrogates are left to the reader. */
static size_t sequence(const unsigned char *at) {
  size_t length = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return length;
}

char *text_clean(char *text) {
  for (unsigned char *at = (unsigned char *)text; *at;) {
    size_t length = sequence(at);
    bool control = *at < ' ' || *at == 127 || (*at == 0xC2 && at[1] < 0xA0); /* C1 controls are two bytes */
    if (length && !control) {
      at += length;
      continue;
    }
    *at++ = '?';
  }
  return text;
}
