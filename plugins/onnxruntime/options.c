#include <stdlib.h>
#include <string.h>

#include "onnxruntime/provider.h"

static bool set_text(char **at, const char *value, char reason[REASON_SIZE]) {
  free(*at);
  *at = strdup(value);
  return *at || refused(reason, "out of memory for an option");
}

static bool set_option(options *o, const char *key, const char *value, char reason[REASON_SIZE]) {
  if (!strcmp(key, "device")) return set_text(&o->device, value, reason);
  if (!strcmp(key, "cache_dir")) return set_text(&o->cache_dir, value, reason);
  if (!strcmp(key, "precision")) {
    o->policy = !strcmp(value, "fastest") ? SEPCL_FASTEST : SEPCL_REPRODUCIBLE;
    if (o->policy == SEPCL_FASTEST || !strcmp(value, "reproducible")) return true;
    return refused(reason, "option precision is '%.100s'; it may be reproducible or fastest", value);
  }
  if (!strcmp(key, "verbosity")) {
    o->verbosity = value[0] - '0';
    if (value[0] >= '0' && value[0] <= '2' && !value[1]) return true;
    return refused(reason, "option verbosity is '%.100s'; it may be 0, 1 or 2", value);
  }
  return refused(reason, "option '%.100s' is unknown; there are device, precision, cache_dir and verbosity", key);
}

bool options_read(options *out, const ort_api *api, const ort_session_options *session, char reason[REASON_SIZE]) {
  static const size_t prefix = sizeof OPTION_PREFIX - 1;
  ort_pairs *pairs = NULL;
  const char *const *keys = NULL, *const *values = NULL;
  size_t count = 0;
  bool good = true;
  *out = (options){.policy = SEPCL_REPRODUCIBLE};
  if (!succeeded(api, api->config_entries(session, &pairs), reason)) return false;
  if (pairs) api->list_pairs(pairs, &keys, &values, &count);
  for (size_t i = 0; good && i < count; i++)
    if (keys[i] && values[i] && !strncmp(keys[i], OPTION_PREFIX, prefix))
      good = set_option(out, keys[i] + prefix, values[i], reason);
  if (pairs) api->release_pairs(pairs);
  if (!good) options_free(out);
  return good;
}

void options_free(options *o) {
  free(o->device);
  free(o->cache_dir);
  *o = (options){0};
}
