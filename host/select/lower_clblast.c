/* Handing a pointwise stage to CLBlast, which computes y = x w or y = y + x w and nothing else: a residual is copied to
 * y before, biases and the function follow as an elementwise stage in place. */
#include <string.h>

#include "error.h"
#include "select/lower.h"
#include "stage/clblast.h"

enum { LEAST_MACS = 1 << 20 }; /* below that a launch counts more than the product */

/* *reason: of the choice of CLBlast; NULL: ours is taken. */
static sepcl_status choose(const char **reason, const sepcl_network *network, const stage *s) {
  *reason = NULL;
  const sepcl_network_options *options = &network->options;
  if (options->precision != SEPCL_F32) return SEPCL_OK; /* its products are of floats in memory */
  if (options->policy != SEPCL_FASTEST || options->gemm == SEPCL_GEMM_OURS || clblast_refuses(s)) return SEPCL_OK;
  if (options->gemm == SEPCL_GEMM_CLBLAST) {
    *reason = "asked for; CLBlast compiles and allocates on its own";
    return SEPCL_OK;
  }
  if (stage_macs(s) < LEAST_MACS || clblast_load() != SEPCL_OK) return SEPCL_OK;
  sepcl_gemm_desc shape = SEPCL_GEMM_DESC_INIT;
  shape.m = s->output.n * s->output.h * s->output.w;
  shape.n = s->output.c;
  shape.k = s->input.c;
  bool wins = false;
  TRY(clblast_wins(&wins, network->device, &shape, network->executable));
  if (wins) *reason = "measured faster than ours; CLBlast compiles and allocates on its own";
  return SEPCL_OK;
}

static sepcl_status copy_residual(sepcl_network *network, sepcl_value value, const step *product) {
  const node *n = &network->graph->nodes[value];
  strided_copy copy = {.rank = n->rank, .reason = "CLBlast adds onto what lies in its output"};
  memcpy(copy.dims, n->dims, sizeof copy.dims);
  place_strides(n, &product->r, copy.x_stride);
  place_strides(n, &product->y, copy.y_stride);
  return lower_copy(network, value, &product->r, &product->y, &copy);
}

static sepcl_status add_product(sepcl_network *network, const step *product, const char *reason) {
  step *p = network_add_step(network, product->node);
  if (!p) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the network's steps");
  *p = *product;
  p->bound.v = &clblast_variant;
  p->bound.s.activation = (sepcl_activation)SEPCL_ACTIVATION_INIT;
  p->reason = reason;
  if (p->bound.s.has_residual) p->r = p->y;
  return SEPCL_OK;
}

/* y = function(y + biases), the biases being those that the product has packed. */
static sepcl_status add_biases(sepcl_network *network, sepcl_value value, const step *product) {
  const weight_set *set = &product->sets[0];
  const stage *made = &product->bound.s;
  const bool biased = set->bias != SEPCL_NO_VALUE || set->variance != SEPCL_NO_VALUE;
  if (!biased && made->activation.kind == SEPCL_NONE) return SEPCL_OK;
  step *p = lower_begin(network, value, STAGE_ELEMENTWISE);
  if (!p) return SEPCL_OUT_OF_MEMORY;
  stage *s = &p->bound.s;
  const int32_t channels = made->output.c;
  const sepcl_value slot = own_slot(network, value);
  network->storages[slot] = (storage){STORAGE_BIASES, 0, channels, 0, -1, -1, false};
  p->x = p->y;
  p->r = (place){slot, 0, channels};
  s->mode = SEPCL_ADD;
  s->has_residual = true;
  s->rank = 2;
  s->dims[0] = (int64_t)made->output.n * made->output.h * made->output.w;
  s->dims[1] = channels;
  s->x_stride[0] = s->y_stride[0] = p->y.pitch;
  s->x_stride[1] = s->r_stride[1] = s->y_stride[1] = 1;
  return SEPCL_OK;
}

sepcl_status offer_to_clblast(sepcl_network *network, sepcl_value value) {
  const step product = network->steps[network->step_count - 1];
  const char *reason;
  TRY(choose(&reason, network, &product.bound.s));
  if (!reason) return SEPCL_OK;
  network->step_count--;
  if (product.bound.s.has_residual) TRY(copy_residual(network, value, &product));
  TRY(add_product(network, &product, reason));
  return add_biases(network, value, &product);
}
