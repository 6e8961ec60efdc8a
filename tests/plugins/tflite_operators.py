"""Every operator of the delegate on small models against the host's own kernels, and what it must leave.

python3 tflite_operators.py LIBRARY [FOLDER]     (needs ai-edge-litert and flatbuffers; exits with 1 if anything fails)
FOLDER: tflite_faults.py's models are written there"""
import os
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

import tflite_host

random = np.random.default_rng(9)
TYPES = {np.dtype(np.float32): s.TensorType.FLOAT32, np.dtype(np.int32): s.TensorType.INT32,
         np.dtype(np.float16): s.TensorType.FLOAT16, np.dtype(np.int64): s.TensorType.INT64}
SAME, VALID = 0, 1  # in the file; the host counts them from 1


def f32(*shape):
    return random.standard_normal(shape).astype(np.float32)


def i32(*values):
    return np.array(values, np.int32)


class Model:
    """One subgraph, built node by node; tensors are numbers."""

    def __init__(self):
        self.model, self.graph, self.codes = s.ModelT(), s.SubGraphT(), {}
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [s.BufferT()], []
        self.graph.tensors, self.graph.operators, self.graph.inputs = [], [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape, dtype=np.float32, data=None):
        t = s.TensorT()
        t.shape, t.type, t.buffer = np.array(shape, np.int32), TYPES[np.dtype(dtype)], 0
        t.name = f"tensor {len(self.graph.tensors)}".encode()
        if data is not None:
            buffer = s.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            t.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def constant(self, array):
        return self.tensor(array.shape, array.dtype, array)

    def input(self, shape, dtype=np.float32):
        self.graph.inputs.append(self.tensor(shape, dtype))
        return self.graph.inputs[-1]

    def node(self, name, inputs, outputs, options=None, version=1):
        if (name, version) not in self.codes:
            code = s.OperatorCodeT()
            code.builtinCode = getattr(s.BuiltinOperator, name)
            code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
            self.model.operatorCodes.append(code)
            self.codes[name, version] = len(self.codes)
        op = s.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self.codes[name, version], np.array(inputs, np.int32), outputs
        if options is not None:
            op.builtinOptions = options
            op.builtinOptionsType = getattr(s.BuiltinOptions, type(options).__name__[:-1])
        self.graph.operators.append(op)

    def bytes(self, outputs):
        self.graph.outputs = np.array(outputs, np.int32)
        builder = flatbuffers.Builder(1 << 12)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def options(kind, **fields):
    made = getattr(s, kind + "OptionsT")()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def one_node(name, operands, made, version, shapes):
    """Operands: a tuple is the shape of an input, an array a constant, None absent; shapes: of the outputs."""
    m = Model()
    at = [-1 if o is None else m.input(o) if isinstance(o, tuple) else m.constant(o) for o in operands]
    outputs = [m.tensor(shape) for shape in shapes]
    m.node(name, at, outputs, made, version)
    return m.bytes(outputs)


def conv(x, w, **fields):
    fields = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, **fields}
    return "CONV_2D", [x, f32(*w), f32(w[0])], options("Conv2D", **fields)


def depthwise(x, w, multiplier=1, **fields):
    fields = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, **fields}
    return "DEPTHWISE_CONV_2D", [x, f32(*w), f32(w[3])], options("DepthwiseConv2D", depthMultiplier=multiplier, **fields)


def pool(name, x, k, stride, padding):
    return name, [x], options("Pool2D", padding=padding, strideH=stride, strideW=stride, filterHeight=k, filterWidth=k)


def slices(x, begin, end, step, **masks):
    return "STRIDED_SLICE", [x, i32(*begin), i32(*end), i32(*step)], options("StridedSlice", **masks)


def transposed(out, w, x, padding, stride, version=1):
    return ("TRANSPOSE_CONV", [i32(*out), f32(*w), x] + ([f32(w[0])] if version > 1 else []),
            options("TransposeConv", padding=padding, strideH=stride, strideW=stride), version)


