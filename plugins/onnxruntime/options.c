#include <string.h>

#include "onnxruntime/provider.h"

bool options_read(options *out, const ort_api *api, const ort_session_options *session, char reason[REASON_SIZE]) {
  static const size_t prefix = sizeof OPTION_PREFIX - 1;
  ort_pairs *pairs = NULL;
  const char *const *keys = NULL, *const *values = NULL;
  size_t count = 0;
  bool good = true;
  if (!succeeded(api, api->config_entries(session, &pairs), reason)) return false;
  if (pairs) api->list_pairs(pairs, &keys, &values, &count);
  for (size_t i = 0; good && i < count; i++)
    if (keys[i] && !strncmp(keys[i], OPTION_PREFIX, prefix))
      good = options_set(out, OF_BOTH, keys[i] + prefix, values[i], reason);
  if (pairs) api->release_pairs(pairs);
  return good;
}
