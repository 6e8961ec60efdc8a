/* Fused against unfused, both on the device: a separable or inverted residual op and its stages one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cases.h"

enum { MAX_STAGES = 3 };

/* The convolutions that a fused case is made of, in order. */
static int32_t split(const test_case *c, test_case stages[MAX_STAGES]) {
  case_set sets[3];
  int32_t count = case_sets(c, sets);
  sepcl_shape shape = c->input;
  for (int32_t i = 0; i < count; i++) {
    bool last = i == count - 1, depthwise = i == count - 2;
    test_case *s = &stages[i];
    *s = (test_case){.kind = depthwise ? CASE_DEPTHWISE : CASE_POINTWISE, .input = shape};
    s->outputs = sets[i].outputs;
    s->groups = depthwise ? shape.c : 1;
    s->window = sets[i].window;
    s->activation = last ? c->activation : c->inner[i];
    s->has_residual = last && c->has_residual;
    shape = case_output(s);
  }
  return count;
}

/* Runs one op on contiguous host arrays; out is of its output's size. */
static bool run(const test_context *context, const test_case *c, const char *variant, const sepcl_weights *sets,
                int32_t set_count, const float *x, const float *residual, float *out, char message[512]) {
  sepcl_op *op = NULL;
  bool done = case_op_create(&op, context->device, c, variant) == SEPCL_OK;
  size_t y_bytes = reference_elements(case_output(c)) * sizeof(float), size = sepcl_op_packed_size(op);
  void *packed = malloc(size ? size : 1);
  done = done && packed && sepcl_op_pack(op, packed, sets, (uint32_t)set_count) == SEPCL_OK;
  sepcl_op_args args = SEPCL_OP_ARGS_INIT;
  if (done) {
    args.input.buffer = test_buffer(context, x, reference_elements(c->input) * sizeof(float));
    args.weights.buffer = test_buffer(context, packed, size);
    args.output.buffer = test_buffer(context, NULL, y_bytes);
    if (c->has_residual) args.residual.buffer = test_buffer(context, residual, y_bytes);
    done = sepcl_op_enqueue(op, context->queue, &args, NULL) == SEPCL_OK &&
           context->cl->clEnqueueReadBuffer(context->queue, args.output.buffer, CL_TRUE, 0, y_bytes, out, 0, NULL,
                                            NULL) == CL_SUCCESS;
  }
  if (!done) snprintf(message, 512, "%s: %s", case_kind_name(c->kind), sepcl_last_error());
  cl_mem buffers[] = {args.input.buffer, args.weights.buffer, args.output.buffer, args.residual.buffer};
  for (int i = 0; i < 4; i++)
    if (buffers[i]) context->cl->clReleaseMemObject(buffers[i]);
  free(packed);
  sepcl_op_free(op);
  return done;
}

static case_outcome compare(const float *fused, const float *staged, size_t count, char message[512]) {
  for (size_t i = 0; i < count; i++)
    if (!reference_same(fused[i], staged[i])) {
      snprintf(message, 512, "fused %a, one by one %a at element %zu", (double)fused[i], (double)staged[i], i);
      return CASE_WRONG;
    }
  return CASE_EQUAL;
}

case_outcome case_run_unfused(const test_context *context, const test_case *c, const case_data *data,
                              const char *variant, char message[512]) {
  test_case stages[MAX_STAGES];
  int32_t count = split(c, stages);
  float *values[MAX_STAGES + 1] = {NULL};
  size_t outputs = reference_elements(case_output(c));
  values[count] = malloc(outputs * sizeof(float));
  bool done =
      values[count] && run(context, c, variant, data->sets, count, data->x, data->residual, values[count], message);
  for (int32_t i = 0; i < count && done; i++) {
    values[i] = malloc(reference_elements(case_output(&stages[i])) * sizeof(float));
    done = values[i] && run(context, &stages[i], NULL, &data->sets[i], 1, i ? values[i - 1] : data->x, data->residual,
                            values[i], message);
  }
  case_outcome outcome = done ? compare(values[count], values[count - 1], outputs, message) : CASE_FAILED;
  for (int32_t i = 0; i <= count; i++) free(values[i]);
  return outcome;
}
