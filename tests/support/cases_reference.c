#include "support/cases_reference.h"

#include "reference_stages.h"

bool case_reference_rest(const test_case *c, case_data *data) {
  sepcl_pool_desc pool = SEPCL_POOL_DESC_INIT;
  pool.kind = (sepcl_pool_kind)c->mode;
  pool.input = c->input;
  pool.window = c->window;
  pool.activation = c->activation;
  sepcl_elementwise_desc elementwise = SEPCL_ELEMENTWISE_DESC_INIT;
  elementwise.input = c->input;
  elementwise.has_second = c->has_residual;
  elementwise.per_channel = c->per_channel;
  elementwise.binary = (sepcl_binary)c->mode;
  elementwise.activation = c->activation;
  if (c->kind == CASE_POOL)
    reference_pool(&pool, data->x, data->expected);
  else
    reference_elementwise(&elementwise, data->x, data->residual, data->expected);
  return true;
}