IMAGE = (1, 9, 8, 5)
CASES = [
    conv(IMAGE, (7, 3, 3, 5)), conv(IMAGE, (7, 3, 3, 5), padding=VALID, strideH=2, strideW=2),
    conv(IMAGE, (8, 1, 1, 5), fusedActivationFunction=3), conv(IMAGE, (4, 3, 5, 5), dilationHFactor=2, dilationWFactor=2),
    conv(IMAGE, (4, 2, 2, 5), strideH=2, strideW=2), conv((1, 6, 6, 8), (4, 3, 3, 4)),
    depthwise(IMAGE, (1, 3, 3, 5)), depthwise(IMAGE, (1, 3, 3, 10), 2, fusedActivationFunction=1),
    depthwise(IMAGE, (1, 5, 5, 5), strideH=2, strideW=2, padding=VALID),
    ("FULLY_CONNECTED", [(3, 6), f32(4, 6), f32(4)], options("FullyConnected", fusedActivationFunction=1)),
    ("FULLY_CONNECTED", [(2, 2, 2, 3), f32(5, 6), None], options("FullyConnected")),
    ("FULLY_CONNECTED", [(1, 4, 6), f32(4, 6), f32(4)], options("FullyConnected", keepNumDims=True)),
    transposed((1, 8, 10, 3), (3, 2, 2, 4), (1, 4, 5, 4), SAME, 2), transposed((1, 9, 11, 3), (3, 3, 3, 4), (1, 4, 5, 4), VALID, 2),
    transposed((1, 8, 10, 3), (3, 3, 3, 4), (1, 4, 5, 4), SAME, 2, 3), transposed((1, 7, 9, 3), (3, 4, 4, 4), (1, 4, 5, 4), SAME, 2),
    ("ADD", [IMAGE, IMAGE], options("Add", fusedActivationFunction=1)), ("ADD", [IMAGE, f32(5)], options("Add")),
    ("SUB", [IMAGE, (1, 1, 1, 5)], options("Sub")), ("SUB", [f32(1), IMAGE], options("Sub")),
    ("MUL", [IMAGE, (1, 1, 1, 5)], options("Mul", fusedActivationFunction=2)), ("DIV", [IMAGE, f32(5) + 9], options("Div")),
    ("MAXIMUM", [IMAGE, IMAGE], None), ("MINIMUM", [IMAGE, f32(5)], None),
    ("PRELU", [IMAGE, f32(1, 1, 5)], None), ("RELU", [IMAGE], None), ("RELU6", [IMAGE], None), ("RELU_N1_TO_1", [IMAGE], None),
    ("LEAKY_RELU", [IMAGE], options("LeakyRelu", alpha=0.2)), ("LOGISTIC", [IMAGE], None), ("TANH", [IMAGE], None),
    ("HARD_SWISH", [IMAGE], None), ("ELU", [IMAGE], None),
    ("SOFTMAX", [(3, 7)], options("Softmax", beta=1.0)), ("SOFTMAX", [IMAGE], options("Softmax", beta=0.5)),
    pool("AVERAGE_POOL_2D", IMAGE, 3, 2, SAME), pool("AVERAGE_POOL_2D", IMAGE, 2, 1, VALID),
    pool("MAX_POOL_2D", IMAGE, 3, 2, SAME), pool("MAX_POOL_2D", IMAGE, 2, 2, VALID),
    ("MEAN", [IMAGE, i32(1, 2)], options("Reducer", keepDims=True)), ("MEAN", [IMAGE, i32(-1)], options("Reducer")),
    ("SUM", [IMAGE, i32(3)], options("Reducer", keepDims=True)), ("REDUCE_MAX", [IMAGE, i32(1)], options("Reducer")),
    ("CONCATENATION", [IMAGE, (1, 9, 8, 3)], options("Concatenation", axis=-1)),
    ("CONCATENATION", [IMAGE, IMAGE], options("Concatenation", axis=1)),
    ("RESHAPE", [IMAGE, i32(1, -1)], options("Reshape", newShape=[1, -1])), ("SQUEEZE", [(1, 3, 1, 4)], options("Squeeze")),
    ("EXPAND_DIMS", [(3, 4), i32(1)], options("ExpandDims")), ("TRANSPOSE", [IMAGE, i32(0, 3, 1, 2)], options("Transpose")),
    ("PAD", [IMAGE, np.array([[0, 0], [1, 2], [0, 3], [0, 4]], np.int32)], options("Pad")),
    slices(IMAGE, (0, 1, 2, 0), (1, 7, 8, 5), (1, 2, 3, 1)), slices(IMAGE, (0, -1, 0, 4), (1, 0, 0, 1), (1, -2, 1, -1), endMask=4),
    slices(IMAGE, (0, 3, 0, 0), (0, 4, 0, 0), (1, 1, 1, 1), shrinkAxisMask=2, beginMask=13, endMask=13),
    slices(IMAGE, (0, 3, 2, 0), (0, 4, 0, 0), (1, 1, 1, 1), shrinkAxisMask=6, beginMask=11, endMask=9),
    slices(IMAGE, (0, -2, 0, 0), (0, 0, 0, 0), (1, 1, 2, 1), shrinkAxisMask=2, beginMask=13, endMask=15),
    ("SPLIT", [i32(3), (1, 4, 4, 6)], options("Split", numSplits=3)),
    ("DEPTH_TO_SPACE", [(1, 3, 4, 8)], options("DepthToSpace", blockSize=2)),
    ("SPACE_TO_DEPTH", [(1, 4, 6, 3)], options("SpaceToDepth", blockSize=2)),
] + [(name, [IMAGE, i32(*size)], options(kind, alignCorners=corners, halfPixelCenters=centers), version)
     for name, kind in (("RESIZE_BILINEAR", "ResizeBilinear"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor"))
     for size in ((18, 16), (5, 11)) for corners, centers, version in ((False, False, 1), (True, False, 1), (False, True, 3))]


def shapes_of(case, version):
    """The host's own shapes: what a converter would have written into the file."""
    count = case[2].numSplits if case[0] == "SPLIT" else 1
    made = tflite_host.interpreter(one_node(*case[:3], version, [(1,)] * count))
    return [tuple(d["shape"]) for d in made.get_output_details()]


def delegated(library, model):
    return tflite_host.said_by(lambda: tflite_host.interpreter(model, [tflite_host.delegate(library, verbosity=1)]))


def agree(library, name, model, reference=False):
    plain = tflite_host.interpreter(model, reference=reference)
    inputs = [f32(*d["shape"]) * 2 for d in plain.get_input_details()]
    made, text = delegated(library, model)
    expected, results = tflite_host.run(plain, inputs), tflite_host.run(made, inputs)
    worst = tflite_host.difference(results, expected)
    # The negative control: another input.
    wrong = tflite_host.difference(results, tflite_host.run(plain, [x[..., ::-1] * 1.5 + 0.25 for x in inputs]))
    good = worst <= 1e-5 < wrong and len(tflite_host.parts(text)) == 1 and "leaves" not in text
    if not good:
        print(f"FAILED {name}: {worst:.1e}, wrong input {wrong:.1e}\n{text}")
    return good, worst


def run_cases(library):
    worst, failed = 0.0, 0
    for case in CASES:
        version = case[3] if len(case) > 3 else 1
        try:
            good, one = agree(library, case[0], one_node(*case[:3], version, shapes_of(case, version)))
        except (RuntimeError, ValueError) as error:
            print(f"FAILED {case[0]}: {error}")
            good, one = False, 0.0
        worst, failed = max(worst, one), failed + (not good)
    print(f"{tflite_host.NAME}: {len(CASES)} models of {len({c[0] for c in CASES})} operators, {failed} failed, "
          f"within {worst:.1e} of the range", flush=True)
    return not failed


def check(what, good, text=""):
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f"\n{text}"), flush=True)
    return good


