#include <stdlib.h>
#include <string.h>

#include "onnxruntime/provider.h"

static bool set_text(char **at, const char *value, char reason[REASON_SIZE]) {
  free(*at);
  *at = strdup(value);
  return *at || refused(reason, "out of memory for an option");
}

static bool set_precision(options *o, const char *value, char reason[REASON_SIZE]) {
  o->network.policy = !strcmp(value, "fastest") ? SEPCL_FASTEST : SEPCL_REPRODUCIBLE;
  o->network.precision = !strcmp(value, "f16") ? SEPCL_F16 : SEPCL_F32;
  if (o->network.policy == SEPCL_FASTEST || o->network.precision == SEPCL_F16 || !strcmp(value, "reproducible"))
    return true;
  return refused(reason, "option precision is '%.100s'; it may be reproducible, fastest or f16", value);
}

static bool set_range(options *o, const char *value, char reason[REASON_SIZE]) {
  char *end;
  o->network.input_low = strtof(value, &end);
  bool good = end != value && *end == ',';
  const char *second = good ? end + 1 : value;
  o->network.input_high = strtof(second, &end);
  if (good && end != second && !*end && o->network.input_low < o->network.input_high) return true;
  return refused(reason, "option input_range is '%.100s'; it is two numbers such as -1,1, the smaller one first",
                 value);
}

static bool set_option(options *o, const char *key, const char *value, char reason[REASON_SIZE]) {
  if (!strcmp(key, "device")) return set_text(&o->device, value, reason);
  if (!strcmp(key, "cache_dir")) return set_text(&o->cache_dir, value, reason);
  if (!strcmp(key, "precision")) return set_precision(o, value, reason);
  if (!strcmp(key, "input_range")) return set_range(o, value, reason);
  if (!strcmp(key, "verbosity")) {
    o->verbosity = value[0] - '0';
    if (value[0] >= '0' && value[0] <= '2' && !value[1]) return true;
    return refused(reason, "option verbosity is '%.100s'; it may be 0, 1 or 2", value);
  }
  return refused(reason,
                 "option '%.100s' is unknown; there are device, precision, input_range, cache_dir and verbosity", key);
}

bool options_read(options *out, const ort_api *api, const ort_session_options *session, char reason[REASON_SIZE]) {
  static const size_t prefix = sizeof OPTION_PREFIX - 1;
  ort_pairs *pairs = NULL;
  const char *const *keys = NULL, *const *values = NULL;
  size_t count = 0;
  bool good = true;
  *out = (options){.network = SEPCL_NETWORK_OPTIONS_INIT};
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
