/* sepcl: convolutional networks of depthwise-separable blocks on any OpenCL device.
 *
 *   model file -> graph -> passes -> stages -> kernels -> plan -> network -> enqueue
 *   (sepcl_graph_load)     (sepcl_network_compile)               (sepcl_network_enqueue)
 *
 * Three levels, each built on the one below and usable without the one above:
 *
 *   1. Primitives  sepcl_conv_create, ... sepcl_op_enqueue: one kernel on the caller's own queue and buffers.
 *   2. Graph       sepcl_graph_conv, ... sepcl_network_compile: a whole network, planned and scheduled.
 *   3. Model file  sepcl_graph_load: ONNX in; sepcl_graph_save: ONNX out.
 *
 * Conventions
 *   - Every fallible function returns sepcl_status; 0 is success. sepcl_last_error() tells the calling thread what was
 *     wrong with its last failing call. The library never prints, aborts or exits, and keeps no global state beyond
 *     the OpenCL library it loaded.
 *   - `create`, `open`, `load` and `compile` give objects to be released with the matching `free`; `free(NULL)` is
 *     fine; getters lend.
 *   - Structs that may grow start with `size` and have an _INIT: `sepcl_conv_desc d = SEPCL_CONV_DESC_INIT;`.
 *   - Tensors are 32-bit floats, channels last: [N][H][W][C]. A row is a pixel; the pitch is the distance between the
 *     first channels of neighbouring pixels, in floats, so that a slice of channels of a wider tensor is a tensor too.
 *   - f32 results are the same bits on every device and for every kernel: docs/numerics.md defines them.
 *   - Objects may move between threads. sepcl_device, sepcl_network and sepcl_graph (once built) may be shared by
 *     threads; sepcl_op and sepcl_execution belong to one thread at a time.
 */
#ifndef SEPCL_H
#define SEPCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEPCL_VERSION_MAJOR 0
#define SEPCL_VERSION_MINOR 1
#define SEPCL_VERSION_PATCH 0
#define SEPCL_VERSION "0.1.0"

#if defined(_WIN32)
#define SEPCL_API
#else
#define SEPCL_API __attribute__((visibility("default")))
#endif

/* ------------------------------------------------------------------------------------------------ status */

typedef enum sepcl_status {
  SEPCL_OK = 0,
  SEPCL_INVALID_ARGUMENT, /* a null pointer, an unknown name or value, a malformed option */
  SEPCL_INVALID_SHAPE,    /* dimensions that are not positive or do not fit each other */
  SEPCL_OVERFLOW,         /* sizes whose product does not fit */
  SEPCL_BUFFER_TOO_SMALL, /* an operand reaches past the end of its buffer */
  SEPCL_MISALIGNED,       /* an offset that is no multiple of a float's size */
  SEPCL_WRONG_CONTEXT,    /* a queue, buffer or event of another OpenCL context or device */
  SEPCL_UNSUPPORTED,      /* well-formed, but not something that sepcl computes */
  SEPCL_OUT_OF_MEMORY,
  SEPCL_NO_OPENCL,    /* no OpenCL library could be loaded, or it reports no platform */
  SEPCL_NO_DEVICE,    /* no device matches */
  SEPCL_BUILD_FAILED, /* the driver's compiler refused a kernel; the message ends with its log */
  SEPCL_OPENCL_ERROR, /* an OpenCL call failed; the message names call and code */
  SEPCL_BAD_FILE,     /* a file that cannot be opened, read or written */
  SEPCL_BAD_MODEL,    /* the bytes are no valid model */
  SEPCL_BAD_GRAPH     /* the graph was poisoned by a node that could not be added */
} sepcl_status;

/* The status' name, such as "SEPCL_INVALID_SHAPE". Never NULL. */
SEPCL_API const char *sepcl_status_name(sepcl_status status);

/* What went wrong in this thread's last failing call, in one line (a build log may follow on more). Never NULL; valid
 * until this thread's next failing call. */
SEPCL_API const char *sepcl_last_error(void);

/* The library's version, "MAJOR.MINOR.PATCH". */
SEPCL_API const char *sepcl_version(void);

/* ------------------------------------------------------------------------------------------------ device */

/* One OpenCL device in one context, with the kernels compiled for it so far. Safe to share between threads. */
typedef struct sepcl_device sepcl_device;

typedef struct sepcl_device_options {
  uint32_t size;         /* set by SEPCL_DEVICE_OPTIONS_INIT */
  const char *cache_dir; /* where program binaries and tuning results are kept; NULL: the user's cache folder;
                            "": nothing is kept */
} sepcl_device_options;
#define SEPCL_DEVICE_OPTIONS_INIT {sizeof(sepcl_device_options), NULL}

/* Uses the caller's context and one of its devices; retains both. `options` may be NULL. */
SEPCL_API sepcl_status sepcl_device_wrap(sepcl_device **out, cl_context context, cl_device_id id,
                                         const sepcl_device_options *options);

/* Opens a device by itself. `spec` is NULL or "" (a GPU if there is one, else the first device), "P:D" (platform and
 * device number as `sepcl devices` lists them), "gpu", "cpu", or a part of the platform's or device's name in any
 * case ("portable", "intel"). `options` may be NULL. */
SEPCL_API sepcl_status sepcl_device_open(sepcl_device **out, const char *spec, const sepcl_device_options *options);
/* Ops and networks made on it must be gone. NULL is fine. */
SEPCL_API void sepcl_device_free(sepcl_device *device);

/* The context and device that it wraps (lent). NULL for NULL. */
SEPCL_API cl_context sepcl_device_context(const sepcl_device *device);
SEPCL_API cl_device_id sepcl_device_id(const sepcl_device *device);

