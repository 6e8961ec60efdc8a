/* The part of ONNX Runtime's binary interface that a plug-in execution provider meets, as hosts from version 1.23 on
 * have it on 64-bit systems. Its tables of functions only ever grow at their end, so a provider asks for version 23 of
 * them and works in later hosts. Declared here because the provider then needs none of the host's headers. */
#ifndef SEPCL_ORT_ABI_H
#define SEPCL_ORT_ABI_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORT_VERSION = 23 };
enum ort_code { ORT_FAIL = 1 };
enum ort_element { ORT_FLOAT = 1, ORT_STRING = 8 }; /* else as ONNX numbers them */
enum ort_attribute_type {
  ORT_INT = 1,
  ORT_INTS,
  ORT_A_FLOAT,
  ORT_FLOATS,
  ORT_TEXT,
  ORT_TEXTS,
  ORT_A_GRAPH,
  ORT_A_TENSOR
};
enum ort_hardware { ORT_CPU = 0 };
enum ort_severity { ORT_WARNING = 2 };

/* The host's own objects. */
typedef struct ort_status ort_status;
typedef struct ort_value ort_value;
typedef struct ort_tensor_info ort_tensor_info;
typedef struct ort_type_info ort_type_info;
typedef struct ort_value_info ort_value_info;
typedef struct ort_graph ort_graph;
typedef struct ort_node ort_node;
typedef struct ort_attribute ort_attribute;
typedef struct ort_session_options ort_session_options;
typedef struct ort_pairs ort_pairs;
typedef struct ort_hardware_device ort_hardware_device;
typedef struct ort_device ort_device;
typedef struct ort_support ort_support; /* what GetCapability fills */
typedef struct ort_create_context ort_create_context;
typedef struct ort_run ort_run; /* one call of Compute */
typedef struct ort_logger ort_logger;

typedef struct ort_factory ort_factory;
typedef struct ort_ep ort_ep;
typedef struct ort_compute ort_compute;

typedef struct ort_fusion_options {
  uint32_t version;
  bool drop_constants; /* of a part: they are not among its inputs then */
} ort_fusion_options;

typedef struct ort_ep_api {
  ort_status *(*create_device)(ort_factory *factory, const ort_hardware_device *hardware, const ort_pairs *metadata,
                               const ort_pairs *options, ort_device **out);
  void (*release_device)(ort_device *device);
  ort_status *(*add_nodes_to_fuse)(ort_support *support, const ort_node *const *nodes, size_t count,
                                   const ort_fusion_options *options);
} ort_ep_api;

