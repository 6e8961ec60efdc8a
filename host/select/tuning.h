/* What tuning found, by shape, in the device's cache: which variant a stage takes, and how it is cut into tasks. Every
 * choice gives the same bits. */
#ifndef SEPCL_TUNING_H
#define SEPCL_TUNING_H

#include "run/network.h"

typedef struct tuned_choice {
  const variant *v;           /* NULL: the default one */
  int32_t tasks, panel_tasks; /* as in device_limits; 0: the stage's own rule */
} tuned_choice;

/* lower.c: binds a step that is no view as a choice wants it; NULL: by default. */
sepcl_status bind_step(sepcl_network *network, step *p, const tuned_choice *choice);

enum { TUNING_KEY = 2400 };

/* The cache's key for what was measured of WHAT on the device: results of another driver or device say nothing. */
void device_key(char *key, size_t size, const char *what, const sepcl_device *device);
/* Stages whose kernels differ in more than their address arithmetic are tuned; copies and their like take the default.
 */
bool tuning_concerns(const stage *s);
/* Equal for stages that one measurement serves. */
void tuning_key(char key[TUNING_KEY], const sepcl_device *device, const stage *s);
bool tuning_recall(tuned_choice *out, const sepcl_device *device, const stage *s);
void tuning_remember(const sepcl_device *device, const stage *s, const tuned_choice *choice);
void tuning_forget(const sepcl_device *device, const stage *s);

/* Whether the network's options let remembered choices count, and there are any for its device: asked once,
 * network.tuned has it. */
bool tuning_is_wanted(const sepcl_network *network);

/* Whether a block was faster as one stage than as its stages one by one; false: never measured. */
bool tuning_recall_fusion(bool *out, const sepcl_device *device, const stage *s);
void tuning_remember_fusion(const sepcl_device *device, const stage *s, bool fused);
void tuning_forget_fusion(const sepcl_device *device, const stage *s);

/* The replay that was faster for a network of these stages; SEPCL_REPLAY_AUTO: never measured. */
sepcl_replay tuning_recall_replay(const sepcl_network *network);
void tuning_remember_replay(const sepcl_network *network, sepcl_replay replay);

#endif
