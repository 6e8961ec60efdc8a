#include "npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#ifdef TOOL_HAVE_LIBZIP
#include <zip.h>

struct npz {
  zip_t *zip;
  const char *path;
};

npz *npz_open(const char *path) {
  int code = 0;
  npz *file = calloc(1, sizeof *file);
  if (!file) return complain("out of memory for %s", path), NULL;
  file->path = path;
  file->zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (file->zip) return file;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  complain("%s: %s", path, code == ZIP_ER_EXISTS ? "one name stands there twice" : zip_error_strerror(&error));
  zip_error_fini(&error);
  free(file);
  return NULL;
}

void npz_close(npz *file) {
  if (file) zip_discard(file->zip);
  free(file);
}

int npz_count(const npz *file) {
  zip_int64_t count = zip_get_num_entries(file->zip, 0);
  return count < 0 ? 0 : count > 1000000 ? 1000000 : (int)count;
}

bool npz_name(const npz *file, int index, char name[NPZ_NAME]) {
  const char *stored = zip_get_name(file->zip, (zip_uint64_t)index, ZIP_FL_ENC_RAW);
  size_t length = stored ? strlen(stored) : 0;
  if (length < 5 || strcmp(stored + length - 4, ".npy"))
    return complain("%s: entry %d ('%.80s') is no .npy file", file->path, index + 1, stored ? stored : "");
  if (length - 4 >= NPZ_NAME) return complain("%s: the name '%.80s...' is too long", file->path, stored);
  memcpy(name, stored, length - 4);
  name[length - 4] = '\0';
  return true;
}

static bool read_all(npz *file, int index, char *bytes, size_t size, const char *what) {
  zip_file_t *entry = zip_fopen_index(file->zip, (zip_uint64_t)index, 0);
  if (!entry) return complain("%s: %s", what, zip_strerror(file->zip));
  /* A byte more than there should be: reading to the end makes libzip compare the checksum. */
  zip_int64_t got = zip_fread(entry, bytes, size + 1);
  bool good = got == (zip_int64_t)size || complain("%s: damaged (%s)", what, zip_file_strerror(entry));
  zip_fclose(entry);
  return good;
}

bool npz_read(npz *file, int index, size_t limit, npy *out) {
  char name[NPZ_NAME], what[512];
  memset(out, 0, sizeof *out);
  if (!npz_name(file, index, name)) return false;
  snprintf(what, sizeof what, "%.300s: %s", file->path, name);
  zip_stat_t stat;
  if (zip_stat_index(file->zip, (zip_uint64_t)index, 0, &stat) || !(stat.valid & ZIP_STAT_SIZE))
    return complain("%s: %s", what, zip_strerror(file->zip));
  const size_t header = 65546;
  if (stat.size > limit * sizeof(float) + header)
    return complain("%s: unpacks to %llu bytes, %zu floats are wanted", what, (unsigned long long)stat.size, limit);
  char *bytes = malloc((size_t)stat.size + 1);
  if (!bytes) return complain("%s: out of memory", what);
  bool read = read_all(file, index, bytes, (size_t)stat.size, what) && npy_parse(out, bytes, (size_t)stat.size, what);
  free(bytes);
  return read;
}

#else

struct npz {
  int unused;
};

npz *npz_open(const char *path) {
  complain("%s: this sepcl was built without libzip, which .npz files need", path);
  return NULL;
}
void npz_close(npz *file) { (void)file; }
int npz_count(const npz *file) { return (void)file, 0; }
bool npz_name(const npz *file, int index, char name[NPZ_NAME]) { return (void)file, (void)index, (void)name, false; }
bool npz_read(npz *file, int index, size_t limit, npy *out) {
  return (void)file, (void)index, (void)limit, (void)out, false;
}

#endif
