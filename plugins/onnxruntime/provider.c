/* The execution provider: what the host loads and calls. */
#include "onnxruntime/provider.h"

#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED ort_status *CreateEpFactories(const char *name, const ort_api_base *base, const ort_logger *logger,
                                       ort_factory **out, size_t capacity, size_t *count);
EXPORTED ort_status *ReleaseEpFactory(ort_factory *factory);

typedef struct factory {
  ort_factory factory; /* first: the host's pointer is ours */
  const ort_api *api;
  bool is_1_23;
} factory;

/* Plain failures: a host takes the code of a provider's own as a sign to go on without it, silently. */
static ort_status *failed(const ort_api *api, const char *reason) {
  char message[REASON_SIZE + 16];
  refused(message, "sepcl: %s", reason);
  return api->create_status(ORT_FAIL, message);
}

/* ---- a part ---- */

typedef struct compute {
  ort_compute compute; /* first */
  const ort_api *api;
  part *part;
} compute;

static ort_status *create_state(ort_compute *c, ort_create_context *context, void **state) {
  (void)context;
  *state = ((compute *)c)->part;
  return NULL;
}

static void release_state(ort_compute *c, void *state) {
  (void)c;
  (void)state;
}

static ort_status *run_part(ort_compute *c, void *state, ort_run *run) {
  char reason[REASON_SIZE] = "";
  return part_run(state, run, reason) ? NULL : failed(((compute *)c)->api, reason);
}

static compute *compute_create(const provider *p, const ort_graph *graph, const ort_node *fused,
                               char reason[REASON_SIZE]) {
  compute *c = calloc(1, sizeof *c);
  if (!c) {
    refused(reason, "out of memory for a part of the graph");
    return NULL;
  }
  c->compute = (ort_compute){ORT_VERSION, create_state, run_part, release_state};
  c->api = p->api;
  if (part_create(&c->part, p, graph, fused, reason)) return c;
  free(c);
  return NULL;
}

/* ---- the provider ---- */

static const char *ep_name(const ort_ep *ep) {
  (void)ep;
  return PROVIDER_NAME;
}

static ort_status *ep_capability(ort_ep *ep, const ort_graph *graph, ort_support *support) {
  const provider *p = (const provider *)ep;
  char reason[REASON_SIZE] = "";
  return take_parts(p, graph, support, reason) ? NULL : failed(p->api, reason);
}

static void ep_release_computes(ort_ep *ep, ort_compute **computes, size_t count) {
  (void)ep;
  for (size_t i = 0; i < count; i++) {
    if (!computes[i]) continue;
    part_free(((compute *)computes[i])->part);
    free(computes[i]);
    computes[i] = NULL;
  }
}

static ort_status *ep_compile(ort_ep *ep, const ort_graph *const *graphs, const ort_node *const *fused, size_t count,
                              ort_compute **out, ort_node **unused) {
  const provider *p = (const provider *)ep;
  char reason[REASON_SIZE] = "";
  (void)unused;
  for (size_t i = 0; i < count; i++) {
    out[i] = (ort_compute *)compute_create(p, graphs[i], fused[i], reason);
    if (out[i]) continue;
    ep_release_computes(ep, out, i);
    return failed(p->api, reason);
  }
  return NULL;
}

static void provider_free(provider *p) {
  sepcl_device_free(p->device);
  options_free(&p->options);
  free(p);
}

static bool provider_create(provider **out, const factory *f, const ort_session_options *session,
                            char reason[REASON_SIZE]) {
  sepcl_device_options device_options = SEPCL_DEVICE_OPTIONS_INIT;
  provider *p = calloc(1, sizeof *p);
  if (!p) return refused(reason, "out of memory for the provider");
  p->api = f->api;
  p->is_1_23 = f->is_1_23;
  p->ep = (ort_ep){.version = ORT_VERSION,
                   .name = ep_name,
                   .capability = ep_capability,
                   .compile = ep_compile,
                   .release_computes = ep_release_computes};
  options_init(&p->options);
  bool good = options_read(&p->options, p->api, session, reason);
  device_options.cache_dir = p->options.cache_dir;
  if (good && sepcl_device_open(&p->device, p->options.device, &device_options) != SEPCL_OK)
    good = refused(reason, "%s", sepcl_last_error());
  if (good)
    *out = p;
  else
    provider_free(p);
  return good;
}

