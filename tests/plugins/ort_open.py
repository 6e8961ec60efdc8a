"""What is known only when the model runs: how many dimensions a value has, and the operands that give shapes. The provider must
not take it for what it looks like when the session is made: wherever the host alone runs, the host with it must run too.

python3 ort_open.py LIBRARY     (needs onnx; exits with 1 if anything fails)"""
import os
import sys

import numpy as np
from onnx import helper, numpy_helper

import ort_host
from ort_graphs import FLOAT, IMAGE, INT64, KERNEL, RANDOM, SAME, chain, conv, edge, model

OLDEST = ort_host.NAME.startswith("onnxruntime 1.23.")  # does not tell a number from a tensor of unknown rank
ANY, X = edge("y", None), (1, 4, 12, 10)


def floats(*shape):
    return RANDOM.standard_normal(shape, np.float32) if shape else np.array(RANDOM.random(), np.float32)


def ints(*values):
    return np.array(values, np.int64)


def one(operation, operands, given, constants=None, opset=18, **attributes):
    """A convolution, the operation on its output a and on operands that come with each call, and a function."""
    inputs = [edge(name, shape, kind) for name, (shape, kind) in given.items()]
    return model([conv("x", "a"), (operation, operands, "b", attributes), ("Relu", "b", "y", {})], [IMAGE] + inputs, [ANY],
                 {**KERNEL, **(constants or {})}, opset)


def by_list(operation, lengths, *lists, operands="a k", constants=None, opset=18, **attributes):
    """The operation with a list k: of a length that the model says and, if `lengths` has two, of one that it does not."""
    feeds = [{"k": np.asarray(one)} for one in lists]
    kind = FLOAT if feeds[0]["k"].dtype == np.float32 else INT64
    return [(one(operation, operands, {"k": ([length], kind)}, constants, opset, **attributes), feeds) for length in lengths]


