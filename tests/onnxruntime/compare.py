#!/usr/bin/env python3
"""Holds `sepcl` to ONNX Runtime and Pillow with the trained MobileNet v2.

    compare.py CHECK SEPCL FOLDER     CHECK: logits control classify preprocess export; FOLDER: mobilenet_v2.onnx, ...

Prints what was measured; exit status 1 if it is out of bounds. scripts/fetch-mobilenet-v2 fills the folder.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper
from PIL import Image

import pillow_picture

LOGITS_BOUND = 1e-5  # of the logits' range
SHOWS = {"coffee.png": ("espresso", 0.98), "china.jpg": ("palace", 0.55)}


class Sepcl:
    def __init__(self, command, scratch):
        self.command, self.scratch = command, scratch

    def __call__(self, *arguments):
        done = subprocess.run([self.command, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"sepcl {arguments[0]}: exit status {done.returncode}: {done.stderr}")
        return done.stdout

    def logits(self, model, x):
        numpy.save(self.scratch / "x.npy", x)
        self("run", model, "--input", f"input={self.scratch}/x.npy", "--output-dir", self.scratch)
        return numpy.load(self.scratch / "logits.npy")


def onnxruntime_logits(model, x):
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]


def inputs(folder):
    yield from ((name, pillow_picture.tensor(folder / name)) for name in SHOWS)
    yield "noise", numpy.random.default_rng(1).standard_normal((1, 3, 224, 224), numpy.float32)


def difference(a, b):
    """The largest difference, as a share of the range of b; infinite when the shapes differ or anything is no number."""
    if a.shape != b.shape or a.shape != (1, 1000) or not numpy.isfinite(a).all():
        return float("inf")
    return float(numpy.abs(a.astype(numpy.float64) - b).max() / (b.max() - b.min()))


def check_logits(sepcl, folder):
    model, good = folder / "mobilenet_v2.onnx", True
    for name, x in inputs(folder):
        worst = difference(sepcl.logits(model, x), onnxruntime_logits(model, x))
        print(f"{name}: 1000 logits differ from ONNX Runtime's by at most {worst:.2e} of their range")
        good &= worst <= LOGITS_BOUND
    return good


def check_control(sepcl, folder):
    """The same comparison must fail when one weight of 3.5 million is 1% larger."""
    model = onnx.load(folder / "mobilenet_v2.onnx")
    (weights,) = (w for w in model.graph.initializer if w.name == "features.10.conv.1.0.weight")
    values = numpy_helper.to_array(weights).copy()
    values[7, 0, 1, 1] *= 1.01
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(model, sepcl.scratch / "perturbed.onnx")
    x = pillow_picture.tensor(folder / "coffee.png")
    worst = difference(sepcl.logits(sepcl.scratch / "perturbed.onnx", x),
                       onnxruntime_logits(folder / "mobilenet_v2.onnx", x))
    print(f"one weight 1% larger: the logits differ by {worst:.2e} of their range")
    return LOGITS_BOUND < worst < float("inf")


def check_classify(sepcl, folder):
    good = True
    for name, (label, least) in SHOWS.items():
        first = json.loads(sepcl("run", folder / "mobilenet_v2.onnx", folder / name, "--json"))["labels"][0]
        print(f"{name}: {first}")
        good &= first["label"] == label and first["probability"] >= least
    return good


def check_preprocess(sepcl, folder):
    good = True
    for name in SHOWS:
        sepcl("picture", folder / name, sepcl.scratch / "x.npy", "--resize", pillow_picture.RESIZE, "--crop",
              pillow_picture.CROP)
        x = pillow_picture.pixels(numpy.load(sepcl.scratch / "x.npy"))
        worst = numpy.abs(x - pillow_picture.pixels(pillow_picture.tensor(folder / name))).max() * 255
        nearest = pillow_picture.tensor(folder / name, Image.Resampling.NEAREST)
        control = numpy.abs(x - pillow_picture.pixels(nearest)).max() * 255
        print(f"{name}: pixels differ from Pillow's by at most {worst:.3f} of 255 ({control:.0f} without antialiasing)")
        good &= worst <= 1.001 < control
    return good


def check_export(sepcl, folder):
    model, again = folder / "mobilenet_v2.onnx", sepcl.scratch / "again.onnx"
    sepcl("export", model, again)
    good = True
    for name, x in inputs(folder):
        before, after = sepcl.logits(model, x), sepcl.logits(again, x)
        same = before.tobytes() == after.tobytes()
        other = difference(onnxruntime_logits(again, x), before)
        print(f"{name}: exported and loaded again: {'the same bits' if same else 'OTHER BITS'}; ONNX Runtime runs the "
              f"export within {other:.2e} of sepcl")
        good &= same and other <= LOGITS_BOUND and numpy.isfinite(before).all()
    kept = {p.key: p.value for p in onnx.load(again).metadata_props}
    lost = [p.key for p in onnx.load(model).metadata_props if kept.get(p.key) != p.value]
    print(f"metadata lost: {lost}")
    return good and not lost


CHECKS = {"logits": check_logits, "control": check_control, "classify": check_classify,
          "preprocess": check_preprocess, "export": check_export}


def main():
    check, command, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    with tempfile.TemporaryDirectory() as scratch:
        return 0 if CHECKS[check](Sepcl(command, pathlib.Path(scratch)), folder) else 1


if __name__ == "__main__":
    sys.exit(main())
