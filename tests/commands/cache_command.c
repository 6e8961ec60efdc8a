/* The cache from a process of its own, for what a test cannot do to itself: die, or have its disk fill up.
 *
 *   cache_command put FOLDER KEY TEXT        get FOLDER KEY            prints the value, exit 3 if absent
 *   cache_command load FOLDER KEY            exit 0 if allowed, 3 if refused
 *   cache_command crash FOLDER KEY           dies between begin and end of a loading; exit 3 if refused
 *   cache_command hold FOLDER KEY            begins loading, says so, waits for the end of its input
 *   cache_command full FOLDER KEY BYTES      puts BYTES bytes where no file may grow
 *   cache_command fill FOLDER KEY COUNT      puts and reads COUNT entries; exit 4 if one comes back wrong
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cl/cache.h"

enum { REFUSED = 3, WRONG = 4 };

static int get(cache *c, const char *key) {
  size_t size;
  char *value = cache_get(c, key, &size);
  if (!value) return REFUSED;
  fwrite(value, 1, size, stdout);
  free(value);
  return 0;
}

static int load(cache *c, const char *key, const char *what) {
  if (!cache_begin_loading(c, key)) return REFUSED;
  if (!strcmp(what, "crash")) raise(SIGKILL);
  if (!strcmp(what, "hold")) {
    puts("loading");
    fflush(stdout);
    while (getchar() != EOF) continue;
  }
  cache_end_loading(c, key);
  return 0;
}

static int full(cache *c, const char *key, size_t bytes) {
  struct rlimit none = {0, 0};
  signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &none)) return 1;
  char *value = calloc(1, bytes);
  if (!value) return 1;
  cache_put(c, key, value, bytes);
  size_t size;
  char *back = cache_get(c, key, &size);
  int wrong = back && (size != bytes || memcmp(back, value, bytes) != 0);
  free(back);
  free(value);
  return wrong ? WRONG : cache_begin_loading(c, key) ? 1 : REFUSED;
}

static int fill(cache *c, const char *key, long count) {
  for (long i = 0; i < count; i++) {
    char name[128], value[128];
    size_t size;
    snprintf(name, sizeof name, "%s %ld", key, i % 7);
    int length = snprintf(value, sizeof value, "value of %s", name);
    cache_put(c, name, value, (size_t)length);
    char *back = cache_get(c, name, &size);
    int wrong = back && (size != (size_t)length || memcmp(back, value, size) != 0);
    free(back);
    if (wrong) return WRONG;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *what = argv[1], *key = argv[3], *value = argc > 4 ? argv[4] : "";
  cache *c = cache_open(argv[2]);
  int result = 0;
  if (!strcmp(what, "put"))
    cache_put(c, key, value, strlen(value));
  else if (!strcmp(what, "get"))
    result = get(c, key);
  else if (!strcmp(what, "full"))
    result = full(c, key, strtoul(value, NULL, 10));
  else if (!strcmp(what, "fill"))
    result = fill(c, key, strtol(value, NULL, 10));
  else
    result = load(c, key, what);
  cache_close(c);
  return result;
}
