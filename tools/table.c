#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

struct table {
  int columns;
  bool right[24];
  char **cells; /* the titles are the first row */
  size_t count, capacity;
};

size_t text_width(const char *text) {
  size_t width = 0;
  for (; *text; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
  return width;
}

bool has_colour(FILE *out) {
  const char *off = getenv("NO_COLOR");
  return isatty(fileno(out)) && !(off && *off);
}

static void add_cell(table *t, char *text) {
  if (t->count == t->capacity) {
    size_t capacity = t->capacity ? t->capacity * 2 : 64;
    char **more = realloc(t->cells, capacity * sizeof *more);
    if (!more) {
      free(text);
      return;
    }
    t->cells = more;
    t->capacity = capacity;
  }
  t->cells[t->count++] = text ? text_clean(text) : NULL;
}

table *table_create(const char *titles) {
  table *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  for (const char *at = titles;; at++) {
    t->right[t->columns] = *at == '>';
    if (*at == '>') at++;
    size_t length = strcspn(at, "|");
    add_cell(t, strndup(at, length));
    t->columns++;
    at += length;
    if (!*at || t->columns == (int)(sizeof t->right / sizeof *t->right)) return t;
  }
}

void table_free(table *t) {
  if (!t) return;
  for (size_t i = 0; i < t->count; i++) free(t->cells[i]);
  free(t->cells);
  free(t);
}

void table_cell(table *t, const char *format, ...) {
  if (!t) return;
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  add_cell(t, length < 0 ? NULL : text);
}

void table_end_row(table *t) {
  while (t && t->count % t->columns) {
    size_t before = t->count;
    add_cell(t, NULL);
    if (t->count == before) return;
  }
}

static const char *cell_at(const table *t, size_t row, int column) {
  size_t i = row * t->columns + column;
  return i < t->count && t->cells[i] ? t->cells[i] : "";
}

static void print_row(const table *t, size_t row, const size_t *widths, FILE *out) {
  size_t owed = 0; /* blanks not printed yet, so that no line ends in any */
  for (int c = 0; c < t->columns; c++) {
    const char *text = cell_at(t, row, c);
    size_t blanks = widths[c] - text_width(text);
    if (t->right[c]) owed += blanks;
    if (*text) {
      fprintf(out, "%*s%s", (int)owed, "", text);
      owed = 0;
    }
    owed += (t->right[c] ? 0 : blanks) + 2;
  }
  fputc('\n', out);
}

void table_print(const table *t, FILE *out) {
  if (!t) return;
  size_t widths[24] = {0}, rows = (t->count + t->columns - 1) / t->columns, titles = 0;
  for (size_t r = 0; r < rows; r++)
    for (int c = 0; c < t->columns; c++) {
      size_t width = text_width(cell_at(t, r, c));
      if (width > widths[c]) widths[c] = width;
      if (!r) titles += width;
    }
  bool colour = has_colour(out);
  for (size_t r = titles ? 0 : 1; r < rows; r++) {
    if (colour && !r) fputs("\033[1m", out);
    print_row(t, r, widths, out);
    if (colour && !r) fputs("\033[0m", out);
  }
}

char *bar_text(char *text, double share, int width) {
  int blocks = (int)((share > 1.0 ? 1.0 : share > 0.0 ? share : 0.0) * width + 0.5);
  text[0] = '\0';
  for (int i = 0; i < blocks; i++) memcpy(text + 3 * i, "\xE2\x96\x87", 4);
  return text;
}

char *metric_text(char text[24], double value) {
  static const char prefixes[] = " kMGTP";
  int p = 0;
  while (value >= 999.95 && p < 5) {
    value /= 1000.0;
    p++;
  }
  if (p)
    snprintf(text, 24, "%.1f %c", value, prefixes[p]);
  else
    snprintf(text, 24, "%.0f ", value);
  return text;
}
