"""Create, run and destroy a plug-in many times without growth in memory; two of its networks on two threads.

python3 stress.py LIBRARY MODEL [TIMES] [SECONDS]     MODEL: .tflite or .onnx, which says the host; default: 1000 times,
                                                      then 10 seconds of threads"""
import sys
import threading
import time

import numpy as np

from shared import difference, in_use, resident

if sys.argv[2].endswith(".tflite"):
    import tflite_host as host
else:
    import ort_host as host


def image_for(made, seed):
    return [np.random.default_rng(seed).random(shape, np.float32) for shape in host.shapes(made)]


def same(a, b):
    return all((x == y).all() for x, y in zip(a, b))


def levels(used):
    """The median of each fifth of the rounds: in some rounds a whole session's memory is given back a little later."""
    fifth = len(used) // 5
    return [float(np.median(used[i * fifth:(i + 1) * fifth])) for i in range(5)]


def growth_of(used):
    """Live bytes a round. Caches and pools fill at first: growth is what comes after a fifth of the rounds."""
    level = levels(used)
    return (level[4] - level[1]) / (3 * (len(used) // 5))


def by_fifths(used):
    """Live bytes a round from each fifth to the next: what grows without bound grows in all of them."""
    level = levels(used)
    return [(after - before) / (len(used) // 5) for before, after in zip(level, level[1:])]


def host_alone(path, times):
    """What the host itself does not give back."""
    used = []
    for _ in range(times):
        made = host.plain(path)
        host.run(made, image_for(made, 1))
        del made
        used.append(in_use())
    return growth_of(used)


def cycle(library, path, times):
    """Live bytes, not the resident ones: those drift by fragments. PoCL alone loses some 150 bytes a round."""
    alone, expected, sizes, used = host_alone(path, max(times // 4, 10)), None, [], []
    for i in range(times):
        made = host.make(library, path)
        results = host.run(made, image_for(made, 1))
        expected = expected or results
        assert same(results, expected), f"another result in round {i}"
        del made
        host.unload()
        sizes.append(resident())
        used.append(in_use())
    growth = growth_of(used)
    good = growth - max(alone, 0.0) < 512
    print(f"{host.NAME}: {times} times created, run and destroyed; {sizes[times // 5] / 1e6:.1f} MB after {times // 5}, "
          f"{sizes[-1] / 1e6:.1f} MB at the end, {growth:.0f} live bytes a round (the host alone: {alone:.0f}; "
          f"from fifth to fifth of the rounds: {', '.join(f'{part:.0f}' for part in by_fifths(used))})"
          f"{'' if good else '  FAILED'}", flush=True)
    return good


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
