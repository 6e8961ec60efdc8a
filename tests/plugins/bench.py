"""Times networks in a host with the plug-in, in the host's own CPU engine and in `sepcl bench`, interleaved.

python3 bench.py LIBRARY SEPCL MODEL... [--rounds N] [--seconds S]
MODEL: FILE.onnx for ONNX Runtime; FILE.tflite,FILE.onnx for TensorFlow Lite, the second being what the delegate's
option save_dir wrote of the first, for the command.

Prints a row of a Markdown table for each model: the best and the median of all rounds, in milliseconds; the ratios of the
bests and of the medians of the same round (their medians over the rounds), and the quartiles of the latter. Each round gives
each of the three a burst of the same length, two unmeasured runs before it, from the host's own arrays to its own arrays;
every second round in the other order. The plug-in's session is made anew for each round, as the command is a new process: where in
memory a network happens to lie is worth some percent. The host has two threads alone and one, which has nothing to do, with the plug-in: its
idle ones would take the device's cores. With --limit, exits with 1 if a network's plug-in is slower than the command by more
than this share, by either ratio; --pause burns the time of so many milliseconds in each of the plug-in's runs, as a control."""
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


def summary(times):
    return min(times), float(np.median(times))


def slowed(function, milliseconds):
    def run():
        function()
        until = time.perf_counter() + milliseconds / 1e3
        while time.perf_counter() < until:
            pass
    return run if milliseconds else function


def measure(a, path, onnx):
    plain = host.plain(path, 2)
    inputs = [np.random.default_rng(1).random(shape, np.float32) for shape in host.shapes(plain)]
    without = host.prepared(plain, inputs)

    def with_plugin():
        if a.program:
            asked = [a.program, path, a.library, str(a.seconds), str(a.pause)]
            return [float(word) for word in subprocess.run(asked, check=True, capture_output=True).stdout.split()]
        return burst(slowed(host.prepared(host.make(a.library, path, 1), inputs), a.pause), a.seconds)

    runs = len(with_plugin())
    ways = {"plugin": lambda: summary(with_plugin()), "command": lambda: command(a.sepcl, onnx, runs),
            "host": lambda: summary(burst(without, a.seconds))}
    rows = {name: [] for name in ways}
    for number in range(a.rounds):
        for name in list(ways)[::-1 if number % 2 else 1]:
            rows[name].append(ways[name]())
    ms = {name: (min(best for best, _ in row), float(np.median([median for _, median in row])))
          for name, row in rows.items()}
    return ms, {name: ratios(rows["plugin"], rows[name]) for name in ("command", "host")}


def ratios(plugin, other):
    """Of the same round: a machine's clock may change between rounds. Bests', medians', quartiles of the medians'."""
    bests, medians = ([a[i] / b[i] for a, b in zip(plugin, other)] for i in (0, 1))
    return float(np.median(bests)), float(np.median(medians)), *np.percentile(medians, (25, 75))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("sepcl")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--limit", type=float, default=0.0)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--program", help="a host in C, bench_ort.c's, that runs the plug-in: Python has no share of its times then")
    a, good = parser.parse_args(), True
    a.library = os.path.realpath(a.library)
    for model in a.models:
        path, _, onnx = model.partition(",")
        ms, found = measure(a, path, onnx or path)
        cells = " | ".join(f"{ms[name][0]:.2f} / {ms[name][1]:.2f}" for name in ("plugin", "command", "host"))
        beside = " | ".join(f"{best:.2f} / {median:.2f} ({low:.2f} to {high:.2f})" for best, median, low, high in found.values())
        over = a.limit and max(found["command"][:2]) > 1.0 + a.limit
        good = good and not over
        print(f"| {os.path.basename(path).rsplit('.', 1)[0]} | {host.NAME} | {cells} | {beside} |{'  OVER' if over else ''}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