def half_weights_read_outside():
    """float16 weights used by a convolution and, expanded, an output of the graph too."""
    m = Model()
    x, half = m.input((1, 4, 4, 2)), m.constant(f32(3, 1, 1, 2).astype(np.float16))
    weights, y = m.tensor((3, 1, 1, 2)), m.tensor((1, 4, 4, 3))
    m.node("DEQUANTIZE", [half], [weights], None, 3)
    m.node("CONV_2D", [x, weights, m.constant(f32(3))], [y],
           options("Conv2D", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1))
    return m.bytes([y, weights])


def mixed():
    """COS, which sepcl does not know, between two parts."""
    m = Model()
    x = m.input((1, 6, 6, 4))
    a, b, c = (m.tensor((1, 6, 6, 4)) for _ in range(3))
    m.node("HARD_SWISH", [x], [a])
    m.node("COS", [a], [b])
    m.node("LOGISTIC", [b], [c])
    return m.bytes([c])


# (operator, operands, options, the operand that comes with each call, what it then is, the shape that the file states)
SMALL = (1, 6, 4, 4)
GIVEN = [
    ("RESHAPE", [SMALL, i32(1, 6, 4, 4)], options("Reshape"), 1, i32(1, 3, 8, 4), SMALL),
    ("EXPAND_DIMS", [SMALL, i32(0)], options("ExpandDims"), 1, i32(2), (1, 1, 6, 4, 4)),
    ("RESIZE_BILINEAR", [SMALL, i32(6, 4)], options("ResizeBilinear"), 1, i32(3, 8), SMALL),
    ("RESIZE_NEAREST_NEIGHBOR", [SMALL, i32(6, 4)], options("ResizeNearestNeighbor"), 1, i32(3, 8), SMALL),
    ("PAD", [SMALL, np.zeros((4, 2), np.int32)], options("Pad"), 1, np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32), SMALL),
    ("TRANSPOSE", [SMALL, i32(0, 1, 3, 2)], options("Transpose"), 1, i32(0, 2, 1, 3), SMALL),
    ("MEAN", [SMALL, i32(2)], options("Reducer", keepDims=True), 1, i32(1), (1, 6, 1, 4)),
    ("SUM", [SMALL, i32(2)], options("Reducer"), 1, i32(1), (1, 6, 4)),
    slices(SMALL, (0, 0, 0, 0), SMALL, (1, 1, 1, 1)) + (1, i32(0, 2, 1, 0), SMALL),
    slices(SMALL, (0, 0, 0, 0), SMALL, (1, 1, 1, 1)) + (2, i32(1, 5, 3, 4), SMALL),
    slices(SMALL, (0, 0, 0, 0), SMALL, (1, 1, 1, 1)) + (3, i32(1, 2, 1, 3), SMALL),
    transposed((1, 12, 8, 3), (3, 2, 2, 4), SMALL, SAME, 2)[:3] + (0, i32(1, 11, 7, 3), (1, 12, 8, 3)),
]