typedef struct sepcl_device_info {
  char platform[128], name[128], driver[128], version[128];
  cl_device_type type;
  uint32_t compute_units, clock_mhz, vector_width; /* vector_width: floats per vector, native or preferred */
  uint64_t global_memory, local_memory, max_work_group;
  uint32_t local_is_global; /* 1: local memory is a part of global memory, no faster one */
  uint32_t base_alignment;  /* bytes */
  uint32_t reproducible;   /* 1: fma, denormals and rounding are such that the promise of equal bits holds */
  uint32_t fp16, subgroups, command_buffer, device_atomics; /* 1: the device has it */
  uint32_t platform_number, device_number; /* its "P:D"; set by sepcl_devices only */
} sepcl_device_info;

/* What is known of the device; platform and device number are 0 here. Fails on a null pointer only. */
SEPCL_API sepcl_status sepcl_device_get_info(sepcl_device_info *out, const sepcl_device *device);

/* All devices of all platforms, in the order of "P:D". Writes at most `capacity` infos and always the count. */
SEPCL_API sepcl_status sepcl_devices(sepcl_device_info *out, uint32_t capacity, uint32_t *count);

/* How many programs were compiled from source on this device object, and how many came from the cache. */
SEPCL_API void sepcl_device_program_counts(const sepcl_device *device, uint32_t *compiled, uint32_t *cached);

/* ---------------------------------------------------------------------------------------- shared vocabulary */

#define SEPCL_MAX_RANK 8

/* A sliding window, in pixels. Kernel taps that fall outside the input are skipped (convolutions, pools). */
typedef struct sepcl_window {
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
} sepcl_window;
#define SEPCL_WINDOW_INIT {1, 1, 1, 1, 1, 1, 0, 0, 0, 0}

/* A function of one number, applied to each output (x is the input; a and b are the struct's). Constants and the order
 * of the roundings are in docs/numerics.md. NaN in gives NaN out. */
typedef enum sepcl_function {
  SEPCL_NONE = 0,     /* x */
  SEPCL_RELU,         /* x < 0 ? 0 : x */
  SEPCL_RELU6,        /* clip to [0, 6] */
  SEPCL_CLIP,         /* clip to [a, b] */
  SEPCL_LEAKY_RELU,   /* x < 0 ? a x : x */
  SEPCL_ELU,          /* x < 0 ? a (exp x - 1) : x */
  SEPCL_HARD_SIGMOID, /* clip(a x + b) to [0, 1] */
  SEPCL_HARD_SWISH,   /* x clip(x/6 + 1/2) to [0, 1] */
  SEPCL_SIGMOID,      /* 1 / (1 + exp -x) */
  SEPCL_SWISH,        /* x sigmoid(x) */
  SEPCL_TANH,
  SEPCL_GELU,      /* x/2 (1 + erf(x / sqrt 2)) */
  SEPCL_GELU_TANH, /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
  SEPCL_ERF,
  SEPCL_EXP,
  SEPCL_LOG,
  SEPCL_SQRT,
  SEPCL_ABS,
  SEPCL_NEGATE,
  SEPCL_RECIPROCAL,
  SEPCL_SOFTPLUS, /* log(1 + exp x) */
  SEPCL_FLOOR,
  SEPCL_CEIL,
  SEPCL_ROUND,       /* half to even */
  SEPCL_SIGN,        /* -1, 0 or 1 */
  SEPCL_THRESHOLDED, /* x > a ? x : 0 */
  SEPCL_SELU,        /* x < 0 ? b a (exp x - 1) : b x */
  SEPCL_SOFTSIGN,    /* x / (1 + |x|) */
  SEPCL_MISH,        /* x tanh(softplus x) */
  SEPCL_FUNCTION_COUNT
} sepcl_function;

typedef struct sepcl_activation {
  sepcl_function kind;
  float a, b;
} sepcl_activation;
#define SEPCL_ACTIVATION_INIT {SEPCL_NONE, 0.0f, 0.0f}

typedef enum sepcl_binary {
  SEPCL_ADD = 0,
  SEPCL_SUB,
  SEPCL_MUL,
  SEPCL_DIV,
  SEPCL_MIN,
  SEPCL_MAX,
  SEPCL_POW,
  SEPCL_PRELU, /* a < 0 ? a b : a */
  SEPCL_BINARY_COUNT
} sepcl_binary;

typedef enum sepcl_pool_kind {
  SEPCL_MAX_POOL = 0,
  SEPCL_AVERAGE_POOL,            /* divides by the number of taps inside the input */
  SEPCL_AVERAGE_POOL_WITH_PADDING /* divides by the number of taps inside input and padding */
} sepcl_pool_kind;

typedef enum sepcl_reduction { SEPCL_REDUCE_MEAN = 0, SEPCL_REDUCE_SUM, SEPCL_REDUCE_MAX, SEPCL_REDUCE_MIN } sepcl_reduction;

/* The order in which weights lie in host memory; O outputs, I inputs of one group, H and W the kernel's. */
typedef enum sepcl_weight_layout {
  SEPCL_OIHW = 0, /* ONNX, PyTorch; a matrix [O][I] is OIHW with a 1x1 kernel */
  SEPCL_OHWI,     /* TensorFlow Lite convolutions */
  SEPCL_HWIO,     /* Keras; a matrix [I][O] is HWIO with a 1x1 kernel */
  SEPCL_HWC       /* depthwise only: [H][W][O], TensorFlow Lite */
} sepcl_weight_layout;

/* -------------------------------------------------------------------------------------------- 1. primitives */

/* A kernel made for one shape. Belongs to one thread at a time; sepcl_op_clone makes another. */
typedef struct sepcl_op sepcl_op;

typedef struct sepcl_shape {
  int32_t n, h, w, c;
} sepcl_shape;

/* output = activation(conv(input * scale) + bias + residual), each output one chain of fma over (ky, kx, ci). */
typedef struct sepcl_conv_desc {
  uint32_t size;     /* set by SEPCL_CONV_DESC_INIT */
  sepcl_shape input; /* N H W C */
  int32_t outputs;   /* output channels */
  int32_t groups;    /* divides input channels and outputs */
  sepcl_window window;
  sepcl_activation activation;
  int32_t has_residual; /* 1: args.residual, of the output's shape, is added before the activation */
  int32_t has_scale;    /* 1: args.scale, [N][C], multiplies the input */
  const char *variant;  /* a kernel's name from `sepcl kernels`, or NULL: chosen for the device and shape */
} sepcl_conv_desc;
#define SEPCL_CONV_DESC_INIT \
  {sizeof(sepcl_conv_desc), {1, 1, 1, 1}, 1, 1, SEPCL_WINDOW_INIT, SEPCL_ACTIVATION_INIT, 0, 0, NULL}

