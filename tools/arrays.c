#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "message.h"
#include "npy.h"
#include "session.h"
#include "text.h"

static bool arrays_make(arrays *a, int32_t count, const sepcl_graph *graph,
                        sepcl_status (*info)(sepcl_io_info *, const sepcl_graph *, int32_t)) {
  *a = (arrays){count, calloc((size_t)count + 1, sizeof *a->infos), calloc((size_t)count + 1, sizeof *a->data)};
  if (!a->infos || !a->data) return complain("out of memory");
  for (int i = 0; i < count; i++) {
    if (info(&a->infos[i], graph, i) != SEPCL_OK) return complain_library();
    a->data[i] = calloc(a->infos[i].elements ? a->infos[i].elements : 1, sizeof(float));
    if (!a->data[i]) return complain("out of memory for %s", a->infos[i].name);
  }
  return true;
}

bool arrays_of_inputs(arrays *a, const session *s) {
  return arrays_make(a, sepcl_graph_input_count(s->graph), s->graph, sepcl_graph_input_info);
}

bool arrays_of_outputs(arrays *a, const session *s) {
  return arrays_make(a, sepcl_graph_output_count(s->graph), s->graph, sepcl_graph_output_info);
}

void arrays_free(arrays *a) {
  for (int i = 0; a->data && i < a->count; i++) free(a->data[i]);
  free(a->data);
  free(a->infos);
  *a = (arrays){0};
}

void arrays_fill(arrays *a) {
  uint32_t state = 1;
  for (int i = 0; i < a->count; i++)
    for (size_t k = 0; k < a->infos[i].elements; k++) {
      state = state * 1664525u + 1013904223u;
      a->data[i][k] = (float)(state >> 8) * (2.0f / 16777216.0f) - 1.0f;
    }
}

static bool read_one(arrays *a, int i, const char *path) {
  npy array;
  if (!npy_read(&array, path)) return false;
  const sepcl_io_info *want = &a->infos[i];
  bool fits = array.rank == want->rank;
  for (int k = 0; fits && k < array.rank; k++) fits = array.dims[k] == want->dims[k];
  if (fits) {
    memcpy(a->data[i], array.data, array.elements * sizeof(float));
  } else {
    char has[160], wants[160];
    complain("%s is %s, but input %s is %s", path, npy_shape_text(has, sizeof has, array.rank, array.dims), want->name,
             npy_shape_text(wants, sizeof wants, want->rank, want->dims));
  }
  npy_free(&array);
  return fits;
}

/* The input that "NAME=FILE" starts with; names may hold '='. */
static int input_named(const arrays *a, const char *assignment) {
  for (int i = 0; i < a->count; i++) {
    size_t length = strlen(a->infos[i].name);
    if (!strncmp(assignment, a->infos[i].name, length) && assignment[length] == '=') return i;
  }
  return -1;
}

bool arrays_read(arrays *a, char *const *assignments) {
  bool *given = calloc((size_t)a->count + 1, sizeof *given);
  bool good = given || complain("out of memory");
  for (; good && *assignments; assignments++) {
    int i = input_named(a, *assignments);
    if (i < 0)
      good = complain("--input %s: the model has no such input (%s is its first; NAME=FILE.npy)", *assignments,
                      a->count ? a->infos[0].name : "none");
    else if (given[i])
      good = complain("--input %s: input %s is given twice", *assignments, a->infos[i].name);
    else
      good = read_one(a, i, *assignments + strlen(a->infos[i].name) + 1);
    if (good) given[i] = true;
  }
  for (int i = 0; good && i < a->count; i++)
    if (!given[i]) good = complain("input %s is not given (--input %s=FILE.npy)", a->infos[i].name, a->infos[i].name);
  free(given);
  return good;
}

static bool output_path(char path[PATH_MAX], const char *dir, const char *name) {
  int start = snprintf(path, PATH_MAX, "%s/", dir);
  int length =
      start < 0 || start >= PATH_MAX ? PATH_MAX : snprintf(path + start, PATH_MAX - (size_t)start, "%s.npy", name);
  if (start < 0 || start + length >= PATH_MAX) return complain("%s/...: the name is too long", dir);
  for (char *at = path + start; *at; at++)
    if (*at == '/' || *at == ':') *at = '_';
  return true;
}

/* An output whose file another output before it has too; -1 if there is none. */
static int clashing_output(const arrays *a) {
  for (int i = 1; i < a->count; i++)
    for (int k = 0; k < i; k++) {
      const char *one = a->infos[i].name, *other = a->infos[k].name;
      while (*one && (*one == *other || (strchr("/:_", *one) && *other && strchr("/:_", *other)))) one++, other++;
      if (!*one && !*other) return i;
    }
  return -1;
}

bool arrays_write(const arrays *a, const char *dir) {
  int clash = clashing_output(a);
  if (clash >= 0) return complain("output %s: another output has the same file name", a->infos[clash].name);
  if (mkdir(dir, 0777) && errno != EEXIST) return complain("cannot make %s: %s", dir, strerror(errno));
  for (int i = 0; i < a->count; i++) {
    char path[PATH_MAX];
    if (!output_path(path, dir, a->infos[i].name)) return false;
    if (!npy_write(path, a->infos[i].rank, a->infos[i].dims, a->data[i])) return false;
  }
  return true;
}

/* ---- JSON ---- */

void json_number(cJSON *object, const char *name, double value) {
  if (isfinite(value))
    cJSON_AddNumberToObject(object, name, value);
  else
    cJSON_AddNullToObject(object, name);
}

void json_text(cJSON *object, const char *name, const char *value) {
  char *copy = value ? strdup(value) : NULL;
  if (copy)
    cJSON_AddStringToObject(object, name, text_clean(copy));
  else
    cJSON_AddNullToObject(object, name);
  free(copy);
}

cJSON *json_shape(int32_t rank, const int64_t *dims) {
  cJSON *list = cJSON_CreateArray();
  for (int i = 0; i < rank; i++) cJSON_AddItemToArray(list, cJSON_CreateNumber((double)dims[i]));
  return list;
}

void json_session(cJSON *object, const session *s) {
  json_text(object, "model", s->model);
  if (s->device) {
    json_text(object, "device", s->device_info.name);
    json_text(object, "platform", s->device_info.platform);
    json_text(object, "driver", s->device_info.driver);
  }
  json_text(object, "precision", s->o->precision ? s->o->precision : "f32");
  sepcl_io_info input;
  if (s->graph && sepcl_graph_input_count(s->graph) && sepcl_graph_input_info(&input, s->graph, 0) == SEPCL_OK)
    json_number(object, "batch", input.rank ? (double)input.dims[0] : 1.0);
}

int json_finish(cJSON *object) {
  char *text = cJSON_Print(object);
  cJSON_Delete(object);
  if (!text) {
    complain("out of memory for JSON");
    return EXIT_FAILED;
  }
  puts(text);
  free(text);
  return EXIT_DONE;
}
