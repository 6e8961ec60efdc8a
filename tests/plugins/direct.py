"""Tells what a host adds to a call from what its process does: the same arrays, in one process, through ONNX Runtime with
the provider and straight through libsepcl; `sepcl bench` beside them.

python3 direct.py LIBRARY SEPCL MODEL.onnx [ROUNDS]     prints ratios of the bests and medians of the same round (the median of these)"""
import ctypes
import json
import os
import subprocess
import sys
import time

import numpy as np

import ort_host as host

RUNS = 20  # of each, in a round


def burst(function):
    times = []
    function(), function()
    for _ in range(RUNS):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times), float(np.median(times))


def command(sepcl, path):
    text = subprocess.run([sepcl, "bench", path, "--warmup", "2", "--iterations", str(RUNS), "--json"], check=True,
                          capture_output=True).stdout
    return [json.loads(text)["ms"][key] for key in ("min", "median")]


def straight(library, path, inputs, results):
    """A call of sepcl_execution_run, in the library that the provider itself has loaded."""
    with open("/proc/self/maps") as file:
        found = next(line.split()[-1] for line in file if "/libsepcl.so" in line)
    sepcl = ctypes.CDLL(found)
    device, graph, network, execution = (ctypes.c_void_p() for _ in range(4))
    good = [sepcl.sepcl_device_open(ctypes.byref(device), None, None),
            sepcl.sepcl_graph_load(ctypes.byref(graph), path.encode(), None),
            sepcl.sepcl_network_compile(ctypes.byref(network), device, graph, None),
            sepcl.sepcl_execution_create(ctypes.byref(execution), network)]
    assert not any(good), good
    arrays = [(ctypes.c_void_p * len(a))(*[v.ctypes.data for v in a]) for a in (inputs, results)]
    return lambda: sepcl.sepcl_execution_run(execution, *arrays)


def main():
    library, tool, path = os.path.realpath(sys.argv[1]), sys.argv[2], sys.argv[3]
    made = host.make(library, path, 1)
    inputs = [np.random.default_rng(1).random(shape, np.float32) for shape in host.shapes(made)]
    through, results = host.prepared(made, inputs), [np.empty_like(y) for y in host.run(made, inputs)]
    direct = straight(library, path, inputs, results)
    assert direct() == 0 and host.difference(results, host.run(made, inputs)) < 1e-5
    rows = np.array([[*burst(through), *burst(direct), *command(tool, path)]
                     for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 10)])
    ratios = [f"{name} {np.median(rows[:, a] / rows[:, b]):.3f} / {np.median(rows[:, a + 1] / rows[:, b + 1]):.3f}"
              for name, a, b in (("provider / direct", 0, 2), ("direct / command", 2, 4), ("provider / command", 0, 4))]
    print(f"{os.path.basename(path)} {host.NAME}, {len(rows)} rounds: {'; '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()
