#!/usr/bin/env python3
"""Random valid ONNX graphs through sepcl and ONNX Runtime.

    random_graphs.py [--count 1000] [--seed N] [--nodes 6] [--through onnxruntime] [--keep DIR] [--control]

Each graph draws an opset (7 to 21), an input, and nodes with random attributes, broadcasting and layout changes; ONNX
Runtime says whether it is valid. Outputs must agree within 1e-4 of their range (values over 1e6 or not finite are not
compared); where they do not, the graph is evaluated in double precision, and sepcl must agree with that: ONNX Runtime is then said
to be off (its Sigmoid is, far below zero), and the graph is not counted as wrong. Each that agrees is also given in another order, with nodes that nothing needs and with some of its nodes as a
function (disguise.py). A graph that disagrees, or that sepcl refuses, is shrunk, by making each of its values the output in turn, and kept
as a small file; the seed is printed. From 1000 graphs on, more follow until every operation of `sepcl ops` has been drawn. `--through
onnxruntime` checks reader and writer without a device (see vectors.py).

`--control` gives sepcl a graph with one weight or attribute changed, and compares with the graph as it was: each that ONNX
Runtime computes differently must be found wrong, else the exit status is 1.
"""
import argparse
import collections
import os
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import float64
import sepcl
from disguise import disguise
from random_operations import Drawer
from vectors import through_onnxruntime


# What judge says where double precision agrees with sepcl and not with ONNX Runtime.
REFERENCE_OFF = "ONNX Runtime is off"


def draw(seed, nodes):
    drawer = Drawer(seed, reference)
    for _ in range(4 * nodes):
        if len(drawer.nodes) < nodes:
            drawer.grow()
    return drawer


