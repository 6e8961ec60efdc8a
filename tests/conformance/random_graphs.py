#!/usr/bin/env python3
"""Random valid ONNX graphs through sepcl and ONNX Runtime.

    random_graphs.py [--count 1000] [--seed N] [--nodes 6] [--through onnxruntime] [--keep DIR]

Each graph draws an opset (7 to 21), an input, and nodes with random attributes, broadcasting and layout changes; ONNX
Runtime says whether it is valid. Outputs must agree within 1e-4 of their range (values over 1e6 or not finite are not
compared). A graph that disagrees is shrunk, by making each of its values the output in turn, and kept as a small file; the
seed is printed. `--through onnxruntime` checks reader and writer without a device (see vectors.py).
"""
import argparse
import os
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import sepcl
from vectors import through_onnxruntime

UNARY = {"Relu": 7, "LeakyRelu": 7, "Elu": 7, "Sigmoid": 7, "Tanh": 7, "HardSigmoid": 7, "Softplus": 7, "Softsign": 7,
         "Abs": 7, "Neg": 7, "Erf": 9, "HardSwish": 14, "Selu": 7, "Identity": 7, "Exp": 7, "Gelu": 20, "Mish": 18}


class Drawer:
    def __init__(self, seed):
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
        name = self.pick(*[n for n, since in UNARY.items() if since <= self.opset])
        attributes = {"alpha": float(self.random.uniform(0.05, 1))} if name in ("LeakyRelu", "Elu") else {}
        if name == "Gelu":
            attributes = {"approximate": self.pick("none", "tanh")}
        self.node(name, [self.last], **attributes)

    def clip(self):
        low, high = sorted(self.random.uniform(-1, 3, 2).tolist())
        if self.opset < 11:
            self.node("Clip", [self.last], min=low, max=high)
        else:
            self.node("Clip", [self.last, self.pick(self.constant(low), ""), self.constant(high)])

    def binary(self):
        shape = self.shape()
        other = [d if self.random.random() < 0.6 else 1 for d in shape][self.below(0, len(shape) + 1):]
        same = [n for n, s in self.shapes.items() if s == shape]
        operand = self.pick(self.floats(*other), self.pick(*same))
        inputs = [self.last, operand]
        if self.random.random() < 0.3:
            inputs.reverse()
        self.node(self.pick("Add", "Sub", "Mul", "Max", "Min") if self.opset >= 8 else self.pick("Add", "Sub", "Mul"), inputs)

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
        inputs = [self.last, self.floats(outputs, c // groups, *kernel, scale=0.5)]
        self.node("Conv", inputs + [self.floats(outputs)] * self.below(0, 2), **attributes)

    def conv_transpose(self):
        n, c, *space = self.shape()
        groups = self.pick(1, c)
        kernel = [self.below(1, 4) for _ in space]
        strides = [self.below(1, 3) for _ in space]
        self.node("ConvTranspose", [self.last, self.floats(c, self.below(1, 4), *kernel, scale=0.5)], group=groups,
                  strides=strides, pads=[self.below(0, k) for k in kernel * 2],
                  output_padding=[self.below(0, s) for s in strides])

    def pool(self):
        kind = self.pick("MaxPool", "AveragePool")
        space = self.shape()[2:]
        kernel = [self.below(1, min(3, d) + 1) for d in space]
        attributes = {"kernel_shape": kernel, "strides": [self.below(1, 3) for _ in space]}
        attributes["pads"] = [self.below(0, k) for k in kernel * 2]
        if kind == "AveragePool":
            attributes["count_include_pad"] = self.below(0, 2)
        elif self.opset >= 10:
            attributes["ceil_mode"] = self.below(0, 2)
        self.node(kind, [self.last], **attributes)

    def global_pool(self):
        self.node(self.pick("GlobalAveragePool", "GlobalMaxPool"), [self.last])

    def batch_norm(self):
        c = self.shape()[1]
        self.node("BatchNormalization", [self.last, self.floats(c), self.floats(c), self.floats(c),
                                         self.constant(self.random.uniform(0.3, 2, c))], epsilon=1e-3)

    def instance_norm(self):
        c = self.shape()[1]
        self.node("InstanceNormalization", [self.last, self.floats(c), self.floats(c)], epsilon=1e-2)

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
        self.node("Gemm", [self.last, weights, *addend], transB=transpose, alpha=self.pick(1.0, 0.5), beta=self.pick(1.0, 2.0))

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
        if self.opset < 13:
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
        if self.opset < 11:
            self.node("Pad", [self.last], pads=pads, mode=mode)
        else:
            self.node("Pad", [self.last, self.constant(pads, np.int64)], mode=mode)

    def reduce(self):
        rank = len(self.shape())
        axes = [i for i in range(rank) if self.random.random() < 0.5] or [rank - 1]
        kind = self.pick("ReduceMean", "ReduceSum", "ReduceMax")
        since = 13 if kind == "ReduceSum" else 18
        keep = self.below(0, 2) if len(axes) < rank - 1 else 1
        if self.opset < since:
            self.node(kind, [self.last], axes=axes, keepdims=keep)
        else:
            self.node(kind, [self.last, self.constant(axes, np.int64)], keepdims=keep)

    def softmax(self):
        self.node("Softmax", [self.last], axis=self.below(0, len(self.shape())))

    def prelu(self):
        self.node("PRelu", [self.last, self.floats(self.shape()[1], *[1] * (len(self.shape()) - 2))])

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
            return False
        coordinates = self.pick("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
        mode = self.pick("nearest", "linear")
        n, c, h, w = self.shape()
        sizes = self.constant([n, c, self.below(1, 2 * h + 1), self.below(1, 2 * w + 1)], np.int64)
        scales = self.constant([1, 1, self.pick(1.0, 2.0, 3.0), self.pick(1.0, 2.0)])
        attributes = {"coordinate_transformation_mode": coordinates, "mode": mode}
        if mode == "nearest":
            attributes["nearest_mode"] = self.pick("round_prefer_floor", "floor", "ceil", "round_prefer_ceil")
        empty = self.constant([]) if self.opset < 13 else ""
        self.node("Resize", [self.last, empty, *self.pick([scales], [empty, sizes])], **attributes)

    def gather(self):
        axis = self.below(0, len(self.shape()))
        indices = self.random.integers(-self.shape()[axis], self.shape()[axis], self.below(1, 5))
        if self.opset < 11:
            indices = np.abs(indices) % self.shape()[axis]
        self.node("Gather", [self.last, self.constant(indices, np.int64)], axis=axis)

    def expand(self):
        if self.opset < 8:
            return False
        shape = [d if d > 1 else self.below(1, 4) for d in self.shape()]
        self.node("Expand", [self.last, self.constant(shape, np.int64)])

    def swish(self):
        x = self.last
        self.node("Sigmoid", [x])
        self.node("Mul", self.pick([x, self.last], [self.last, x]))

    def hard_swish(self):
        if self.opset < 11:
            return False
        x = self.last
        self.node("Add", [x, self.constant(3.0)])
        self.node("Clip", [self.last, self.constant(0.0), self.constant(6.0)])
        self.node("Mul", [x, self.last])
        self.node("Div", [self.last, self.constant(6.0)])

    ANY = ["unary", "unary", "clip", "binary", "binary", "divide", "transpose", "reshape", "flatten", "concat", "split", "slice",
           "pad", "reduce", "softmax", "gather", "expand", "swish", "hard_swish", "matmul", "gemm"]
    SPATIAL = ["conv", "conv", "conv_transpose", "pool", "global_pool", "batch_norm", "instance_norm", "prelu"]
    IMAGE = ["shuffle", "resize", "depth_to_space", "space_to_depth", "lrn"]

    def model(self, output=None):
        output = output or self.last
        graph = helper.make_graph(self.nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shapes["x"])],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def grow(self):
        """Adds a node if ONNX's shape inference accepts it."""
        rank = len(self.shape())
        kinds = self.ANY + (self.SPATIAL if rank in (3, 4) else []) + (self.IMAGE if rank == 4 else [])
        before = len(self.nodes), len(self.constants), self.last, self.count
        try:
            fits = getattr(self, self.pick(*kinds))() is not False
            inferred = onnx.shape_inference.infer_shapes(self.model(), strict_mode=True, data_prop=True) if fits else None
            shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                      for v in [*inferred.graph.value_info, *inferred.graph.output]} if fits else {}
            new = [name for node in self.nodes[before[0]:] for name in node.output]
            fits = fits and all(n in shapes and all(0 < d for d in shapes[n]) and np.prod(shapes[n]) < 1e5 for n in new)
            fits = fits and 1 <= len(shapes[self.last]) <= 6
        except Exception:
            fits = False
        if fits:
            self.shapes.update({n: shapes[n] for n in new})
        else:
            del self.nodes[before[0]:], self.constants[before[1]:]
            self.last, self.count = before[2:]


def draw(seed, nodes):
    drawer = Drawer(seed)
    for _ in range(4 * nodes):
        if len(drawer.nodes) < nodes:
            drawer.grow()
    return drawer


def reference(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def judge(model, x, run):
    """None: it agrees or there is nothing to compare; else what is wrong."""
    try:
        wanted = reference(model, x)
    except Exception:
        return "invalid"
    try:
        got = run(sepcl.Graph(model.SerializeToString()), {"x": x})[model.graph.output[0].name]
    except sepcl.Refused as refusal:
        return f"refused: {refusal}"
    if got.shape != wanted.shape:
        return f"shape {got.shape} instead of {wanted.shape}"
    finite = np.isfinite(wanted) & (np.abs(wanted) < 1e6)
    if not finite.any():
        return None
    span = max(float(np.ptp(wanted[finite])), float(np.abs(wanted[finite]).max()), 1e-3)
    difference = float(np.abs(got - wanted)[finite].max())
    return None if difference <= 1e-4 * span else f"off by {difference:.3g} of {span:.3g}"


def spoil(array):
    """One element moved by a thousandth of the range."""
    array = array.copy()
    finite = array[np.isfinite(array)]
    if finite.size:
        array.flat[int(np.argmax(np.isfinite(array)))] += 1e-3 * max(float(np.ptp(finite)), float(np.abs(finite).max()), 1.0)
    return array


def shrink(drawer, x, run):
    """The shortest prefix of the graph that still disagrees, without the nodes that its output does not need."""
    for node in drawer.nodes:
        for name in node.output:
            model = drawer.model(name)
            message = judge(model, x, run)
            if message and message != "invalid":
                return onnx.utils.Extractor(model).extract_model(["x"], [name]) if len(model.graph.node) > 1 else model
    return drawer.model()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--through", choices=["sepcl", "onnxruntime"], default="sepcl")
    parser.add_argument("--keep", default="/tmp", metavar="DIR", help="where wrong graphs are kept")
    parser.add_argument("--device")
    parser.add_argument("--control", action="store_true",
                        help="spoils every result a little, to see that the comparison notices: all must be wrong")
    arguments = parser.parse_args()
    device = sepcl.Device(arguments.device) if arguments.through == "sepcl" else None
    run = (lambda graph, feeds: graph.run(device, feeds)) if device else through_onnxruntime
    if arguments.control:
        plain = run
        run = lambda graph, feeds: {k: spoil(v) for k, v in plain(graph, feeds).items()}
    print(f"seed {arguments.seed}", flush=True)
    compared = wrong = seed = 0
    while compared < arguments.count and seed < 4 * arguments.count:
        drawer = draw([arguments.seed, seed], arguments.nodes)
        seed += 1
        x = drawer.random.standard_normal(drawer.shapes["x"], dtype=np.float32)
        message = judge(drawer.model(), x, run) if drawer.nodes else "invalid"
        compared += message != "invalid"
        if message and message != "invalid":
            wrong += 1
            path = os.path.join(arguments.keep, f"sepcl-wrong-{arguments.seed}-{seed - 1}.onnx")
            try:
                onnx.save(shrink(drawer, x, run), path)
            except Exception:
                onnx.save(drawer.model(), path)
            print(f"WRONG graph {seed - 1} (opset {drawer.opset}): {message}; kept as {path}", flush=True)
    print(f"{compared} graphs compared, {wrong} wrong")
    sys.exit(1 if wrong or compared < arguments.count else 0)


if __name__ == "__main__":
    main()