/* The creating functions check everything that a shape can tell (SEPCL_INVALID_SHAPE, SEPCL_OVERFLOW,
 * SEPCL_INVALID_ARGUMENT, the message naming the field), choose a kernel or take desc->variant (SEPCL_UNSUPPORTED where that
 * kernel cannot run the shape) and compile it if this device has not met it yet. The op keeps nothing of `desc`; free it
 * before the device. Any thread may create. */
/* Any kernel size, stride, dilation and groups. One weight set. */
SEPCL_API sepcl_status sepcl_conv_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc);
/* A 1x1 convolution as a matrix product over the stored input: no im2col, no workspace; any stride, groups and pitch. */
SEPCL_API sepcl_status sepcl_pointwise_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc);
/* `groups` must equal the input channels, `outputs` be a multiple of them. */
SEPCL_API sepcl_status sepcl_depthwise_create(sepcl_op **out, sepcl_device *device, const sepcl_conv_desc *desc);

/* output = activation(pointwise(depthwise_activation(depthwise(input))) + residual) in one kernel; the intermediate
 * never reaches global memory. Two weight sets: depthwise, pointwise. */
typedef struct sepcl_separable_desc {
  uint32_t size;
  sepcl_shape input;
  int32_t outputs;
  sepcl_window window;
  sepcl_activation depthwise_activation, activation;
  int32_t has_residual;
  const char *variant;
} sepcl_separable_desc;
#define SEPCL_SEPARABLE_DESC_INIT                                                                                     \
  {sizeof(sepcl_separable_desc), {1, 1, 1, 1}, 1, SEPCL_WINDOW_INIT, SEPCL_ACTIVATION_INIT, SEPCL_ACTIVATION_INIT, 0, \
   NULL}
/* Checks, chooses and compiles as sepcl_conv_create does. */
SEPCL_API sepcl_status sepcl_separable_create(sepcl_op **out, sepcl_device *device, const sepcl_separable_desc *desc);

/* expand (1x1) + depthwise + project (1x1) + residual in one kernel. Three weight sets: expand, depthwise, project. */
typedef struct sepcl_inverted_residual_desc {
  uint32_t size;
  sepcl_shape input;
  int32_t expanded, outputs;
  sepcl_window window; /* the depthwise kernel's */
  sepcl_activation expand_activation, depthwise_activation, activation;
  int32_t has_residual;
  const char *variant;
} sepcl_inverted_residual_desc;
#define SEPCL_INVERTED_RESIDUAL_DESC_INIT                                           \
  {sizeof(sepcl_inverted_residual_desc), {1, 1, 1, 1}, 1, 1, SEPCL_WINDOW_INIT,     \
   SEPCL_ACTIVATION_INIT, SEPCL_ACTIVATION_INIT, SEPCL_ACTIVATION_INIT, 0, NULL}
/* Checks, chooses and compiles as sepcl_conv_create does. */
SEPCL_API sepcl_status sepcl_inverted_residual_create(sepcl_op **out, sepcl_device *device,
                                                      const sepcl_inverted_residual_desc *desc);

/* output[M][N] = activation(input[M][K] x weights[K][N] + bias + residual). Weight layouts: OIHW is [N][K], HWIO is
 * [K][N]. */
typedef struct sepcl_gemm_desc {
  uint32_t size;
  int32_t m, n, k;
  sepcl_activation activation;
  int32_t has_residual;
  const char *variant;
} sepcl_gemm_desc;
#define SEPCL_GEMM_DESC_INIT {sizeof(sepcl_gemm_desc), 1, 1, 1, SEPCL_ACTIVATION_INIT, 0, NULL}
/* Checks, chooses and compiles as sepcl_conv_create does. One weight set. */
SEPCL_API sepcl_status sepcl_gemm_create(sepcl_op **out, sepcl_device *device, const sepcl_gemm_desc *desc);

/* Taps outside the input are skipped. A window of the input's size is a global pool. No weights. */
typedef struct sepcl_pool_desc {
  uint32_t size;
  sepcl_pool_kind kind;
  sepcl_shape input;
  sepcl_window window;
  sepcl_activation activation;
  const char *variant;
} sepcl_pool_desc;
#define SEPCL_POOL_DESC_INIT \
  {sizeof(sepcl_pool_desc), SEPCL_MAX_POOL, {1, 1, 1, 1}, SEPCL_WINDOW_INIT, SEPCL_ACTIVATION_INIT, NULL}
/* Checks, chooses and compiles as sepcl_conv_create does; a window of padding alone is SEPCL_INVALID_SHAPE. */
SEPCL_API sepcl_status sepcl_pool_create(sepcl_op **out, sepcl_device *device, const sepcl_pool_desc *desc);

/* output = activation(input) or activation(input OP residual), where the second operand is of the input's shape or,
 * with per_channel, [N][C]. No weights. */
typedef struct sepcl_elementwise_desc {
  uint32_t size;
  sepcl_shape input;
  int32_t has_second; /* 1: args.residual is the second operand */
  int32_t per_channel;
  sepcl_binary binary;
  sepcl_activation activation;
  const char *variant;
} sepcl_elementwise_desc;
#define SEPCL_ELEMENTWISE_DESC_INIT \
  {sizeof(sepcl_elementwise_desc), {1, 1, 1, 1}, 0, 0, SEPCL_ADD, SEPCL_ACTIVATION_INIT, NULL}
/* Checks, chooses and compiles as sepcl_conv_create does. */
SEPCL_API sepcl_status sepcl_elementwise_create(sepcl_op **out, sepcl_device *device,
                                                const sepcl_elementwise_desc *desc);

