/* Text from outside (names in a model, file names, labels) before it reaches a terminal or JSON. */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

/* Puts '?' for control characters, which could drive a terminal, and for bytes that are no UTF-8. Returns `text`. */
char *text_clean(char *text);

#endif
