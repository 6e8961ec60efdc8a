"""Times networks in a host with the plug-in, in the host's own CPU engine and in `sepcl bench`, interleaved.

python3 bench.py LIBRARY SEPCL MODEL... [--rounds N] [--seconds S]
MODEL: FILE.onnx for ONNX Runtime; FILE.tflite,FILE.onnx for TensorFlow Lite, the second being what the delegate's
option save_dir wrote of the first, for the command.

Prints a row of a Markdown table for each model: the best and the median of all rounds, in milliseconds, and the ratios of
the bests and of the medians of the same round (the median of these). Each round gives
each of the three a burst of the same length, two unmeasured runs before it, from the host's own arrays to its own arrays. The
host has two threads alone and one, which has nothing to do, with the plug-in: its idle ones would take the device's cores."""
import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

if any(word.split(",")[0].endswith(".tflite") for word in sys.argv):
    import tflite_host as host
else:
    import ort_host as host


def burst(function, seconds):
    times = []
    function(), function()
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    time.sleep(0.05)  # the engine's threads go to sleep
    return times


def command(sepcl, path, iterations):
    text = subprocess.run([sepcl, "bench", path, "--warmup", "2", "--iterations", str(iterations), "--json"], check=True,
                          capture_output=True).stdout
    return [json.loads(text)["ms"][key] for key in ("min", "median")]


def measure(a, path, onnx):
    made, plain = host.make(a.library, path, 1), host.plain(path, 2)
    inputs = [np.random.default_rng(1).random(shape, np.float32) for shape in host.shapes(made)]
    with_plugin, without = host.prepared(made, inputs), host.prepared(plain, inputs)
    rows = {"plugin": [], "host": [], "command": []}
    burst(with_plugin, 0.1)
    for _ in range(a.rounds):
        times = burst(with_plugin, a.seconds)
        rows["plugin"].append((min(times), float(np.median(times))))
        rows["command"].append(command(a.sepcl, onnx, len(times)))
        times = burst(without, a.seconds)
        rows["host"].append((min(times), float(np.median(times))))
    ms = {name: (min(best for best, _ in row), float(np.median([median for _, median in row])))
          for name, row in rows.items()}
    return ms, {name: ratio(rows["plugin"], rows[name]) for name in ("command", "host")}


def ratio(plugin, other):
    """Of the bests, and the median of the rounds' own ratios: a machine's clock may change between rounds."""
    bests = min(best for best, _ in plugin) / min(best for best, _ in other)
    return f"{bests:.2f} / {np.median([a / b for (_, a), (_, b) in zip(plugin, other)]):.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("sepcl")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    a = parser.parse_args()
    a.library = os.path.realpath(a.library)
    for model in a.models:
        path, _, onnx = model.partition(",")
        ms, ratios = measure(a, path, onnx or path)
        cells = " | ".join(f"{ms[name][0]:.2f} / {ms[name][1]:.2f}" for name in ("plugin", "command", "host"))
        print(f"| {os.path.basename(path).rsplit('.', 1)[0]} | {host.NAME} | {cells} | {ratios['command']} | "
              f"{ratios['host']} |", flush=True)


if __name__ == "__main__":
    main()