/* `gap_N` are the functions from slot N on that are not needed here. "count" and "list" come in pairs. */
typedef struct ort_api {
  ort_status *(*create_status)(int code, const char *message);
  void *gap_1[1];
  const char *(*status_message)(const ort_status *status);
  void *gap_3[48];
  ort_status *(*tensor_data)(ort_value *value, void **out);
  void *gap_52[3];
  ort_status *(*tensor_info)(const ort_type_info *info, const ort_tensor_info **out);
  void *gap_56[4];
  ort_status *(*element_type)(const ort_tensor_info *info, int *out);
  ort_status *(*rank)(const ort_tensor_info *info, size_t *out);
  ort_status *(*dims)(const ort_tensor_info *info, int64_t *out, size_t count);
  void *gap_63[2];
  ort_status *(*value_shape)(const ort_value *value, ort_tensor_info **out);
  void *gap_66[22];
  ort_status *(*run_input_count)(const ort_run *run, size_t *out);
  ort_status *(*run_output_count)(const ort_run *run, size_t *out);
  ort_status *(*run_input)(const ort_run *run, size_t index, const ort_value **out);
  ort_status *(*run_output)(ort_run *run, size_t index, const int64_t *dims, size_t rank, ort_value **out);
  void *gap_92[1];
  void (*release_status)(ort_status *status);
  void *gap_94[2];
  void (*release_value)(ort_value *value);
  void *gap_97[2];
  void (*release_tensor_info)(ort_tensor_info *info);
  void *gap_100[147];
  ort_status *(*log)(const ort_logger *logger, int severity, const char *message, const char *file, int line,
                     const char *function);
  void *gap_248[24];
  ort_status *(*read_attribute)(const ort_attribute *attribute, int type, void *data, size_t bytes, size_t *out);
  void *gap_273[16];
  ort_status *(*value_name)(const ort_value_info *value, const char **out);
  ort_status *(*value_type)(const ort_value_info *value, const ort_type_info **out);
  void *gap_291[7];
  void (*list_pairs)(const ort_pairs *pairs, const char *const **keys, const char *const **values, size_t *count);
  void *gap_299[1];
  void (*release_pairs)(ort_pairs *pairs);
  void *gap_301[6];
  int (*hardware_type)(const ort_hardware_device *device);
  void *gap_308[9];
  const ort_ep_api *(*ep_api)(void);
  ort_status *(*tensor_bytes)(const ort_value *value, size_t *out);
  void *gap_319[7];
  ort_status *(*initializer)(const ort_value_info *value, const ort_value **out);
  void *gap_327[4];
  ort_status *(*is_constant)(const ort_value_info *value, bool *out);
  ort_status *(*is_from_outside)(const ort_value_info *value, bool *out); /* of the graph of a branch or loop */
  void *gap_333[3];
  ort_status *(*opset_count)(const ort_graph *graph, size_t *out);
  ort_status *(*opset_list)(const ort_graph *graph, const char **domains, int64_t *versions, size_t count);
  ort_status *(*graph_input_count)(const ort_graph *graph, size_t *out);
  ort_status *(*graph_input_list)(const ort_graph *graph, const ort_value_info **out, size_t count);
  ort_status *(*graph_output_count)(const ort_graph *graph, size_t *out);
  ort_status *(*graph_output_list)(const ort_graph *graph, const ort_value_info **out, size_t count);
  void *gap_342[2];
  ort_status *(*node_count)(const ort_graph *graph, size_t *out);
  ort_status *(*node_list)(const ort_graph *graph, const ort_node **out, size_t count);
  ort_status *(*parent_node)(const ort_graph *graph, const ort_node **out);
  void *gap_347[1];
  ort_status *(*node_id)(const ort_node *node, size_t *out);
  ort_status *(*node_name)(const ort_node *node, const char **out);
  ort_status *(*node_operation)(const ort_node *node, const char **out);
  ort_status *(*node_domain)(const ort_node *node, const char **out);
  void *gap_352[1];
  ort_status *(*node_input_count)(const ort_node *node, size_t *out);
  ort_status *(*node_input_list)(const ort_node *node, const ort_value_info **out, size_t count);
  ort_status *(*node_output_count)(const ort_node *node, size_t *out);
  ort_status *(*node_output_list)(const ort_node *node, const ort_value_info **out, size_t count);
  ort_status *(*implicit_input_count)(const ort_node *node, size_t *out); /* what a branch's graph reads from outside */
  ort_status *(*implicit_input_list)(const ort_node *node, const ort_value_info **out, size_t count);
  ort_status *(*attribute_count)(const ort_node *node, size_t *out);
  ort_status *(*attribute_list)(const ort_node *node, const ort_attribute **out, size_t count);
  void *gap_361[1];
  ort_status *(*attribute_tensor)(const ort_attribute *attribute, ort_value **out);
  ort_status *(*attribute_type)(const ort_attribute *attribute, int *out);
  ort_status *(*attribute_name)(const ort_attribute *attribute, const char **out);
  void *gap_365[14];
  ort_status *(*config_entries)(const ort_session_options *options, ort_pairs **out);
  void *gap_380[10];
  bool (*has_shape)(const ort_tensor_info *info); /* from version 24 on */
} ort_api;

