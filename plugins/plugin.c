#include "plugin.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALLEST_SHARE = 10 };

bool refused(char reason[REASON_SIZE], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, REASON_SIZE, format, arguments);
  va_end(arguments);
  return false;
}

bool too_small(int nodes, int largest, char reason[REASON_SIZE]) {
  if (nodes * SMALLEST_SHARE >= largest) return false;
  refused(reason, "its part of %d nodes is too small to be worth the copies", nodes);
  return true;
}

/* ---- options ---- */

void options_init(options *o) { *o = (options){.network = SEPCL_NETWORK_OPTIONS_INIT}; }

void options_free(options *o) {
  free(o->device);
  free(o->cache_dir);
  free(o->save_dir);
  options_init(o);
}

static bool set_text(char **at, const char *value) {
  free(*at);
  *at = strdup(value);
  return *at;
}

static bool set_device(options *o, const char *value) { return set_text(&o->device, value); }
static bool set_cache_dir(options *o, const char *value) { return set_text(&o->cache_dir, value); }

/* Itself, as a file is none. */
static bool can_write(const char *folder) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/.", folder);
  if (length < (int)sizeof path) return access(path, R_OK | W_OK | X_OK) == 0;
  errno = ENAMETOOLONG;
  return false;
}

static bool set_save_dir(options *o, const char *value) {
  return *value && can_write(value) && set_text(&o->save_dir, value);
}

static bool set_precision(options *o, const char *value) {
  o->network.policy = !strcmp(value, "fastest") ? SEPCL_FASTEST : SEPCL_REPRODUCIBLE;
  o->network.precision = !strcmp(value, "f16") ? SEPCL_F16 : SEPCL_F32;
  return o->network.policy == SEPCL_FASTEST || o->network.precision == SEPCL_F16 || !strcmp(value, "reproducible");
}

/* With a point, whatever the host's language writes. */
static bool two_numbers(const char *text, float out[2]) {
  locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
  locale_t old = plain ? uselocale(plain) : (locale_t)0;
  char *end;
  out[0] = strtof(text, &end);
  bool good = end != text && *end == ',';
  const char *second = good ? end + 1 : text;
  out[1] = strtof(second, &end);
  good = good && end != second && !*end;
  if (plain) {
    uselocale(old);
    freelocale(plain);
  }
  return good;
}

static bool set_range(options *o, const char *value) {
  float range[2];
  if (!two_numbers(value, range) || !(range[0] < range[1]) || !isfinite(range[0]) || !isfinite(range[1])) return false;
  o->network.input_low = range[0];
  o->network.input_high = range[1];
  return true;
}

/* One digit of at most `largest`. */
static bool set_digit(int *out, const char *value, char largest) {
  *out = value[0] - '0';
  return value[0] >= '0' && value[0] <= largest && !value[1];
}

static bool set_verbosity(options *o, const char *value) { return set_digit(&o->verbosity, value, '2'); }

static bool set_custom_operators(options *o, const char *value) {
  int wanted = 0;
  bool good = set_digit(&wanted, value, '1');
  o->custom_operators = wanted;
  return good;
}

typedef struct option {
  const char *key, *values;
  int owner;
  bool (*set)(options *o, const char *value);
} option;

static const option known[] = {
    {"device", "a device as sepcl names them", OF_BOTH, set_device},
    {"precision", "reproducible, fastest or f16", OF_BOTH, set_precision},
    {"input_range", "two finite numbers such as -1,1, the smaller one first", OF_BOTH, set_range},
    {"cache_dir", "a folder", OF_BOTH, set_cache_dir},
    {"verbosity", "0, 1 or 2", OF_BOTH, set_verbosity},
    {"custom_operators", "0 or 1", OF_DELEGATE, set_custom_operators},
    {"save_dir", "a folder that can be written", OF_DELEGATE, set_save_dir},
};
enum { KNOWN = sizeof known / sizeof *known };

static bool refuse_key(int owners, const char *key, char reason[REASON_SIZE]) {
  int at = snprintf(reason, REASON_SIZE, "option '%.100s' is unknown; there are ", key ? key : "");
  const char *between = "";
  for (int i = 0; i < KNOWN; i++) {
    if (!(known[i].owner & owners)) continue;
    at += snprintf(reason + at, REASON_SIZE - (size_t)at, "%s%s", between, known[i].key);
    between = ", ";
  }
  return false;
}

bool options_set(options *o, int owners, const char *key, const char *value, char reason[REASON_SIZE]) {
  const option *found = NULL;
  for (int i = 0; i < KNOWN && key; i++)
    if ((known[i].owner & owners) && !strcmp(key, known[i].key)) found = &known[i];
  if (!found) return refuse_key(owners, key, reason);
  if (!value) return refused(reason, "option %s has no value; it may be %s", key, found->values);
  return found->set(o, value) || refused(reason, "option %s is '%.100s'; it may be %s", key, value, found->values);
}

bool cache_works(const options *o, char reason[REASON_SIZE]) {
  if (!o->cache_dir || !*o->cache_dir || can_write(o->cache_dir)) return true;
  return refused(reason, "cache_dir '%.300s' cannot be used, kernels are compiled anew each time: %s", o->cache_dir,
                 strerror(errno));
}

/* ---- what it says ---- */

void say_warning(const char *reason) { fprintf(stderr, "sepcl: warning: %s\n", reason); }

void say_node(const options *o, int index, const char *operation, const char *name, const char *reason) {
  if (o->verbosity < (reason ? 1 : 2)) return;
  if (reason)
    fprintf(stderr, "sepcl: leaves node %d, %s '%s': %s\n", index, operation, name ? name : "", reason);
  else
    fprintf(stderr, "sepcl: takes node %d, %s '%s'\n", index, operation, name ? name : "");
}

void say_part(const options *o, int nodes, int of, const sepcl_network_info *info) {
  if (o->verbosity < 1) return;
  fprintf(stderr, "sepcl: one part of %d of the graph's %d nodes, %d launches, %.1f million multiply-adds\n", nodes, of,
          info->launches, (double)info->macs / 1e6);
}
