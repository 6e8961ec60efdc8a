#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "message.h"

/* The header is the text of a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), } */
typedef struct header {
  const char *at, *end;
  char type[32];
  bool fortran, has_type, has_order, has_shape;
  int32_t rank;
  int64_t dims[NPY_MAX_RANK];
} header;

static char next(header *h) {
  while (h->at < h->end && strchr(" \t\n", *h->at) && *h->at) h->at++;
  return h->at < h->end ? *h->at : '\0';
}

static bool accept(header *h, char c) {
  if (next(h) != c) return false;
  h->at++;
  return true;
}

static bool read_string(header *h, char *out, size_t size) {
  char quote = next(h);
  if (quote != '\'' && quote != '"') return false;
  h->at++;
  size_t length = 0;
  for (; h->at < h->end && *h->at != quote; h->at++) {
    if (length + 1 >= size || (unsigned char)*h->at < ' ') return false;
    out[length++] = *h->at;
  }
  out[length] = '\0';
  return accept(h, quote);
}

static bool read_number(header *h, int64_t *out) {
  next(h);
  int64_t value = 0;
  const char *start = h->at;
  for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
    if (value > (INT64_MAX - 9) / 10) return false;
    value = value * 10 + (*h->at - '0');
  }
  *out = value;
  return h->at > start;
}

static bool read_shape(header *h) {
  if (!accept(h, '(')) return false;
  h->has_shape = true;
  while (!accept(h, ')')) {
    if (h->rank >= NPY_MAX_RANK || !read_number(h, &h->dims[h->rank++])) return false;
    if (!accept(h, ',') && next(h) != ')') return false;
  }
  return true;
}

static bool read_word(header *h, const char *word) {
  size_t length = strlen(word);
  next(h);
  if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length)) return false;
  h->at += length;
  return true;
}

static bool read_entry(header *h) {
  char key[32];
  if (!read_string(h, key, sizeof key) || !accept(h, ':')) return false;
  if (!strcmp(key, "shape")) return !h->has_shape && read_shape(h);
  if (!strcmp(key, "fortran_order") && !h->has_order) {
    h->has_order = true;
    h->fortran = read_word(h, "True");
    return h->fortran || read_word(h, "False");
  }
  if (strcmp(key, "descr") || h->has_type) return false;
  h->has_type = true;
  if (next(h) != '[') return read_string(h, h->type, sizeof h->type);
  strcpy(h->type, "a record");
  return h->at = h->end, true; /* refused for its type by the caller */
}

static bool read_header(header *h) {
  if (!accept(h, '{')) return false;
  while (!accept(h, '}')) {
    if (!read_entry(h)) return false;
    if (h->at == h->end) return !strcmp(h->type, "a record");
    if (!accept(h, ',') && next(h) != '}') return false;
  }
  return h->has_type && h->has_order && h->has_shape && next(h) == '\0';
}

/* Finds the header's text; the number of bytes before the data, or 0. */
static size_t locate_header(header *h, const unsigned char *bytes, size_t size) {
  if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) || bytes[6] < 1 || bytes[6] > 3) return 0;
  size_t prefix = bytes[6] == 1 ? 10 : 12;
  if (size < prefix) return 0;
  size_t length = bytes[8] | (size_t)bytes[9] << 8;
  if (prefix == 12) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (length > size - prefix) return 0;
  h->at = (const char *)bytes + prefix;
  h->end = h->at + length;
  return prefix + length;
}

static bool count_elements(npy *out) {
  out->elements = 1;
  for (int i = 0; i < out->rank; i++)
    if (__builtin_mul_overflow(out->elements, (uint64_t)out->dims[i], &out->elements)) return false;
  return out->elements <= SIZE_MAX / sizeof(float);
}

bool npy_parse(npy *out, const void *bytes, size_t size, const char *name) {
  memset(out, 0, sizeof *out);
  if (size < 6 || memcmp(bytes, "\x93NUMPY", 6)) return complain("%s is no .npy file", name);
  header h = {0};
  size_t start = locate_header(&h, bytes, size);
  if (!start) return complain("%s: the .npy header is truncated or of an unknown version", name);
  if (!read_header(&h)) return complain("%s: the .npy header is damaged", name);
  if (strcmp(h.type, "<f4")) return complain("%s holds %s; sepcl reads 32-bit floats (<f4)", name, h.type);
  if (h.fortran && h.rank > 1) return complain("%s is in Fortran order; sepcl reads C order", name);
  out->rank = h.rank;
  memcpy(out->dims, h.dims, sizeof h.dims);
  char shape[256];
  npy_shape_text(shape, sizeof shape, h.rank, h.dims);
  if (!count_elements(out) || out->elements > (size - start) / sizeof(float))
    return complain("%s is truncated: %zu bytes of data for a shape of %s", name, size - start, shape);
  if (out->elements * sizeof(float) != size - start)
    return complain("%s has %zu bytes behind its %s floats", name, size - start - out->elements * sizeof(float), shape);
  out->data = malloc(out->elements ? out->elements * sizeof(float) : 1);
  if (!out->data) return complain("%s: out of memory for %s floats", name, shape);
  memcpy(out->data, (const char *)bytes + start, out->elements * sizeof(float));
  return true;
}

bool npy_read(npy *out, const char *path) {
  memset(out, 0, sizeof *out);
  size_t size;
  void *bytes = file_read(path, (size_t)1 << 33, &size);
  if (!bytes) return false;
  bool parsed = npy_parse(out, bytes, size, path);
  free(bytes);
  return parsed;
}

void npy_free(npy *array) {
  free(array->data);
  memset(array, 0, sizeof *array);
}

bool npy_write(const char *path, int32_t rank, const int64_t *dims, const float *data) {
  if (rank < 0 || rank > NPY_MAX_RANK) return complain("cannot write %s: rank %d", path, rank);
  char shape[NPY_MAX_RANK * 22 + 1] = "";
  size_t elements = 1, length = 0;
  for (int i = 0; i < rank; i++) {
    elements *= (size_t)dims[i];
    length +=
        (size_t)snprintf(shape + length, sizeof shape - length, "%lld,%s", (long long)dims[i], i + 1 < rank ? " " : "");
  }
  if (rank > 1) shape[length - 1] = '\0'; /* (2, 3), but (2,) */
  char text[512] = "\x93NUMPY\x01";
  const size_t prefix = 10;
  size_t used = prefix + (size_t)snprintf(text + prefix, sizeof text - prefix,
                                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
  size_t total = (used + 1 + 63) / 64 * 64; /* the data is aligned to 64 bytes */
  memset(text + used, ' ', total - used);
  text[total - 1] = '\n';
  text[8] = (char)((total - prefix) & 255);
  text[9] = (char)((total - prefix) >> 8);
  file_part parts[2] = {{text, total}, {data, elements * sizeof(float)}};
  return file_write(path, parts, 2);
}

char *npy_shape_text(char *text, size_t size, int32_t rank, const int64_t *dims) {
  snprintf(text, size, "scalar");
  size_t length = 0;
  for (int i = 0; i < rank && length < size; i++)
    length += (size_t)snprintf(text + length, size - length, "%s%lld", i ? "x" : "", (long long)dims[i]);
  return text;
}
