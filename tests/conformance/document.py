#!/usr/bin/env python3
"""Writes docs/operations.md: the reader's table of operations, and what ONNX's own test vectors say about it.

    document.py [TABLE] > docs/operations.md

TABLE is the output of an earlier `vectors.py --markdown`; without it vectors.py runs, some minutes.
"""
import pathlib
import subprocess
import sys

import sepcl

HEAD = """# ONNX operations

What `sepcl_graph_load` reads, from opset 1 to 23; `sepcl ops` prints the same table. Values are float32; shapes, indices
and other integers must be known when the model is loaded (they are folded away). Anything else is refused by name, with
the node, before anything runs. Only nodes that an output needs count, in whatever order they come; functions that a model
brings along are inlined. This page is written by `tests/conformance/document.py`.

Where ONNX's text and engines differ, or it leaves a choice:

* Half, bfloat16 and double constants are taken as the nearest float32 wherever they stand, a Cast or not.
* SAME padding follows ONNX's formula, dilation included; ONNX Runtime's pools leave the dilation out.
* A pool whose only window reaches past the end by less than its stride gives one output, as in ONNX Runtime,
  which rounds towards zero; ONNX's formula gives none.
* An open dimension (0, -1 or a name) that nothing settles is 1 if it is the first one; others must be settled.
* A known float that is cast to an integer type which cannot hold it becomes the nearest one that it can.
* NaN is a number like others to a maximum: it wins. ONNX Runtime's MaxPool passes over it.

Layouts cost nothing where they can: the reader tracks the order of each tensor's axes, so Transpose, Reshape, Squeeze,
Unsqueeze and Flatten become nodes only where the stored order forces it. Hard-swish, hard-sigmoid, swish, GELU (both forms)
and mish are recognised when a model spells them out, and become one function.

| Operation | since opset | attributes | remarks |
| --- | ---: | --- | --- |
"""

CHECKS = """
## How it is checked

| Command | What it does |
| --- | --- |
| `tests/conformance/vectors.py` | ONNX's own test vectors, below |
| `tests/conformance/random_graphs.py` | 1000 random graphs of all these operations, opsets 7 to 21, random attributes, broadcasting, shape arithmetic and what exporters spell out, against ONNX Runtime; each again in another order, with unneeded nodes, and in part as a function; a wrong one is shrunk to a small file. `--control` changes a weight or an attribute: each such graph must be found wrong |
| `tests/conformance/orientation.py` | the page orientation network on a page turned four times, and a classifier of text lines at three sizes, against ONNX Runtime |
| `tests/conformance/exporters.py`, `networks.py` | 14 architectures exported by PyTorch |
| `tests/conformance/keras` | 14 architectures exported by Keras and tf2onnx, within 1e-5 of the range; how many transposes each file has and how many copies are left of them; a changed weight must be noticed |
| `tests/conformance/reference_evaluator.py` | DeformConv and Gelu against the reference of the `onnx` package |
| `tests/conformance/messages` | every error message of reader and writer is reached by a test, by gcov; `allocations_command` lets each allocation fail once |

All but `messages` are Python scripts for an environment with `onnx` and `onnxruntime`.
"""

VECTORS = """
## ONNX's own test vectors

The float32 vectors of Debian's libonnx-testdata that concern these operations, on the default OpenCL device
(`tests/conformance/vectors.py --markdown`); each agrees within 1e-5 + 1e-4 |expected| or is refused by name:

"""


def main():
    out = sys.stdout
    out.write(HEAD)
    for name, since, attributes, remarks in sepcl.operations():
        listed = ", ".join(a for a in attributes.split() if a != "consumed_inputs")
        out.write(f"| {name} | {since} | {listed} | {remarks} |\n")
    out.write(CHECKS)
    out.write(VECTORS)
    out.flush()
    script = pathlib.Path(__file__).with_name("vectors.py")
    table = sys.argv[1] if len(sys.argv) > 1 else None
    if table:  # the output of an earlier run
        out.write(pathlib.Path(table).read_text())
        return
    subprocess.run([sys.executable, str(script), "--markdown"], stdout=out, check=True)


if __name__ == "__main__":
    main()
