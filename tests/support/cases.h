/* Random cases of the primitives: drawn from (kind, seed, index), computed by the plain-C reference, run on a variant
 * and compared bit for bit. Shared by the test suites and the sweep command. */
#ifndef SEPCL_TESTS_CASES_H
#define SEPCL_TESTS_CASES_H

#include "reference.h"
#include "stage/variant.h"
#include "support/context.h"
#include "support/guarded.h"
#include "support/random.h"

typedef enum case_kind {
  CASE_CONV = 0,
  CASE_POINTWISE,
  CASE_DEPTHWISE,
  CASE_SEPARABLE,
  CASE_INVERTED_RESIDUAL,
  CASE_GEMM,
  CASE_POOL,
  CASE_ELEMENTWISE,
  CASE_KIND_COUNT
} case_kind;

/* How an operand lies in its buffer, in floats: `gap` separates neighbouring pixels. */
typedef struct case_place {
  int32_t before, after, gap;
} case_place;

typedef struct test_case {
  case_kind kind;
  uint64_t data_seed;
  sepcl_shape input; /* matrix products: {1, 1, m, k} */
  int32_t outputs, groups, expanded;
  sepcl_window window;
  sepcl_activation activation, inner[2];
  bool has_residual, has_scale, per_channel, in_place;
  int32_t halves; /* operands that are halves in memory: HALF_X, ...; 0 as drawn */
  bool special;   /* a few NaNs and infinities in the input */
  int32_t mode;   /* sepcl_pool_kind or sepcl_binary */
  sepcl_weight_layout layout[3];
  bool bias[3], batch_norm[3];
  case_place x, w, r, s, y;
} test_case;

typedef struct case_limits {
  uint64_t macs;  /* a case is made smaller until it has no more */
  int32_t pixels; /* longest side of the input */
  int32_t channels;
  bool tight; /* nothing behind the operands: for a device that checks bounds itself */
} case_limits;

const char *case_kind_name(case_kind kind);
/* The kind of that name, or CASE_KIND_COUNT. */
case_kind case_kind_find(const char *name);
/* Whether a kind's ops can run on the variant, by its stage alone. */
bool case_kind_covers(case_kind kind, const variant *v);

test_case case_draw(case_kind kind, uint64_t seed, uint64_t index, const case_limits *usual);
/* Shapes fit each other and every window holds a pixel where one is needed. */
bool case_valid(const test_case *c);
uint64_t case_macs(const test_case *c);
sepcl_shape case_output(const test_case *c);
/* In one line. */
void case_describe(const test_case *c, char *out, size_t size);

/* One weight set's size. */
typedef struct case_set {
  int32_t outputs, inputs;
  sepcl_window window;
} case_set;
int32_t case_sets(const test_case *c, case_set sets[3]);

/* Host data of a case and the result by the reference. */
typedef struct case_data {
  float *x, *residual, *scale, *expected;
  sepcl_weights sets[3];
  reference_weights folded[3];
  int32_t set_count;
  float *owned[3];
} case_data;
/* `swapped`: the negative control's reference. False: out of memory. */
bool case_data_create(case_data *out, const test_case *c, bool swapped);
void case_data_free(case_data *data);

/* The operands that all variants share. */
typedef struct case_buffers {
  guarded x, r, s;
} case_buffers;
bool case_buffers_create(case_buffers *out, const test_context *context, const test_case *c, const case_data *data);
void case_buffers_free(case_buffers *buffers, const test_context *context);

typedef enum case_outcome {
  CASE_EQUAL = 0,
  CASE_REFUSED, /* the variant does not run such a shape */
  CASE_WRONG,   /* another bit, a canary overwritten, an operand changed */
  CASE_FAILED   /* a call failed */
} case_outcome;

/* Makes the op of the case on `variant` (NULL: the library's choice). */
sepcl_status case_op_create(sepcl_op **out, sepcl_device *device, const test_case *c, const char *variant);
/* Packs, runs and compares; `message` says what was wrong. */
case_outcome case_run(const test_context *context, const test_case *c, const case_data *data,
                      const case_buffers *buffers, const char *variant, char message[512]);
/* Runs the stages of a separable or inverted residual case one by one, with the primitives, and compares the fused
 * kernel's output with theirs, bit for bit, without the reference. */
case_outcome case_run_unfused(const test_context *context, const test_case *c, const case_data *data,
                              const char *variant, char message[512]);

/* Draws, runs and compares one case on one variant. */
case_outcome case_run_alone(const test_context *context, const test_case *c, const char *variant, char message[512]);
/* A case that is wrong on the variant too, as small as a few dozen attempts make it. */
test_case case_shrink(const test_context *context, const test_case *c, const char *variant);

#endif