/* Another op of the same shape and kernel, with a kernel object of its own, for another thread. Compiles nothing. */
SEPCL_API sepcl_status sepcl_op_clone(sepcl_op **out, const sepcl_op *op);
/* What it has enqueued may still be running. NULL is fine. */
SEPCL_API void sepcl_op_free(sepcl_op *op);

/* The shape of the output, and the name of the kernel that was chosen (lent). */
SEPCL_API sepcl_shape sepcl_op_output_shape(const sepcl_op *op);
SEPCL_API const char *sepcl_op_kernel(const sepcl_op *op);

/* One set of weights as its owner has it. Batch norm, where `variance` is not NULL, is folded in double precision:
 * w' = w gamma / sqrt(variance + epsilon), b' = (bias - mean) gamma / sqrt(variance + epsilon) + beta. */
typedef struct sepcl_weights {
  uint32_t size;
  const float *weights;
  sepcl_weight_layout layout;
  const float *bias;                          /* [outputs], or NULL: zeros */
  const float *gamma, *beta, *mean, *variance; /* [outputs] each; gamma NULL: ones, mean, beta NULL: zeros */
  float epsilon;
} sepcl_weights;
#define SEPCL_WEIGHTS_INIT {sizeof(sepcl_weights), NULL, SEPCL_OIHW, NULL, NULL, NULL, NULL, NULL, 1e-5f}

/* Bytes of the packed weights; 0 where the op has none. */
SEPCL_API size_t sepcl_op_packed_size(const sepcl_op *op);
/* Packs `count` weight sets (1, 2 or 3, as the op's description says) into `packed`, of sepcl_op_packed_size bytes, in
 * host memory; the caller uploads it as it likes. */
SEPCL_API sepcl_status sepcl_op_pack(const sepcl_op *op, void *packed, const sepcl_weights *sets, uint32_t count);

typedef struct sepcl_operand {
  cl_mem buffer;
  size_t offset; /* bytes from the buffer's start; a multiple of 4 */
  size_t pitch;  /* floats between neighbouring pixels; 0: the tensor's channels; of weights: not used */
} sepcl_operand;

typedef struct sepcl_op_args {
  uint32_t size;
  sepcl_operand input, output, weights, residual, scale;
} sepcl_op_args;
#define SEPCL_OP_ARGS_INIT {sizeof(sepcl_op_args), {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}

typedef struct sepcl_sync {
  uint32_t wait_count;
  const cl_event *wait; /* waited for before the kernel starts */
  cl_event *event;      /* NULL, or where the kernel's event goes; the caller releases it */
} sepcl_sync;

/* Enqueues the kernel. Neither blocks, allocates nor compiles. `sync` may be NULL. The output may not overlap any other
 * operand, except that an elementwise op may work in place; channel slices of one tensor do not overlap. The buffers must
 * live until the kernel has ended. Everything is checked before anything is enqueued: SEPCL_INVALID_ARGUMENT,
 * SEPCL_MISALIGNED, SEPCL_INVALID_SHAPE (a pitch below the channels), SEPCL_OVERFLOW, SEPCL_BUFFER_TOO_SMALL or
 * SEPCL_WRONG_CONTEXT, the message naming the operand. */
SEPCL_API sepcl_status sepcl_op_enqueue(sepcl_op *op, cl_command_queue queue, const sepcl_op_args *args,
                                        const sepcl_sync *sync);

/* ------------------------------------------------------------------------------------------------- 2. graph */

/* Nodes and values of a network, built node by node on the host; needs no device. Each node makes one value. A node that
 * cannot be added poisons the graph: later calls return SEPCL_NO_VALUE, and sepcl_graph_status, sepcl_network_compile
 * and sepcl_graph_save report the first cause with the node's name. Values are row-major; images are [N][H][W][C]. */
typedef struct sepcl_graph sepcl_graph;
typedef int32_t sepcl_value;
#define SEPCL_NO_VALUE (-1)

/* An empty graph. One thread at a time builds it. */
SEPCL_API sepcl_status sepcl_graph_create(sepcl_graph **out);
/* Constants that were copied, and what it keeps, go with it. NULL is fine. */
SEPCL_API void sepcl_graph_free(sepcl_graph *graph);
/* SEPCL_OK, or what poisoned the graph; sepcl_last_error() then has the first cause. */
SEPCL_API sepcl_status sepcl_graph_status(const sepcl_graph *graph);
/* Names the nodes that follow: the next one gets exactly `name`; NULL returns to numbered names. */
SEPCL_API void sepcl_graph_name_next(sepcl_graph *graph, const char *name);
/* Poisons the graph with a message of the caller's (a model reader's, say), unless it already is. */
SEPCL_API void sepcl_graph_refuse(sepcl_graph *graph, sepcl_status status, const char *message);
/* Frees `object` with `release` together with the graph: for memory that borrowed constants point into. */
SEPCL_API sepcl_status sepcl_graph_keep(sepcl_graph *graph, void *object, void (*release)(void *));

/* An input of that shape; its name is what files, commands and sepcl_io_info call it. */
SEPCL_API sepcl_value sepcl_graph_input(sepcl_graph *graph, const char *name, int32_t rank, const int64_t *dims);
/* Data of the product of dims floats: copied, or borrowed until the graph is freed. */
SEPCL_API sepcl_value sepcl_graph_constant(sepcl_graph *graph, int32_t rank, const int64_t *dims, const float *data);
SEPCL_API sepcl_value sepcl_graph_constant_borrowed(sepcl_graph *graph, int32_t rank, const int64_t *dims,
                                                    const float *data);
/* Outputs keep the order of these calls. */
SEPCL_API void sepcl_graph_output(sepcl_graph *graph, const char *name, sepcl_value value);

