/* The part of TensorFlow Lite's binary interface that an external delegate meets: types, numbers and layouts as hosts
 * from tflite-runtime 2.14 to ai-edge-litert 2.3 have them on 64-bit systems. Declared here because a delegate is
 * loaded by hosts of many versions and needs none of their headers. */
#ifndef SEPCL_TFLITE_ABI_H
#define SEPCL_TFLITE_ABI_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tfl_context tfl_context;
typedef struct tfl_delegate tfl_delegate;

enum tfl_status { TFL_OK = 0, TFL_ERROR = 1 };
enum tfl_type { TFL_FLOAT32 = 1, TFL_INT32 = 2, TFL_INT64 = 4, TFL_BOOL = 6, TFL_FLOAT16 = 10 };
enum tfl_allocation { TFL_MMAP_RO = 1, TFL_DYNAMIC = 4, TFL_PERSISTENT_RO = 5 };
enum tfl_flags { TFL_ALLOW_DYNAMIC_TENSORS = 1 }; /* without it, the host prepares all nodes before it delegates */
enum tfl_padding { TFL_SAME = 1, TFL_VALID = 2 };
enum tfl_activation {
  TFL_ACT_NONE = 0,
  TFL_ACT_RELU,
  TFL_ACT_RELU_N1_TO_1,
  TFL_ACT_RELU6,
  TFL_ACT_TANH,
  TFL_ACT_SIGN_BIT,
  TFL_ACT_SIGMOID
};

typedef struct tfl_ints {
  int size;
  int data[];
} tfl_ints;

typedef struct tfl_dimension {
  int format; /* 0 dense, 1 CSR */
  int dense_size;
  tfl_ints *segments, *indices;
} tfl_dimension;

typedef struct tfl_sparsity {
  tfl_ints *traversal_order, *block_map;
  tfl_dimension *dimensions;
  int dimension_count;
} tfl_sparsity;

typedef struct tfl_tensor {
  int type;
  void *data;
  tfl_ints *dims;
  struct {
    float scale;
    int zero_point;
  } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  tfl_delegate *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct {
    int type;
    void *params;
  } quantization;
  tfl_sparsity *sparsity;
  const tfl_ints *dims_signature;
} tfl_tensor;

typedef struct tfl_node {
  tfl_ints *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  tfl_delegate *delegate;
  bool might_have_side_effect;
} tfl_node;

typedef struct tfl_registration {
  void *(*init)(tfl_context *context, const char *buffer, size_t length);
  void (*free)(tfl_context *context, void *buffer);
  int (*prepare)(tfl_context *context, tfl_node *node);
  int (*invoke)(tfl_context *context, tfl_node *node);
  const char *(*profiling_string)(const tfl_context *context, const tfl_node *node);
  int builtin_code;
  const char *custom_name;
  int version;
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
} tfl_registration;

typedef struct tfl_delegate_params {
  tfl_delegate *delegate;
  tfl_ints *nodes, *inputs, *outputs;
} tfl_delegate_params;

struct tfl_delegate {
  void *data;
  int (*prepare)(tfl_context *context, tfl_delegate *delegate);
  void *copy_from_buffer_handle, *copy_to_buffer_handle, *free_buffer_handle;
  int64_t flags;
  void *opaque_delegate_builder;
};

struct tfl_context {
  size_t tensor_count;
  int (*get_execution_plan)(tfl_context *context, tfl_ints **plan);
  tfl_tensor *tensors;
  void *impl;
  int (*resize_tensor)(tfl_context *context, tfl_tensor *tensor, tfl_ints *dims);
  void (*report_error)(tfl_context *context, const char *format, ...);
  int (*add_tensors)(tfl_context *context, int count, int *first);
  int (*get_node)(tfl_context *context, int index, tfl_node **node, tfl_registration **registration);
  int (*replace_nodes)(tfl_context *context, tfl_registration registration, const tfl_ints *nodes,
                       tfl_delegate *delegate);
  int recommended_threads;
  void *get_external_context, *set_external_context;
  bool allow_fp16;
  void *profiler, *unused_1[4];
  int (*resize_tensor_explicit)(tfl_context *context, tfl_tensor *tensor, int rank, const int *shape);
  int (*preview_partitions)(tfl_context *context, const tfl_ints *nodes, tfl_delegate_params **partitions, int *count);
  void *unused_2[5];
};

/* ---- builtin_data ---- */

typedef struct tfl_conv {
  int padding, stride_w, stride_h, activation, dilation_w, dilation_h;
} tfl_conv;
typedef struct tfl_depthwise {
  int padding, stride_w, stride_h, multiplier, activation, dilation_w, dilation_h;
} tfl_depthwise;
typedef struct tfl_pool {
  int padding, stride_w, stride_h, filter_w, filter_h, activation;
} tfl_pool;
typedef struct tfl_transpose_conv {
  int padding, stride_w, stride_h, activation; /* the last one only from operator version 4 on */
} tfl_transpose_conv;
typedef struct tfl_activated {
  int activation;
} tfl_activated;
typedef struct tfl_fully_connected {
  int activation, weights_format;
  bool keep_num_dims;
} tfl_fully_connected;
typedef struct tfl_concatenation {
  int axis, activation;
} tfl_concatenation;
typedef struct tfl_number {
  float value;
} tfl_number; /* softmax' beta, leaky ReLU's alpha */
typedef struct tfl_resize {
  bool align_corners, half_pixel_centers;
} tfl_resize;
typedef struct tfl_reducer {
  bool keep_dims;
} tfl_reducer;
typedef struct tfl_block {
  int size;
} tfl_block;
typedef struct tfl_strided_slice {
  int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
  bool offset;
} tfl_strided_slice;

#if UINTPTR_MAX == UINT64_MAX
#define TFL_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type)
#define TFL_AT(type, field, bytes) static_assert(offsetof(type, field) == (bytes), #type "." #field)
TFL_SIZE(tfl_dimension, 24);
TFL_SIZE(tfl_sparsity, 32);
TFL_SIZE(tfl_tensor, 112);
TFL_AT(tfl_tensor, allocation_type, 32);
TFL_AT(tfl_tensor, name, 56);
TFL_AT(tfl_tensor, sparsity, 96);
TFL_SIZE(tfl_node, 80);
TFL_AT(tfl_node, builtin_data, 40);
TFL_AT(tfl_node, custom_initial_data_size, 56);
TFL_SIZE(tfl_registration, 88);
TFL_AT(tfl_registration, builtin_code, 40);
TFL_AT(tfl_registration, inplace_operator, 80);
TFL_SIZE(tfl_delegate_params, 32);
TFL_SIZE(tfl_delegate, 56);
TFL_AT(tfl_delegate, flags, 40);
TFL_SIZE(tfl_context, 200);
TFL_AT(tfl_context, report_error, 40);
TFL_AT(tfl_context, replace_nodes, 64);
TFL_AT(tfl_context, profiler, 104);
TFL_AT(tfl_context, resize_tensor_explicit, 144);
TFL_AT(tfl_context, preview_partitions, 152);
TFL_SIZE(tfl_conv, 24);
TFL_SIZE(tfl_depthwise, 28);
TFL_SIZE(tfl_strided_slice, 24);
#endif
#endif
