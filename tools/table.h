/* Aligned tables on the terminal. */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct table table;

/* Column titles, separated by '|'; a title that starts with '>' makes its column flush right. NULL: out of memory. */
table *table_create(const char *titles);
void table_free(table *t);
/* The next cell, row by row (printf-style). When memory runs out the cell stays empty. */
void table_cell(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the row; missing cells are empty. */
void table_end_row(table *t);
/* With titles unless all are empty; titles bold where `out` is a terminal (and NO_COLOR is unset). */
void table_print(const table *t, FILE *out);

/* A bar of at most `width` blocks for a share of 0 to 1, as UTF-8 into `text` of at least 3 width + 1 bytes. */
char *bar_text(char *text, double share, int width);
/* A number of bytes, operations, ... with a metric prefix: "568.7 M". */
char *metric_text(char text[24], double value);
/* Columns that the UTF-8 text takes; combining and wide characters are not looked at. */
size_t text_width(const char *text);
bool has_colour(FILE *out);

#endif
