#include "select/tuning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/cache.h"
#include "hash.h"

enum { VALUE_SIZE = 120, MAX_TASKS = 1 << 16 };

bool tuning_concerns(const stage *s) {
  switch (s->kind) {
    case STAGE_COPY:
    case STAGE_SOFTMAX:
    case STAGE_RESIZE:
    case STAGE_DEFORM_CONV: return false;
    default: return true;
  }
}

void device_key(char *key, size_t size, const char *what, const sepcl_device *device) {
  const sepcl_device_info *info = &device->info;
  snprintf(key, size, "tuned %s; %s; %s; %s; %s; %u units; sepcl %s", what, info->platform, info->name, info->driver,
           info->version, info->compute_units, SEPCL_VERSION);
}

static int strides_text(char *out, size_t size, const stage *s) {
  int at = snprintf(out, size, "mode %d", s->mode);
  for (int32_t i = 0; i < s->rank && at < (int)size; i++)
    at += snprintf(out + at, size - (size_t)at, " %lld:%lld:%lld:%lld", (long long)s->dims[i],
                   (long long)s->x_stride[i], (long long)s->r_stride[i], (long long)s->y_stride[i]);
  return at;
}

static void stage_text(char *out, size_t size, const stage *s) {
  const sepcl_window *w = &s->window;
  char strides[TUNING_KEY / 4] = "";
  if (s->kind > STAGE_INVERTED_RESIDUAL) strides_text(strides, sizeof strides, s);
  snprintf(
      out, size,
      "%s %dx%dx%dx%d-%dx%dx%d kernel %dx%d stride %dx%d dilation %dx%d pad %d,%d,%d,%d groups %d expanded %d%s%s%s%s "
      "halves %d%s",
      stage_kind_name(s->kind), s->input.n, s->input.h, s->input.w, s->input.c, s->output.h, s->output.w, s->output.c,
      w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w, w->pad_top, w->pad_left,
      w->pad_bottom, w->pad_right, s->groups, s->expanded, s->has_residual ? " residual" : "",
      s->has_scale ? " scale" : "", s->input_order ? " mapped" : "", s->output_order ? " ordered" : "", s->halves,
      strides);
}

void tuning_key(char key[TUNING_KEY], const sepcl_device *device, const stage *s) {
  char what[TUNING_KEY / 2];
  stage_text(what, sizeof what, s);
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

/* ---- fused blocks ---- */

static void fusion_key(char key[TUNING_KEY], const sepcl_device *device, const stage *s) {
  stage block = *s;
  char what[TUNING_KEY / 2];
  block.has_residual = block.has_scale = false; /* known before fusing or not: they change little */
  block.output_order = NULL;
  block.halves = 0;
  stage_text(what, sizeof what, &block);
  char fused[TUNING_KEY / 2 + 8];
  snprintf(fused, sizeof fused, "fused %s", what);
  device_key(key, TUNING_KEY, fused, device);
}

bool tuning_recall_fusion(bool *out, const sepcl_device *device, const stage *s) {
  char key[TUNING_KEY], value[VALUE_SIZE];
  fusion_key(key, device, s);
  if (!get(value, device, key) || (strcmp(value, "yes") && strcmp(value, "no"))) return false;
  *out = value[0] == 'y';
  return true;
}

void tuning_remember_fusion(const sepcl_device *device, const stage *s, bool fused) {
  char key[TUNING_KEY];
  fusion_key(key, device, s);
  put(device, key, fused ? "yes" : "no");
}

void tuning_forget_fusion(const sepcl_device *device, const stage *s) {
  char key[TUNING_KEY];
  fusion_key(key, device, s);
  cache_remove(device->cache, key);
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

static const char *replay_name(sepcl_replay replay) {
  switch (replay) {
    case SEPCL_REPLAY_LAUNCHES: return "launches";
    case SEPCL_REPLAY_COMMAND_BUFFER: return "command-buffer";
    case SEPCL_REPLAY_ONE_LAUNCH: return "one-launch";
    default: return "auto";
  }
}

sepcl_replay tuning_recall_replay(const sepcl_network *network) {
  char key[TUNING_KEY], value[VALUE_SIZE];
  if (!network->tuned) return SEPCL_REPLAY_AUTO;
  replay_key(key, network);
  if (!get(value, network->device, key)) return SEPCL_REPLAY_AUTO;
  for (sepcl_replay replay = SEPCL_REPLAY_AUTO; replay <= SEPCL_REPLAY_ONE_LAUNCH; replay++)
    if (!strcmp(value, replay_name(replay))) return replay;
  return SEPCL_REPLAY_AUTO;
}

void tuning_remember_replay(const sepcl_network *network, sepcl_replay replay) {
  char key[TUNING_KEY];
  replay_key(key, network);
  put(network->device, key, replay_name(replay));
}
