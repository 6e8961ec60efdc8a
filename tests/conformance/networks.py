#!/usr/bin/env python3
"""Runs whole networks through sepcl and ONNX Runtime on the same input and prints how far apart they are.

    networks.py [--copies] [--control] MODEL.onnx[:NAME=1x3x48x192] ...

A line a model: the largest difference as a share of the output's range, and whether exporting and loading the model
again computes the same bits. The exit status is 1 if a difference is over 1e-5 or bits differ, or if an output is flat.
--copies adds how many Transpose nodes the model has and how many copy stages `sepcl plan` is left with. --control changes
one weight for sepcl alone: each model must then be found wrong.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import sepcl


def random_inputs(session, shapes):
    given = dict(s.split("=") for s in shapes)
    random = np.random.default_rng(7)
    feeds = {}
    for i in session.get_inputs():
        dims = [int(d) for d in given[i.name].split("x")] if i.name in given else [
            d if isinstance(d, int) and d > 0 else 1 for d in i.shape]
        feeds[i.name] = random.standard_normal(dims, dtype=np.float32)
    return feeds


def changed(path):
    """The model with the weights of its last convolution or matrix product a thousandth larger."""
    model = onnx.load(path)
    constants = {t.name: t for t in model.graph.initializer}
    last = [constants[n.input[1]] for n in model.graph.node if n.op_type in ("Conv", "ConvTranspose", "MatMul", "Gemm") and n.input[1] in constants][-1]
    last.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(last) * np.float32(1.001), last.name))
    return model.SerializeToString()


def copies(path, shape):
    tool = pathlib.Path(sepcl.LIBRARY).with_name("tools") / "sepcl"
    plan = subprocess.run([tool, "plan", path, *(["--input-shape", shape] if shape else [])], capture_output=True, text=True, check=True).stdout
    stages = [line.split() for line in plan.split("\npasses")[0].splitlines()]
    left = [words[0] for words in stages if "copy" in words[1:2]]
    transposes = sum(node.op_type == "Transpose" for node in onnx.load(path, load_external_data=False).graph.node)
    return f", {transposes} transposes, {len(left)} copies {' '.join(left)}"


def compare(device, path, shapes, control=False):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = random_inputs(session, shapes)
    expected = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))
    graph = sepcl.Graph(changed(path) if control else path, shapes)
    outputs = graph.run(device, feeds)
    worst = 0.0
    for name, wanted in expected.items():
        if outputs[name].shape != wanted.shape:
            return float("inf"), False, 0.0
        span = float(wanted.max() - wanted.min()) or 1.0
        worst = max(worst, float(np.abs(outputs[name] - wanted).max()) / span)
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy.onnx")
        graph.save(copy)
        again = sepcl.Graph(copy, shapes).run(device, feeds)
    same = all(again[n].tobytes() == outputs[n].tobytes() for n in outputs)
    spread = min(float(w.std()) for w in expected.values())
    return worst, same, spread


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.onnx[:NAME=SHAPE]")
    parser.add_argument("--device")
    parser.add_argument("--copies", action="store_true")
    parser.add_argument("--control", action="store_true")
    arguments = parser.parse_args()
    device = sepcl.Device(arguments.device)
    failed = 0
    for model in arguments.models:
        path, _, shape = model.partition(":")
        try:
            worst, same, spread = compare(device, path, [shape] if shape else [], arguments.control)
            bad = worst <= 1e-5 if arguments.control else not worst <= 1e-5 or not same or spread < 1e-3
            more = copies(path, shape) if arguments.copies else ""
            print(f"{'FAIL' if bad else 'ok  '} {os.path.basename(path):32} {shape:20} "
                  f"difference {worst:.1e} of the range, spread {spread:.3g}, copy {'equal' if same else 'DIFFERS'}{more}")
        except sepcl.Refused as refusal:
            bad = True
            print(f"FAIL {os.path.basename(path):32} refused: {refusal}")
        failed += bad
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
