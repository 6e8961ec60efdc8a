"""The benchmark's networks as ONNX files with deterministic random weights and unfused batch normalisation.

Each file is checked (onnx.checker; ONNX Runtime's output is finite, differs between classes and between inputs) and
its cost counted from the file itself, not from the builder. MACs count convolutions and fully connected layers, one
multiply-add as one; parameters are weights, biases and BN's gamma and beta (its mean and variance are not trained).
"""
import math, os, sys, zlib
from typing import NamedTuple
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from settings import MODELS

OPSET = 17
RELU_GAIN, LINEAR_GAIN, HALVED_GAIN = 2.0, 1.0, 4.0   # He: variance of the weights times the fan-in


class Tensor(NamedTuple):
    name: str
    c: int
    h: int = 1
    w: int = 1
    flat: bool = False   # rank 2 in the ONNX graph


class Net:
    """Appends ONNX nodes; every method takes and returns Tensors (batch 1, NCHW)."""

    def __init__(self, name, size):
        self.name, self.nodes, self.weights = name, [], []
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.input = Tensor("input", 3, size, size)

    # ---- primitives -------------------------------------------------------------------------------------------
    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, op, inputs, outputs=1, **attributes):
        names = [f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names if outputs > 1 else names[0]

    def elementwise(self, op, *tensors, **attributes):
        return tensors[0]._replace(name=self.node(op, [t.name for t in tensors], **attributes))

    def activation(self, x, kind):
        if kind is None:
            return x
        if kind == "Relu6":
            return x._replace(name=self.node("Clip", [x.name, self.constant(0.0), self.constant(6.0)]))
        if kind == "HardSigmoid":
            return self.elementwise("HardSigmoid", x, alpha=1 / 6, beta=0.5)
        return self.elementwise(kind, x)

    def batch_norm(self, x, scale=1.0):
        gamma = scale * self.random.uniform(0.8, 1.2, x.c)
        beta, mean = (self.random.normal(0, 0.1, x.c) for _ in range(2))
        variance = self.random.uniform(0.8, 1.2, x.c)
        return x._replace(name=self.node("BatchNormalization", [x.name] + [
            self.constant(v) for v in (gamma, beta, mean, variance)], epsilon=1e-5))

    def conv(self, x, c, k=1, stride=1, pad=None, groups=1, dilation=1, bias=False, gain=RELU_GAIN):
        pad = (k // 2) * dilation if pad is None else pad
        fan_in = x.c // groups * k * k
        weights = self.random.normal(0, math.sqrt(gain / fan_in), (c, x.c // groups, k, k))
        inputs = [x.name, self.constant(weights)]
        if bias:
            inputs.append(self.constant(self.random.normal(0, 0.1, c)))
        name = self.node("Conv", inputs, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, group=groups,
                         dilations=[dilation] * 2)
        out = lambda n: (n + 2 * pad - dilation * (k - 1) - 1) // stride + 1
        return Tensor(name, c, out(x.h), out(x.w))

    def pool(self, op, x, k, stride, pad=0, ceil=False, **attributes):
        name = self.node(op, [x.name], kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, ceil_mode=int(ceil),
                         **attributes)
        def out(n):
            span = n + 2 * pad - k
            outputs = (-(-span // stride) if ceil else span // stride) + 1
            return outputs - 1 if ceil and (outputs - 1) * stride >= n + pad else outputs
        return Tensor(name, x.c, out(x.h), out(x.w))

    def max_pool(self, x, k=3, stride=2, pad=0, ceil=False):
        return self.pool("MaxPool", x, k, stride, pad, ceil)

    def average_pool(self, x, k, stride, pad=0):
        return self.pool("AveragePool", x, k, stride, pad, count_include_pad=1)

    def global_pool(self, x):
        return Tensor(self.node("GlobalAveragePool", [x.name]), x.c)

    def flatten(self, x):
        return Tensor(self.node("Flatten", [x.name]), x.c * x.h * x.w, flat=True)

    def dense(self, x, c, activation=None, gain=LINEAR_GAIN):
        weights = self.constant(self.random.normal(0, math.sqrt(gain / x.c), (c, x.c)))
        bias = self.constant(self.random.normal(0, 0.1, c))
        return self.activation(Tensor(self.node("Gemm", [x.name, weights, bias], transB=1), c, flat=True), activation)

    def add(self, a, b):
        return self.elementwise("Add", a, b)

    def concat(self, *tensors):
        return tensors[0]._replace(name=self.node("Concat", [t.name for t in tensors], axis=1),
                                   c=sum(t.c for t in tensors))

    def split(self, x, *channels):
        names = self.node("Split", [x.name, self.constant(channels, np.int64)], outputs=len(channels), axis=1)
        return [x._replace(name=n, c=c) for n, c in zip(names, channels)]

    def shuffle(self, x, groups):
        """Channel shuffle: output channel i * groups + g is input channel g * (c / groups) + i."""
        grid = self.constant([1, groups, x.c // groups, x.h, x.w], np.int64)
        turned = self.node("Transpose", [self.node("Reshape", [x.name, grid])], perm=[0, 2, 1, 3, 4])
        return x._replace(name=self.node("Reshape", [turned, self.constant([1, x.c, x.h, x.w], np.int64)]))

    # ---- blocks that several networks share -----------------------------------------------------------------------
    def conv_bn(self, x, c, k=1, stride=1, act="Relu", scale=1.0, **options):
        options.setdefault("gain", RELU_GAIN if act else LINEAR_GAIN)
        return self.activation(self.batch_norm(self.conv(x, c, k, stride, **options), scale), act)

    def conv_bias(self, x, c, k=1, stride=1, **options):
        return self.activation(self.conv(x, c, k, stride, bias=True, **options), "Relu")

    def depthwise_bn(self, x, k=3, stride=1, act="Relu", **options):
        return self.conv_bn(x, x.c, k, stride, act, groups=x.c, **options)

    def squeeze_excite(self, x, c, gate="Sigmoid"):
        """Squeeze (global average), two 1x1 convolutions, gate. Halves its input on average."""
        s = self.activation(self.conv(self.global_pool(x), c, bias=True), "Relu")
        return self.elementwise("Mul", x, self.activation(self.conv(s, x.c, bias=True, gain=LINEAR_GAIN), gate))

    def classify(self, x, classes=1000):
        return self.dense(self.flatten(self.global_pool(x)), classes)

    def model(self, output):
        shape = [1, output.c] if output.flat else [1, output.c, output.h, output.w]
        value = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        graph = helper.make_graph(self.nodes, self.name, [value("input", [1, self.input.c, self.input.h, self.input.w])],
                                  [value(output.name, shape)], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
                                 producer_name="peerbench")


RESIDUAL = 0.25   # gamma of the last BN in a residual branch, so that the trunk's variance does not double per block


# ---- networks: each takes a Net and returns its output -----------------------------------------------------------
def mobilenet_v1(n, alpha=1.0):
    x = n.conv_bn(n.input, int(32 * alpha), 3, 2)
    for c, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [(1024, 2), (1024, 1)]:
        x = n.conv_bn(n.depthwise_bn(x, 3, stride), int(c * alpha))
    return n.classify(x)


def inverted_residual(n, x, c, stride=1, expand=6, dilation=1):
    y = n.conv_bn(x, x.c * expand, act="Relu6") if expand != 1 else x
    y = n.depthwise_bn(y, 3, stride, "Relu6", dilation=dilation)
    joins = stride == 1 and x.c == c
    y = n.conv_bn(y, c, act=None, scale=RESIDUAL if joins else 1.0)
    return n.add(x, y) if joins else y


def mobilenet_v2_trunk(n, output_stride=32):
    """MobileNet v2 up to its 320 channels; from output_stride on, strides turn into dilations."""
    x, reached, dilation = n.conv_bn(n.input, 32, 3, 2, "Relu6"), 2, 1
    for expand, c, repeats, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                       (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            s = stride if i == 0 else 1
            if reached * s > output_stride:
                x, dilation = inverted_residual(n, x, c, 1, expand, dilation), dilation * s
            else:
                x, reached = inverted_residual(n, x, c, s, expand, dilation), reached * s
    return x


def mobilenet_v2(n):
    return n.classify(n.conv_bn(mobilenet_v2_trunk(n), 1280, act="Relu6"))


def aspp_mobilenet_v2(n, classes=21):
    """Atrous spatial pyramid on MobileNet v2: output stride 16; no image-pooling branch and no upsampling."""
    x = mobilenet_v2_trunk(n, output_stride=16)
    x = n.concat(n.conv_bn(x, 256), *(n.conv_bn(x, 256, 3, dilation=d) for d in (6, 12, 18)))
    return n.conv(n.conv_bn(x, 256), classes, bias=True, gain=LINEAR_GAIN)


def mobilenet_v3_large(n):
    hs, re = "HardSwish", "Relu"
    eighth = lambda v: max(8, (int(v) + 4) // 8 * 8)
    x = n.conv_bn(n.input, 16, 3, 2, hs)
    for k, middle, c, se, act, stride in [
            (3, 16, 16, 0, re, 1), (3, 64, 24, 0, re, 2), (3, 72, 24, 0, re, 1), (5, 72, 40, 1, re, 2),
            (5, 120, 40, 1, re, 1), (5, 120, 40, 1, re, 1), (3, 240, 80, 0, hs, 2), (3, 200, 80, 0, hs, 1),
            (3, 184, 80, 0, hs, 1), (3, 184, 80, 0, hs, 1), (3, 480, 112, 1, hs, 1), (3, 672, 112, 1, hs, 1),
            (5, 672, 160, 1, hs, 2), (5, 960, 160, 1, hs, 1), (5, 960, 160, 1, hs, 1)]:
        y = n.conv_bn(x, middle, act=act) if middle != x.c else x
        y = n.depthwise_bn(y, k, stride, act)
        y = n.squeeze_excite(y, eighth(middle / 4), "HardSigmoid") if se else y
        joins = stride == 1 and x.c == c
        y = n.conv_bn(y, c, act=None, scale=RESIDUAL if joins else 1.0, gain=HALVED_GAIN if se else RELU_GAIN)
        x = n.add(x, y) if joins else y
    x = n.flatten(n.global_pool(n.conv_bn(x, 960, act=hs)))
    return n.dense(n.dense(x, 1280, hs, RELU_GAIN), 1000)


def xception(n):
    def separable(x, c, relu_before=True, scale=1.0):
        x = n.activation(x, "Relu") if relu_before else x
        return n.conv_bn(n.conv(x, x.c, 3, groups=x.c), c, act=None, scale=scale)
    x = n.conv_bn(n.conv_bn(n.input, 32, 3, 2, pad=0), 64, 3, pad=0)
    for c in (128, 256, 728):
        y = separable(separable(x, c, relu_before=c != 128), c)
        x = n.add(n.max_pool(y, pad=1), n.conv_bn(x, c, stride=2, act=None))
    for _ in range(8):
        x = n.add(x, separable(separable(separable(x, 728), 728), 728, scale=RESIDUAL))
    y = separable(separable(x, 728), 1024)
    x = n.add(n.max_pool(y, pad=1), n.conv_bn(x, 1024, stride=2, act=None))
    for c in (1536, 2048):
        x = n.activation(separable(x, c, relu_before=False), "Relu")
    return n.classify(x)


def shufflenet_v1(n, groups=3, widths=(240, 480, 960)):
    x = n.max_pool(n.conv_bn(n.input, 24, 3, 2), pad=1)
    for stage, (width, repeats) in enumerate(zip(widths, (4, 8, 4))):
        for i in range(repeats):
            c = width if i else width - x.c                   # the first unit concatenates its input, pooled
            first = 1 if stage == 0 and i == 0 else groups    # 24 channels are too few to split
            y = n.shuffle(n.conv_bn(x, width // 4, groups=first), groups)
            y = n.depthwise_bn(y, 3, 1 if i else 2, act=None)
            y = n.conv_bn(y, c, groups=groups, act=None, scale=RESIDUAL if i else 1.0)
            x = n.activation(n.add(x, y) if i else n.concat(n.average_pool(x, 3, 2, 1), y), "Relu")
    return n.classify(x)


def shufflenet_v2(n, widths=(116, 232, 464)):
    x = n.max_pool(n.conv_bn(n.input, 24, 3, 2), pad=1)
    for width, repeats in zip(widths, (4, 8, 4)):
        half = width // 2
        for i in range(repeats):
            if i == 0:
                left, right, stride = n.conv_bn(n.depthwise_bn(x, 3, 2, None), half), x, 2
            else:
                (left, right), stride = n.split(x, half, half), 1
            right = n.conv_bn(n.depthwise_bn(n.conv_bn(right, half), 3, stride, None), half)
            x = n.shuffle(n.concat(left, right), 2)
    return n.classify(n.conv_bn(x, 1024))


def igcv3_d(n):
    """Two group 1x1 convolutions (g = 2) around a depthwise 3x3, channels interleaved after each of the two."""
    x = n.conv_bn(n.input, 32, 3, 2, "Relu6")
    for expand, c, repeats, stride in [(1, 16, 1, 1), (6, 24, 4, 2), (6, 32, 6, 2), (6, 64, 8, 2), (6, 96, 6, 1),
                                       (6, 160, 6, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            s = stride if i == 0 else 1
            joins = s == 1 and x.c == c
            y = n.shuffle(n.conv_bn(x, x.c * expand, act=None, groups=2), 2)
            y = n.depthwise_bn(y, 3, s, "Relu6")
            y = n.conv_bn(y, c, act=None, groups=2, scale=RESIDUAL if joins else 1.0)
            y = n.shuffle(y, c // 2)
            x = n.add(x, y) if joins else y
    return n.classify(n.conv_bn(x, 1280, act="Relu6"))


def resnet50(n, se=False):
    """Bottlenecks 3, 4, 6, 3; the stride sits in the 3x3 convolution."""
    x = n.max_pool(n.conv_bn(n.input, 64, 7, 2), pad=1)
    for stage, repeats in enumerate((3, 4, 6, 3)):
        c = 64 << stage
        for i in range(repeats):
            stride = 2 if stage and i == 0 else 1
            y = n.conv_bn(n.conv_bn(n.conv_bn(x, c), c, 3, stride), 4 * c, act=None, scale=2 * RESIDUAL if i else 1.0)
            y = n.squeeze_excite(y, c // 4) if se else y
            x = n.activation(n.add(x if i else n.conv_bn(x, 4 * c, stride=stride, act=None), y), "Relu")
    return n.classify(x)


def squeezenet_1_1(n):
    def fire(x, squeeze, expand):
        x = n.conv_bias(x, squeeze)
        return n.concat(n.conv_bias(x, expand), n.conv_bias(x, expand, 3))
    x = n.max_pool(n.conv_bias(n.input, 64, 3, 2, pad=0), ceil=True)
    x = n.max_pool(fire(fire(x, 16, 64), 16, 64), ceil=True)
    x = n.max_pool(fire(fire(x, 32, 128), 32, 128), ceil=True)
    for squeeze, expand in ((48, 192), (48, 192), (64, 256), (64, 256)):
        x = fire(x, squeeze, expand)
    return n.flatten(n.global_pool(n.conv_bias(x, 1000)))


def densenet121(n, growth=32):
    pre = lambda x, c, k=1: n.conv(n.activation(n.batch_norm(x), "Relu"), c, k)
    x = n.max_pool(n.conv_bn(n.input, 64, 7, 2), pad=1)
    for i, repeats in enumerate((6, 12, 24, 16)):
        x = n.average_pool(pre(x, x.c // 2), 2, 2) if i else x
        for _ in range(repeats):
            x = n.concat(x, pre(pre(x, 4 * growth), growth, 3))
    return n.classify(n.activation(n.batch_norm(x), "Relu"))


def googlenet(n):
    """Inception v1 with its 5x5 branches; batch normalisation in place of local response normalisation."""
    def inception(x, a, b1, b, c1, c, d):
        return n.concat(n.conv_bn(x, a), n.conv_bn(n.conv_bn(x, b1), b, 3), n.conv_bn(n.conv_bn(x, c1), c, 5),
                        n.conv_bn(n.max_pool(x, 3, 1, 1), d))
    x = n.max_pool(n.conv_bn(n.input, 64, 7, 2), ceil=True)
    x = n.max_pool(n.conv_bn(n.conv_bn(x, 64), 192, 3), ceil=True)
    x = inception(inception(x, 64, 96, 128, 16, 32, 32), 128, 128, 192, 32, 96, 64)
    x = n.max_pool(x, ceil=True)
    for widths in ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
                   (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)):
        x = inception(x, *widths)
    x = n.max_pool(x, ceil=True)
    x = inception(inception(x, 256, 160, 320, 32, 128, 128), 384, 192, 384, 48, 128, 128)
    return n.classify(x)


def vgg16(n):
    x = n.input
    for c, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            x = n.conv_bias(x, c, 3)
        x = n.max_pool(x, 2)
    x = n.flatten(x)
    return n.dense(n.dense(n.dense(x, 4096, "Relu", RELU_GAIN), 4096, "Relu", RELU_GAIN), 1000)


def alexnet(n):
    """Two groups in convolutions 2, 4 and 5, as first published; without local response normalisation."""
    x = n.max_pool(n.conv_bias(n.input, 96, 11, 4, pad=2))
    x = n.max_pool(n.conv_bias(x, 256, 5, groups=2))
    x = n.conv_bias(n.conv_bias(n.conv_bias(x, 384, 3), 384, 3, groups=2), 256, 3, groups=2)
    x = n.flatten(n.max_pool(x))
    return n.dense(n.dense(n.dense(x, 4096, "Relu", RELU_GAIN), 4096, "Relu", RELU_GAIN), 1000)


def keras_separable(n):
    """The Keras Sequential of SeparableConv2D layers: 3x3, valid, ReLU, bias after the pointwise half only."""
    x = n.input
    for c in (32, 64, "pool", 64, 128, "pool", 64, 128):
        x = n.max_pool(x, 2) if c == "pool" else n.conv_bias(
            n.conv(x, x.c, 3, pad=0, groups=x.c, gain=LINEAR_GAIN), c)
    x = n.dense(n.dense(n.flatten(n.global_pool(x)), 32, "Relu", RELU_GAIN), 10)
    return n.elementwise("Softmax", x, axis=1)


# What the paper says of some of the 16 sizes.
MOBILENET_V1 = {
    (1.0, 224): (568.7, 4.2, "paper: 569, 4.2"), (0.75, 224): (325, 2.6, "paper"), (0.5, 224): (149, 1.3, "paper"),
    (0.25, 224): (41, 0.5, "paper"), (1.0, 192): (418, 4.2, "paper"), (1.0, 160): (290, 4.2, "paper"),
    (1.0, 128): (186, 4.2, "paper"),
}
TRIALS = ("mobilenet_v2_96",)   # not measured unless named: to try the command itself

# name: (builder, input size, arguments, expected million MACs, million parameters, source of the expectation)
NETWORKS = {
    **{f"mobilenet_v1_{alpha}_{size}": (mobilenet_v1, size, {"alpha": alpha}, *MOBILENET_V1.get((alpha, size), (None, None, "")))
       for alpha in (1.0, 0.75, 0.5, 0.25) for size in (224, 192, 160, 128)},
    "mobilenet_v2": (mobilenet_v2, 224, {}, 300.8, 3.5, "paper: 300, 3.4"),
    "mobilenet_v3_large": (mobilenet_v3_large, 224, {}, 219, 5.4, "paper"),
    "xception": (xception, 299, {}, 8400, 22.9, "about 8.4G; Keras 22.9M"),
    "shufflenet_v1_g3": (shufflenet_v1, 224, {}, 137, 1.87, "paper: 137 (no parameter count)"),
    "shufflenet_v2_1.0": (shufflenet_v2, 224, {}, 146, 2.3, "paper"),
    "igcv3_d": (igcv3_d, 224, {}, 318, 3.5, "paper"),
    "se_resnet50": (lambda n: resnet50(n, se=True), 224, {}, 4100, 28.1, "ResNet-50 + 2.5M"),
    "resnet50": (resnet50, 224, {}, 4100, 25.6, "stride in the 3x3"),
    "squeezenet_1.1": (squeezenet_1_1, 224, {}, 349, 1.24, "torchvision"),
    "densenet121": (densenet121, 224, {}, 2870, 8.0, "paper: 2.9G"),
    "googlenet": (googlenet, 224, {}, 1580, 7.0, "paper: 1.5G; without the auxiliary heads"),
    "vgg16": (vgg16, 224, {}, 15470, 138.4, "paper: 138M"),
    "alexnet": (alexnet, 224, {}, 724, 61.0, "paper: 60M; LRN left out"),
    "keras_separable_64": (keras_separable, 64, {}, None, None, ""),
    "aspp_mobilenet_v2_512": (aspp_mobilenet_v2, 512, {}, None, None, ""),
    "mobilenet_v2_96": (mobilenet_v2, 96, {}, None, None, ""),
}


def build(name):
    builder, size, arguments = NETWORKS[name][:3]
    net = Net(name, size)
    return net.model(builder(net, **arguments))


def cost(model):
    """(MACs, parameters) of an ONNX model, from its shapes: convolutions and fully connected layers."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    weights = {t.name: tuple(t.dims) for t in graph.initializer}
    shapes = dict(weights)
    for value in list(graph.value_info) + list(graph.input) + list(graph.output):
        shapes[value.name] = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    macs, counted = 0, set()
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            macs += math.prod(shapes[node.output[0]]) * math.prod(weights[node.input[1]]) // (
                weights[node.input[1]][0] if node.op_type == "Conv" else shapes[node.output[0]][1])
            counted |= set(node.input[1:3]) & weights.keys()
        elif node.op_type == "MatMul" and node.input[1] in weights:
            macs += math.prod(shapes[node.output[0]]) * weights[node.input[1]][0]
            counted.add(node.input[1])
        elif node.op_type == "BatchNormalization":
            counted |= set(node.input[1:3])
    return macs, sum(math.prod(weights[name]) for name in counted)


def test_inputs(shape, seed=0):
    """Two pictures: random patches under noise, about unit variance. The second is the control of every comparison."""
    random = np.random.default_rng(seed)
    def picture():
        _, c, h, w = shape
        patches = random.standard_normal((c, 8, 8)).repeat(-(-h // 8), 1).repeat(-(-w // 8), 2)[:, :h, :w]
        return (0.9 * patches + 0.4 * random.standard_normal((c, h, w)))[None].astype(np.float32)
    return picture(), picture()


def verify(path, model):
    """Raises unless ONNX Runtime's outputs are finite and neither flat nor deaf to the input. Returns (spread, change)."""
    import onnxruntime
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    a, b = (session.run(None, {first.name: x})[0] for x in test_inputs(first.shape))
    spread, change, size = float(a.std()), float(np.abs(a - b).max()), float(np.abs(a).max())
    if not np.isfinite(a).all() or not 1e-3 < size < 1e4 or spread < 0.01 * size or change < 0.01 * size:
        raise SystemExit(f"{path.name}: output unfit: max {size:.3g}, spread {spread:.3g}, change with input {change:.3g}")
    return size, spread, change


def write(name):
    """Writes and checks MODELS/NAME.onnx; complains where its cost is far from the published one."""
    model, path = build(name), MODELS / f"{name}.onnx"
    MODELS.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    onnx.save(model, partial)
    try:
        verify(partial, model)
    except BaseException:
        partial.unlink()
        raise
    partial.rename(path)
    (macs, params), (expected, expected_params, source) = cost(model), NETWORKS[name][3:]
    print(f"{name}: {macs / 1e6:.2f} MMACs, {params / 1e6:.3f} M parameters written", file=sys.stderr, flush=True)
    if expected and (abs(macs / 1e6 / expected - 1) > 0.03 or abs(params / 1e6 / expected_params - 1) > 0.06):
        print(f"{name}: published are {expected} MMACs, {expected_params} M parameters ({source})", file=sys.stderr)