def reference(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # The plain meaning of each node; its optimizers have faults of their own (an empty LayerNormalization bias crashes one).
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def differs(got, wanted):
    """None, or how far two arrays are from each other."""
    if got.shape != wanted.shape:
        return f"shape {got.shape} instead of {wanted.shape}"
    finite = np.isfinite(wanted) & (np.abs(wanted) < 1e6)
    if not finite.any():
        return None
    span = max(float(np.ptp(wanted[finite])), float(np.abs(wanted[finite]).max()), 1e-3)
    difference = float(np.abs(got - wanted)[finite].max())
    return None if difference <= 1e-4 * span else f"off by {difference:.3g} of {span:.3g}"


def judge(model, x, run, given=None, disguised=False):
    """None: it agrees or there is nothing to compare; else what is wrong, or REFERENCE_OFF. `given`: what sepcl gets in its
    place; `disguised` says that it is the same."""
    try:
        wanted = reference(model, x)
        if given and not disguised and not differs(reference(given, x), wanted):
            return "invalid"
    except Exception:
        return "invalid"
    try:
        got = run(sepcl.Graph((given or model).SerializeToString()), {"x": x})[model.graph.output[0].name]
    except sepcl.Refused as refusal:
        return f"refused: {refusal}"
    message = differs(got, wanted)
    if not message or got.shape != wanted.shape:
        return message
    exact = float64.evaluate(model, x)
    return message if exact is None or exact.shape != got.shape or differs(got, exact) else REFERENCE_OFF


def perturb(model, random):
    """A copy with a weight moved by a hundredth of the range and a half, or an attribute by one."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    places = [t for t in copy.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and numpy_helper.to_array(t).size]
    places += [a for n in copy.graph.node for a in n.attribute if a.type in (1, 2) or (a.type == 7 and len(a.ints))]
    if not places:
        return copy
    place = places[int(random.integers(len(places)))]
    if isinstance(place, onnx.TensorProto):
        array = numpy_helper.to_array(place).copy()
        array.flat[int(random.integers(array.size))] += 0.5 + 0.01 * float(np.ptp(array))
        place.CopyFrom(numpy_helper.from_array(array, place.name))
    elif place.type == 1:
        place.f += 0.25
    elif place.type == 2:
        place.i += 1
    else:
        place.ints[int(random.integers(len(place.ints)))] += 1
    return copy


def shrink(drawer, x, run):
    """The shortest prefix of the graph that still disagrees, without the nodes that its output does not need."""
    for node in drawer.nodes:
        for name in node.output:
            model = drawer.model(name)
            message = judge(model, x, run)
            if message and message not in ("invalid", REFERENCE_OFF):
                return onnx.utils.Extractor(model).extract_model(["x"], [name]) if len(model.graph.node) > 1 else model
    return drawer.model()


def keep_wrong(drawer, x, run, path):
    try:
        onnx.save(shrink(drawer, x, run), path)
    except Exception:
        onnx.save(drawer.model(), path)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--through", choices=["sepcl", "onnxruntime"], default="sepcl")
    parser.add_argument("--keep", default="/tmp", metavar="DIR", help="where wrong graphs are kept")
    parser.add_argument("--device")
    parser.add_argument("--control", action="store_true", help="a changed weight or attribute must be found wrong")
    return parser.parse_args()


def uncovered(drawn):
    return sorted({name for name, *_ in sepcl.operations()} - set(drawn))


def main():
    arguments = parse()
    device = sepcl.Device(arguments.device) if arguments.through == "sepcl" else None
    # A launch per stage: a kernel is compiled once for all graphs. One launch would compile a program for each graph.
    run = (lambda graph, feeds: graph.run(device, feeds, sepcl.REPLAY_LAUNCHES)) if device else through_onnxruntime
    print(f"seed {arguments.seed}", flush=True)
    drawn, begin = collections.Counter(), time.time()
    compared = wrong = seed = reference_off = 0
    whole = arguments.count >= 1000 and not arguments.control
    while (compared < arguments.count or (whole and uncovered(drawn))) and seed < 8 * arguments.count:
        drawer = draw([arguments.seed, seed], arguments.nodes)
        seed += 1
        x = drawer.random.standard_normal(drawer.shapes["x"], dtype=np.float32)
        given = perturb(drawer.model(), drawer.random) if arguments.control and drawer.nodes else None
        message = judge(drawer.model(), x, run, given) if drawer.nodes else "invalid"
        off = message == REFERENCE_OFF
        if message in (None, REFERENCE_OFF) and not arguments.control:
            given = disguise(drawer.model(), drawer.random)
            message = judge(drawer.model(), x, run, given, True)
        if message == "invalid" or (arguments.control and message and message.startswith("refused")):
            continue  # a refusal notices nothing
        compared += 1
        if off or message == REFERENCE_OFF:
            reference_off += 1
            print(f"graph {seed - 1} (opset {drawer.opset}): double precision agrees with sepcl, not with ONNX Runtime", flush=True)
        message = None if message == REFERENCE_OFF else message
        drawn.update({node.op_type for node in drawer.nodes})
        if message:
            wrong += 1
        if message and not arguments.control:
            path = os.path.join(arguments.keep, f"sepcl-wrong-{arguments.seed}-{seed - 1}.onnx")
            keep_wrong(drawer, x, run, path)
            if given:
                onnx.save(given, path)
            print(f"WRONG graph {seed - 1} (opset {drawer.opset}): {message}; kept as {path}", flush=True)
        elif arguments.control and not message:
            print(f"NOT NOTICED graph {seed - 1} (opset {drawer.opset})", flush=True)
        if compared % 100 == 0:
            print(f"{compared} graphs, {wrong} wrong, {time.time() - begin:.0f} s", flush=True)
    missing = uncovered(drawn) if whole else []
    print(f"{compared} graphs compared, {wrong} wrong, {reference_off} where ONNX Runtime is off; {len(drawn)} operations drawn" + (f", NOT {' '.join(missing)}" if missing else ""))
    sys.exit(1 if wrong != (compared if arguments.control else 0) or compared < arguments.count or missing else 0)


if __name__ == "__main__":
    main()
