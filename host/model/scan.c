#include "model/scan.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "onnx.pb-c.h"

enum {
  MAX_DEPTH = 96,         /* model, graph, node, attribute, tensor: 5; 3 for each subgraph inside another */
  MAX_MESSAGES = 4 << 20, /* messages and texts: each costs an allocation */
  TENSOR_RAW_DATA = 9,    /* TensorProto's field numbers */
  TENSOR_SEGMENT = 3,
  LENGTH_BYTES = 5 /* of a length that is filled in later */
};

typedef enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 } wire_type;

typedef struct scan {
  const uint8_t *data;
  size_t at; /* the next byte to be read */
  uint8_t *out;
  size_t used, capacity;
  size_t messages;
} scan;

typedef struct field_start {
  const ProtobufCFieldDescriptor *field; /* NULL: unknown */
  uint32_t number;
  wire_type wire;
} field_start;

static sepcl_status read_varint(scan *s, size_t end, uint64_t *value) {
  size_t begin = s->at;
  *value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (s->at >= end) return failure(SEPCL_BAD_MODEL, "the file ends inside a number at byte %zu", begin);
    uint8_t byte = s->data[s->at++];
    if (shift < 64) *value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return SEPCL_OK;
  }
  return failure(SEPCL_BAD_MODEL, "a number of more than ten bytes at byte %zu", begin);
}

static sepcl_status reserve(scan *s, size_t bytes) {
  if (bytes <= s->capacity - s->used) return SEPCL_OK;
  size_t capacity = s->capacity * 2 + bytes; /* the input is at most 2 GiB: no overflow */
  uint8_t *grown = realloc(s->out, capacity);
  if (!grown) return failure(SEPCL_OUT_OF_MEMORY, "out of memory: %zu bytes for a model", capacity);
  s->out = grown;
  s->capacity = capacity;
  return SEPCL_OK;
}

