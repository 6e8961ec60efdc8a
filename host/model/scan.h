/* A first look at a model's bytes, before protobuf-c unpacks them. protobuf-c neither limits nesting nor leaves weights
 * where they are; so the scan checks nesting, lengths, wire types and counts against ONNX's message definitions, and
 * copies the message without what the reader does not need: documentation, unknown fields, and raw tensor data. In
 * place of a tensor's raw_data it writes the unused field `segment` {begin, end}: the data's place in the file. */
#ifndef SEPCL_MODEL_SCAN_H
#define SEPCL_MODEL_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "sepcl.h"

/* *out is to be freed with free(). */
sepcl_status scan_model(const uint8_t *data, size_t bytes, uint8_t **out, size_t *out_bytes);

#endif