typedef struct sepcl_conv_attributes {
  uint32_t size;
  sepcl_window window; /* the kernel's size too */
  int32_t outputs, groups;
  sepcl_weight_layout layout;
} sepcl_conv_attributes;
#define SEPCL_CONV_ATTRIBUTES_INIT {sizeof(sepcl_conv_attributes), SEPCL_WINDOW_INIT, 1, 1, SEPCL_OIHW}
/* x [N][H][W][C]; weights: a constant with as many floats as outputs, kernel and C / groups ask for, in `layout`; bias
 * [outputs] or SEPCL_NO_VALUE. groups = C is a depthwise convolution. */
SEPCL_API sepcl_value sepcl_graph_conv(sepcl_graph *graph, sepcl_value x, sepcl_value weights, sepcl_value bias,
                                       const sepcl_conv_attributes *attributes);

typedef struct sepcl_conv_transpose_attributes {
  uint32_t size;
  sepcl_window window;
  int32_t outputs, groups, output_pad_h, output_pad_w;
  sepcl_weight_layout layout; /* OIHW: as ONNX stores it, [C][outputs/groups][H][W]; OHWI as TensorFlow Lite,
                                 [outputs][H][W][C] */
} sepcl_conv_transpose_attributes;
#define SEPCL_CONV_TRANSPOSE_ATTRIBUTES_INIT \
  {sizeof(sepcl_conv_transpose_attributes), SEPCL_WINDOW_INIT, 1, 1, 0, 0, SEPCL_OIHW}
/* Output height: (H - 1) stride - pads + dilation (kernel - 1) + 1 + output_pad. */
SEPCL_API sepcl_value sepcl_graph_conv_transpose(sepcl_graph *graph, sepcl_value x, sepcl_value weights,
                                                 sepcl_value bias, const sepcl_conv_transpose_attributes *attributes);

/* ONNX DeformConv (opset 19). inputs: x, weights, offsets [N][OH][OW][2 G KH KW], bias or SEPCL_NO_VALUE, mask
 * [N][OH][OW][G KH KW] or SEPCL_NO_VALUE; G is offset_groups. */
SEPCL_API sepcl_value sepcl_graph_deform_conv(sepcl_graph *graph, const sepcl_value inputs[5], int32_t offset_groups,
                                              const sepcl_conv_attributes *attributes);

/* y = (x - mean) gamma / sqrt(variance + epsilon) + beta over the last axis; parameters: gamma, beta, mean, variance,
 * constants [C] each. */
SEPCL_API sepcl_value sepcl_graph_batch_norm(sepcl_graph *graph, sepcl_value x, const sepcl_value parameters[4],
                                             float epsilon);

typedef enum sepcl_norm_kind { SEPCL_LAYER_NORM = 0, SEPCL_INSTANCE_NORM, SEPCL_LRN } sepcl_norm_kind;
typedef struct sepcl_norm_attributes {
  uint32_t size;
  sepcl_norm_kind kind;
  int32_t axis;               /* layer norm: the first normalised axis; negative counts from the end */
  float epsilon;              /* layer and instance norm */
  int32_t window;             /* LRN: channels in a window */
  float alpha, beta, bias;    /* LRN: y = x / (bias + alpha / window * sum of squares)^beta */
} sepcl_norm_attributes;
#define SEPCL_NORM_ATTRIBUTES_INIT \
  {sizeof(sepcl_norm_attributes), SEPCL_LAYER_NORM, -1, 1e-5f, 5, 1e-4f, 0.75f, 1.0f}
/* Instance norm works over H and W of [N][H][W][C], scale and shift being constants [C]; layer norm over the axes from
 * `axis` on, scale and shift having their shape. scale and shift may be SEPCL_NO_VALUE, and are for LRN. */
SEPCL_API sepcl_value sepcl_graph_norm(sepcl_graph *graph, sepcl_value x, sepcl_value scale, sepcl_value shift,
                                       const sepcl_norm_attributes *attributes);

/* The function of each element; x's shape. */
SEPCL_API sepcl_value sepcl_graph_activation(sepcl_graph *graph, sepcl_value x, sepcl_activation activation);
/* Broadcasts as NumPy does, over the stored axes. */
SEPCL_API sepcl_value sepcl_graph_binary(sepcl_graph *graph, sepcl_binary kind, sepcl_value a, sepcl_value b);

typedef struct sepcl_pool_attributes {
  uint32_t size;
  sepcl_pool_kind kind;
  sepcl_window window;
  int32_t ceil_mode;
} sepcl_pool_attributes;
#define SEPCL_POOL_ATTRIBUTES_INIT {sizeof(sepcl_pool_attributes), SEPCL_MAX_POOL, SEPCL_WINDOW_INIT, 0}
/* Slides over H and W of [N][H][W][C]; ceil_mode 1 keeps a last window that reaches past the padded end. */
SEPCL_API sepcl_value sepcl_graph_pool(sepcl_graph *graph, sepcl_value x, const sepcl_pool_attributes *attributes);

/* Reduces the axes whose bits are set in `axes` (bit 0 is axis 0). */
SEPCL_API sepcl_value sepcl_graph_reduce(sepcl_graph *graph, sepcl_value x, sepcl_reduction kind, uint32_t axes,
                                         int32_t keep_dims);
/* The mean over H and W of [N][H][W][C]: [N][1][1][C]. */
SEPCL_API sepcl_value sepcl_graph_global_average_pool(sepcl_graph *graph, sepcl_value x);

/* a [..][M][K] times b [..][K][N]; b is [N][K] with transpose_b. c, of a shape that broadcasts to the product's, or
 * SEPCL_NO_VALUE, is where each sum starts. */
SEPCL_API sepcl_value sepcl_graph_matmul(sepcl_graph *graph, sepcl_value a, sepcl_value b, sepcl_value c,
                                         int32_t transpose_b);

/* Along `axis` (negative counts from the end); the other axes must agree. */
SEPCL_API sepcl_value sepcl_graph_concat(sepcl_graph *graph, const sepcl_value *values, int32_t count, int32_t axis);
/* Per axis: the first index, how many, and the step (not 0, may be negative). Arrays of the value's rank; steps may be
 * NULL: ones. */
SEPCL_API sepcl_value sepcl_graph_slice(sepcl_graph *graph, sepcl_value x, const int64_t *starts,
                                        const int64_t *counts, const int64_t *steps);

