"""Draws the random graphs of random_graphs.py: a method an operation, or a few that belong together."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from random_patterns import Patterns

UNARY = {"Relu": 7, "LeakyRelu": 7, "Elu": 7, "Sigmoid": 7, "Tanh": 7, "HardSigmoid": 7, "Softplus": 7, "Softsign": 7,
         "Abs": 7, "Neg": 7, "Erf": 9, "HardSwish": 14, "Selu": 7, "Identity": 7, "Exp": 7, "Gelu": 20, "Mish": 18, "Celu": 12, "ThresholdedRelu": 10}
ALPHA = ("LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "HardSigmoid", "Selu")
# What jumps: where ONNX Runtime rounds otherwise by a bit, a value may be 1 off. Only for values that were moved, not computed.
JUMPS = {"Ceil": 7, "Floor": 7, "Round": 11, "Sign": 9}
MOVES = {"Reshape", "Transpose", "Flatten", "Slice", "Gather", "Concat", "Split", "Squeeze", "Unsqueeze", "Tile", "Expand", "Identity",
         "DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool", "Abs", "Neg", "Relu", *JUMPS}


class Drawer(Patterns):
    def __init__(self, seed, evaluate):
        """`evaluate(model, x)` runs a model, for shapes that ONNX's own inference does not find."""
        self.evaluate = evaluate
        self.random = np.random.default_rng(seed)
        self.opset = int(self.random.integers(7, 22))
        self.nodes, self.constants, self.shapes, self.count = [], [], {}, 0
        rank = int(self.random.choice([4, 4, 4, 3, 2]))
        shape = [int(self.random.integers(1, 3)), int(self.random.integers(1, 9))]
        shape += [int(self.random.integers(3, 12)) for _ in range(rank - 2)]
        self.input = self.last = "x"
        self.shapes["x"] = shape

    def pick(self, *choices):
        return choices[int(self.random.integers(len(choices)))]

    def below(self, low, high):
        return int(self.random.integers(low, high))

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def floats(self, *shape, scale=1.0):
        return self.constant(self.random.standard_normal(shape) * scale)

    def node(self, operation, inputs, outputs=1, **attributes):
        names = [f"v{self.count + i}" for i in range(outputs)]
        self.count += outputs
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        self.last = names[0]
        return names

    def shape(self):
        return self.shapes[self.last]

    # ---- one node of each kind; False: it does not fit the present shape ----
    def unary(self):
        names = [n for n, since in UNARY.items() if since <= self.opset]
        name = self.pick(*names, *[n for n in names if UNARY[n] > 12] * 3)  # few graphs are of opsets that have these
        attributes = {"alpha": float(self.random.uniform(0.05, 1))} if name in ALPHA and self.random.random() < 0.7 else {}
        if name == "HardSigmoid":
            attributes["beta"] = float(self.random.uniform(0, 1))
        if name == "Selu":
            attributes["gamma"] = float(self.random.uniform(0.5, 2))
        if name == "Gelu":
            attributes = {"approximate": self.pick("none", "tanh")}
        self.node(name, [self.last], **attributes)

    def jump(self):
        if any(node.op_type not in MOVES for node in self.nodes):
            return False
        self.node(self.pick(*[n for n, since in JUMPS.items() if since <= self.opset]), [self.last])

    def positive(self):
        """Functions of what is positive."""
        exponents = self.random.uniform(-1, 2, self.shape_of_operand())
        self.node("Abs", [self.last])
        self.node("Add", [self.last, self.constant([0.2])])
        kind = self.pick("Log", "Sqrt", "Reciprocal", "Pow", "Pow")
        same = float(self.pick(2.0, 0.5, 3.0, -1.0, 1.3))
        self.node(kind, [self.last] + ([self.constant(self.pick(exponents, same))] if kind == "Pow" else []))

    def clip(self):
        low, high = sorted(self.random.uniform(-1, 3, 2).tolist())
        if self.opset < 11:
            self.node("Clip", [self.last], min=low, max=high)
        else:
            self.node("Clip", [self.last, self.pick(self.constant(low), ""), self.constant(high)])

    def binary(self):
        shape = self.shape()
        other = self.shape_of_operand()
        same = [n for n, s in self.shapes.items() if s == shape]
        operand = self.pick(self.floats(*other), self.pick(*same))
        inputs = [self.last, operand]
        if self.random.random() < 0.3:
            inputs.reverse()
        self.node(self.pick("Add", "Sub", "Mul", "Max", "Min") if self.opset >= 8 else self.pick("Add", "Sub", "Mul"), inputs)

    def shape_of_operand(self):
        """Something that broadcasts with the present shape."""
        shape = self.shape()
        return [d if self.random.random() < 0.6 else 1 for d in shape][self.below(0, len(shape) + 1):]

    def variadic(self):
        if self.opset < 8:
            return False
        operands = [self.last, *[self.pick(self.last, self.floats(*self.shape_of_operand())) for _ in range(self.below(0, 4))]]
        self.node(self.pick("Sum", "Mean", "Max", "Min"), self.random.permutation(operands).tolist())

    def divide(self):
        self.node("Div", [self.last, self.constant(self.random.uniform(0.5, 2, self.shape()[-1:]))])

    def conv(self):
        n, c, *space = self.shape()
        groups = self.pick(1, 1, c, *[g for g in (2, 3) if c % g == 0])
        outputs = groups * self.below(1, 5)
        kernel = [self.below(1, min(4, d) + 1) for d in space]
        attributes = {"group": groups, "strides": [self.below(1, 3) for _ in space]}
        if self.random.random() < 0.3:
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
        else:
            attributes["pads"] = [self.below(0, 3) for _ in range(2 * len(space))]
            attributes["dilations"] = [self.below(1, 3) for _ in space]
        x, weights = self.last, self.floats(outputs, c // groups, *kernel, scale=0.5)
        if self.random.random() < 0.15 and self.opset < 18:  # weights that training normalised
            kind = self.pick("ReduceL2", "ReduceL1", "ReduceSumSquare")
            norm = self.on_shape(kind, weights, axes=list(range(1, len(space) + 2)), keepdims=1)
            weights = self.on_shape("Div", weights, norm)
        inputs = [x, weights]
        self.node("Conv", inputs + [self.floats(outputs)] * self.below(0, 2), **attributes)

    def conv_transpose(self):
        n, c, *space = self.shape()
        groups = self.pick(1, c)
        kernel = [self.below(1, 4) for _ in space]
        strides = [self.below(1, 3) for _ in space]
        inputs = [self.last, self.floats(c, self.below(1, 4), *kernel, scale=0.5)]
        attributes = {"group": groups, "strides": strides}
        if len(space) == 2 and self.random.random() < 0.3:
            attributes["output_shape"] = [d * s for d, s in zip(space, strides)]
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER")
        else:
            attributes["dilations"] = [self.below(1, 3) for _ in space]
            attributes["pads"] = [self.below(0, k) for k in kernel * 2]
            attributes["output_padding"] = [self.below(0, s) for s in strides]
        self.node("ConvTranspose", inputs + [self.floats(inputs and self.constants[-1].dims[1] * groups)] * self.below(0, 2), **attributes)

    def deform_conv(self):
        if self.opset < 19 or len(self.shape()) != 4:
            return False
        n, c, h, w = self.shape()
        kernel, pads = [self.below(1, 4), self.below(1, 4)], [self.below(0, 2) for _ in range(4)]
        groups, offset_groups = self.pick(1, c), self.pick(1, c)
        stride, outputs = self.below(1, 3), groups * self.below(1, 4)
        size = [(d + p + q - k) // stride + 1 for d, k, p, q in zip((h, w), kernel, pads[:2], pads[2:])]
        if min(size) < 1:
            return False
        taps = kernel[0] * kernel[1] * offset_groups
        inputs = [self.last, self.floats(outputs, c // groups, *kernel), self.floats(n, 2 * taps, *size, scale=0.7),
                  self.pick(self.floats(outputs), "")]
        inputs += self.pick([], [self.constant(self.random.uniform(0, 1, (n, taps, *size)))])
        self.node("DeformConv", inputs, group=groups, offset_group=offset_groups, strides=[stride] * 2, pads=pads)

    def pool(self):
        kind = self.pick("MaxPool", "AveragePool")
        space = self.shape()[2:]
        kernel = [self.below(1, min(3, d) + 1) for d in space]
        attributes = {"kernel_shape": kernel, "strides": [self.below(1, 3) for _ in space]}
        if self.random.random() < 0.05:  # a window that reaches past the end by less than its stride
            axis = self.below(0, len(space))
            kernel[axis], attributes["strides"][axis] = space[axis] + 1, 2
            self.node(kind, [self.last], **attributes)
            return
        if self.random.random() < 0.3:
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
        else:
            attributes["pads"] = [self.below(0, k) for k in kernel * 2]
        if kind == "AveragePool":
            attributes["count_include_pad"] = self.below(0, 2)
        elif self.opset >= 10:
            attributes["ceil_mode"] = self.below(0, 2)
            # With auto_pad ONNX Runtime's pools leave dilations out of SAME's padding, against ONNX's formula, which sepcl follows.
            attributes["dilations"] = [self.below(1, 3) for _ in space] if "pads" in attributes else [1] * len(space)
        self.node(kind, [self.last], **attributes)

    def global_pool(self):
        self.node(self.pick("GlobalAveragePool", "GlobalMaxPool"), [self.last])

    def batch_norm(self):
        c, x = self.shape()[1], self.last
        mean, others = self.floats(c), [i for i in range(len(self.shape())) if i != 1]
        if self.opset < 18 and self.random.random() < 0.3:  # TensorFlow spells layer norms with a computed mean
            mean = self.on_shape("ReduceMean", x, axes=others, keepdims=0)
        self.node("BatchNormalization", [x, self.floats(c), self.floats(c), mean, self.constant(self.random.uniform(0.3, 2, c))],
                  epsilon=1e-3)

    def instance_norm(self):
        c = self.shape()[1]
        self.node("InstanceNormalization", [self.last, self.floats(c), self.floats(c)], epsilon=1e-2)

    def group_norm(self):
        n, c = self.shape()[:2]
        groups = self.pick(*[g for g in range(1, c + 1) if c % g == 0])
        if self.opset < 18 or len(self.shape()) < 3:
            return False
        parameters = [self.floats(groups if self.opset < 21 else c) for _ in range(2)]
        self.node("GroupNormalization", [self.last, *parameters], num_groups=groups, epsilon=1e-2)

    def layer_norm(self):
        if self.opset < 17:
            return False
        axis = self.below(-len(self.shape()), len(self.shape()))
        shape = self.shape()[axis:]
        self.node("LayerNormalization", [self.last, self.floats(*shape), self.pick(self.floats(*shape), "")], axis=axis, epsilon=1e-2)

    def lrn(self):
        self.node("LRN", [self.last], size=self.pick(1, 3, 5), alpha=0.1, beta=0.6, bias=1.5)

    def transpose(self):
        rank = len(self.shape())
        common = [[0, 2, 3, 1], [0, 3, 1, 2]] if rank == 4 else []
        self.node("Transpose", [self.last], perm=self.pick(self.random.permutation(rank).tolist(), *common))

    def reshape(self):
        shape, total = list(self.shape()), int(np.prod(self.shape()))
        kind = self.below(0, 4)
        if kind == 0:
            at = self.below(0, len(shape))
            factor = self.pick(*[f for f in (1, 2, 3, 4) if shape[at] % f == 0])
            shape[at:at + 1] = [factor, shape[at] // factor]
        elif kind == 1 and len(shape) > 1:
            at = self.below(0, len(shape) - 1)
            shape[at:at + 2] = [-1]
        elif kind == 2:
            first = self.pick(*[f for f in (1, 2, 3, 4, 6) if total % f == 0])
            shape = [first, total // first]
        else:
            shape[0] = 0
        if len(shape) > 6:
            return False
        self.node("Reshape", [self.last, self.constant(shape, np.int64)])

    def flatten(self):
        self.node("Flatten", [self.last], axis=self.below(0, len(self.shape()) + 1))

    def shuffle(self):
        n, c, h, w = self.shape()
        g = self.pick(*[g for g in (1, 2, 3, 4) if c % g == 0])
        self.node("Reshape", [self.last, self.constant([n, g, c // g, h, w], np.int64)])
        self.node("Transpose", [self.last], perm=[0, 2, 1, 3, 4])
        self.node("Reshape", [self.last, self.constant([n, c, h, w], np.int64)])

    def gemm(self):
        if len(self.shape()) != 2:
            return False
        k, n = self.shape()[1], self.below(1, 9)
        transpose = self.below(0, 2)
        weights = self.floats(n, k) if transpose else self.floats(k, n)
        addend = self.pick([], [self.floats(n)], [self.floats(1, n)])
        if self.opset < 11 and not addend:
            addend = [self.floats(n)]
        left = self.last
        flipped = self.below(0, 2)
        if flipped:
            self.node("Transpose", [left], perm=[1, 0])
        self.node("Gemm", [self.last, weights, *addend], transA=flipped, transB=transpose, alpha=self.pick(1.0, 0.5), beta=self.pick(1.0, 2.0))

    def matmul(self):
        self.node("MatMul", [self.last, self.floats(self.shape()[-1], self.below(1, 9))])

    def concat(self):
        axis = self.below(0, len(self.shape()))
        fits = [n for n, s in self.shapes.items()
                if len(s) == len(self.shape()) and all(a == b for i, (a, b) in enumerate(zip(s, self.shape())) if i != axis)]
        self.node("Concat", [self.last, *[self.pick(*fits) for _ in range(self.below(1, 3))]], axis=axis)

    def split(self):
        axis = self.pick(*[i for i, d in enumerate(self.shape()) if d > 1] or [-9])
        if axis == -9:
            return False
        first = self.below(1, self.shape()[axis])
        sizes = [first, self.shape()[axis] - first]
        even = self.shape()[axis] % 2 == 0 and self.random.random() < 0.3
        if even and self.opset < 18:
            names = self.node("Split", [self.last], 2, axis=axis)
        elif self.opset >= 18 and self.random.random() < 0.3:
            names = self.node("Split", [self.last], 2, axis=axis, num_outputs=2)
        elif self.opset < 13:
            names = self.node("Split", [self.last], 2, axis=axis, split=sizes)
        else:
            names = self.node("Split", [self.last, self.constant(sizes, np.int64)], 2, axis=axis)
        self.last = self.pick(*names)

    def slice(self):
        axis = self.below(0, len(self.shape()))
        dim = self.shape()[axis]
        start = self.below(0, dim)
        if self.opset < 10:
            self.node("Slice", [self.last], starts=[start], ends=[self.pick(dim, 2**31)], axes=[axis])
        elif self.random.random() < 0.4:
            self.node("Slice", [self.last, *[self.constant([v], np.int64) for v in (start, -dim - 1, axis, -self.below(1, 3))]])
        else:
            self.node("Slice", [self.last, *[self.constant([v], np.int64) for v in (start - dim, 2**40, axis, self.below(1, 3))]])

    def pad(self):
        rank = len(self.shape())
        pads = [0] * (2 * rank)
        for i in range(2 * rank):
            if self.shape()[i % rank] > 2:
                pads[i] = self.below(-1 if self.opset >= 11 else 0, 3)
        mode = self.pick("constant", "edge", "reflect")
        if min(pads) < 0:
            mode = "constant"
        value = float(self.random.uniform(-1, 1)) if mode == "constant" else 0.0
        if self.opset < 11:
            self.node("Pad", [self.last], pads=pads, mode=mode, value=value)
        elif self.opset >= 18 and self.random.random() < 0.3:
            some = sorted(range(rank), key=lambda i: -pads[i])[:self.below(1, rank + 1)]
            pads = [pads[i] for i in some] + [pads[i + rank] for i in some]
            axes = [i - self.pick(0, rank) for i in some]
            self.node("Pad", [self.last, self.constant(pads, np.int64), "", self.constant(axes, np.int64)], mode=mode)
        else:
            self.node("Pad", [self.last, self.constant(pads, np.int64), self.pick(self.constant(value), "")], mode=mode)

    def reduce(self):
        rank = len(self.shape())
        axes = [i for i in range(rank) if self.random.random() < 0.5] or [rank - 1]
        kind = self.pick("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")
        since = 13 if kind == "ReduceSum" else 18
        keep = self.below(0, 2) if len(axes) < rank else 1
        axes = self.random.permutation(axes).tolist()
        if self.opset >= 11:
            axes = [i - self.pick(0, rank) for i in axes]
        if self.random.random() < 0.1 and keep:
            self.node(kind, [self.last], keepdims=keep)
        elif self.opset < since:
            self.node(kind, [self.last], axes=axes, keepdims=keep)
        else:
            self.node(kind, [self.last, self.constant(axes, np.int64)], keepdims=keep)

    def softmax(self):
        low = -len(self.shape()) if self.opset >= 11 else 0
        axis = {} if self.random.random() < 0.2 and len(self.shape()) > 1 else {"axis": self.below(low, len(self.shape()))}
        self.node(self.pick("Softmax", "Softmax", "LogSoftmax"), [self.last], **axis)

    def prelu(self):
        self.node("PRelu", [self.last, self.floats(*self.pick([self.shape()[1], *[1] * (len(self.shape()) - 2)], self.shape_of_operand()))])

    def depth_to_space(self):
        if len(self.shape()) != 4 or self.shape()[1] % 4:
            return False
        mode = {"mode": self.pick("DCR", "CRD")} if self.opset >= 11 else {}
        self.node("DepthToSpace", [self.last], blocksize=2, **mode)

    def space_to_depth(self):
        if len(self.shape()) != 4 or self.shape()[2] % 2 or self.shape()[3] % 2:
            return False
        self.node("SpaceToDepth", [self.last], blocksize=2)

    def resize(self):
        if self.opset < 11:
            return self.upsample()
        coordinates = self.pick("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
        mode = self.pick("nearest", "linear", "cubic")
        n, c, h, w = self.shape()
        sizes = self.constant([n, c, self.below(1, 2 * h + 1), self.below(1, 2 * w + 1)], np.int64)
        scales = self.constant([1, 1, self.pick(1.0, 2.0, 3.0), self.pick(1.0, 2.0)])
        attributes = {"coordinate_transformation_mode": coordinates, "mode": mode}
        if mode == "nearest":
            attributes["nearest_mode"] = self.pick("round_prefer_floor", "floor", "ceil", "round_prefer_ceil")
        if mode == "cubic" and self.random.random() < 0.5:
            attributes["cubic_coeff_a"] = -0.5
        if coordinates == "align_corners":
            scales = self.constant([1, 1, self.pick(1.0, 2.0), 2.0])
        if self.opset >= 18 and self.random.random() < 0.3:
            sizes = self.constant([self.below(1, 2 * w + 1), self.below(1, 2 * h + 1)], np.int64)
            return bool(self.node("Resize", [self.last, "", "", sizes], axes=[3, 2], **attributes))
        empty = self.constant([]) if self.opset < 13 else ""
        self.node("Resize", [self.last, empty, *self.pick([scales], [empty, sizes])], **attributes)

    def upsample(self):
        scales = [1.0, 1.0, self.pick(1.0, 2.0, 3.0, 1.5), self.pick(1.0, 2.0)]
        mode = self.pick("nearest", "linear")
        if self.opset < 9:
            self.node("Upsample", [self.last], mode=mode, scales=scales)
        else:
            self.node("Resize" if self.opset == 10 else "Upsample", [self.last, self.constant(scales)], mode=mode)

    def gather(self):
        axis = self.below(0, len(self.shape()))
        indices = self.random.integers(-self.shape()[axis], self.shape()[axis], self.below(1, 5))
        if self.opset < 11:
            indices = np.abs(indices) % self.shape()[axis]
        indices = self.pick(indices, indices, indices[0], indices.reshape(1, -1))
        self.node("Gather", [self.last, self.constant(indices, self.pick(np.int64, np.int32))], axis=axis)

    def expand(self):
        if self.opset < 8:
            return False
        shape = [d if d > 1 else self.below(1, 4) for d in self.shape()]
        self.node("Expand", [self.last, self.constant(shape, np.int64)])

    def tile(self):
        repeats = [self.pick(1, 1, 2, 3) for _ in self.shape()]
        self.node("Tile", [self.last, self.constant(repeats, np.int64)])

    def squeeze(self):
        ones = [i for i, d in enumerate(self.shape()) if d == 1]
        if not ones or len(self.shape()) == len(ones):
            return False
        some = self.random.permutation(ones)[:self.below(1, len(ones) + 1)].tolist()
        if self.random.random() < 0.2:
            self.node("Squeeze", [self.last])
        elif self.opset < 13:
            self.node("Squeeze", [self.last], axes=some)
        else:
            self.node("Squeeze", [self.last, self.constant([i - self.pick(0, len(self.shape())) for i in some], np.int64)])

    def unsqueeze(self):
        axes = self.random.permutation(len(self.shape()) + 2)[:2].tolist()
        if len(self.shape()) > 4:
            return False
        if self.opset < 13:
            self.node("Unsqueeze", [self.last], axes=sorted(axes))
        else:
            self.node("Unsqueeze", [self.last, self.constant(axes, np.int64)])

    def passing(self):
        """Nothing happens."""
        ratio = {"ratio": 0.3} if self.opset < 12 else {}
        if self.random.random() < 0.5:
            self.node("Dropout", [self.last] + ([self.constant(0.3)] if self.opset >= 12 and self.random.random() < 0.5 else []), **ratio)
        else:
            self.node("Cast", [self.last], to=TensorProto.FLOAT)

    ANY = ["unary", "unary", "unary", "jump", "positive", "clip", "binary", "binary", "variadic", "divide", "transpose", "reshape",
           "flatten", "concat", "split", "slice", "pad", "reduce", "softmax", "gather", "expand", "swish", "hard_swish", "matmul",
           "gemm", "tile", "squeeze", "unsqueeze", "passing", "computed_reshape", "computed_expand", "computed_slice", "branches",
           "layer_norm", "gelu"]
    SPATIAL = ["conv", "conv", "conv_transpose", "pool", "global_pool", "batch_norm", "instance_norm", "group_norm", "prelu", "squeeze_excite"]
    IMAGE = ["conv", "shuffle", "resize", "resize", "depth_to_space", "space_to_depth", "lrn", "deform_conv"]

    def model(self, output=None):
        output = output or self.last
        graph = helper.make_graph(self.nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shapes["x"])],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def infer(self):
        """The shapes of all float values, as far as ONNX's shape inference gets, and of the last, which must fit."""
        inferred = onnx.shape_inference.infer_shapes(self.model(), strict_mode=True, data_prop=True)
        tensors = {v.name: v.type.tensor_type for v in [*inferred.graph.value_info, *inferred.graph.output]}
        shapes = {name: [d.dim_value for d in t.shape.dim] for name, t in tensors.items() if t.elem_type == TensorProto.FLOAT}
        if not all(shapes.get(self.last) or [0]):  # not through Range and ReduceProd
            shapes[self.last] = list(self.evaluate(self.model(), np.zeros(self.shapes["x"], np.float32)).shape)
        shapes = {name: shape for name, shape in shapes.items() if all(d > 0 for d in shape) and np.prod(shape) < 1e5}
        return shapes if 1 <= len(shapes.get(self.last) or []) <= 6 else None

    def grow(self):
        """Adds an operation if ONNX accepts it."""
        rank = len(self.shape())
        kinds = self.ANY + (self.SPATIAL if rank in (3, 4) else []) + (self.IMAGE if rank == 4 else [])
        before = len(self.nodes), len(self.constants), self.last, self.count
        try:
            shapes = self.infer() if getattr(self, self.pick(*kinds))() is not False else None
        except Exception:
            shapes = None
        if shapes:
            self.shapes.update(shapes)
        else:
            del self.nodes[before[0]:], self.constants[before[1]:]
            self.last, self.count = before[2:]
