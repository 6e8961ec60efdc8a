#include <stdio.h>
#include <string.h>

#include "tflite/delegate.h"

static bool set_option(options *o, const char *key, const char *value) {
  if (!strcmp(key, "device")) {
    o->device = value;
  } else if (!strcmp(key, "cache_dir")) {
    o->cache_dir = value;
  } else if (!strcmp(key, "save_dir")) {
    o->save_dir = value;
  } else if (!strcmp(key, "precision")) {
    o->policy = !strcmp(value, "fastest") ? SEPCL_FASTEST : SEPCL_REPRODUCIBLE;
    return o->policy == SEPCL_FASTEST || !strcmp(value, "reproducible");
  } else {
    bool custom = !strcmp(key, "custom_operators");
    *(custom ? &o->custom_operators : &o->verbosity) = value[0] - '0';
    return value[0] >= '0' && value[0] <= (custom ? '1' : '2') && !value[1];
  }
  return true;
}

bool read_options(options *out, const char *const *keys, const char *const *values, size_t count,
                  char reason[REASON_SIZE]) {
  static const char *const known[] = {"device", "precision", "cache_dir", "custom_operators", "save_dir", "verbosity"};
  *out = (options){.policy = SEPCL_REPRODUCIBLE};
  for (size_t i = 0; i < count; i++) {
    const char *key = keys ? keys[i] : NULL, *value = values ? values[i] : NULL;
    bool found = false;
    for (size_t k = 0; key && k < sizeof known / sizeof *known; k++) found = found || !strcmp(key, known[k]);
    if (!found || !value) {
      snprintf(reason, REASON_SIZE,
               "option '%.100s' is unknown; there are device, precision, cache_dir, custom_operators, save_dir and "
               "verbosity",
               key ? key : "");
      return false;
    }
    if (set_option(out, key, value)) continue;
    snprintf(reason, REASON_SIZE, "option %s is '%.100s'; it may be %s", key, value,
             !strcmp(key, "precision")   ? "reproducible or fastest"
             : !strcmp(key, "verbosity") ? "0, 1 or 2"
                                         : "0 or 1");
    return false;
  }
  return true;
}