/* The writers below rely on scan_value's reservation. */
static void write_varint(scan *s, uint64_t value) {
  while (value >= 0x80) {
    s->out[s->used++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  s->out[s->used++] = (uint8_t)value;
}

static void write_length(uint8_t *to, size_t length) {
  for (int i = 0; i < LENGTH_BYTES - 1; i++, length >>= 7) to[i] = (uint8_t)((length & 0x7f) | 0x80);
  to[LENGTH_BYTES - 1] = (uint8_t)(length & 0x7f);
}

static wire_type expected_wire(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return WIRE_BYTES;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32: return WIRE_32;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: return WIRE_64;
    default: return WIRE_VARINT;
  }
}

static bool is_packed(const field_start *start) {
  return start->field->label == PROTOBUF_C_LABEL_REPEATED && start->wire == WIRE_BYTES &&
         expected_wire(start->field) != WIRE_BYTES;
}

static sepcl_status read_field_start(scan *s, const ProtobufCMessageDescriptor *message, size_t end,
                                     field_start *start) {
  size_t begin = s->at;
  uint64_t tag;
  TRY(read_varint(s, end, &tag));
  start->number = (uint32_t)(tag >> 3);
  start->wire = (wire_type)(tag & 7);
  if (tag > UINT32_MAX || start->number == 0)
    return failure(SEPCL_BAD_MODEL, "no valid field of %s at byte %zu", message->name, begin);
  start->field = protobuf_c_message_descriptor_get_field(message, start->number);
  if (!start->field || start->wire == expected_wire(start->field) || is_packed(start)) return SEPCL_OK;
  return failure(SEPCL_BAD_MODEL, "%s.%s at byte %zu is of another type than ONNX defines", message->name,
                 start->field->name, begin);
}

/* The end of the field's value; for WIRE_BYTES s->at is moved to the first byte of the content. */
static sepcl_status find_value_end(scan *s, wire_type wire, size_t end, size_t *value_end) {
  size_t begin = s->at;
  uint64_t length = wire == WIRE_64 ? 8 : 4;
  if (wire == WIRE_VARINT) {
    uint64_t ignored;
    TRY(read_varint(s, end, &ignored));
    *value_end = s->at;
    s->at = begin;
    return SEPCL_OK;
  }
  if (wire == WIRE_BYTES)
    TRY(read_varint(s, end, &length));
  else if (wire != WIRE_64 && wire != WIRE_32)
    return failure(SEPCL_BAD_MODEL, "no valid protobuf field at byte %zu", begin);
  if (length > end - s->at)
    return failure(SEPCL_BAD_MODEL, "a field of %llu bytes at byte %zu reaches past the end",
                   (unsigned long long)length, begin);
  *value_end = s->at + (size_t)length;
  return SEPCL_OK;
}

/* What the reader never looks at. */
static bool is_ignored(const ProtobufCFieldDescriptor *field) {
  static const char *const names[] = {"doc_string", "value_info", "training_info", "quantization_annotation"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(field->name, names[i]) == 0) return true;
  return false;
}

static sepcl_status scan_message(scan *s, const ProtobufCMessageDescriptor *message, size_t end, int depth);

static sepcl_status scan_submessage(scan *s, const field_start *start, size_t value_end, int depth) {
  if (depth >= MAX_DEPTH)
    return failure(SEPCL_BAD_MODEL, "messages are nested more than %d deep at byte %zu", MAX_DEPTH, s->at);
  write_varint(s, (uint64_t)start->number << 3 | WIRE_BYTES);
  size_t length_at = s->used;
  s->used += LENGTH_BYTES;
  TRY(scan_message(s, start->field->descriptor, value_end, depth + 1));
  write_length(s->out + length_at, s->used - length_at - LENGTH_BYTES);
  return SEPCL_OK;
}

static void write_segment(scan *s, size_t begin, size_t end) {
  write_varint(s, TENSOR_SEGMENT << 3 | WIRE_BYTES);
  size_t length_at = s->used++;
  write_varint(s, 1 << 3 | WIRE_VARINT);
  write_varint(s, begin);
  write_varint(s, 2 << 3 | WIRE_VARINT);
  write_varint(s, end);
  s->out[length_at] = (uint8_t)(s->used - length_at - 1);
}

static sepcl_status scan_value(scan *s, const ProtobufCMessageDescriptor *message, const field_start *start,
                               size_t value_end, int depth) {
  bool is_raw = message == &onnx__tensor_proto__descriptor && start->number == TENSOR_RAW_DATA;
  bool is_message = start->field->type == PROTOBUF_C_TYPE_MESSAGE;
  if (start->wire == WIRE_BYTES && !is_packed(start) && ++s->messages > MAX_MESSAGES)
    return failure(SEPCL_BAD_MODEL, "more than %d messages and texts", (int)MAX_MESSAGES);
  if (message == &onnx__tensor_proto__descriptor && start->number == TENSOR_SEGMENT)
    return failure(SEPCL_UNSUPPORTED, "a tensor in segments at byte %zu", s->at);
  TRY(reserve(s, 64 + (is_raw || is_message ? 0 : value_end - s->at)));
  if (is_raw) {
    write_segment(s, s->at, value_end);
  } else if (is_message) {
    return scan_submessage(s, start, value_end, depth);
  } else {
    write_varint(s, (uint64_t)start->number << 3 | start->wire);
    if (start->wire == WIRE_BYTES) write_varint(s, value_end - s->at);
    memcpy(s->out + s->used, s->data + s->at, value_end - s->at);
    s->used += value_end - s->at;
  }
  s->at = value_end;
  return SEPCL_OK;
}

/* A field that may occur once only: protobuf would merge its occurrences, and no writer of ONNX relies on that. */
static sepcl_status check_once(const scan *s, const ProtobufCMessageDescriptor *message, const field_start *start,
                               uint64_t *seen) {
  if (start->field->label == PROTOBUF_C_LABEL_REPEATED) return SEPCL_OK;
  uint64_t bit = UINT64_C(1) << ((start->field - message->fields) & 63);
  if (*seen & bit)
    return failure(SEPCL_BAD_MODEL, "%s.%s occurs twice at byte %zu", message->name, start->field->name, s->at);
  *seen |= bit;
  return SEPCL_OK;
}

static sepcl_status scan_message(scan *s, const ProtobufCMessageDescriptor *message, size_t end, int depth) {
  uint64_t seen = 0;
  while (s->at < end) {
    field_start start = {0};
    size_t value_end = 0;
    TRY(read_field_start(s, message, end, &start));
    TRY(find_value_end(s, start.wire, end, &value_end));
    if (!start.field || is_ignored(start.field)) {
      s->at = value_end;
      continue;
    }
    TRY(check_once(s, message, &start, &seen));
    TRY(scan_value(s, message, &start, value_end, depth));
  }
  return SEPCL_OK;
}

sepcl_status scan_model(const uint8_t *data, size_t bytes, uint8_t **out, size_t *out_bytes) {
  *out = NULL;
  if (bytes > INT32_MAX) return failure(SEPCL_BAD_MODEL, "a model of more than 2 GiB: use external data");
  scan s = {.data = data};
  sepcl_status status = reserve(&s, 4096);
  if (status == SEPCL_OK) status = scan_message(&s, &onnx__model_proto__descriptor, bytes, 1);
  if (status != SEPCL_OK) {
    free(s.out);
    return status;
  }
  *out = s.out;
  *out_bytes = s.used;
  return SEPCL_OK;
}
