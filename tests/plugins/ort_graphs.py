"""Small graphs through the ONNX Runtime provider against the host's own kernels: which nodes it takes, and where their
parts begin and end.

python3 ort_graphs.py LIBRARY     (needs onnx; exits with 1 if anything fails)"""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import ort_host

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
RANDOM = np.random.default_rng(1)


def edge(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, constants=None, opset=17):
    """nodes: (operation, inputs, outputs, attributes); an input _ is left out."""
    made = [helper.make_node(operation, [name.strip("_") for name in i.split()], o.split(), **attributes)
            for operation, i, o, attributes in nodes]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(made, "graph", inputs, outputs, tensors)
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return whole.SerializeToString()


def weights(*shape):
    return RANDOM.standard_normal(shape, np.float32) * 0.3

IMAGE, SAME = edge("x", [1, 4, 12, 10]), {"pads": [1, 1, 1, 1]}
KERNEL = {"w": weights(4, 4, 3, 3), "v": weights(4, 4, 3, 3)}


def conv(x, y, w="w"):
    return ("Conv", f"{x} {w}", y, SAME)


def chain(middle, constants=None, output=None):
    """Three operations, something in the middle, three operations."""
    before = [conv("x", "a"), ("Relu", "a", "b", {}), conv("b", "c")]
    after = [conv("d", "e"), ("Sigmoid", "e", "f", {}), conv("f", "y")]
    return model(before + middle + after, [IMAGE], [output or edge("y", [1, 4, 12, 10])], {**KERNEL, **(constants or {})})


def branch_model():
    branches = {f"{name}_branch": helper.make_graph(
        [helper.make_node(operation, ["c"], [name])], name, [], [edge(name, None)])
        for name, operation in (("then", "Relu"), ("else", "Neg"))}
    return model([conv("x", "a"), conv("a", "b"), conv("b", "c"), ("ReduceSum", "x", "s", {"keepdims": 0}),
                  ("Greater", "s zero", "positive", {}), ("If", "positive", "y", branches)], [IMAGE],
                 [edge("y", None)], {**KERNEL, "zero": np.float32(0)})


