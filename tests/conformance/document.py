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
the node, before anything runs. This page is written by `tests/conformance/document.py`.

Layouts cost nothing where they can: the reader tracks the order of each tensor's axes, so Transpose, Reshape, Squeeze,
Unsqueeze and Flatten become nodes only where the stored order forces it. Hard-swish, hard-sigmoid, swish, GELU (both forms)
and mish are recognised when a model spells them out, and become one function.

| Operation | since opset | attributes | remarks |
| --- | ---: | --- | --- |
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
