"""What the ONNX Runtime provider must refuse, with a message through the host, which goes on; shapes that change between
calls; threads.

python3 ort_faults.py LIBRARY [LIBONNXRUNTIME]     LIBONNXRUNTIME: of a host before 1.23, which must be told that it is too old
"""
import contextlib
import ctypes
import io
import os
import subprocess
import sys
import tempfile
import threading

import numpy as np

import ort_host
from ort_graphs import KERNEL, chain, conv, edge, model

NO_DEVICE = ["no OpenCL", "no platform", "platform", "/nonexistent"]


def refusal(bytes_of, options):
    """What the user is told; the host must work without the provider after that."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):  # where 1.23 tells that it goes on without a provider
            ort_host.session(bytes_of, options)
        return ""
    except Exception as error:  # the host has a type for each of its codes
        return said.getvalue() + str(error)


def works_alone(bytes_of):
    return np.isfinite(ort_host.run(ort_host.session(bytes_of), [np.ones([1, 4, 12, 10], np.float32)])[0]).all()


def refuses_options():
    good = True
    for options, expected in (({"colour": "red"}, "option 'colour' is unknown"),
                              ({"precision": "f8"}, "option precision is 'f8'"),
                              ({"input_range": "1,-1"}, "option input_range is '1,-1'"),
                              ({"input_range": "0;1"}, "option input_range is '0;1'"),
                              ({"verbosity": "9"}, "it may be 0, 1 or 2"),
                              ({"device": "no such device"}, "no such device"),
                              ({"device": "9:9"}, "9:9")):
        text = refusal(chain([("Relu", "c", "d", {})]), options)
        good &= expected in text and "sepcl: " in text
        told = [line for line in text.splitlines() if "sepcl: " in line]
        print(f"  {options}: {told[0][-110:] if told else f'NOT REFUSED: {text}'}")
    return good and works_alone(chain([("Relu", "c", "d", {})]))


def takes_options():
    x = [np.random.default_rng(1).standard_normal([1, 4, 12, 10], np.float32)]
    network = chain([("Relu", "c", "d", {})])
    plain = ort_host.run(ort_host.session(network), x)
    halves = ort_host.run(ort_host.session(network, {"precision": "f16", "input_range": "-4,4"}), x)
    rounded = ort_host.difference(halves, plain)
    print(f"  in halves: within {rounded:.1e}")
    return 1e-6 < rounded < 1e-2 and all(
        ort_host.difference(ort_host.run(ort_host.session(network, options), x), plain) < 1e-5 for options in (
            {}, {"precision": "fastest", "cache_dir": ""}, {"device": "cpu", "verbosity": 0}))


def refuses_without_opencl():
    """In processes of their own: this one has met its devices."""
    code = ("import sys, ort_host, ort_faults; from ort_graphs import chain; ort_host.use(sys.argv[1]); "
            "m = chain([('Relu', 'c', 'd', {})]); print(ort_faults.refusal(m, {})); print('alone', ort_faults.works_alone(m))")
    good = True
    for missing in ({"OCL_ICD_VENDORS": "/nonexistent", "OCL_ICD_FILENAMES": ""}, {"SEPCL_OPENCL": "/nonexistent/libOpenCL.so"}):
        result = subprocess.run([sys.executable, "-c", code, os.path.realpath(sys.argv[1])], capture_output=True, text=True,
                                cwd=os.path.dirname(os.path.abspath(__file__)), env={**os.environ, **missing})
        lines = [line for line in result.stdout.splitlines() if "sepcl: " in line]
        print("  " + (lines[0][-110:] if lines else result.stdout + result.stderr))
        good &= bool(lines) and any(word in lines[0] for word in NO_DEVICE) and "alone True" in result.stdout
    return good


def warns_of_folders():
    """Where kernels cannot be kept: a warning in the host's log, and the session runs."""
    network, good = chain([("Relu", "c", "d", {})]), True
    x = [np.random.default_rng(1).standard_normal([1, 4, 12, 10], np.float32)]
    expected = ort_host.run(ort_host.session(network, {}), x)
    with tempfile.TemporaryDirectory() as folder:
        for path, wanted in (("/proc/nowhere", 1), (os.path.abspath(__file__), 1), (os.path.join(folder, "kept", "here"), 0)):
            made, text = ort_host.said_by(lambda: ort_host.session(network, {"cache_dir": path}, severity=2))
            line = next((line for line in text.splitlines() if "sepcl: " in line), "nothing said")
            print(f"  {path}: {line[-140:]}")
            good &= text.count("sepcl: cache_dir") == wanted and ort_host.same(ort_host.run(made, x), expected)
    return good