def given_with_each_call(operator, operands, made, index, stated):
    """HARD_SWISH, the operator, LOGISTIC: only the first has a shape that the file can know."""
    m = Model()
    x, a, b, c = m.input(SMALL), m.tensor(SMALL), m.tensor(stated), m.tensor(stated)
    at = [a if isinstance(o, tuple) else m.input(o.shape, o.dtype) if i == index else m.constant(o) for i, o in enumerate(operands)]
    m.node("HARD_SWISH", [x], [a])
    m.node(operator, at, [b], made)
    m.node("LOGISTIC", [b], [c])
    return m.bytes([c])


def leaves_what_comes_with_calls(library):
    """With custom_operators, where the host has not looked at the graph before it shows it."""
    good = True
    for operator, operands, made, index, value, stated in GIVEN:
        model = given_with_each_call(operator, operands, made, index, stated)
        plain = tflite_host.interpreter(model)
        delegate = tflite_host.delegate(library, verbosity=1, custom_operators=1)
        with_it, text = tflite_host.said_by(lambda: tflite_host.interpreter(model, [delegate]))
        x = f32(*SMALL)
        for given in (value, operands[index], value):
            expected = [array.copy() for array in tflite_host.run(plain, [x, given])]
            results = tflite_host.run(with_it, [x, given])
            fits = results[0].shape == expected[0].shape and tflite_host.difference(results, expected) <= 1e-5
            good &= check(f"{operator}, operand {index} given as {given.tolist()}", fits, f"{results[0].shape}\n{text}")
        good &= check(f"{operator}, operand {index}: only the node before it is taken", tflite_host.parts(text) == [(1, 3)], text)
    return good


