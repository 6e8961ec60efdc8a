#include "select/tuning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/cache.h"
#include "hash.h"

enum { VALUE_SIZE = 120, MAX_TASKS = 1 << 16 };

bool tuning_concerns(const stage *s) { return s->kind <= STAGE_INVERTED_RESIDUAL; }

void device_key(char *key, size_t size, const char *what, const sepcl_device *device) {
  const sepcl_device_info *info = &device->info;
  snprintf(key, size, "tuned %s; %s; %s; %s; %s; %u units; sepcl %s", what, info->platform, info->name, info->driver,
           info->version, info->compute_units, SEPCL_VERSION);
}

void tuning_key(char key[TUNING_KEY], const sepcl_device *device, const stage *s) {
  char what[320];
  const sepcl_window *w = &s->window;
  snprintf(
      what, sizeof what,
      "%s %dx%dx%dx%d-%dx%dx%d kernel %dx%d stride %dx%d dilation %dx%d pad %d,%d,%d,%d groups %d expanded %d%s%s%s "
      "halves %d",
      stage_kind_name(s->kind), s->input.n, s->input.h, s->input.w, s->input.c, s->output.h, s->output.w, s->output.c,
      w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w, w->pad_top, w->pad_left,
      w->pad_bottom, w->pad_right, s->groups, s->expanded, s->has_residual ? " residual" : "",
      s->has_scale ? " scale" : "", s->output_order ? " ordered" : "", s->halves);
  device_key(key, TUNING_KEY, what, device);
}

/* The text of an entry; false: not there. */
static bool get(char value[VALUE_SIZE], const sepcl_device *device, const char *key) {
  size_t size = 0;
  char *stored = cache_get(device->cache, key, &size);
  const bool fits = stored && size < VALUE_SIZE;
  if (fits) {
    memcpy(value, stored, size);
    value[size] = '\0';
  }
  free(stored);
  return fits;
}

static void put(const sepcl_device *device, const char *key, const char *value) {
  char any[TUNING_KEY];
  cache_put(device->cache, key, value, strlen(value));
  device_key(any, sizeof any, "anything", device);
  cache_put(device->cache, any, "1", 1);
}

bool tuning_recall(tuned_choice *out, const sepcl_device *device, const stage *s) {
  char key[TUNING_KEY], value[VALUE_SIZE], name[64];
  if (!tuning_concerns(s)) return false;
  tuning_key(key, device, s);
  int tasks = 0, panel_tasks = 0;
  if (!get(value, device, key) || sscanf(value, "%63s %d %d", name, &tasks, &panel_tasks) != 3) return false;
  if (tasks < 0 || tasks > MAX_TASKS || panel_tasks < 0 || panel_tasks > MAX_TASKS) return false;
  *out = (tuned_choice){strcmp(name, "default") ? variant_find(name) : NULL, tasks, panel_tasks};
  return out->v || !strcmp(name, "default");
}

void tuning_remember(const sepcl_device *device, const stage *s, const tuned_choice *choice) {
  char key[TUNING_KEY], value[VALUE_SIZE];
  tuning_key(key, device, s);
  snprintf(value, sizeof value, "%s %d %d", choice->v ? choice->v->name : "default", choice->tasks,
           choice->panel_tasks);
  put(device, key, value);
}

void tuning_forget(const sepcl_device *device, const stage *s) {
  char key[TUNING_KEY];
  tuning_key(key, device, s);
  cache_remove(device->cache, key);
}

bool tuning_is_wanted(const sepcl_network *network) {
  const sepcl_network_options *options = &network->options;
  char any[TUNING_KEY], value[VALUE_SIZE];
  if (options->tuning == SEPCL_TUNING_OFF || options->family != SEPCL_FAMILY_AUTO || !network->device->cache)
    return false;
  device_key(any, sizeof any, "anything", network->device);
  return get(value, network->device, any);
}

/* ---- replays ---- */

static void replay_key(char key[TUNING_KEY], const sepcl_network *network) {
  uint64_t hash = HASH_START;
  for (int32_t i = 0; i < network->step_count; i++) {
    char text[TUNING_KEY];
    if (network->steps[i].view) continue;
    tuning_key(text, network->device, &network->steps[i].bound.s);
    hash = hash_bytes(hash, text, strlen(text));
  }
  char what[64];
  snprintf(what, sizeof what, "replay %016llx", (unsigned long long)hash);
  device_key(key, TUNING_KEY, what, network->device);
}

sepcl_replay tuning_recall_replay(const sepcl_network *network) {
  char key[TUNING_KEY], value[VALUE_SIZE];
  if (!tuning_is_wanted(network)) return SEPCL_REPLAY_AUTO;
  replay_key(key, network);
  if (!get(value, network->device, key)) return SEPCL_REPLAY_AUTO;
  return !strcmp(value, "launches") ? SEPCL_REPLAY_LAUNCHES : SEPCL_REPLAY_AUTO;
}

void tuning_remember_replay(const sepcl_network *network, sepcl_replay replay) {
  char key[TUNING_KEY];
  replay_key(key, network);
  put(network->device, key, replay == SEPCL_REPLAY_LAUNCHES ? "launches" : "one-launch");
}
