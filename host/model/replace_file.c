#include "model/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Writes the object and closes the file; the stream's first error counts. */
static sepcl_status finish(FILE *file, void (*write)(FILE *, const void *), const void *object) {
  errno = 0;
  write(file, object);
  int failed = ferror(file) || fflush(file) != 0;
  int code = errno;
  if (!failed && fsync(fileno(file)) != 0 && errno != EINVAL && errno != EROFS) failed = 1, code = errno;
  if (fclose(file) != 0 && !failed) failed = 1, code = errno;
  return failed ? failure(SEPCL_BAD_FILE, "cannot be written: %s", strerror(code ? code : EIO)) : SEPCL_OK;
}

static sepcl_status write_through(const char *path, void (*write)(FILE *, const void *), const void *object) {
  FILE *file = fopen(path, "wb");
  if (!file) return failure(SEPCL_BAD_FILE, "cannot be written: %s", strerror(errno));
  return finish(file, write, object);
}

/* A new file beside `path`; its name goes to `beside`. The mode is what the caller's umask leaves. */
static sepcl_status open_beside(const char *path, char beside[PATH_MAX], FILE **file) {
  for (int attempt = 0; attempt < 100; attempt++) {
    if (snprintf(beside, PATH_MAX, "%s.%ld-%d.tmp", path, (long)getpid(), attempt) >= PATH_MAX)
      return failure(SEPCL_BAD_FILE, "the path is too long");
    int descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) return failure(SEPCL_BAD_FILE, "cannot be written: %s", strerror(errno));
    *file = fdopen(descriptor, "wb");
    if (*file) return SEPCL_OK;
    close(descriptor);
    unlink(beside);
    return failure(SEPCL_OUT_OF_MEMORY, "out of memory");
  }
  return failure(SEPCL_BAD_FILE, "cannot be written: too many temporary files beside it");
}

static sepcl_status write_beside(const char *path, void (*write)(FILE *, const void *), const void *object) {
  char beside[PATH_MAX];
  FILE *file = NULL;
  TRY(open_beside(path, beside, &file));
  sepcl_status status = finish(file, write, object);
  if (status == SEPCL_OK && rename(beside, path) != 0)
    status = failure(SEPCL_BAD_FILE, "cannot be replaced: %s", strerror(errno));
  if (status != SEPCL_OK) unlink(beside);
  return status;
}

sepcl_status replace_file(const char *path, void (*write)(FILE *file, const void *object), const void *object) {
  struct stat existing;
  char resolved[PATH_MAX];
  if (stat(path, &existing) != 0) return write_beside(path, write, object);
  if (!S_ISREG(existing.st_mode)) return write_through(path, write, object);
  return write_beside(realpath(path, resolved) ? resolved : path, write, object);
}