def open_model():
    """Fully convolutional; the pool does not fit into one row."""
    return model([conv("x", "a"), ("Relu", "a", "b", {}), ("MaxPool", "b", "p", {"kernel_shape": [4, 4], "strides": [2, 2]}),
                  ("Shape", "p", "s", {}), ("Reshape", "p s", "r", {}), conv("r", "y", "v")],
                 [edge("x", ["n", 4, "height", "width"])], [edge("y", None)], KERNEL)


def changes_shape():
    """More shapes than are kept, and back to the first."""
    made, plain = ort_host.session(open_model(), {}), ort_host.session(open_model())
    worst, wrong, shapes = 0.0, 1.0, [(1 + i % 3, 4, 8 + i, 20 - i) for i in range(12)] + [(1, 4, 8, 20), (3, 4, 8, 20)]
    for shape in shapes:
        x = np.random.default_rng(1).standard_normal(shape, np.float32)
        expected = ort_host.run(plain, [x])
        worst = max(worst, ort_host.difference(ort_host.run(made, [x]), expected))
        wrong = min(wrong, ort_host.difference(ort_host.run(made, [-x]), expected))
    print(f"  {len(shapes)} shapes, within {worst:.1e} (another input: {wrong:.1e})")
    return worst <= 1e-5 < wrong


def refuses_shapes():
    """Shapes that do not fit: an error of the run, and the session goes on."""
    made, good = ort_host.session(open_model(), {}), True
    x = np.ones((1, 4, 8, 8), np.float32)
    first = ort_host.run(made, [x])
    for shape in ((1, 4, 1, 8), (1, 4, 8, 0)):
        try:
            result = ort_host.run(made, [np.ones(shape, np.float32)])
            good, text = False, f"RAN: {result[0].shape}"
        except Exception as error:  # as above
            text = str(error).strip()
            good &= "sepcl: " in text
        print(f"  {shape}: {text[-110:]}")
    return good and ort_host.same(ort_host.run(made, [x]), first)


def empty_tensors():
    """An output without elements has the host's shape; where there are some, an error of the run; both go on."""
    some = [edge("x", ["n", 4])], [edge("y", None)]
    kinds = {
        "convolutions": (open_model(), [(0, 4, 8, 8)], True),
        "halves of rows": (model([("Relu", "x", "a", {}), ("MaxPool", "a", "y", {"kernel_shape": [2, 2], "strides": [2, 2]})],
                                 [edge("x", ["n", 4, "h", 8])], [edge("y", None)]), [(0, 4, 8, 8)], True),
        "rows turned": (model([("Relu", "x", "a", {}), ("Transpose", "a", "y", {})], *some), [(0, 4)], True),
        "rows joined": (model([("Relu", "x", "a", {}), ("Relu", "z", "b", {}), ("Concat", "a b", "y", {"axis": 0})],
                              some[0] + [edge("z", ["m", 4])], some[1]), [(0, 4), (0, 4)], True),
        "rows joined to some": (model([("Relu", "x", "a", {}), ("Relu", "z", "b", {}), ("Concat", "a b", "y", {"axis": 0})],
                                      some[0] + [edge("z", ["m", 4])], some[1]), [(0, 4), (3, 4)], False),
        "a sum": (model([("Relu", "x", "a", {}), ("ReduceSum", "a", "y", {"keepdims": 0})], *some), [(0, 4)], False)}
    good = True
    for name, (network, shapes, runs) in kinds.items():
        made, plain = ort_host.session(network, {}), ort_host.session(network)
        x = [np.ones(shape, np.float32) for shape in shapes]
        try:
            text, result = "", ort_host.run(made, x)
        except Exception as error:  # as above
            text, result = str(error).strip(), None
        expected = ort_host.run(plain, x)
        right = (result is not None and result[0].shape == expected[0].shape and not result[0].size) if runs else "sepcl: " in text
        x = [np.ones([size or 2 for size in shape], np.float32) for shape in shapes]
        right &= ort_host.difference(ort_host.run(made, x), ort_host.run(plain, x)) <= 1e-5
        print(f"  {name}: {text[-90:] or result[0].shape}{'' if right else f'  FAILED: the host alone gives {expected[0].shape}'}")
        good &= right
    return good


