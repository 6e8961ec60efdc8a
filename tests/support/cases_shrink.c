/* Making a wrong case smaller while it stays wrong. */
#include <string.h>

#include "support/cases.h"

enum { STEPS = 23 };

static void halve(int32_t *value) { *value = *value > 1 ? *value / 2 : 1; }
static void lower(int32_t *value) { *value = *value > 1 ? *value - 1 : 1; }

static void shrink_channels(test_case *c, void (*less)(int32_t *), bool inputs) {
  bool tied = c->kind == CASE_POOL || c->kind == CASE_ELEMENTWISE;
  int32_t groups = c->groups, in = c->input.c / groups, out = c->outputs / groups;
  less(inputs ? &in : &out);
  if (c->kind == CASE_DEPTHWISE && inputs) {
    less(&groups);
    in = 1;
  }
  c->groups = groups;
  c->input.c = in * groups;
  c->outputs = tied ? c->input.c : out * groups;
}

static void plain_window(test_case *c) {
  c->window.pad_top = c->window.pad_left = c->window.pad_bottom = c->window.pad_right = 0;
}

/* One simplification by number; many do nothing for a given case. */
static void simplify(test_case *c, int32_t step) {
  const sepcl_activation none = SEPCL_ACTIVATION_INIT;
  const case_place plain = {8, 8, 0};
  switch (step) {
    case 0: c->input.n = 1; break;
    case 1: halve(&c->input.h); break;
    case 2: halve(&c->input.w); break;
    case 3: shrink_channels(c, halve, true); break;
    case 4: shrink_channels(c, halve, false); break;
    case 5: halve(&c->expanded); break;
    case 6: lower(&c->input.h); break;
    case 7: lower(&c->input.w); break;
    case 8: shrink_channels(c, lower, true); break;
    case 9: shrink_channels(c, lower, false); break;
    case 10: lower(&c->expanded); break;
    case 11: c->activation = none; break;
    case 12: c->inner[0] = c->inner[1] = none; break;
    case 13: c->has_residual = c->kind == CASE_ELEMENTWISE && c->has_residual; break;
    case 14: c->has_scale = false; break;
    case 15: c->x = c->w = c->r = c->s = c->y = plain; break;
    case 16: c->special = false; break;
    case 17: c->batch_norm[0] = c->batch_norm[1] = c->batch_norm[2] = false; break;
    case 18: c->window.stride_h = c->window.stride_w = 1; break;
    case 19: c->window.dilation_h = c->window.dilation_w = 1; break;
    case 20: plain_window(c); break;
    case 21: lower(&c->window.kernel_h); break;
    case 22: lower(&c->window.kernel_w); break;
    default: break;
  }
}

test_case case_shrink(const test_context *context, const test_case *c, const char *variant) {
  test_case best = *c;
  bool better = true;
  char message[512];
  for (int32_t round = 0; round < 12 && better; round++) {
    better = false;
    for (int32_t step = 0; step < STEPS; step++) {
      test_case candidate = best;
      simplify(&candidate, step);
      if (!memcmp(&candidate, &best, sizeof best) || !case_valid(&candidate)) continue;
      if (case_run_alone(context, &candidate, variant, message) != CASE_WRONG) continue;
      best = candidate;
      better = true;
    }
  }
  return best;
}