typedef struct ort_api_base {
  const ort_api *(*api)(uint32_t version);
  const char *(*version)(void);
} ort_api_base;

/* ---- what the provider fills; NULL where a function is optional ---- */

struct ort_factory {
  uint32_t version;
  const char *(*name)(const ort_factory *factory);
  const char *(*vendor)(const ort_factory *factory);
  ort_status *(*devices)(ort_factory *factory, const ort_hardware_device *const *hardware, size_t hardware_count,
                         ort_device **out, size_t capacity, size_t *count);
  ort_status *(*create_ep)(ort_factory *factory, const ort_hardware_device *const *hardware,
                           const ort_pairs *const *metadata, size_t count, const ort_session_options *options,
                           const ort_logger *logger, ort_ep **out);
  void (*release_ep)(ort_factory *factory, ort_ep *ep);
  uint32_t (*vendor_id)(const ort_factory *factory);
  const char *(*ep_version)(const ort_factory *factory);
  void *optional_64[3];
  ort_status *(*create_data_transfer)(ort_factory *factory, void **out);
  bool (*is_stream_aware)(const ort_factory *factory);
  void *optional_104;
};

struct ort_ep {
  uint32_t version;
  const char *(*name)(const ort_ep *ep);
  ort_status *(*capability)(ort_ep *ep, const ort_graph *graph, ort_support *support);
  ort_status *(*compile)(ort_ep *ep, const ort_graph *const *graphs, const ort_node *const *fused, size_t count,
                         ort_compute **out, ort_node **unused);
  void (*release_computes)(ort_ep *ep, ort_compute **computes, size_t count);
  void *optional_40[8];
};

struct ort_compute {
  uint32_t version;
  ort_status *(*create_state)(ort_compute *compute, ort_create_context *context, void **state);
  ort_status *(*run)(ort_compute *compute, void *state, ort_run *run);
  void (*release_state)(ort_compute *compute, void *state);
};

#if UINTPTR_MAX == UINT64_MAX
#define ORT_SLOT(field, slot) static_assert(offsetof(ort_api, field) == 8 * (slot), #field)
ORT_SLOT(status_message, 2);
ORT_SLOT(tensor_data, 51);
ORT_SLOT(tensor_info, 55);
ORT_SLOT(element_type, 60);
ORT_SLOT(value_shape, 65);
ORT_SLOT(run_input_count, 88);
ORT_SLOT(release_status, 93);
ORT_SLOT(release_value, 96);
ORT_SLOT(release_tensor_info, 99);
ORT_SLOT(log, 247);
ORT_SLOT(read_attribute, 272);
ORT_SLOT(value_name, 289);
ORT_SLOT(list_pairs, 298);
ORT_SLOT(release_pairs, 300);
ORT_SLOT(hardware_type, 307);
ORT_SLOT(ep_api, 317);
ORT_SLOT(initializer, 326);
ORT_SLOT(is_constant, 331);
ORT_SLOT(opset_count, 336);
ORT_SLOT(node_count, 344);
ORT_SLOT(parent_node, 346);
ORT_SLOT(node_id, 348);
ORT_SLOT(node_name, 349);
ORT_SLOT(node_input_count, 353);
ORT_SLOT(node_output_list, 356);
ORT_SLOT(attribute_count, 359);
ORT_SLOT(attribute_tensor, 362);
ORT_SLOT(config_entries, 379);
ORT_SLOT(has_shape, 390);
static_assert(sizeof(ort_factory) == 112 && offsetof(ort_factory, create_data_transfer) == 88, "ort_factory");
static_assert(sizeof(ort_ep) == 104 && offsetof(ort_ep, release_computes) == 32, "ort_ep");
static_assert(sizeof(ort_compute) == 32, "ort_compute");
static_assert(sizeof(ort_fusion_options) == 8 && offsetof(ort_fusion_options, drop_constants) == 4,
              "ort_fusion_options");
#endif
#endif