def serve(made, x, rounds, expected, failures):
    for _ in range(rounds):
        if not ort_host.same(ort_host.run(made, [x]), expected):
            failures.append("a run differs")


def on_threads():
    """Two sessions on two threads each, and each thread with a shape of its own."""
    failures, threads = [], []
    for number in range(2):
        made, plain = ort_host.session(open_model(), {}), ort_host.session(open_model())
        for thread in range(2):
            x = np.random.default_rng(number).standard_normal((1 + thread, 4, 16, 16), np.float32)
            expected = ort_host.run(made, [x])
            if ort_host.difference(expected, ort_host.run(plain, [x])) > 1e-5:
                failures.append("not what the host computes")
            threads.append(threading.Thread(target=serve, args=(made, x, 100, expected, failures)))
            threads.append(threading.Thread(target=serve, args=(made, x, 100, expected, failures)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  {len(threads)} threads, {len(failures)} failures", *failures[:3])
    return not failures


def opens_at_once():
    """The process' first two sessions at the same time, in a process of its own: drivers start then."""
    code = ("import sys, threading, ort_host; from ort_graphs import chain; ort_host.use(sys.argv[1]); made = []; "
            "m = chain([('Relu', 'c', 'd', {})]); gate = threading.Barrier(2); "
            "threads = [threading.Thread(target=lambda: (gate.wait(), made.append(ort_host.session(m, {})))) for _ in (0, 1)]; "
            "[t.start() for t in threads]; [t.join() for t in threads]; print('made', len(made))")
    results = [subprocess.run([sys.executable, "-c", code, os.path.realpath(sys.argv[1])], capture_output=True, text=True,
                              cwd=os.path.dirname(os.path.abspath(__file__))) for _ in range(3)]
    bad = [result for result in results if "made 2" not in result.stdout]
    print(f"  {len(results)} times, {len(bad)} failures", *(result.stderr[-200:] for result in bad))
    return not bad


class Base(ctypes.Structure):
    _fields_ = [("api", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)), ("version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


def asked_by(base):
    """What CreateEpFactories answers to this host: the status' message, and how many factories."""
    create = ctypes.CDLL(os.path.realpath(sys.argv[1])).CreateEpFactories
    create.restype = ctypes.c_void_p
    out, count = (ctypes.c_void_p * 1)(), ctypes.c_size_t(7)
    status = create(b"sepcl", ctypes.byref(base), None, out, ctypes.c_size_t(1), ctypes.byref(count))
    table = ctypes.cast(base.api(1), ctypes.POINTER(ctypes.c_void_p))
    message = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(table[2])(status).decode() if status else ""
    if status:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(table[93])(status)
    return message, count.value


def old_host(path):
    get = ctypes.CDLL(path).OrtGetApiBase
    get.restype = ctypes.POINTER(Base)
    return get().contents


def imitated_old_host():
    """As old as 1.22 by the table that it has not got: only the functions that make and show a status."""
    kept = []

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    def create(code, message):
        kept.append(ctypes.create_string_buffer(message))
        return ctypes.addressof(kept[-1])

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    def message_of(status):
        return status

    release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda status: None)
    table = (ctypes.c_void_p * 94)()
    for slot, function in ((0, create), (2, message_of), (93, release)):
        table[slot] = ctypes.cast(function, ctypes.c_void_p).value
        kept.append(function)
    kept.append(table)
    base = Base(Base._fields_[0][1](lambda version: ctypes.addressof(table) if version < 23 else None),
                Base._fields_[1][1](lambda: b"1.22.0"))
    base.kept = kept
    return base


def refuses_old_hosts():
    good = True
    for base in [imitated_old_host()] + [old_host(path) for path in sys.argv[2:]]:
        message, count = asked_by(base)
        print(f"  {message}")
        good &= "sepcl: ONNX Runtime 1." in message and "too old" in message and count == 0
    return good


CHECKS = (refuses_options, takes_options, refuses_without_opencl, warns_of_folders, changes_shape, refuses_shapes, empty_tensors,
          on_threads, opens_at_once, refuses_old_hosts)


def main():
    ort_host.use(os.path.realpath(sys.argv[1]))
    print(ort_host.NAME, flush=True)
    failed = 0
    for check in CHECKS:
        good = check()
        print(f"{check.__name__.replace('_', ' ')}: {'good' if good else 'FAILED'}", flush=True)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
