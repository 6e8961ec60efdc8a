#!/usr/bin/env python3
"""Runs ONNX's own test vectors (Debian's libonnx-testdata) through sepcl and prints a table.

    vectors.py [--markdown] [--verbose] [--match WORD] [--through onnxruntime]

Counted are the float32 vectors whose every operation stands in sepcl's table (`sepcl ops`) and whose inputs and outputs
are float32 (constants, shapes and indices aside). sepcl takes weights and shapes that are known when the model is loaded,
so a vector that feeds them at run time is given them as constants: every input but the first data inputs. Passed: within
1e-5 + 1e-4 |expected|. Refused: sepcl says by name what it does not compute. Wrong: anything else, and the exit status is
1 if there is one, or if fewer than 97% pass. `--through onnxruntime` instead loads, exports and runs the exported file
with ONNX Runtime: the reader and the writer without a device.
"""
import argparse
import collections
import glob
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

import sepcl

DATA = "/usr/share/libonnx-testdata/data"
# Operands that may be computed; any other input of these operations is a parameter.
DATA_INPUTS = collections.defaultdict(lambda: 1, {name: 2 for name in ("Add", "Sub", "Mul", "Div", "Pow", "MatMul",
                                                                        "Gemm", "PRelu")})
DATA_INPUTS.update({name: 99 for name in ("Sum", "Mean", "Min", "Max", "Concat")})


def load_case(folder):
    model = onnx.load(os.path.join(folder, "model.onnx"))
    cases = []
    for data in sorted(glob.glob(os.path.join(folder, "test_data_set_*"))):
        read = lambda kind: [onnx.load_tensor(f) for f in sorted(
            glob.glob(os.path.join(data, f"{kind}_*.pb")), key=lambda f: int(f.rsplit("_", 1)[1][:-3]))]
        cases.append(([numpy_helper.to_array(t) for t in read("input")],
                      [numpy_helper.to_array(t) for t in read("output")]))
    return model, cases


def freeze(model, arrays):
    """Makes constants of the inputs that are parameters; returns the remaining feeds by name."""
    known = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in known][:len(arrays)]
    values = dict(zip(names, arrays))
    data = set()
    for node in model.graph.node:
        data.update(name for name in node.input[:DATA_INPUTS[node.op_type]])
    feeds = {}
    for name, value in values.items():
        if value.dtype == np.float32 and name in data:
            feeds[name] = value
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return feeds


def is_float_vector(model, cases, operations):
    nodes = {n.op_type for n in model.graph.node}
    domains = {n.domain for n in model.graph.node} - {"", "ai.onnx"}
    if domains or not nodes or not nodes <= operations or not cases:
        return False
    inputs, outputs = cases[0]
    return (all(o.dtype == np.float32 for o in outputs)
            and all(i.dtype in (np.float32, np.int64, np.int32, np.bool_) for i in inputs)
            and any(i.dtype == np.float32 for i in inputs))


def through_onnxruntime(graph, feeds):
    import onnxruntime
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "exported.onnx")
        graph.save(path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds)))


def run_case(model, case, run):
    inputs, expected = case
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    feeds = freeze(copy, inputs)
    try:
        outputs = run(sepcl.Graph(copy.SerializeToString()), feeds)
    except sepcl.Refused as refusal:
        return "refused", str(refusal)
    for info, wanted in zip(model.graph.output, expected):
        got = outputs[info.name]
        if got.shape != wanted.shape:
            return "wrong", f"shape {got.shape} instead of {wanted.shape}"
        if not np.allclose(got, wanted, rtol=1e-4, atol=1e-5, equal_nan=True):
            with np.errstate(invalid="ignore"):
                return "wrong", f"off by {np.nanmax(np.abs(got - wanted)):.3g}"
    return "passed", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="a line a vector that did not pass")
    parser.add_argument("--match", default="", metavar="WORD", help="only vectors whose names contain it")
    parser.add_argument("--through", choices=["sepcl", "onnxruntime"], default="sepcl")
    parser.add_argument("--device")
    arguments = parser.parse_args()
    if arguments.through == "sepcl":
        device = sepcl.Device(arguments.device)
        run = lambda graph, feeds: graph.run(device, feeds)
    else:
        run = through_onnxruntime
    # What is only folded away ("known values") computes nothing by itself.
    operations = {name for name, _, _, remarks in sepcl.operations() if remarks != "known values"}
    table = collections.defaultdict(collections.Counter)
    total = collections.Counter()
    details = []
    for kind in ("node", "pytorch-converted", "pytorch-operator"):
        for folder in sorted(glob.glob(os.path.join(DATA, kind, "test_*"))):
            name = os.path.basename(folder)
            if arguments.match not in name:
                continue
            try:
                model, cases = load_case(folder)
            except Exception:  # sequences and optionals, which are no tensors
                continue
            if not is_float_vector(model, cases, operations):
                continue
            results = [run_case(model, case, run) for case in cases]
            result, message = next((r for r in results if r[0] != "passed"), results[0])
            table[kind][result] += 1
            total[result] += 1
            if result != "passed":
                details.append((result, kind, name, message))
    print_table(table, total, details, arguments)
    count = sum(total.values())
    sys.exit(1 if total["wrong"] or total["passed"] < 0.97 * count else 0)


def print_table(table, total, details, arguments):
    bar = "|" if arguments.markdown else ""
    row = lambda *cells: print(bar, *[f"{c:<20}{bar}" if i == 0 else f"{c:>8} {bar}" for i, c in enumerate(cells)])
    row("vectors", "passed", "refused", "wrong", "share")
    if arguments.markdown:
        row("---", "---:", "---:", "---:", "---:")
    for kind, counts in [*table.items(), ("all", total)]:
        share = f"{100 * counts['passed'] / max(1, sum(counts.values())):.1f}%"
        row(kind, counts["passed"], counts["refused"], counts["wrong"], share)
    if arguments.verbose or arguments.markdown:
        print()
        for result, kind, name, message in sorted(details):
            print(f"* {kind}/{name}: {result}: {message}" if arguments.markdown else f"{result} {kind}/{name}: {message}")


if __name__ == "__main__":
    main()
