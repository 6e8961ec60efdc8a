#include "support/cases_reference.h"

#include "reference_functions.h"

static void elementwise(const test_case *c, case_data *data) {
  size_t channels = (size_t)c->input.c, per_image = (size_t)c->input.h * (size_t)c->input.w * channels;
  for (size_t i = 0; i < reference_elements(c->input); i++) {
    float value = data->x[i];
    size_t second = c->per_channel ? i / per_image * channels + i % channels : i;
    if (c->has_residual) value = reference_binary(value, data->residual[second], (sepcl_binary)c->mode);
    data->expected[i] = reference_function(c->activation, value);
  }
}

bool case_reference_rest(const test_case *c, case_data *data) {
  elementwise(c, data);
  return true;
}
