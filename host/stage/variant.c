#include "stage/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW FAMILY_ROW
#define TILE FAMILY_TILE
#define SCALAR FAMILY_SCALAR
#define VARIANT(stage, name, family, source, macros, local, vec, mr, nr) \
  {stage, #name, family, source, macros, local, vec, mr, nr},
const variant variants[] = {
#include "../../kernels/variants.inc"
    {STAGE_KIND_COUNT, NULL, SCALAR, NULL, NULL, 0, 0, 0, 0}};
#undef VARIANT
const int32_t variant_count = (int32_t)(sizeof variants / sizeof *variants) - 1;

const variant *variant_find(const char *name) {
  for (int32_t i = 0; i < variant_count; i++)
    if (!strcmp(variants[i].name, name)) return &variants[i];
  return NULL;
}

void kernel_form_name(char name[KERNEL_NAME_SIZE], const kernel_form *form) {
  static const int32_t bits[4] = {HALF_X, HALF_R, HALF_S, HALF_Y};
  char types[5] = "";
  for (int i = 0; form->halves && i < 4; i++) types[i] = form->halves & bits[i] ? 'h' : 'f';
  snprintf(name, KERNEL_NAME_SIZE, form->halves ? "%s_%s%s" : "%s", form->v->name, types,
           form->halves & HALF_SUMS ? "_sums" : "");
}

int32_t variant_macro(const variant *v, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = v->macros; (at = strstr(at, name)); at += length)
    if ((at == v->macros || at[-1] == ' ') && at[length] == '=') return (int32_t)strtol(at + length + 1, NULL, 10);
  return 0;
}

const char *stage_kind_name(stage_kind kind) {
  static const char *const names[STAGE_KIND_COUNT] = {
      "pointwise",  "conv",        "depthwise",   "separable", "inverted_residual",
      "pool",       "global_pool", "elementwise", "copy",      "softmax",
      "reduce",     "matmul",      "resize",      "norm",      "conv_transpose",
      "deform_conv"};
  return kind >= 0 && kind < STAGE_KIND_COUNT ? names[kind] : "unknown";
}
