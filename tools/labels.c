#include "labels.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "message.h"
#include "text.h"

static bool append(labels *out, const char *name, size_t length) {
  if ((out->count & (out->count - 1)) == 0) { /* 0 or a power of two: full */
    char **more = realloc(out->names, (out->count ? out->count * 2 : 1) * sizeof *more);
    if (!more) return complain("out of memory for labels");
    out->names = more;
  }
  char *copy = malloc(length + 1);
  if (!copy) return complain("out of memory for labels");
  memcpy(copy, name, length);
  copy[length] = '\0';
  out->names[out->count++] = text_clean(copy);
  return true;
}

static bool parse_json(labels *out, const char *text, const char *name) {
  cJSON *list = cJSON_Parse(text);
  bool good = cJSON_IsArray(list) || complain("%s: the labels are no valid JSON list", name);
  const cJSON *item = good ? list->child : NULL;
  for (; good && item; item = item->next)
    good = cJSON_IsString(item) ? append(out, item->valuestring, strlen(item->valuestring))
                                : complain("%s: label %zu is no text", name, out->count);
  cJSON_Delete(list);
  return good;
}

static bool parse_lines(labels *out, const char *text) {
  while (*text) {
    size_t length = strcspn(text, "\n"), shown = length;
    if (shown && text[shown - 1] == '\r') shown--;
    if (!append(out, text, shown)) return false;
    text += length + (text[length] == '\n');
  }
  return true;
}

bool labels_parse(labels *out, const char *text, const char *name) {
  memset(out, 0, sizeof *out);
  if (!strncmp(text, "\xEF\xBB\xBF", 3)) text += 3; /* a byte order mark */
  bool json = text[strspn(text, " \t\r\n")] == '[';
  bool good = json ? parse_json(out, text, name) : parse_lines(out, text);
  if (good && !out->count) good = complain("%s holds no labels", name);
  if (!good) labels_free(out);
  return good;
}

bool labels_load(labels *out, const char *path) {
  memset(out, 0, sizeof *out);
  size_t size;
  char *text = file_read(path, (size_t)1 << 26, &size);
  if (!text) return false;
  bool good = strlen(text) == size ? labels_parse(out, text, path) : complain("%s is no text file", path);
  free(text);
  return good;
}

void labels_free(labels *l) {
  for (size_t i = 0; i < l->count; i++) free(l->names[i]);
  free(l->names);
  memset(l, 0, sizeof *l);
}

char *labels_text(const labels *l) {
  size_t size = 1;
  for (size_t i = 0; i < l->count; i++) size += strlen(l->names[i]) + 1;
  char *text = malloc(size), *at = text;
  for (size_t i = 0; text && i < l->count; i++) {
    size_t length = strlen(l->names[i]);
    memcpy(at, l->names[i], length);
    at += length;
    *at++ = '\n';
  }
  if (text) *at = '\0';
  return text;
}
