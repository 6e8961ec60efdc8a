"""Depthwise stages against the larger of two bounds: a plain copy of their input and output, and their FMAs at 70% of peak.

    tests/bench/depthwise [--rounds 5] [--json] [MODEL ...]      $SEPCL: sepcl's command (default: build/release's)

In each round `sepcl bench` times every stage in a launch of its own, and a plain OpenCL copy moves as many bytes as the stage
reads and writes, on the same device; the best of the rounds counts on both sides. Exit status 1 where a stage takes
more than 1.5 times its bound.
"""
import argparse, json, os, pathlib, subprocess, sys
import numpy as np
import pyopencl as cl

SEPCL = os.environ.get("SEPCL") or str(pathlib.Path(__file__).parents[2] / "build/release/tools/sepcl")
LIMIT, SHARE = 1.5, 0.7
MODELS = ["zoo:mobilenet_v1", "zoo:mobilenet_v2", "zoo:xception"]
SOURCE = """
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void copy(__global const float *from, __global float *to, int each, int all) {
  int first = get_group_id(0) * each, last = min(first + each, all);
  for (int i = first; i < last; i++) vstore16(vload16(i, from), i, to);
}"""


class Copies:
    def __init__(self):
        device = cl.get_platforms()[0].get_devices()[0]
        self.context, self.groups = cl.Context([device]), 4 * device.max_compute_units
        self.queue = cl.CommandQueue(self.context, properties=cl.command_queue_properties.PROFILING_ENABLE)
        self.kernel, self.buffers = cl.Kernel(cl.Program(self.context, SOURCE).build(), "copy"), {}

    def milliseconds(self, total):
        """Of a copy that reads and writes so many bytes together, the best of three in a row."""
        vectors = max(1, round(total / 2 / 64))
        if vectors not in self.buffers:
            ones = np.ones(16 * vectors, np.float32)
            self.buffers[vectors] = [cl.Buffer(self.context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=ones)
                                     for _ in range(2)]
        self.kernel.set_args(*self.buffers[vectors], np.int32(-(-vectors // self.groups)), np.int32(vectors))
        times = []
        for _ in range(3):
            event = cl.enqueue_nd_range_kernel(self.queue, self.kernel, (self.groups,), (1,))
            event.wait()
            times.append(1e-6 * (event.profile.end - event.profile.start))
        return min(times)


def bench(model):
    done = subprocess.run([*SEPCL.split(), "bench", model, "--json", "--iterations", "5", "--fusion", "never"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure(model, copies, rounds):
    stages, peak = {}, 0.0
    for _ in range(rounds):
        answer = bench(model)
        peak = max(peak, answer["peak_gflops"])
        for layer in answer["layers"]:
            if layer["stage"] == "depthwise":
                s = stages.setdefault(layer["name"], dict(layer, copy_ms=np.inf))
                s["ms"] = min(s["ms"], layer["ms"])
                s["copy_ms"] = min(s["copy_ms"], copies.milliseconds(layer["bytes"]))
    for s in stages.values():
        s["fma_ms"] = 2e-6 * s["macs"] / (SHARE * peak)
        s["ratio"] = s["ms"] / max(s["copy_ms"], s["fma_ms"])
    return peak, list(stages.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    copies = Copies()
    found = {model: measure(model, copies, options.rounds) for model in options.models}
    if options.json:
        print(json.dumps({m: {"peak_gflops": peak, "stages": stages} for m, (peak, stages) in found.items()}, indent=1))
    else:
        for model, (peak, stages) in found.items():
            print(f"{model}, peak {peak:.0f} GFLOP/s\n\n| stage | kernel | ms | copy, ms | FMAs at 70%, ms | ratio to the larger | at most {LIMIT} |\n"
                  "|---|---|---:|---:|---:|---:|---|")
            for s in stages:
                print(f"| {s['name']} | {s['kernel']} | {s['ms']:.3f} | {s['copy_ms']:.3f} | {s['fma_ms']:.3f} | {s['ratio']:.2f} | "
                      f"{'yes' if s['ratio'] <= LIMIT else 'NO'} |")
            missed = sum(s["ratio"] > LIMIT for s in stages)
            print(f"\n{len(stages) - missed} of {len(stages)} stages within {LIMIT}.\n")
    return any(s["ratio"] > LIMIT for _, stages in found.values() for s in stages)


sys.exit(main())
