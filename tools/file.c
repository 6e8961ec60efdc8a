#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

static void *read_all(FILE *file, size_t limit, size_t *size) {
  size_t capacity = 65536, used = 0;
  char *bytes = malloc(capacity + 1);
  while (bytes && used <= limit) {
    size_t got = fread(bytes + used, 1, capacity - used, file);
    used += got;
    if (used < capacity) break;
    capacity *= 2;
    char *more = realloc(bytes, capacity + 1);
    if (!more) {
      free(bytes);
      bytes = NULL;
    } else {
      bytes = more;
    }
  }
  if (bytes) bytes[used] = 0;
  *size = used;
  return bytes;
}

void *file_read(const char *path, size_t limit, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    complain("cannot open %s: %s", path, strerror(errno));
    return NULL;
  }
  struct stat status;
  if (!fstat(fileno(file), &status) && (S_ISCHR(status.st_mode) || S_ISDIR(status.st_mode))) {
    fclose(file);
    complain("cannot read %s: it is no file", path);
    return NULL;
  }
  errno = 0;
  char *bytes = read_all(file, limit, size);
  if (!bytes)
    complain("%s: out of memory while reading", path);
  else if (ferror(file))
    complain("cannot read %s: %s", path, strerror(errno ? errno : EIO));
  else if (*size > limit)
    complain("%s is larger than the %zu bytes that are read at most", path, limit);
  else {
    fclose(file);
    return bytes;
  }
  fclose(file);
  free(bytes);
  return NULL;
}

static bool write_all(int descriptor, const file_part *parts, int count) {
  for (int i = 0; i < count; i++) {
    const char *at = parts[i].data;
    for (size_t left = parts[i].size; left;) {
      ssize_t written = write(descriptor, at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      at += written;
      left -= (size_t)written;
    }
  }
  return true;
}

static bool write_in_place(const char *path, const file_part *parts, int count) {
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return complain("cannot open %s: %s", path, strerror(errno));
  bool written = write_all(descriptor, parts, count);
  int code = errno;
  if (close(descriptor) && written) {
    written = false;
    code = errno;
  }
  return written || complain("cannot write %s: %s", path, strerror(code));
}

static bool write_beside(const char *path, const char *beside, int descriptor, const file_part *parts, int count) {
  mode_t mask = umask(0);
  umask(mask);
  bool written = write_all(descriptor, parts, count) && !fchmod(descriptor, 0666 & ~mask) && !fsync(descriptor);
  int code = errno;
  if (close(descriptor) && written) {
    written = false;
    code = errno;
  }
  if (written && rename(beside, path)) {
    written = false;
    code = errno;
  }
  if (!written) unlink(beside);
  return written || complain("cannot write %s: %s", path, strerror(code));
}

bool file_write(const char *path, const file_part *parts, int count) {
  struct stat status;
  if (!stat(path, &status)) {
    if (S_ISDIR(status.st_mode)) return complain("cannot write %s: it is a folder", path);
    if (!S_ISREG(status.st_mode)) return write_in_place(path, parts, count);
  }
  char *beside = malloc(strlen(path) + 8);
  if (!beside) return complain("out of memory");
  sprintf(beside, "%s.XXXXXX", path);
  int descriptor = mkstemp(beside);
  bool done = descriptor >= 0 ? write_beside(path, beside, descriptor, parts, count)
                              : complain("cannot write %s: %s", path, strerror(errno));
  free(beside);
  return done;
}
