#!/usr/bin/env python3
"""The trained MobileNet v2 three ways: its ONNX file, and the zoo's network with weights from that file and from an .npz file
that scripts/npz-weights made of the checkpoint. All must give the same bits; random weights must not. npz.py SEPCL FOLDER"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
SEPCL, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])


def outputs(model, x, folder, name):
    np.save(folder / "x.npy", x)
    subprocess.run([SEPCL, "run", model, "--input", f"input={folder / 'x.npy'}", "--output-dir", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return np.load(folder / name).tobytes()


with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    npz = scratch / "mobilenet_v2.npz"
    subprocess.run([sys.executable, ROOT / "scripts/npz-weights", "mobilenet_v2", FOLDER / "mobilenet_v2.pth", npz,
                    "--sepcl", SEPCL], check=True, stdout=subprocess.DEVNULL)
    x = np.random.default_rng(5).standard_normal((1, 224, 224, 3), dtype=np.float32)
    onnx = FOLDER / "mobilenet_v2.onnx"
    expected = outputs(onnx, np.ascontiguousarray(x.transpose(0, 3, 1, 2)), scratch, "logits.npy")
    for spec, same in ((f":weights={npz}", True), (f":weights={onnx}", True), ("", False)):
        if (outputs(f"zoo:mobilenet_v2{spec}", x, scratch, "output.npy") == expected) != same:
            sys.exit(f"zoo:mobilenet_v2{spec}: {'other' if same else 'the same'} bits")
    short = subprocess.run([sys.executable, ROOT / "scripts/npz-weights", "mobilenet_v1", FOLDER / "mobilenet_v2.pth", npz,
                            "--sepcl", SEPCL], capture_output=True, text=True)
    if short.returncode == 0 or "has 262 arrays, mobilenet_v1" not in short.stderr:
        sys.exit(f"mobilenet_v1 took MobileNet v2's weights: {short.stderr}")