/* ---- the factory ---- */

static const char *factory_name(const ort_factory *f) {
  (void)f;
  return PROVIDER_NAME;
}
static const char *factory_vendor(const ort_factory *f) {
  (void)f;
  return "sepcl";
}
static uint32_t factory_vendor_id(const ort_factory *f) {
  (void)f;
  return 0;
}
static const char *factory_version(const ort_factory *f) {
  (void)f;
  return sepcl_version();
}
static bool factory_is_stream_aware(const ort_factory *f) {
  (void)f;
  return false;
}
static ort_status *factory_create_data_transfer(ort_factory *f, void **out) {
  (void)f;
  *out = NULL;
  return NULL;
}

/* One device for the host, its CPU, where tensors lie: which OpenCL device computes is an option of the session. There
 * is one even where OpenCL finds none, so that the session's maker is told so, instead of finding no provider. */
static ort_status *factory_devices(ort_factory *f, const ort_hardware_device *const *hardware, size_t hardware_count,
                                   ort_device **out, size_t capacity, size_t *count) {
  const ort_api *api = ((factory *)f)->api;
  *count = 0;
  for (size_t i = 0; i < hardware_count && *count < capacity && !*count; i++) {
    if (api->hardware_type(hardware[i]) != ORT_CPU) continue;
    ort_status *status = api->ep_api()->create_device(f, hardware[i], NULL, NULL, &out[0]);
    if (status) return status;
    *count = 1;
  }
  return NULL;
}

/* What is wrong with the cache is no reason to fail. */
static void warn(const provider *p, const ort_logger *logger) {
  char reason[REASON_SIZE], message[REASON_SIZE + 16];
  if (!logger || cache_works(&p->options, reason)) return;
  refused(message, "sepcl: %s", reason);
  ort_status *status = p->api->log(logger, ORT_WARNING, message, "provider.c", __LINE__, __func__);
  if (status) p->api->release_status(status);
}

static ort_status *factory_create_ep(ort_factory *f, const ort_hardware_device *const *hardware,
                                     const ort_pairs *const *metadata, size_t count, const ort_session_options *session,
                                     const ort_logger *logger, ort_ep **out) {
  const ort_api *api = ((factory *)f)->api;
  char reason[REASON_SIZE] = "";
  provider *p = NULL;
  (void)hardware, (void)metadata, (void)count;
  *out = NULL;
  if (!provider_create(&p, (factory *)f, session, reason)) return failed(api, reason);
  warn(p, logger);
  *out = &p->ep;
  return NULL;
}

static void factory_release_ep(ort_factory *f, ort_ep *ep) {
  (void)f;
  if (ep) provider_free((provider *)ep);
}

/* A host that is too old has no table of our version; but all have had the function that makes a status, as their
 * first. */
static ort_status *too_old(const ort_api_base *base) {
  const ort_api *oldest = base->api(1);
  char reason[REASON_SIZE];
  refused(reason, "ONNX Runtime %s is too old: plug-in execution providers need 1.23 or later",
          base->version ? base->version() : "?");
  return oldest ? failed(oldest, reason) : NULL;
}

ort_status *CreateEpFactories(const char *name, const ort_api_base *base, const ort_logger *logger, ort_factory **out,
                              size_t capacity, size_t *count) {
  (void)name, (void)logger;
  *count = 0;
  const ort_api *api = base->api(ORT_VERSION);
  if (!api) return too_old(base);
  if (capacity < 1) return failed(api, "no room for a factory");
  factory *f = calloc(1, sizeof *f);
  if (!f) return failed(api, "out of memory for the factory");
  f->api = api;
  f->is_1_23 = base->version && !strncmp(base->version(), "1.23.", 5);
  f->factory = (ort_factory){.version = ORT_VERSION,
                             .name = factory_name,
                             .vendor = factory_vendor,
                             .devices = factory_devices,
                             .create_ep = factory_create_ep,
                             .release_ep = factory_release_ep,
                             .vendor_id = factory_vendor_id,
                             .ep_version = factory_version,
                             .create_data_transfer = factory_create_data_transfer,
                             .is_stream_aware = factory_is_stream_aware};
  out[0] = &f->factory;
  *count = 1;
  return NULL;
}

ort_status *ReleaseEpFactory(ort_factory *f) {
  free(f);
  return NULL;
}
