/* Functions that a model brings along: a node that calls one is replaced by the function's nodes. */
#ifndef SEPCL_MODEL_FUNCTION_H
#define SEPCL_MODEL_FUNCTION_H

#include "model/reader.h"

/* NULL: the node calls none. */
const Onnx__FunctionProto *find_function(const reader *r, const Onnx__NodeProto *node);
sepcl_status inline_function(reader *r, const Onnx__NodeProto *node, const Onnx__FunctionProto *function);

#endif
