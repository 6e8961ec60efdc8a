"""A TensorFlow Lite model on any OpenCL device: sepcl as the host's delegate, timed against the host's own kernels.

python3 samples/python/tflite.py MODEL.tflite [path/to/libsepcl_tflite.so]     (needs ai-edge-litert or tflite-runtime)
"""
import sys
import time

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter, load_delegate
except ImportError:
    from tflite_runtime.interpreter import Interpreter, load_delegate


def milliseconds(interpreter, runs=20):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return 1e3 * sorted(times)[runs // 2]


def main():
    library = sys.argv[2] if len(sys.argv) > 2 else "libsepcl_tflite.so"
    delegate = load_delegate(library, {"verbosity": 1})
    results = []
    for name, delegates in (("host", []), ("sepcl", [delegate])):
        interpreter = Interpreter(sys.argv[1], experimental_delegates=delegates)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            image = np.random.default_rng(1).random(detail["shape"], np.float32)
            interpreter.set_tensor(detail["index"], image)
        print(f"{name:6}{milliseconds(interpreter):8.2f} ms")
        results.append([interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])
    difference = max(np.abs(a - b).max() for a, b in zip(*results))
    print(f"largest difference of an output: {difference:.1e}")


if __name__ == "__main__":
    main()
