/* TensorProto -> tensor, in each of ONNX's encodings: raw bytes, typed fields, half floats, external files. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/reader.h"

/* Bytes of one element in raw data; 0: a type that sepcl does not read. */
static size_t raw_size(int32_t type) {
  switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32: return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: return 8;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16: return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: return 1;
    default: return 0;
  }
}

static bool is_floating(int32_t type) {
  return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_DOUBLE ||
         type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

static float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) { /* zero and subnormals: fraction * 2^-24, exact */
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return bits_to_float(sign | 0x7f800000u | fraction << 13);
  return bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
}

static uint64_t little_endian(const uint8_t *bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value |= (uint64_t)bytes[i] << 8 * i;
  return value;
}

static float float_from_bits(int32_t type, uint64_t bits) {
  double wide;
  switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: memcpy(&wide, &bits, sizeof wide); return (float)wide;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: return half_to_float((uint16_t)bits);
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16: return bits_to_float((uint32_t)bits << 16);
    default: return bits_to_float((uint32_t)bits);
  }
}

static int64_t integer_from_bits(int32_t type, uint64_t bits) {
  switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: return (int8_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16: return (int16_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: return (int32_t)bits;
    default: return (int64_t)bits;
  }
}

static sepcl_status read_raw(reader *r, tensor *out, int32_t type, const shape *s, const uint8_t *bytes) {
  size_t size = raw_size(type), count = (size_t)shape_elements(s);
  float *floats;
  int64_t *integers;
  if (!is_floating(type)) {
    TRY(tensor_new_integers(r, out, type, s, &integers));
    for (size_t i = 0; i < count; i++) integers[i] = integer_from_bits(type, little_endian(bytes + i * size, size));
    return SEPCL_OK;
  }
  TRY(tensor_new_floats(r, out, s, &floats));
  if (type == ONNX_FLOAT && count)
    memcpy(floats, bytes, count * size); /* the hosts that OpenCL runs on are little-endian */
  else
    for (size_t i = 0; i < count; i++) floats[i] = float_from_bits(type, little_endian(bytes + i * size, size));
  return SEPCL_OK;
}

/* Raw data in a mapped file: aligned float32 stays where it is. */
static sepcl_status read_bytes(reader *r, tensor *out, int32_t type, const shape *s, const uint8_t *bytes,
                               size_t available) {
  size_t needed = (size_t)shape_elements(s) * raw_size(type);
  if (available != needed)
    return failure(SEPCL_BAD_MODEL, "%zu bytes of data where its shape asks for %zu", available, needed);
  if (type != ONNX_FLOAT || (uintptr_t)bytes % sizeof(float) || !needed) return read_raw(r, out, type, s, bytes);
  *out = (tensor){.type = ONNX_FLOAT, .shape = *s, .value = SEPCL_NO_VALUE, .other = SEPCL_NO_VALUE};
  for (int32_t i = 0; i < s->rank; i++) out->layout.perm[i] = i;
  out->floats = (const float *)(const void *)bytes;
  return SEPCL_OK;
}

static const char *external_entry(const Onnx__TensorProto *proto, const char *key) {
  for (size_t i = 0; i < proto->n_external_data; i++) {
    const Onnx__StringStringEntryProto *entry = proto->external_data[i];
    if (entry->key && entry->value && strcmp(entry->key, key) == 0) return entry->value;
  }
  return NULL;
}

static sepcl_status external_number(const Onnx__TensorProto *proto, const char *key, size_t fallback, size_t *out) {
  const char *text = external_entry(proto, key);
  char *end;
  *out = fallback;
  if (!text) return SEPCL_OK;
  unsigned long long value = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end || value > SIZE_MAX / 2)
    return failure(SEPCL_BAD_MODEL, "external data with %s '%s'", key, text);
  *out = (size_t)value;
  return SEPCL_OK;
}

