"""Create, run and destroy a plug-in many times without growth in memory (growth.py); two of its networks on two threads.

python3 stress.py LIBRARY MODEL [TIMES] [SECONDS]     MODEL: .tflite or .onnx, which says the host; default: 1000 times,
                                                      then 10 seconds of threads"""
import sys
import threading
import time

import numpy as np

import growth
from shared import difference

if sys.argv[2].endswith(".tflite"):
    import tflite_host as host
else:
    import ort_host as host


def image_for(made, seed):
    return [np.random.default_rng(seed).random(shape, np.float32) for shape in host.shapes(made)]


def same(a, b):
    return all((x == y).all() for x, y in zip(a, b))


def rounds(times, one_round, planted=False):
    record = growth.Record()
    for i in range(times):
        one_round(i)
        if planted:
            growth.leak()
        record.take()
    return record


def cycle(library, path, times):
    """The same again with a leak on purpose, which must be noticed, and with the host alone: it has some growth of its own. Both
    come after, when what fills at first is full."""
    expected = []

    def with_plugin(i):
        made = host.make(library, path)
        results = host.run(made, image_for(made, 1))
        if not expected:
            expected.extend(results)
        assert same(results, expected), f"another result in round {i}"
        del made
        host.unload()

    def alone(i):
        made = host.plain(path)
        host.run(made, image_for(made, 1))

    record = rounds(times, with_plugin)
    fewer = max(times // 4, growth.BLOCKS)
    leaky, plain = rounds(fewer, with_plugin, True), rounds(fewer, alone)
    found = growth.a_round(record.live, 0.2)
    own, planted = (growth.a_round(one.live, 0.0) for one in (plain, leaky))
    resident = growth.a_round(record.anonymous, 0.2)
    faults = []
    if found - max(own, 0.0) >= growth.LIMIT or resident >= growth.PAGE:
        faults.append("FAILED")
    if planted - max(own, 0.0) < growth.LIMIT:
        faults.append("THE CONTROL FAILED")
    print(f"{host.NAME}: {times} times created, run and destroyed: {found:.0f} live bytes a round, the host alone {own:.0f}, "
          f"with {growth.PLANTED} leaked on purpose {planted:.0f}; anonymous resident {record.anonymous[times // 5] / 1e6:.1f} MB "
          f"after {times // 5}, {record.anonymous[-1] / 1e6:.1f} MB at the end, {resident:.0f} bytes a round",
          *(faults if times >= growth.JUDGED else ["(too few to judge)"]), flush=True)
    return not faults or times < growth.JUDGED


def work(library, path, seed, seconds, failures, counts):
    made = host.make(library, path)
    inputs = image_for(made, seed)
    expected = host.run(made, inputs)
    plain = host.run(host.plain(path), inputs)
    if difference(expected, plain) > 1e-4:
        failures.append(f"thread {seed}: not what the host computes")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        counts[seed] += 1
        if not same(host.run(made, inputs), expected):
            failures.append(f"thread {seed}: run {counts[seed]} differs")


def threads(library, path, seconds):
    failures, counts = [], [0, 0]
    made = [threading.Thread(target=work, args=(library, path, i, seconds, failures, counts)) for i in range(2)]
    for one in made:
        one.start()
    for one in made:
        one.join()
    print(f"{host.NAME}: two threads for {seconds} s, {counts[0]} and {counts[1]} runs, {len(failures)} failures",
          *failures[:5], sep="\n  ", flush=True)
    return not failures and min(counts) > 0


def main():
    library, path = sys.argv[1:3]
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 10.0
    good = cycle(library, path, times) if times else True
    good &= threads(library, path, seconds) if seconds else True
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
