/* The external delegate: what the host loads and calls. */
#include "tflite/delegate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED tfl_delegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values, size_t count,
                                                     void (*report_error)(const char *));
EXPORTED void tflite_plugin_destroy_delegate(tfl_delegate *delegate);

/* ---- the state's users: the delegate and each kernel ---- */

static void state_use(delegate_state *state) {
  pthread_mutex_lock(&state->lock);
  state->users++;
  pthread_mutex_unlock(&state->lock);
}

static void state_release(delegate_state *state) {
  pthread_mutex_lock(&state->lock);
  bool last = --state->users == 0;
  pthread_mutex_unlock(&state->lock);
  if (!last) return;
  sepcl_device_free(state->device);
  options_free(&state->options);
  pthread_mutex_destroy(&state->lock);
  free(state);
}

static int report(tfl_context *context, const char *reason) {
  context->report_error(context, "sepcl: %s", reason);
  return TFL_ERROR;
}

/* ---- kernels ---- */

typedef struct kernel {
  delegate_state *state;
  subgraph *part; /* NULL: it could not be made; `reason` says why */
  char reason[REASON_SIZE];
} kernel;

static preparation *find_preparation(delegate_state *state, const tfl_context *context) {
  pthread_mutex_lock(&state->lock);
  preparation *p = state->preparations;
  while (p && p->context != context) p = p->next;
  pthread_mutex_unlock(&state->lock);
  return p;
}

/* The part that Prepare compiled for these nodes, or, if the host divided them in another way, a new one. */
static void take_part(kernel *k, tfl_context *context, const tfl_delegate_params *params) {
  preparation *p = find_preparation(k->state, context);
  for (int i = 0; p && i < p->part_count; i++) {
    if (!p->parts[i] || !subgraph_is(p->parts[i], params->nodes)) continue;
    k->part = p->parts[i];
    p->parts[i] = NULL;
    return;
  }
  refused(k->reason, "the host made a kernel outside of the delegate's preparation");
  if (!p) return;
  subgraph_source source = {context, p->producers, params, k->state->device, &k->state->options};
  subgraph_create(&k->part, &source, k->reason);
}

static void *kernel_init(tfl_context *context, const char *buffer, size_t length) {
  (void)length;
  const tfl_delegate_params *params = (const void *)buffer;
  kernel *k = calloc(1, sizeof *k);
  if (!k) return NULL;
  k->state = (delegate_state *)params->delegate;
  state_use(k->state);
  take_part(k, context, params);
  return k;
}

static void kernel_free(tfl_context *context, void *buffer) {
  (void)context;
  kernel *k = buffer;
  if (!k) return;
  subgraph_free(k->part);
  state_release(k->state);
  free(k);
}

static int kernel_prepare(tfl_context *context, tfl_node *node) {
  kernel *k = node->user_data;
  if (!k) return report(context, "out of memory for a kernel");
  if (!k->part) return report(context, k->reason);
  return subgraph_fits(k->part, context, k->reason) ? TFL_OK : report(context, k->reason);
}

static int kernel_invoke(tfl_context *context, tfl_node *node) {
  kernel *k = node->user_data;
  if (!k || !k->part) return report(context, "the kernel was not prepared");
  return subgraph_run(k->part, context, k->reason) ? TFL_OK : report(context, k->reason);
}

/* ---- the delegate ---- */

static void add_preparation(delegate_state *state, preparation *p) {
  pthread_mutex_lock(&state->lock);
  p->next = state->preparations;
  state->preparations = p;
  pthread_mutex_unlock(&state->lock);
}

static void remove_preparation(delegate_state *state, preparation *p) {
  pthread_mutex_lock(&state->lock);
  preparation **at = &state->preparations;
  while (*at && *at != p) at = &(*at)->next;
  if (*at) *at = p->next;
  pthread_mutex_unlock(&state->lock);
  preparation_free(p);
}

static int delegate_prepare(tfl_context *context, tfl_delegate *delegate) {
  delegate_state *state = (delegate_state *)delegate;
  tfl_registration registration = {.init = kernel_init,
                                   .free = kernel_free,
                                   .prepare = kernel_prepare,
                                   .invoke = kernel_invoke,
                                   .custom_name = "sepcl",
                                   .version = 1};
  char reason[REASON_SIZE];
  if (!context->preview_partitions) return report(context, "the host is too old: it cannot say how it divides a graph");
  preparation *p = calloc(1, sizeof *p);
  if (!p) return report(context, "out of memory");
  p->context = context;
  int status = TFL_OK;
  if (!prepare_parts(state, p, reason)) {
    preparation_free(p);
    return report(context, reason);
  }
  add_preparation(state, p);
  if (p->wanted->size) status = context->replace_nodes(context, registration, p->wanted, delegate);
  remove_preparation(state, p);
  return status;
}

static bool read_options(options *o, const char *const *keys, const char *const *values, size_t count,
                         char reason[REASON_SIZE]) {
  for (size_t i = 0; i < count; i++)
    if (!options_set(o, OF_BOTH | OF_DELEGATE, keys ? keys[i] : NULL, values ? values[i] : NULL, reason)) return false;
  return true;
}

/* Takes the options over. */
static bool new_state(delegate_state **out, options *o, char reason[REASON_SIZE]) {
  sepcl_device_options device_options = SEPCL_DEVICE_OPTIONS_INIT;
  delegate_state *state = calloc(1, sizeof *state);
  if (!state) return refused(reason, "out of memory for the delegate");
  device_options.cache_dir = o->cache_dir;
  if (sepcl_device_open(&state->device, o->device, &device_options) != SEPCL_OK) {
    free(state);
    return refused(reason, "%s", sepcl_last_error());
  }
  pthread_mutex_init(&state->lock, NULL);
  state->users = 1;
  state->delegate = (tfl_delegate){.data = state, .prepare = delegate_prepare};
  if (o->custom_operators) state->delegate.flags = TFL_ALLOW_DYNAMIC_TENSORS;
  state->options = *o;
  options_init(o);
  *out = state;
  return true;
}

tfl_delegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values, size_t count,
                                            void (*report_error)(const char *)) {
  options o;
  char reason[REASON_SIZE], message[REASON_SIZE + 16];
  delegate_state *state = NULL;
  options_init(&o);
  bool good = read_options(&o, keys, values, count, reason) && new_state(&state, &o, reason);
  options_free(&o);
  if (good) {
    /* To the host's reporter it would be an error. */
    if (!cache_works(&state->options, reason)) say_warning(reason);
    return &state->delegate;
  }
  snprintf(message, sizeof message, "sepcl: %s", reason);
  if (report_error) report_error(message);
  return NULL;
}

void tflite_plugin_destroy_delegate(tfl_delegate *delegate) {
  if (delegate) state_release((delegate_state *)delegate);
}
