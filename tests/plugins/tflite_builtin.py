"""Rewrites a model's Convolution2DTransposeBias, MediaPipe's own operator, as the built-in TRANSPOSE_CONV, so that a host
without MediaPipe can run the model on its own kernels: the reference for the delegate, which knows the operator.

python3 tflite_builtin.py MODEL.tflite OUT.tflite     (needs ai-edge-litert and flatbuffers)"""
import struct
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

CUSTOM, TRANSPOSE_CONV = 32, 67


def add_shape(model, graph, dims):
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(struct.pack("<4i", *dims), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = np.array([4], np.int32), schema.TensorType.INT32, len(model.buffers) - 1
    tensor.name = b"output_shape"
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def rewrite(model):
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = TRANSPOSE_CONV
    code.version = 3  # with a bias
    model.operatorCodes.append(code)
    count = 0
    graph = model.subgraphs[0]
    for node in graph.operators:
        old = model.operatorCodes[node.opcodeIndex]
        if old.builtinCode != CUSTOM or old.customCode != b"Convolution2DTransposeBias":
            continue
        padding, stride_w, stride_h = struct.unpack("<3i", bytes(bytearray(node.customOptions))[:12])
        options = schema.TransposeConvOptionsT()
        options.padding, options.strideW, options.strideH = padding - 1, stride_w, stride_h  # the file counts from 0
        x, weights, bias = node.inputs
        node.inputs = np.array([add_shape(model, graph, graph.tensors[node.outputs[0]].shape), weights, x, bias], np.int32)
        node.opcodeIndex = len(model.operatorCodes) - 1
        node.builtinOptionsType, node.builtinOptions = schema.BuiltinOptions.TransposeConvOptions, options
        node.customOptions = None
        count += 1
    return count


def main():
    with open(sys.argv[1], "rb") as file:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read(), 0))
    count = rewrite(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(sys.argv[2], "wb") as file:
        file.write(builder.Output())
    print(f"{count} operators rewritten")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
