/* The ONNX reader and writer when memory runs out, at every place where it can.
 *
 *   allocations_command MODEL COPY
 *
 * Loads MODEL with its first allocation failing, then with its second, and so on until none is left to fail; then saves
 * it as COPY in the same way. Each failure must be reported as such, leave nothing behind and leave COPY as it was.
 * Prints how many there were. The linker puts the functions below before the C library's (--wrap). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sepcl.h"

static long until_failure, live; /* 0: none fails */
static bool failed;

static bool fails(void) {
  if (!until_failure || --until_failure) return false;
  errno = ENOMEM;
  return failed = true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
char *__real_strdup(const char *text);
FILE *__real_fdopen(int descriptor, const char *mode);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
FILE *__wrap_fdopen(int descriptor, const char *mode);

static void *counted(void *block) {
  live += block != NULL;
  return block;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : counted(__real_malloc(size)); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : counted(__real_calloc(count, size)); }
char *__wrap_strdup(const char *text) { return fails() ? NULL : counted(__real_strdup(text)); }
FILE *__wrap_fdopen(int descriptor, const char *mode) { return fails() ? NULL : __real_fdopen(descriptor, mode); }

void *__wrap_realloc(void *block, size_t size) {
  if (fails()) return NULL;
  return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

void __wrap_free(void *block) {
  live -= block != NULL;
  __real_free(block);
}

/* Whether what happened is what must happen when an allocation fails. */
static bool reported(const char *what, long n, sepcl_status status, long before) {
  if (status == SEPCL_OUT_OF_MEMORY && *sepcl_last_error() && live == before) return true;
  fprintf(stderr, "%s, allocation %ld: status %d ('%s'), %ld blocks left behind\n", what, n, (int)status,
          status ? sepcl_last_error() : "", live - before);
  return false;
}

static bool same_bytes(const char *path, const char *bytes, size_t count) {
  char now[16];
  FILE *file = fopen(path, "rb");
  size_t got = file ? fread(now, 1, sizeof now, file) : 0;
  if (file) fclose(file);
  return got == count && memcmp(now, bytes, count) == 0;
}

static bool old_copy(const char *path) {
  FILE *file = fopen(path, "wb");
  return file && fwrite("old", 1, 3, file) == 3 && fclose(file) == 0;
}

static long load_all(const char *path, sepcl_graph **graph) {
  for (long n = 1;; n++) {
    const long before = live;
    failed = false, until_failure = n;
    const sepcl_status status = sepcl_graph_load(graph, path, NULL);
    until_failure = 0;
    if (!failed) return status == SEPCL_OK ? n - 1 : -1;
    if (!reported("load", n, status, before)) return -1;
  }
}

static long save_all(const sepcl_graph *graph, const char *path) {
  for (long n = 1;; n++) {
    const long before = live;
    if (!old_copy(path)) return -1;
    failed = false, until_failure = n;
    const sepcl_status status = sepcl_graph_save(graph, path);
    until_failure = 0;
    if (!failed) return status == SEPCL_OK && !same_bytes(path, "old", 3) ? n - 1 : -1;
    if (!reported("save", n, status, before) || !same_bytes(path, "old", 3)) return -1;
  }
}

int main(int argc, char **argv) {
  sepcl_graph *graph = NULL;
  if (argc != 3) return 2;
  long loads = load_all(argv[1], &graph), saves = loads < 0 ? -1 : save_all(graph, argv[2]);
  if (loads >= 0 && saves < 0) fprintf(stderr, "save: %s\n", sepcl_last_error());
  if (loads < 0) fprintf(stderr, "load: %s\n", sepcl_last_error());
  sepcl_graph_free(graph);
  if (loads < 0 || saves < 0) return 1;
  printf("%ld %ld\n", loads, saves);
  return 0;
}