def initializers_that_are_inputs():
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["a"], **SAME), helper.make_node("Reshape", ["a", "k"], ["b"]),
         helper.make_node("Relu", ["b"], ["y"])], "graph", [IMAGE, edge("w", [4, 4, 3, 3]), edge("k", [2], INT64)], [ANY],
        [numpy_helper.from_array(KERNEL["w"], "w"), numpy_helper.from_array(ints(4, 120), "k")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def far_apart():
    """A number made by a small part, which stays with the host, and read by a large one."""
    return model([("Sin", "x", "q", {}), ("ReduceMean", "q", "m", {"keepdims": 0}), ("Sin", "x", "c0", {}), ("Mul", "c0 m", "c1", {})] +
                 [conv(f"c{i}", f"c{i + 1}") for i in range(1, 12)] + [("Sin", "m", "s", {}), ("Mul", "c12 s", "y", {})],
                 [IMAGE], [ANY], KERNEL)


OPEN = edge("x", ["n", 4, 1, "m"])
# name -> [(model, feeds)...], the nodes taken of all of them (in 1.23; later), where that is to be seen
CASES = {
    "an input of unknown rank": (
        [(model([("Relu", "x", "a", {}), ("Add", "a a", "y", {})], [edge("x", None)], [ANY]),
          [{"x": floats(3, 4)}, {"x": floats(2, 3, 4)}, {"x": floats()}])], (0, 0)),
    "an input that is a number": (
        [(model([("Relu", "x", "a", {}), ("Add", "a a", "y", {})], [edge("x", [])], [ANY]), [{"x": floats()}])], (0, 2)),
    "a picture and a number": (
        [(one("Mul", "a k", {"k": ([], FLOAT)}), [{"k": floats()}, {"k": floats()}])], (1, 3)),
    "a mean of everything": (
        [(chain([("ReduceMean", "c", "m", {"keepdims": 0}), ("Sub", "c m", "d", {})]), [{}])], (8, 8)),
    "a number between parts": ([(far_apart(), [{}])], None),
    "Squeeze of whatever is 1": (
        [(model([("Squeeze", "x", "a", {}), ("Relu", "a", "y", {})], [OPEN], [ANY]),
          [{"x": floats(1, 4, 1, 3)}, {"x": floats(2, 4, 1, 3)}, {"x": floats(2, 4, 1, 1)}])], (2, 2)),
    "the same between two nodes of the host's": (
        [(model([("Sin", "x", "s", {}), ("Squeeze", "s", "a", {}), ("Sin", "a", "b", {}), ("Relu", "b", "y", {})], [OPEN], [ANY]),
          [{"x": floats(1, 4, 1, 3)}, {"x": floats(2, 4, 1, 3)}, {"x": floats(2, 4, 1, 1)}])], None),
    "a sequence": (
        [(model([("SplitToSequence", "x", "q", {"axis": 0}), ("ConcatFromSequence", "q", "a", {"axis": 1}),
                 ("Relu", "a", "y", {})], [edge("x", ["n", 4])], [ANY]), [{"x": floats(2, 4)}, {"x": floats(3, 4)}])], None),
    "initializers that are inputs": (
        [(initializers_that_are_inputs(), [{}, {"k": ints(120, 4)}, {"w": KERNEL["v"]}, {"w": KERNEL["v"], "k": ints(2, 240)}])],
        None),
    "Reshape": (by_list("Reshape", [2, "n"], ints(4, 120), ints(120, 4)), None),
    "Reshape, other ranks": (by_list("Reshape", ["n"], ints(4, 120), ints(2, 2, 120), ints(480)), (1, 1)),
    "Expand": (by_list("Expand", [4, "n"], ints(1, 4, 12, 10), ints(3, 1, 1, 10)), None),
    "Expand, other ranks": (by_list("Expand", ["n"], ints(10), ints(2, 3, 1, 1, 1)), (1, 1)),
    "Tile": (by_list("Tile", [4, "n"], ints(1, 1, 1, 1), ints(1, 2, 1, 3)), None),
    "Pad": (by_list("Pad", [8, "n"], ints(0, 0, 0, 0, 0, 0, 0, 0), ints(0, 0, 1, 2, 0, 1, 0, 3)), None),
    "Pad's value": ([(one("Pad", "a p k", {"k": ([], FLOAT)}, {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}),
                      [{"k": floats()}, {"k": floats()}])], None),
    "Clip's bounds": ([(one("Clip", "a k", {"k": ([], FLOAT)}), [{"k": floats()}, {"k": floats()}])], None),
    "Slice's starts": (by_list("Slice", [2, "n"], ints(0, 1), ints(3, 2), operands="a k e i",
                               constants={"e": ints(9, 9), "i": ints(2, 3)}), None),
    "Slice's ends": (by_list("Slice", [2, "n"], ints(9, 7), ints(5, -1), operands="a s k i",
                             constants={"s": ints(0, 1), "i": ints(2, 3)}), None),
    "Slice's axes": (by_list("Slice", [1, "n"], ints(2), ints(3), operands="a s e k",
                             constants={"s": ints(1), "e": ints(7)}), None),
    "Slice's steps": (by_list("Slice", [1, "n"], ints(1), ints(2), operands="a s e i k",
                              constants={"s": ints(1), "e": ints(7), "i": ints(2)}), None),
    "Resize to a size": (by_list("Resize", [4], ints(1, 4, 24, 20), ints(1, 4, 6, 5), operands="a _ _ k"), None),
    "Resize by scales": (by_list("Resize", [4, "n"], np.float32([1, 1, 2, 2]), np.float32([1, 1, .5, .5]), operands="a _ k"), None),
    "Upsample by scales": (by_list("Upsample", [4], np.float32([1, 1, 2, 2]), np.float32([1, 1, 3, 1]), opset=9), None),
    "Squeeze's axes": (by_list("Squeeze", [1, "n"], ints(0)), None),
    "Unsqueeze's axes": (by_list("Unsqueeze", [1, "n"], ints(0), ints(2)), None),
    "Unsqueeze, other ranks": (by_list("Unsqueeze", ["n"], ints(0), ints(2, 3)), None),
    "ReduceMean's axes": (by_list("ReduceMean", [1, "n"], ints(1), ints(2)), None),
    "ReduceMean, other ranks": (by_list("ReduceMean", ["n"], ints(1), ints(2, 3), keepdims=0), None),
    "Split's sizes": ([(model([conv("x", "a"), ("Split", "a k", "b c", {"axis": 1}), ("Relu", "b", "y", {})],
                              [IMAGE, edge("k", [2], INT64)], [ANY], KERNEL), [{"k": ints(2, 2)}, {"k": ints(1, 3)}])], None),
    "TopK": ([(model([conv("x", "a"), ("TopK", "a k", "b i", {"axis": 3}), ("Relu", "b", "y", {})],
                     [IMAGE, edge("k", [1], INT64)], [ANY], KERNEL), [{"k": ints(2)}, {"k": ints(5)}])], None),
    "Gather's indices": (by_list("Gather", [2, "n"], ints(1, 0), ints(3, 3), axis=1), None),
    "GatherND's indices": ([(one("GatherND", "a k", {"k": (["n", "m"], INT64)}),
                             [{"k": ints([0, 1], [0, 2])}, {"k": ints([0, 1, 2], [0, 3, 2], [0, 0, 0])}])], None),
    "ConstantOfShape": ([(model([("ConstantOfShape", "k", "c", {}), conv("x", "a"), ("Add", "a c", "y", {})],
                                [IMAGE, edge("k", ["n"], INT64)], [ANY], KERNEL), [{"k": ints(10)}, {"k": ints(3, 1, 1, 1)}])], None),
}


def feed_of(made, given):
    """What is not given: noise for x; an initializer keeps its own."""
    return {"x": floats(*X), **given} if any(value.name == "x" for value in made.get_inputs()) else given


def compare(name, bytes_of, feeds, optimise):
    """The nodes that were taken, and whether all runs were as the host's own."""
    made, text = ort_host.said_by(lambda: ort_host.session(bytes_of, {"verbosity": 1}, optimise))
    plain, good = ort_host.session(bytes_of, None, optimise), True
    for given in feeds:
        feed = feed_of(made, given)
        expected = plain.run(None, feed)
        try:
            results, said = made.run(None, feed), ""
        except Exception as error:  # the host has a type for each of its codes
            results, said = None, str(error).strip()[-120:]
        shapes = {key: value.shape if value.size > 8 else value.tolist() for key, value in given.items()}
        wrong = ort_host.difference(plain.run(None, {**feed, "x": np.asarray(feed["x"] * 2 + 1, np.float32)}), expected)
        if results is None or results[0].shape != expected[0].shape or not ort_host.difference(results, expected) <= 1e-5 < wrong:
            print(f"  {name} {shapes}: {said or 'ANOTHER RESULT'}")
            good = False
    return sum(part for part, _ in ort_host.parts(text)), good


def main():
    ort_host.use(os.path.realpath(sys.argv[1]))
    print(ort_host.NAME, flush=True)
    failed = runs = 0
    for name, (models, wanted) in CASES.items():
        for optimise in (False, True):
            taken = 0
            for bytes_of, feeds in models:
                nodes, good = compare(name, bytes_of, feeds, optimise)
                taken, failed, runs = taken + nodes, failed + (not good), runs + len(feeds)
            bad = wanted and not optimise and taken != wanted[0 if OLDEST else 1]
            failed += bool(bad)
            print(f"{name}{', optimised' if optimise else ''}: {taken} nodes taken{'  FAILED' if bad else ''}", flush=True)
    print(f"{ort_host.NAME}: {len(CASES)} kinds, {runs} runs, {failed} failures", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
