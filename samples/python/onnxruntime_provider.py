"""An ONNX model on any OpenCL device: sepcl as ONNX Runtime's execution provider, timed against the host's own kernels.

python3 samples/python/onnxruntime_provider.py MODEL.onnx [path/to/libsepcl_ort.so]     (needs onnxruntime 1.23 or later)
"""
import os
import sys
import time

import numpy as np
import onnxruntime as ort


def session(path, devices):
    options = ort.SessionOptions()
    if devices:
        options.add_provider_for_devices(devices, {"verbosity": "1"})
    return ort.InferenceSession(path, options)


def ones(made):
    """Open dimensions: one picture, and 224 of whatever else."""
    return {value.name: np.ones([d if isinstance(d, int) and d > 0 else 224 if i else 1 for i, d in enumerate(value.shape)],
                                np.float32) for value in made.get_inputs()}


def milliseconds(made, inputs, runs=20):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        made.run(None, inputs)
        times.append(time.perf_counter() - start)
    return 1e3 * sorted(times)[runs // 2]


def main():
    library = sys.argv[2] if len(sys.argv) > 2 else "libsepcl_ort.so"
    ort.register_execution_provider_library("sepcl", os.path.abspath(library) if os.path.exists(library) else library)
    devices = [device for device in ort.get_ep_devices() if device.ep_name == "SepclExecutionProvider"]
    results = []
    for name, used in (("host", []), ("sepcl", devices)):
        made = session(sys.argv[1], used)
        inputs = ones(made)
        print(f"{name:6}{milliseconds(made, inputs):8.2f} ms   {made.get_providers()[0]}")
        results.append(made.run(None, inputs))
        del made  # before the library goes
    print(f"largest difference of an output: {max(np.abs(a - b).max() for a, b in zip(*results)):.1e}")
    ort.unregister_execution_provider_library("sepcl")


if __name__ == "__main__":
    main()
