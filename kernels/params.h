/* What a kernel must know about its stage, besides its five operands: shared by the host (C) and every kernel (OpenCL
 * C). Passed by value to a kernel, and one row per stage in the table of a one-launch network. */
#ifndef SEPCL_PARAMS_H
#define SEPCL_PARAMS_H

#ifdef __OPENCL_VERSION__
typedef int params_int;
typedef long params_long;
typedef float params_float;
#else
#include <stdint.h>
typedef int32_t params_int;
typedef int64_t params_long;
typedef float params_float;
#endif

/* Sliding-window stages: convolutions of all kinds, matrix products (h = 1, w = rows) and pools. */
typedef struct window_params {
  params_int n, h, w, c; /* input, channels last */
  params_int oh, ow, oc; /* output */
  params_int kh, kw, sh, sw, dh, dw, pt, pl, pb, pr;
  params_int groups, expanded; /* expanded: channels inside an inverted residual block */
  params_int split[6];         /* how a variant cuts its work into tasks: each variant's own */
} window_params;

/* Strided stages: elementwise, copies, reductions. Axis `rank - 1` is innermost; strides are in elements, 0 broadcasts.
 */
typedef struct strided_params {
  params_int rank;
  params_int dims[8]; /* of the output */
  params_int x_stride[8], r_stride[8], y_stride[8];
  params_int extra[8];
} strided_params;

typedef struct stage_params {
  params_long x_at, w_at, r_at, s_at, y_at;      /* first element of each operand in its buffer, in floats */
  params_int x_pitch, r_pitch, s_pitch, y_pitch; /* floats between neighbouring pixels */
  params_int tasks;                              /* work-groups */
  params_int mode;                               /* pool kind, binary operation, reduction, ...: the stage's own */
  params_int has_residual, has_scale;
  params_int act[3];               /* sepcl_function: final, and the fused stages' inner two */
  params_float act_a[3], act_b[3]; /* clip: [a, b]; NONE and RELU arrive as clips too where exact */
  params_float extra_float[4];
  union {
    window_params window;
    strided_params strided;
  } u;
} stage_params;

/* One stage in the table of a network that runs in one launch (network.cl). */
typedef struct network_row {
  stage_params params;
  params_int function;             /* which case of RUN_TASK */
  params_int waits_at, wait_count; /* in the list of rows to wait for */
  params_int buffers[5];           /* of x, w, r, s, y: index into the launch's buffers */
} network_row;

/* Products' modes: the packed weights end in where in its pixel each output goes, and then each input lies; of a single
 * row of outputs, ROW_VECTORS vectors at once. */
enum { ORDERED_OUTPUTS = 1, ORDERED_INPUTS = 2, SINGLE_ROW = 4 };
#define ROW_VECTORS 8

/* Steps of a chain that are summed in halves before the sum goes on as a float (HALF_SUMS): a multiple of every KB. */
enum { HALF_CHAIN = 16 };

enum { NETWORK_IO_BUFFERS = 4, NETWORK_BUFFERS = 2 + NETWORK_IO_BUFFERS /* arena, weights, the caller's */ };

#endif