typedef enum sepcl_pad_mode { SEPCL_PAD_CONSTANT = 0, SEPCL_PAD_REFLECT, SEPCL_PAD_EDGE } sepcl_pad_mode;
/* Arrays of the value's rank; negative amounts crop. */
SEPCL_API sepcl_value sepcl_graph_pad(sepcl_graph *graph, sepcl_value x, sepcl_pad_mode mode, const int64_t *before,
                                      const int64_t *after, float constant);
/* Same elements in the same row-major order. */
SEPCL_API sepcl_value sepcl_graph_reshape(sepcl_graph *graph, sepcl_value x, int32_t rank, const int64_t *dims);
/* Output axis i is input axis permutation[i]. */
SEPCL_API sepcl_value sepcl_graph_transpose(sepcl_graph *graph, sepcl_value x, const int32_t *permutation);
/* Broadcasts x to dims, as NumPy does. */
SEPCL_API sepcl_value sepcl_graph_expand(sepcl_graph *graph, sepcl_value x, int32_t rank, const int64_t *dims);
/* Output index j along `axis` is input index indices[j]. */
SEPCL_API sepcl_value sepcl_graph_gather(sepcl_graph *graph, sepcl_value x, int32_t axis, const int64_t *indices,
                                         int64_t count);
/* exp(x) / sum of exp(x) along `axis` (negative counts from the end); x's shape. */
SEPCL_API sepcl_value sepcl_graph_softmax(sepcl_graph *graph, sepcl_value x, int32_t axis);

typedef enum sepcl_resize_mode { SEPCL_NEAREST = 0, SEPCL_LINEAR } sepcl_resize_mode;
typedef enum sepcl_coordinates {
  SEPCL_HALF_PIXEL = 0,
  SEPCL_PYTORCH_HALF_PIXEL,
  SEPCL_ALIGN_CORNERS,
  SEPCL_ASYMMETRIC,
  SEPCL_TF_HALF_PIXEL_FOR_NN
} sepcl_coordinates;
typedef enum sepcl_nearest {
  SEPCL_ROUND_PREFER_FLOOR = 0,
  SEPCL_ROUND_PREFER_CEIL,
  SEPCL_NEAREST_FLOOR,
  SEPCL_NEAREST_CEIL
} sepcl_nearest;
typedef struct sepcl_resize_attributes {
  uint32_t size;
  sepcl_resize_mode mode;
  sepcl_coordinates coordinates;
  sepcl_nearest nearest;
  int64_t height, width;        /* of the output */
  float scale_h, scale_w;       /* output / input as the model gives it; 0: from the sizes */
} sepcl_resize_attributes;
#define SEPCL_RESIZE_ATTRIBUTES_INIT \
  {sizeof(sepcl_resize_attributes), SEPCL_NEAREST, SEPCL_HALF_PIXEL, SEPCL_ROUND_PREFER_FLOOR, 1, 1, 0.0f, 0.0f}
/* Resizes H and W of [N][H][W][C]. */
SEPCL_API sepcl_value sepcl_graph_resize(sepcl_graph *graph, sepcl_value x, const sepcl_resize_attributes *attributes);

/* ---- looking at a graph ---- */

typedef struct sepcl_node_info {
  const char *name, *kind; /* lent; kind such as "conv 1x1", "depthwise 3x3", "group conv 1x1", "fc", "pool" */
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  uint64_t macs;       /* multiply-adds of convolutions and matrix products; 0 for the rest */
  uint64_t weights;    /* weights of convolutions and fully connected layers */
  uint64_t parameters; /* weights, biases, gamma and beta: what training changes */
  uint64_t standard_macs; /* depthwise: with the pointwise that follows, as one standard convolution; that pointwise:
                             0, so that sums over the nodes are right; else macs */
  uint64_t bytes;         /* read and written by the node on its own: inputs, parameters, output */
  int32_t kernel_h, kernel_w, groups; /* of convolutions and pools; 0 for the rest */
} sepcl_node_info;
/* Nodes are numbered from 0 in the order of their making, inputs and constants among them; node i makes value i. Getters fail
 * with SEPCL_INVALID_ARGUMENT for an index that there is not, or a null pointer. */
SEPCL_API int32_t sepcl_graph_node_count(const sepcl_graph *graph);
SEPCL_API sepcl_status sepcl_graph_node_info(sepcl_node_info *out, const sepcl_graph *graph, int32_t index);
SEPCL_API sepcl_status sepcl_graph_value_shape(const sepcl_graph *graph, sepcl_value value, int32_t *rank,
                                               int64_t dims[SEPCL_MAX_RANK]);

typedef struct sepcl_io_info {
  const char *name; /* lent */
  int32_t rank;
  int64_t dims[SEPCL_MAX_RANK];
  size_t elements;
} sepcl_io_info;
/* Inputs and outputs, in the order of their making, numbered from 0 each; counts are 0 for NULL. */
SEPCL_API int32_t sepcl_graph_input_count(const sepcl_graph *graph);
SEPCL_API int32_t sepcl_graph_output_count(const sepcl_graph *graph);
SEPCL_API sepcl_status sepcl_graph_input_info(sepcl_io_info *out, const sepcl_graph *graph, int32_t index);
SEPCL_API sepcl_status sepcl_graph_output_info(sepcl_io_info *out, const sepcl_graph *graph, int32_t index);
/* Free text that travels with the model file (preprocessing, labels). NULL value: unset; getter: NULL if unset. */
SEPCL_API sepcl_status sepcl_graph_set_metadata(sepcl_graph *graph, const char *key, const char *value);
SEPCL_API const char *sepcl_graph_metadata(const sepcl_graph *graph, const char *key);

/* ---- compiling and running ---- */

typedef struct sepcl_network sepcl_network;     /* immutable; shared by threads */
typedef struct sepcl_execution sepcl_execution; /* arena and kernel objects: one per thread or stream */

