/* Composes OpenCL C out of the embedded files of kernels/: what all kernels share, then each variant's file with its
 * specialisation defined before and undefined after it. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "error.h"

enum { MAX_INCLUDE_DEPTH = 4, MAX_VECTOR = 16 };

typedef struct text {
  char *bytes;
  size_t size, capacity;
  sepcl_status status;
} text;

static void append(text *t, const char *bytes, size_t size) {
  if (t->status != SEPCL_OK) return;
  if (!t->bytes || t->capacity - t->size <= size) {
    size_t capacity = 2 * t->capacity + size + 4096;
    char *grown = realloc(t->bytes, capacity);
    if (!grown) {
      t->status = failure(SEPCL_OUT_OF_MEMORY, "out of memory for the source of the kernels");
      return;
    }
    t->bytes = grown;
    t->capacity = capacity;
  }
  memcpy(t->bytes + t->size, bytes, size);
  t->size += size;
  t->bytes[t->size] = '\0';
}

__attribute__((format(printf, 2, 3))) static void append_format(text *t, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  append(t, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
}

/* The name in a line `#include "name"`; false for any other line. */
static bool included_file(char name[64], const char *line) { return sscanf(line, "#include \"%63[^\"]\"", name) == 1; }

/* A file with its includes in place: drivers cannot see the folder. */
static void append_file(text *t, const char *file, int depth) {
  const char *line = kernel_source(file);
  if (!line || depth > MAX_INCLUDE_DEPTH) {
    if (t->status == SEPCL_OK) t->status = failure(SEPCL_BUILD_FAILED, "the library lacks the kernel file %s", file);
    return;
  }
  while (*line) {
    size_t size = strcspn(line, "\n");
    size += line[size] == '\n';
    char name[64];
    if (included_file(name, line))
      append_file(t, name, depth + 1);
    else
      append(t, line, size);
    line += size;
  }
  append(t, "\n", 1);
}

/* Each "NAME=VALUE" of a variant's macros as a #define, or its #undef. */
static void append_macros(text *t, const char *macros, bool define) {
  while (*macros) {
    macros += strspn(macros, " ");
    size_t name = strcspn(macros, "= "), size = strcspn(macros, " ");
    if (!size) break;
    if (define && macros[name] == '=')
      append_format(t, "#define %.*s %.*s\n", (int)name, macros, (int)(size - name - 1), macros + name + 1);
    else
      append_format(t, define ? "#define %.*s 1\n" : "#undef %.*s\n", (int)name, macros);
    macros += size;
  }
}

static const char *element_type(const kernel_form *form, int32_t operand) {
  return form->halves & operand ? "half" : "float";
}

static void append_form(text *t, const kernel_form *form, bool kernel) {
  const variant *v = form->v;
  char name[KERNEL_NAME_SIZE];
  kernel_form_name(name, form);
  append_format(t, "#define ENTRY %s\n#define VEC %d\n#define LOCAL %d\n#define MR %d\n#define NR %d\n", name, v->vec,
                v->local, v->mr, v->nr);
  append_format(t,
                "#define XT %s\n#define RT %s\n#define ST %s\n#define YT %s\n#define Y_HALF %d\n#define HALF_SUMS %d\n",
                element_type(form, HALF_X), element_type(form, HALF_R), element_type(form, HALF_S),
                element_type(form, HALF_Y), (form->halves & HALF_Y) != 0, (form->halves & HALF_SUMS) != 0);
  append_macros(t, v->macros, true);
  /* One copy for all kernels: of each a driver makes several, and compiling them is most of a cold start. */
  if (v->local == 1) append_format(t, "static NOINLINE void ENTRY(OPERANDS, const stage_params *p, int task);\n");
  append_file(t, v->source, 0);
  if (kernel)
    append_format(t, "KERNEL%s(%s)\n",
                  variant_macro(v, "SHARED")     ? "_SHARED"
                  : variant_macro(v, "SUBGROUP") ? "_SUBGROUP"
                  : variant_macro(v, "IMAGE")    ? "_IMAGE"
                                                 : "",
                  name);
  append_macros(t, v->macros, false);
  append_format(t, "#undef ENTRY\n#undef VEC\n#undef LOCAL\n#undef MR\n#undef NR\n");
  append_format(t, "#undef XT\n#undef RT\n#undef ST\n#undef YT\n#undef Y_HALF\n#undef HALF_SUMS\n");
}

char *program_source(const kernel_form *forms, int32_t count, bool kernels) {
  text t = {NULL, 0, 0, SEPCL_OK};
  bool width[MAX_VECTOR + 1] = {[1] = true};
  bool halves = false, half_sums = false;
  for (int32_t i = 0; i < count; i++) {
    width[forms[i].v->vec] = true;
    halves = halves || forms[i].halves;
    half_sums = half_sums || forms[i].halves & HALF_SUMS;
  }
  if (half_sums) append_format(&t, "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n");
  if (halves) append_format(&t, "#define HALVES\n");
  append_file(&t, "params.h", 0);
  append_file(&t, "common.cl", 0);
  for (int32_t w = 1; w <= MAX_VECTOR; w++) {
    if (!width[w]) continue;
    append_format(&t, "#define VEC %d\n", w);
    append_file(&t, "functions.cl", 0);
    append_format(&t, "#undef VEC\n");
  }
  for (int32_t i = 0; i < count; i++) append_form(&t, &forms[i], kernels);
  if (t.status == SEPCL_OK) return t.bytes;
  free(t.bytes);
  return NULL;
}
