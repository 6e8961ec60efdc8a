"""Writes NAME.tflite beside NAME.onnx for the LiteRT engine: the same weights, NHWC. Needs TensorFlow (peers --litert).

    tflite.py [GLOB ...]        over the networks that are there

Covers the operators of models.py only. Rank-4 tensors turn from NCHW to NHWC; the rank-5 ones of a channel shuffle,
(1, groups, c / groups, h, w), become (1, h, w, groups, c / groups). bench.py compares the results with ONNX Runtime.
"""
import fnmatch, os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import onnx
import tensorflow as tf
from onnx import helper, numpy_helper

from settings import MODELS


def window(x, attributes, kernel, fill=0.0):
    """(x, padding) for a window operator: SAME or VALID where they mean the same, else x padded explicitly."""
    stride, begin = attributes["strides"][0], attributes["pads"][0]
    span = attributes.get("dilations", [1])[0] * (kernel - 1) + 1
    def ends(size):
        room = size + 2 * begin - span
        outputs = room // stride + 1
        if attributes.get("ceil_mode") and room % stride and outputs * stride < size + begin:
            outputs += 1
        end = max(0, (outputs - 1) * stride + span - size - begin)
        same = max(0, (-(-size // stride) - 1) * stride + span - size)
        return begin, end, outputs == -(-size // stride) and (begin, end) == (same // 2, same - same // 2)
    (top, bottom, same_h), (left, right, same_w) = ends(x.shape[1]), ends(x.shape[2])
    if same_h and same_w:
        return x, "SAME"
    if top or bottom or left or right:
        x = tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=fill)
    return x, "VALID"


def conv(x, a, w, bias=None):
    groups, stride = a["group"], a["strides"][0]
    x, padding = window(x, a, w.shape[2])
    if groups == x.shape[3]:
        filters = w.transpose(2, 3, 0, 1).reshape(*w.shape[2:], groups, -1)
        y = tf.nn.depthwise_conv2d(x, filters, [1, stride, stride, 1], padding, dilations=a["dilations"])
    else:
        y = tf.nn.conv2d(x, w.transpose(2, 3, 1, 0), stride, padding, dilations=a["dilations"])
    return y if bias is None else y + bias


def batch_norm(x, a, gamma, beta, mean, variance):
    scale = gamma / np.sqrt(variance + np.float32(a["epsilon"]))
    return x * scale + (beta - mean * scale)


def max_pool(x, a):
    k = a["kernel_shape"][0]
    x, padding = window(x, a, k, np.float32(-3.4e38))
    return tf.nn.max_pool2d(x, k, a["strides"][0], padding)


def average_pool(x, a):
    """count_include_pad: zeros are padded explicitly and counted."""
    p = a["pads"][0]
    x = tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]]) if p else x
    return tf.nn.avg_pool2d(x, a["kernel_shape"][0], a["strides"][0], "VALID")


def reshape(x, a, shape):
    n, *rest = (int(v) for v in shape)
    return tf.reshape(x, [n, *rest[-2:], *rest[:-2]])


def shuffle_transpose(x, a):
    if list(a["perm"]) != [0, 2, 1, 3, 4]:
        raise NotImplementedError(f"Transpose {a['perm']}")
    return tf.transpose(x, [0, 1, 2, 4, 3])


def flatten(x, a):
    return tf.reshape(tf.transpose(x, [0, 3, 1, 2]) if x.shape[1] * x.shape[2] > 1 else x, [1, -1])


hard_sigmoid = lambda x: tf.nn.relu6(x + 3) * np.float32(1 / 6)
OPERATORS = {
    "Conv": conv, "BatchNormalization": batch_norm, "Flatten": flatten, "Reshape": reshape,
    "Transpose": shuffle_transpose, "AveragePool": average_pool, "MaxPool": max_pool,
    "GlobalAveragePool": lambda x, a: tf.reduce_mean(x, [1, 2], keepdims=True),
    "Gemm": lambda x, a, w, b: tf.matmul(x, w, transpose_b=True) + b,
    "Relu": lambda x, a: tf.nn.relu(x), "Clip": lambda x, a, low, high: tf.nn.relu6(x),
    "HardSwish": lambda x, a: x * hard_sigmoid(x), "HardSigmoid": lambda x, a: hard_sigmoid(x),
    "Sigmoid": lambda x, a: tf.sigmoid(x), "Softmax": lambda x, a: tf.nn.softmax(x),
    "Add": lambda x, a, y: x + y, "Mul": lambda x, a, y: x * y,
    "Concat": lambda x, a, *more: tf.concat([x, *more], -1),
    "Split": lambda x, a, sizes: tf.split(x, [int(s) for s in sizes], -1),
}


def translate(graph, x):
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    values[graph.input[0].name] = x
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        first, *rest = (values[name] for name in node.input)
        result = OPERATORS[node.op_type](first, attributes, *rest)
        values.update(zip(node.output, result if isinstance(result, list) else [result]))
    return values[graph.output[0].name]


def convert(path):
    graph = onnx.load(path).graph
    n, c, h, w = (d.dim_value for d in graph.input[0].type.tensor_type.shape.dim)
    function = tf.function(lambda x: translate(graph, x), autograph=False).get_concrete_function(
        tf.TensorSpec([n, h, w, c], tf.float32, name="input"))
    return tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()


def main():
    failed = 0
    for path in sorted(MODELS.glob("*.onnx")):
        if any(fnmatch.fnmatch(path.stem, g) for g in sys.argv[1:] or ["*"]):
            try:
                path.with_suffix(".tflite").write_bytes(convert(path))
                print(path.stem, flush=True)
            except Exception as error:
                failed += 1
                print(f"{path.stem} fails: {type(error).__name__}: {str(error)[:300]}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