typedef enum sepcl_policy { SEPCL_REPRODUCIBLE = 0, SEPCL_FASTEST } sepcl_policy;
typedef enum sepcl_replay {
  SEPCL_REPLAY_AUTO = 0,
  SEPCL_REPLAY_LAUNCHES,       /* a launch per stage */
  SEPCL_REPLAY_COMMAND_BUFFER, /* the launches recorded once for a queue and the operands' buffers, both of which the
                                  execution then keeps (the last four sets); launches where the device has no
                                  cl_khr_command_buffer or refuses: see sepcl_network_info.replay_reason */
  SEPCL_REPLAY_ONE_LAUNCH      /* the whole network in one launch */
} sepcl_replay;
typedef enum sepcl_family { SEPCL_FAMILY_AUTO = 0, SEPCL_FAMILY_ROW, SEPCL_FAMILY_TILE, SEPCL_FAMILY_SCALAR } sepcl_family;

/* Depthwise + pointwise, and expand + depthwise + project, as one stage. */
typedef enum sepcl_fusion { SEPCL_FUSION_AUTO = 0 /* where it pays */, SEPCL_FUSION_ALWAYS, SEPCL_FUSION_NEVER } sepcl_fusion;

/* Who computes matrix products and 1x1 convolutions under SEPCL_FASTEST. CLBlast's sums are in no written order; it compiles
 * and allocates on its own, at the first enqueues and at later ones. */
typedef enum sepcl_gemm_source {
  SEPCL_GEMM_AUTO = 0, /* CLBlast where it was measured to be faster: at the first compile of a shape, then remembered */
  SEPCL_GEMM_OURS,
  SEPCL_GEMM_CLBLAST /* wherever it can; needs SEPCL_FASTEST; SEPCL_UNSUPPORTED without CLBlast */
} sepcl_gemm_source;

/* How activations lie in memory; arithmetic is on 32-bit floats but with SEPCL_F16_SUMS. */
typedef enum sepcl_precision {
  SEPCL_F32 = 0,
  SEPCL_F16, /* halves, but for values that could pass 65504 for some input within the input range, and the caller's */
  /* The same, and where the device computes with halves (cl_khr_fp16) and takes tiles (GPUs), convolutions sum 16 products at
   * a time in halves, those sums in floats, unless one could pass 65504. Elsewhere as SEPCL_F16. */
  SEPCL_F16_SUMS
} sepcl_precision;

/* Which kernels, and how their work is cut. Tuning measures candidates on the device, keeps the winners in its cache by
 * shape, and later compiles use them. The bits are the same whatever was chosen. */
typedef enum sepcl_tuning {
  SEPCL_TUNING_REMEMBERED = 0, /* what earlier tunings found, else the built-in rules */
  SEPCL_TUNING_OFF,            /* the built-in rules */
  SEPCL_TUNING_QUICK,          /* tunes first, if it is not remembered: seconds */
  SEPCL_TUNING_FULL            /* the same, with more candidates and rounds: up to two minutes */
} sepcl_tuning;

typedef struct sepcl_network_options {
  uint32_t size;
  sepcl_policy policy;
  sepcl_replay replay;
  sepcl_family family;
  const char *skip_passes; /* comma-separated names as `sepcl plan` lists them, "all", or NULL */
  int32_t keep_batch_norm; /* 1: batch norm and scale stay stages of their own, so that no weight is rounded anew */
  sepcl_fusion fusion;
  sepcl_gemm_source gemm;
  sepcl_precision precision;
  float input_low, input_high; /* what inputs hold, for the proven bounds; both 0: [-1, 1] */
  sepcl_tuning tuning;
  int32_t images_at_once; /* > 0: of a batch, at most; 0: as many as suit the device's cache. Fewer need a smaller arena */
} sepcl_network_options;
#define SEPCL_NETWORK_OPTIONS_INIT \
  {sizeof(sepcl_network_options), SEPCL_REPRODUCIBLE, SEPCL_REPLAY_AUTO, SEPCL_FAMILY_AUTO, NULL, 0, \
   SEPCL_FUSION_AUTO, SEPCL_GEMM_AUTO, SEPCL_F32, 0.0f, 0.0f, SEPCL_TUNING_REMEMBERED, 0}

/* Runs the passes, chooses kernels, plans memory, compiles and uploads the weights. The graph may be freed after. */
SEPCL_API sepcl_status sepcl_network_compile(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                                             const sepcl_network_options *options);
/* The same without compiling kernels or touching weights: for looking at the plan. Such a network cannot execute. */
SEPCL_API sepcl_status sepcl_network_plan(sepcl_network **out, sepcl_device *device, const sepcl_graph *graph,
                                          const sepcl_network_options *options);
/* Its executions must be gone. NULL is fine. */
SEPCL_API void sepcl_network_free(sepcl_network *network);

typedef struct sepcl_tune_options {
  uint32_t size;
  sepcl_tuning level; /* OFF: forgets what was found for this graph's stages; REMEMBERED: measures nothing */
  double seconds;     /* at most about so long; 0: 30 for QUICK, 80 for FULL; kernels compile besides */
  void (*progress)(void *user, double share, const char *what); /* may be NULL; share goes from 0 to 1 */
  void *user;
} sepcl_tune_options;
#define SEPCL_TUNE_OPTIONS_INIT {sizeof(sepcl_tune_options), SEPCL_TUNING_QUICK, 0.0, NULL, NULL}

typedef struct sepcl_tune_report {
  int32_t shapes, candidates; /* distinct stages that have candidates; candidates measured for all of them together */
  int32_t changed;            /* stages' shapes that take another choice than the default */
  int32_t rounds;
  sepcl_replay replay;         /* the faster one */
  double default_ms, tuned_ms; /* of the whole, lower quartile of interleaved runs; 0: not measured */
  double seconds;
  /* Sums over the shapes, each alone: by the built-in rules, by what the cost model ranks first, by the best candidate. */
  double rules_ms, model_ms, best_ms;
} sepcl_tune_report;

/* Measures candidates for the network that `graph` and `options` give on the device and remembers the winners in the
 * device's cache (without one nothing is kept). A later sepcl_network_compile uses them. Needs the whole device:
 * what else runs disturbs it. `options` and `tune` may be NULL. */
