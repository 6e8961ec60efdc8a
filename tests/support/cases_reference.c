#include "support/cases_reference.h"

#include "reference_functions.h"

static void elementwise(const test_case *c, case_data *data) {
  size_t channels = (size_t)c->input.c, per_image = (size_t)c->input.h * (size_t)c->input.w * channels;
  for (size_t i = 0; i < reference_elements(c->input); i++) {
    float value = data->x[i];
    size_t second = c->per_channel ? i / per_image * channels + i % channels : i;
    if (c->has_residual) value = reference_binary((sepcl_binary)c->mode, value, data->residual[second]);
    data->expected[i] = reference_function(c->activation, value);
  }
}

bool case_reference_rest(const test_case *c, case_data *data) {
  sepcl_pool_desc pool = SEPCL_POOL_DESC_INIT;
  pool.kind = (sepcl_pool_kind)c->mode;
  pool.input = c->input;
  pool.window = c->window;
  pool.activation = c->activation;
  if (c->kind == CASE_POOL)
    reference_pool(&pool, data->x, data->expected);
  else
    elementwise(c, data);
  return true;
}
