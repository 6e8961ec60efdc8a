#!/usr/bin/env python3
"""DeformConv and Gelu, which ONNX Runtime or the test vectors lack, against the onnx package's ReferenceEvaluator.

    reference_evaluator.py [--count 30]

Random shapes, groups, offset groups, strides, pads and dilations; agreement within 1e-5 + 1e-4 |expected|. One result is
spoilt on purpose, to see that the comparison notices.
"""
import argparse
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import sepcl


def model_of(node, feeds, constants, opset):
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in feeds.items()]
    graph = helper.make_graph([node], "one", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(v, n) for n, v in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def deform_conv(random):
    n, offset_groups, groups = random.integers(1, 3), random.integers(1, 3), random.integers(1, 3)
    c = int(np.lcm(offset_groups, groups) * random.integers(1, 3))
    h, w = random.integers(5, 9, 2)
    kh, kw = random.integers(1, 4, 2)
    stride, pads, dilation = random.integers(1, 3, 2), random.integers(0, 2, 4), random.integers(1, 3, 2)
    oh = (h + pads[0] + pads[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (w + pads[1] + pads[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    if oh < 1 or ow < 1:
        return deform_conv(random)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)
    outputs = int(groups * random.integers(1, 4))
    feeds = {"x": normal(n, c, h, w), "offset": normal(n, offset_groups * kh * kw * 2, oh, ow)}
    constants = {"w": normal(outputs, c // groups, kh, kw)}
    inputs = ["x", "w", "offset"]
    if random.random() < 0.7:
        constants["b"] = normal(outputs)
        inputs.append("b")
    if random.random() < 0.7:
        feeds["mask"] = random.random((n, offset_groups * kh * kw, oh, ow)).astype(np.float32)
        inputs += [""] * (4 - len(inputs)) + ["mask"]
    node = helper.make_node("DeformConv", inputs, ["y"], kernel_shape=[kh, kw], strides=stride.tolist(),
                            pads=pads.tolist(), dilations=dilation.tolist(), group=int(groups),
                            offset_group=int(offset_groups))
    return model_of(node, feeds, constants, 19), feeds


def gelu(random):
    feeds = {"x": (4 * random.standard_normal((2, 3, 5, 7))).astype(np.float32)}
    node = helper.make_node("Gelu", ["x"], ["y"], approximate=str(random.choice(["none", "tanh"])))
    return model_of(node, feeds, {}, 20), feeds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device")
    arguments = parser.parse_args()
    device = sepcl.Device(arguments.device)
    failed = 0
    for make in (deform_conv, gelu):
        random, wrong, noticed = np.random.default_rng(arguments.seed), 0, False
        for index in range(arguments.count):
            model, feeds = make(random)
            wanted = ReferenceEvaluator(model).run(None, feeds)[0]
            got = sepcl.Graph(model.SerializeToString()).run(device, feeds)["y"]
            wrong += not np.allclose(got, wanted, rtol=1e-4, atol=1e-5)
            if index == 0:
                got.flat[0] += 1e-2
                noticed = not np.allclose(got, wanted, rtol=1e-4, atol=1e-5)
        print(f"{make.__name__}: {arguments.count} compared, {wrong} wrong, control {'noticed' if noticed else 'MISSED'}")
        failed += wrong or not noticed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
