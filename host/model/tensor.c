#include <string.h>

#include "model/reader.h"

int64_t shape_elements(const shape *s) {
  int64_t elements = 1;
  for (int32_t i = 0; i < s->rank; i++) elements *= s->dims[i];
  return elements;
}

sepcl_status shape_check(const shape *s) {
  int64_t elements = 1;
  for (int32_t i = 0; i < s->rank; i++)
    if (s->dims[i] < 0) return failure(SEPCL_INVALID_SHAPE, "dimension %d is %lld", i, (long long)s->dims[i]);
  for (int32_t i = 0; i < s->rank; i++)
    if (__builtin_mul_overflow(elements, s->dims[i], &elements) || elements > INT64_C(1) << 40)
      return failure(SEPCL_OVERFLOW, "the product of the dimensions does not fit");
  return SEPCL_OK;
}

bool shape_equal(const shape *a, const shape *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

/* What the reader computes itself is small; a hostile model shall not make it fill the memory. */
static sepcl_status check_known(const shape *s) {
  TRY(shape_check(s));
  if (shape_elements(s) > INT64_C(1) << 28)
    return failure(SEPCL_OVERFLOW, "a constant of %lld elements is too large", (long long)shape_elements(s));
  return SEPCL_OK;
}

static void start_known(tensor *out, int32_t type, const shape *s) {
  *out = (tensor){.type = type, .shape = *s, .value = SEPCL_NO_VALUE, .other = SEPCL_NO_VALUE};
  for (int32_t i = 0; i < s->rank; i++) out->layout.perm[i] = i;
}

sepcl_status tensor_new_floats(reader *r, tensor *out, const shape *s, float **data) {
  TRY(check_known(s));
  void *block;
  TRY(model_memory_take(r->memory, &block, (size_t)shape_elements(s), sizeof(float)));
  start_known(out, ONNX_FLOAT, s);
  out->floats = *data = block;
  return SEPCL_OK;
}

sepcl_status tensor_new_integers(reader *r, tensor *out, int32_t type, const shape *s, int64_t **data) {
  TRY(check_known(s));
  void *block;
  TRY(model_memory_take(r->scratch, &block, (size_t)shape_elements(s), sizeof(int64_t)));
  start_known(out, type, s);
  out->integers = *data = block;
  return SEPCL_OK;
}

const char *type_name(int32_t type) {
  static const char *const names[] = {"undefined", "float32", "uint8",   "int8",    "uint16",  "int16",
                                      "int32",     "int64",   "string",  "bool",    "float16", "float64",
                                      "uint32",    "uint64",  "complex", "complex", "bfloat16"};
  return type >= 0 && type < (int32_t)(sizeof names / sizeof *names) ? names[type] : "of an unknown type";
}