/* External data may only lie inside the model's own folder, links included. */
static sepcl_status external_path(const reader *r, const char *location, char path[PATH_MAX]) {
  char joined[PATH_MAX], folder[PATH_MAX];
  if (!r->folder) return failure(SEPCL_UNSUPPORTED, "external data of a model that is not loaded from a file");
  if (!location || !*location) return failure(SEPCL_BAD_MODEL, "external data without a location");
  if (location[0] == '/' || snprintf(joined, sizeof joined, "%s/%s", r->folder, location) >= (int)sizeof joined)
    return failure(SEPCL_BAD_MODEL, "external data at '%s', which is not inside the model's folder", location);
  if (!realpath(joined, path)) return failure(SEPCL_BAD_FILE, "external data '%s' cannot be found", location);
  size_t length = realpath(r->folder, folder) ? strlen(folder) : 0;
  if (!length || strncmp(path, folder, length) != 0 || (path[length] != '/' && strcmp(folder, "/") != 0))
    return failure(SEPCL_BAD_MODEL, "external data at '%s', which is not inside the model's folder", location);
  return SEPCL_OK;
}

static sepcl_status read_external(reader *r, const Onnx__TensorProto *proto, const shape *s, tensor *out) {
  char path[PATH_MAX];
  const uint8_t *data;
  size_t bytes, offset, length, needed = (size_t)shape_elements(s) * raw_size(proto->data_type);
  TRY(external_path(r, external_entry(proto, "location"), path));
  TRY(external_number(proto, "offset", 0, &offset));
  TRY(model_memory_map(r->memory, path, &data, &bytes));
  TRY(external_number(proto, "length", needed, &length));
  if (offset > bytes || length > bytes - offset)
    return failure(SEPCL_BAD_MODEL, "external data ends at byte %zu of a file of %zu", offset + length, bytes);
  return read_bytes(r, out, proto->data_type, s, data + offset, length);
}

/* The typed field that holds elements of this type. Its count, and the i-th element widened. */
static size_t typed_count(const Onnx__TensorProto *proto) {
  switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return proto->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: return proto->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return proto->n_int64_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: return proto->n_uint64_data;
    default: return proto->n_int32_data;
  }
}

static float typed_float(const Onnx__TensorProto *proto, size_t i) {
  switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return proto->float_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: return (float)proto->double_data[i];
    default: return float_from_bits(proto->data_type, (uint16_t)proto->int32_data[i]);
  }
}

static int64_t typed_integer(const Onnx__TensorProto *proto, size_t i) {
  switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return proto->int64_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: return (int64_t)proto->uint64_data[i];
    default: return proto->int32_data[i];
  }
}

static sepcl_status read_typed(reader *r, const Onnx__TensorProto *proto, const shape *s, tensor *out) {
  size_t count = (size_t)shape_elements(s);
  float *floats;
  int64_t *integers;
  if (typed_count(proto) != count)
    return failure(SEPCL_BAD_MODEL, "%zu elements where its shape asks for %zu", typed_count(proto), count);
  if (is_floating(proto->data_type)) {
    TRY(tensor_new_floats(r, out, s, &floats));
    for (size_t i = 0; i < count; i++) floats[i] = typed_float(proto, i);
    return SEPCL_OK;
  }
  TRY(tensor_new_integers(r, out, proto->data_type, s, &integers));
  for (size_t i = 0; i < count; i++) integers[i] = typed_integer(proto, i);
  return SEPCL_OK;
}

static sepcl_status read_dims(size_t n_dims, const int64_t *dims, shape *s) {
  if (n_dims > SEPCL_MAX_RANK)
    return failure(SEPCL_UNSUPPORTED, "%zu dimensions; sepcl has at most %d", n_dims, SEPCL_MAX_RANK);
  *s = (shape){.rank = (int32_t)n_dims};
  for (size_t i = 0; i < n_dims; i++) s->dims[i] = dims[i];
  return shape_check(s);
}