SEPCL_API sepcl_status sepcl_network_tune(sepcl_tune_report *out, sepcl_device *device, const sepcl_graph *graph,
                                          const sepcl_network_options *options, const sepcl_tune_options *tune);
/* Inputs and outputs as the graph had them. */
SEPCL_API int32_t sepcl_network_input_count(const sepcl_network *network);
SEPCL_API int32_t sepcl_network_output_count(const sepcl_network *network);
SEPCL_API sepcl_status sepcl_network_input_info(sepcl_io_info *out, const sepcl_network *network, int32_t index);
SEPCL_API sepcl_status sepcl_network_output_info(sepcl_io_info *out, const sepcl_network *network, int32_t index);

typedef struct sepcl_network_info {
  size_t arena_bytes, arena_lower_bound_bytes, weights_bytes;
  uint64_t macs;
  int32_t launches;         /* per inference, with the chosen replay */
  sepcl_replay replay;      /* the chosen one */
  int32_t removed_channels; /* provably constant ones */
  int32_t kept_channels;    /* convolutions' outputs that are provably constant and stay: the passes' lines say why */
  int32_t reproducible;
  double error_bound; /* proven, of |output - exact|, as a share of the output's proven range; < 0: not known, or not
                         asked for: f32 networks have it from sepcl_network_plan only */
  int32_t halves, kept_floats; /* SEPCL_F16: tensors that are halves in memory, and those that may not be */
  const char *replay_reason; /* why the replay is not the one asked for; NULL if it is; lent */
  int32_t parts; /* of the batch, one after the other, each through all stages; 1: all images at a time */
} sepcl_network_info;
/* Of a planned network, too. */
SEPCL_API sepcl_status sepcl_network_get_info(sepcl_network_info *out, const sepcl_network *network);

typedef struct sepcl_stage_info {
  const char *name, *stage, *kernel, *reason, *fused_from; /* lent; fused_from: node names, comma-separated */
  uint64_t macs, bytes; /* bytes: read and written */
  size_t workspace_bytes;
  int32_t launches; /* 0 for views */
  const char *storage; /* what it reads and writes, such as "f32" or "f16 > f32", and "sums f16" where it sums in halves */
  /* Proven for all inputs within the network's input range, where error_bound >= 0: its results lie in [low, high] and are
   * within error_bound of exact arithmetic on what it reads. Else `unknown` says why not; NULL: nobody asked.
   * given > 0: that holds not for all such inputs, but whenever what the stage reads lies in [-given, given]. */
  double low, high, error_bound, given;
  const char *unknown;
} sepcl_stage_info;
/* Stages in the order in which they run, numbered from 0, views among them. */
SEPCL_API int32_t sepcl_network_stage_count(const sepcl_network *network);
SEPCL_API sepcl_status sepcl_network_stage_info(sepcl_stage_info *out, const sepcl_network *network, int32_t index);
/* One line a pass: its name and what it did. NULL past the last. */
SEPCL_API const char *sepcl_network_pass_report(const sepcl_network *network, int32_t index);

/* An arena and kernel objects for one thread or stream; the network must outlive it. */
SEPCL_API sepcl_status sepcl_execution_create(sepcl_execution **out, sepcl_network *network);
/* What it has enqueued must have ended. NULL is fine. */
SEPCL_API void sepcl_execution_free(sepcl_execution *execution);

/* Enqueues one inference on the caller's queue, in order. `operands`: the inputs, then the outputs, in the network's
 * order, contiguous. Neither blocks, allocates nor compiles from the second call on, except in stages that `sepcl plan`
 * shows as CLBlast's (under SEPCL_FASTEST only): CLBlast allocates at each enqueue and compiles at the first of a shape.
 * `sync` may be NULL. */
SEPCL_API sepcl_status sepcl_network_enqueue(sepcl_execution *execution, cl_command_queue queue,
                                             const sepcl_operand *operands, const sepcl_sync *sync);
/* Host arrays in, host arrays out; blocks. Uses a queue of the execution's own. */
SEPCL_API sepcl_status sepcl_execution_run(sepcl_execution *execution, const float *const *inputs,
                                           float *const *outputs);
/* Runs once with a launch per stage and writes each stage's device time in nanoseconds (sepcl_network_stage_count of
 * them; 0 for views). */
SEPCL_API sepcl_status sepcl_execution_profile(sepcl_execution *execution, const float *const *inputs,
                                               uint64_t *nanoseconds);

/* -------------------------------------------------------------------------------------------- 3. model file */

typedef struct sepcl_load_options {
  uint32_t size;
  int64_t batch;                   /* > 0: replaces the first dimension of every input */
  const char *const *input_shapes; /* "NAME=1x3x224x224" each; settles dynamic dimensions */
  uint32_t input_shape_count;
} sepcl_load_options;
#define SEPCL_LOAD_OPTIONS_INIT {sizeof(sepcl_load_options), 0, NULL, 0}

/* Reads an ONNX file. Inputs and outputs keep the file's names and shapes (NCHW as a rule). Whatever sepcl cannot run is
 * refused here, by operation and node, before anything runs. `options` may be NULL. */
SEPCL_API sepcl_status sepcl_graph_load(sepcl_graph **out, const char *path, const sepcl_load_options *options);
/* The same from memory, which must stay until the graph is freed. External data is refused. */
SEPCL_API sepcl_status sepcl_graph_load_memory(sepcl_graph **out, const void *data, size_t bytes,
                                               const sepcl_load_options *options);
/* Writes the graph as ONNX (opset 17); loading it again computes the same bits. Replaces `path` only when complete. */
SEPCL_API sepcl_status sepcl_graph_save(const sepcl_graph *graph, const char *path);

/* One row per ONNX operation that the reader knows: its name, since which opset, and remarks; NULL past the last. */
SEPCL_API const char *sepcl_operation_row(int32_t index);

#ifdef __cplusplus
}
#endif
#endif