# name -> (model, the parts that are to be taken with optimisations off, the nodes of the graph)
CASES = {
    "all": (chain([("Identity", "c", "d", {})]), [7], 7),
    "an unknown operation in the middle": (chain([("Sin", "c", "d", {})]), [3, 3], 7),
    "round an unknown operation": (chain([("Sin", "c", "s", {}), ("Tanh", "c", "t", {}), ("Add", "s t", "d", {})]),
                                   [4, 4], 9),
    "beside an unknown operation": (chain([("Sin", "x", "s", {}), ("Add", "s c", "d", {})]), [7], 8),
    "a small part": (model([("Relu", "x", "a", {}), ("Sin", "a", "b", {})] +
                           [conv("b" if i == 0 else f"c{i - 1}", "y" if i == 11 else f"c{i}") for i in range(12)],
                           [IMAGE], [edge("y", [1, 4, 12, 10])], KERNEL), [12], 14),
    "shapes computed from shapes": (
        chain([("Shape", "c", "s", {}), ("Slice", "s zero one", "n", {}), ("Concat", "n rest", "t", {"axis": 0}),
               ("Reshape", "c t", "r", {}), ("Reshape", "r s", "d", {})],
              {"zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1])}), [11], 11),
    "shapes after an unknown operation": (
        chain([("Shape", "c", "s", {}), ("Sin", "c", "q", {}), ("Reshape", "q s", "d", {})]), [3, 5], 9),
    "computed weights": (
        model([("Sin", "x", "s", {}), ("Transpose", "w0", "wt", {"perm": [1, 0, 2, 3]}), conv("s", "a", "wt"),
               ("Relu", "a", "y", {})], [IMAGE], [edge("y", [1, 4, 12, 10])], {"w0": KERNEL["w"]}), [3], 4),
    "weights that are an input": (
        model([("Relu", "x", "a", {}), conv("a", "b", "k"), ("Relu", "b", "y", {})],
              [IMAGE, edge("k", [4, 4, 3, 3])], [edge("y", [1, 4, 12, 10])]), [1, 1], 3),
    "an output of integers": (
        model([conv("x", "a"), conv("a", "y"), ("Shape", "y", "s", {})], [IMAGE],
              [edge("y", [1, 4, 12, 10]), edge("s", [4], INT64)], KERNEL), [2], 3),
    "integers that both need": (
        model([conv("x", "a"), ("Shape", "a", "s", {}), ("Reshape", "a s", "b", {}), conv("b", "y"),
               ("Add", "s s", "t", {}), ("Mod", "s t", "m", {})], [IMAGE],
              [edge("y", None), edge("m", None, INT64)], KERNEL), [1, 1], 6),
    "an output in the middle": (chain([("Relu", "c", "d", {})], output=edge("y", [1, 4, 12, 10])), [7], 7),
    "a branch": (branch_model(), [1, 3], 6),
    "an input of integers": (
        model([("Cast", "i", "f", {"to": FLOAT}), ("Add", "x f", "a", {}), conv("a", "y")],
              [IMAGE, edge("i", [1], INT64)], [edge("y", [1, 4, 12, 10])], KERNEL), [2], 3),
    "halves": (
        model([("Cast", "x", "h", {"to": TensorProto.FLOAT16}), ("Relu", "h", "g", {}),
               ("Cast", "g", "f", {"to": FLOAT}), conv("f", "y")], [IMAGE], [edge("y", [1, 4, 12, 10])], KERNEL), [1], 4),
    "nine dimensions": (
        model([("Reshape", "x nine", "a", {}), ("Relu", "a", "b", {}), ("Reshape", "b four", "c", {}), conv("c", "y")],
              [IMAGE], [edge("y", [1, 4, 12, 10])],
              {**KERNEL, "nine": np.array([1, 1, 1, 1, 1, 4, 12, 5, 2]), "four": np.array([1, 4, 12, 10])}), [1], 4),
    "an empty tensor": (
        model([("Slice", "x zero zero", "a", {}), ("Concat", "x a", "b", {"axis": 0}), conv("b", "y")], [IMAGE],
              [edge("y", [1, 4, 12, 10])], {**KERNEL, "zero": np.array([0])}), [1], 3),
    "another domain": (
        helper.make_model(helper.make_graph(
            [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("FusedMatMul", ["a", "m"], ["y"], domain="com.microsoft")],
            "graph", [edge("x", [2, 3])], [edge("y", [2, 3])], [numpy_helper.from_array(weights(3, 3), "m")]),
            opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
            ir_version=8).SerializeToString(), [1], 2),
}


def inputs_of(made, seed):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(value.shape).astype(np.int64 if "int64" in value.type else np.float32)
            for value in made.get_inputs()]


def check(name, bytes_of, expected_parts, nodes, optimise):
    made, text = ort_host.said_by(lambda: ort_host.session(bytes_of, {"verbosity": 2}, optimise))
    plain = ort_host.session(bytes_of, None, optimise)
    inputs = inputs_of(made, 1)
    expected, results = ort_host.run(plain, inputs), ort_host.run(made, inputs)
    worst = ort_host.difference(results, expected)
    wrong = ort_host.difference(ort_host.run(made, inputs_of(made, 2)), expected)
    parts = sorted(part for part, _ in ort_host.parts(text))
    if ort_host.NAME.startswith("onnxruntime 1.23."):
        expected_parts = [max(expected_parts)]  # no more can be had there
    good = worst <= 1e-5 < wrong and (optimise or parts == sorted(expected_parts))
    good &= optimise or all(of == nodes for _, of in ort_host.parts(text))
    # Every node is named once: as taken or, with the reason, as left.
    named = text.count("sepcl: takes node") + text.count("sepcl: leaves node")
    good &= optimise or named == nodes
    print(f"{name}{', optimised' if optimise else ''}: parts {parts}, within {worst:.1e} (another input: {wrong:.1e})"
          f"{'' if good else f'  FAILED (expected {expected_parts} of {nodes})'}", flush=True)
    if not good:
        print(text, file=sys.stderr)
    return good


def main():
    ort_host.use(os.path.realpath(sys.argv[1]))
    print(ort_host.NAME, flush=True)
    good = [check(name, *case, optimise) for name, case in CASES.items() for optimise in (False, True)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