def run_special(library):
    # The host's fast kernels leave such an output unwritten; its reference kernels do not.
    good = check("float16 weights that are an output too",
                 agree(library, "float16 weights", half_weights_read_outside(), reference=True)[0])
    model = mixed()
    made, text = delegated(library, model)
    plain, x = tflite_host.interpreter(model), [f32(1, 6, 6, 4)]
    worst = tflite_host.difference(tflite_host.run(made, x), tflite_host.run(plain, x))
    good &= check("a node that it does not know stays with the host, and is named",
                  worst <= 1e-5 and len(tflite_host.parts(text)) == 2 and "leaves node 1" in text, text)
    case = conv(IMAGE, (7, 3, 3, 5))
    model = one_node(*case, 1, [(1, 9, 8, 7)])
    made, plain = delegated(library, model)[0], tflite_host.interpreter(model)
    for size in ((1, 5, 7, 5), (2, 9, 8, 5)):
        for one in (made, plain):
            one.resize_tensor_input(0, size)
            one.allocate_tensors()
        x = [f32(*size)]
        worst = tflite_host.difference(tflite_host.run(made, x), tflite_host.run(plain, x))
        good &= check(f"an input resized to {size}: {worst:.1e}", worst <= 1e-5)
    # Of what such a slice is, the host's kernels have no common idea.
    case = slices(IMAGE, (0, 3, 0, 0), (0, 2, 0, 0), (1, -1, 1, 1), shrinkAxisMask=2, beginMask=13, endMask=13)
    text = delegated(library, one_node(*case, 1, shapes_of(case, 1)))[1]
    return good & check("a slice of one element, backwards, is left", "leaves node 0" in text, text)


def fully_convolutional():
    """A convolution, a pool and another convolution: runs at any size."""
    m = Model()
    x = m.input((1, 8, 8, 4))
    a, b, y = m.tensor((1, 8, 8, 6)), m.tensor((1, 4, 4, 6)), m.tensor((1, 4, 4, 5))
    plain = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    m.node("CONV_2D", [x, m.constant(f32(6, 3, 3, 4)), m.constant(f32(6))], [a], options("Conv2D", fusedActivationFunction=3, **plain))
    m.node(*pool("MAX_POOL_2D", a, 2, 2, VALID)[:1], [a], [b], pool("MAX_POOL_2D", a, 2, 2, VALID)[2])
    m.node("CONV_2D", [b, m.constant(f32(5, 1, 1, 6)), m.constant(f32(5))], [y], options("Conv2D", **plain))
    return m.bytes([y])


def many_dimensions():
    """A tensor of more dimensions than sepcl has, between two nodes that it takes."""
    m = Model()
    x = m.input((1, 6, 6, 4))
    a, b, c, y = m.tensor((1, 6, 6, 4)), m.tensor((1, 1, 1, 1, 1, 6, 3, 2, 4)), m.tensor((1, 6, 6, 4)), m.tensor((1, 6, 6, 4))
    m.node("HARD_SWISH", [x], [a])
    m.node("RESHAPE", [a, m.constant(i32(1, 1, 1, 1, 1, 6, 3, 2, 4))], [b])
    m.node("RESHAPE", [b, m.constant(i32(1, 6, 6, 4))], [c])
    m.node("LOGISTIC", [c], [y])
    return m.bytes([y])


def save_small(folder):
    """For tflite_faults.py in the host that has no writer of models."""
    for name, made in (("open", fully_convolutional()), ("dimensions", many_dimensions()), ("mixed", mixed())):
        with open(os.path.join(folder, name + ".tflite"), "wb") as file:
            file.write(made)


if __name__ == "__main__":
    results = [run_cases(sys.argv[1]), run_special(sys.argv[1]), leaves_what_comes_with_calls(sys.argv[1])]
    if len(sys.argv) > 2:
        save_small(sys.argv[2])
    sys.exit(0 if all(results) else 1)