static sepcl_status read_tensor(reader *r, const Onnx__TensorProto *proto, tensor *out) {
  shape s;
  TRY(read_dims(proto->n_dims, proto->dims, &s));
  if (raw_size(proto->data_type) == 0)
    return failure(SEPCL_UNSUPPORTED, "its elements are %s", type_name(proto->data_type));
  if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) return read_external(r, proto, &s, out);
  if (!proto->segment) return read_typed(r, proto, &s, out);
  size_t begin = (size_t)proto->segment->begin, end = (size_t)proto->segment->end; /* written by scan.c */
  if (begin > end || end > r->file_bytes) return failure(SEPCL_BAD_MODEL, "its data reaches past the end of the file");
  return read_bytes(r, out, proto->data_type, &s, r->file + begin, end - begin);
}

/* Integers are kept in 64 bits with a sign. */
static sepcl_status check_range(const Onnx__TensorProto *proto, const tensor *t) {
  if (proto->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT64) return SEPCL_OK;
  for (int64_t i = 0; i < shape_elements(&t->shape); i++)
    if (t->integers[i] < 0) return failure(SEPCL_UNSUPPORTED, "it holds a number over 2^63 - 1");
  return SEPCL_OK;
}

sepcl_status read_initializer(reader *r, const Onnx__TensorProto *proto, tensor *out) {
  const char *name = proto->name ? proto->name : "";
  sepcl_status status = read_tensor(r, proto, out);
  if (status == SEPCL_OK) status = check_range(proto, out);
  if (status != SEPCL_OK) return failure(status, "constant '%s': %s", name, sepcl_last_error());
  out->name = name;
  return SEPCL_OK;
}

/* Indices are linear ([count]) or one row of coordinates per element ([count][rank]). */
static sepcl_status sparse_position(const tensor *indices, const shape *s, int64_t element, int64_t *position) {
  const int64_t *row = indices->integers + element * (indices->shape.rank == 2 ? s->rank : 1);
  *position = 0;
  if (indices->shape.rank == 1) *position = row[0];
  for (int32_t a = 0; indices->shape.rank == 2 && a < s->rank; a++) {
    if (row[a] < 0 || row[a] >= s->dims[a]) return failure(SEPCL_BAD_MODEL, "an index is outside the shape");
    *position = *position * s->dims[a] + row[a];
  }
  if (*position < 0 || *position >= shape_elements(s)) return failure(SEPCL_BAD_MODEL, "an index is outside the shape");
  return SEPCL_OK;
}

static sepcl_status read_sparse(reader *r, const Onnx__SparseTensorProto *proto, tensor *out) {
  tensor values, indices;
  shape s;
  float *data;
  if (!proto->values || !proto->indices) return failure(SEPCL_BAD_MODEL, "no values or indices");
  TRY(read_dims(proto->n_dims, proto->dims, &s));
  TRY(read_tensor(r, proto->values, &values));
  TRY(read_tensor(r, proto->indices, &indices));
  int64_t count = shape_elements(&values.shape);
  shape linear = {1, {count}}, coordinates = {2, {count, s.rank}};
  if (!values.floats || !indices.integers) return failure(SEPCL_UNSUPPORTED, "values that are not floats");
  if (!shape_equal(&indices.shape, &linear) && !shape_equal(&indices.shape, &coordinates))
    return failure(SEPCL_BAD_MODEL, "indices and values do not fit each other");
  TRY(tensor_new_floats(r, out, &s, &data));
  for (int64_t i = 0; i < count; i++) {
    int64_t position;
    TRY(sparse_position(&indices, &s, i, &position));
    data[position] = values.floats[i];
  }
  return SEPCL_OK;
}

sepcl_status read_sparse_initializer(reader *r, const Onnx__SparseTensorProto *proto, tensor *out) {
  const char *name = proto->values && proto->values->name ? proto->values->name : "";
  sepcl_status status = read_sparse(r, proto, out);
  if (status != SEPCL_OK) return failure(status, "sparse constant '%s': %s", name, sepcl_last_error());
  out->name = name;
  return SEPCL_OK;
}
