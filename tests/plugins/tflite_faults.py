"""What the TensorFlow Lite delegate must refuse, with a message through the host, which goes on; shapes that change between
calls; threads.

python3 tflite_faults.py LIBRARY FOLDER     FOLDER: holds what tflite_operators.py wrote there"""
import os
import subprocess
import sys
import threading

import numpy as np

import tflite_host

NO_DEVICE = ["no OpenCL", "no platform", "platform", "/nonexistent"]
HERE = os.path.dirname(os.path.abspath(__file__))


def small(name):
    with open(os.path.join(sys.argv[2], name + ".tflite"), "rb") as file:
        return file.read()


def picture(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def refusal(options):
    """What the host raises."""
    try:
        tflite_host.delegate(sys.argv[1], **options)
        return ""
    except ValueError as error:
        return str(error)


def works_alone():
    return np.isfinite(tflite_host.run(tflite_host.interpreter(small("open")), [picture(1, 8, 8, 4)])[0]).all()


def refuses_options():
    good = True
    for options, expected in (({"colour": "red"}, "option 'colour' is unknown"), ({"precision": "f8"}, "option precision is 'f8'"),
                              ({"input_range": "1,-1"}, "option input_range is '1,-1'"),
                              ({"input_range": "0;1"}, "option input_range is '0;1'"),
                              ({"verbosity": "9"}, "it may be 0, 1 or 2"), ({"custom_operators": "2"}, "it may be 0 or 1"),
                              ({"device": "no such device"}, "no such device"), ({"device": "9:9"}, "9:9")):
        text = refusal(options)
        good &= expected in text and "sepcl: " in text
        print(f"  {options}: {text.strip()[-110:] or 'NOT REFUSED'}")
    return good and works_alone()


def takes_options():
    x = [picture(1, 8, 8, 4)]
    plain = tflite_host.run(tflite_host.interpreter(small("open")), x)

    def within(**options):
        made = tflite_host.interpreter(small("open"), [tflite_host.delegate(sys.argv[1], **options)])
        return tflite_host.difference(tflite_host.run(made, x), plain)

    rounded = within(precision="f16", input_range="-4,4")
    print(f"  in halves: within {rounded:.1e}")
    return 1e-6 < rounded < 1e-2 and all(within(**options) < 1e-5 for options in (
        {}, {"precision": "fastest", "cache_dir": ""}, {"device": "cpu", "verbosity": 0}))


def refuses_without_opencl():
    """In processes of their own: this one has met its devices."""
    code = ("import sys, tflite_faults; print(tflite_faults.refusal({}).strip()); "
            "print('alone', tflite_faults.works_alone())")
    good = True
    for missing in ({"OCL_ICD_VENDORS": "/nonexistent", "OCL_ICD_FILENAMES": ""}, {"SEPCL_OPENCL": "/nonexistent/libOpenCL.so"}):
        result = subprocess.run([sys.executable, "-c", code, os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])],
                                capture_output=True, text=True, cwd=HERE, env={**os.environ, **missing})
        lines = [line for line in result.stdout.splitlines() if "sepcl: " in line]
        print("  " + (lines[0][-110:] if lines else result.stdout + result.stderr))
        good &= bool(lines) and any(word in lines[0] for word in NO_DEVICE) and "alone True" in result.stdout
    return good


def leaves(name, word):
    """The host must go on with what is left to it, and the delegate must say which node and why."""
    made, text = tflite_host.said_by(
        lambda: tflite_host.interpreter(small(name), [tflite_host.delegate(sys.argv[1], verbosity=1)]))
    x = [picture(1, 6, 6, 4)]
    expected = tflite_host.run(tflite_host.interpreter(small(name)), x)
    worst, wrong = (tflite_host.difference(tflite_host.run(made, one), expected) for one in (x, [-x[0]]))
    said = [line for line in text.splitlines() if "leaves node" in line]
    print(f"  {said[0] if said else 'NOTHING SAID'}; within {worst:.1e} (another input: {wrong:.1e})")
    return worst <= 1e-5 < wrong and len(said) > 0 and word in said[0]


def leaves_what_it_cannot():
    return leaves("mixed", "does not know") & leaves("dimensions", "dimensions")


def changes_shape():
    """Resized between calls, and back to the first."""
    made, plain = (tflite_host.interpreter(small("open"), delegates)
                   for delegates in ([tflite_host.delegate(sys.argv[1])], None))
    worst, wrong, shapes = 0.0, 1.0, [(1 + i % 3, 8 + i, 20 - i, 4) for i in range(6)] + [(1, 8, 20, 4)]
    for shape in shapes:
        for one in (made, plain):
            one.resize_tensor_input(one.get_input_details()[0]["index"], shape)
            one.allocate_tensors()
        expected = tflite_host.run(plain, [picture(*shape)])
        worst = max(worst, tflite_host.difference(tflite_host.run(made, [picture(*shape)]), expected))
        wrong = min(wrong, tflite_host.difference(tflite_host.run(made, [-picture(*shape)]), expected))
    print(f"  {len(shapes)} shapes, within {worst:.1e} (another input: {wrong:.1e})")
    return worst <= 1e-5 < wrong


def refuses_shapes():
    """A shape that the host's own kernels refuse, or for which there is nothing to compute; another interpreter goes on. (An
    interpreter of ai-edge-litert 2.3.0 whose allocation failed crashes in the next one, with a delegate that does nothing too.)"""
    delegate, told = tflite_host.delegate(sys.argv[1]), ""
    made, x = tflite_host.interpreter(small("open"), [delegate]), picture(1, 8, 8, 4)
    first = [array.copy() for array in tflite_host.run(made, [x])]
    try:
        made.resize_tensor_input(made.get_input_details()[0]["index"], (1, 0, 8, 4))
        made.allocate_tensors()
        tflite_host.run(made, [np.zeros((1, 0, 8, 4), np.float32)])
        empty = made.get_tensor(made.get_output_details()[0]["index"]).size == 0
    except (RuntimeError, ValueError) as error:
        told, empty = str(error).strip(), False
    print(f"  (1, 0, 8, 4): {told[-110:] or ('nothing in, nothing out' if empty else 'RAN')}")
    again = tflite_host.run(tflite_host.interpreter(small("open"), [delegate]), [x])
    return (bool(told) or empty) and all((a == b).all() for a, b in zip(again, first))


def refuses_resized():
    """With custom_operators no input can be resized: not to a shape of as many bytes either."""
    good = True
    for shape in ((1, 8, 8, 4), (1, 4, 16, 4), (2, 8, 8, 4)):
        made, told = tflite_host.interpreter(small("open"), [tflite_host.delegate(sys.argv[1], custom_operators=1)]), ""
        try:
            made.resize_tensor_input(made.get_input_details()[0]["index"], shape)
            made.allocate_tensors()
            tflite_host.run(made, [picture(*shape)])
        except (RuntimeError, ValueError) as error:
            told = str(error).strip()
        print(f"  {shape}: {told[-110:] or 'ran'}")
        good &= ("sepcl: the shape of" in told) == (shape != (1, 8, 8, 4))
    return good


def warns_of_folders():
    """Where kernels cannot be kept: a warning, and the results are the same. Where parts cannot be saved: an error."""
    x, good = [picture(1, 8, 8, 4)], True
    expected = tflite_host.run(tflite_host.interpreter(small("open")), x)
    for folder, wanted in (("/proc/nowhere", 1), (os.path.abspath(__file__), 1), (os.path.join(sys.argv[2], "kept", "here"), 0)):
        made, text = tflite_host.said_by(
            lambda: tflite_host.interpreter(small("open"), [tflite_host.delegate(sys.argv[1], cache_dir=folder)]))
        print(f"  {folder}: {text.strip()[-160:] or 'nothing said'}")
        good &= text.count("sepcl: warning: cache_dir") == wanted and tflite_host.difference(tflite_host.run(made, x), expected) < 1e-5
    text = refusal({"save_dir": "/proc/nowhere"})
    print(f"  save_dir: {text.strip()[-110:]}")
    return good and "option save_dir is '/proc/nowhere'" in text


def serve(made, x, expected, failures):
    for _ in range(100):
        if not all((a == b).all() for a, b in zip(tflite_host.run(made, x), expected)):
            failures.append("a run differs")


def on_threads():
    """One delegate's interpreter and another's on each of two threads."""
    failures, threads, kept = [], [], []
    for number in range(4):
        made = tflite_host.interpreter(small("open"), [tflite_host.delegate(sys.argv[1])])
        x = [picture(1, 8, 8, 4, seed=number)]
        expected = [array.copy() for array in tflite_host.run(made, x)]
        if tflite_host.difference(expected, tflite_host.run(tflite_host.interpreter(small("open")), x)) > 1e-5:
            failures.append("not what the host computes")
        kept.append(made)
        threads.append(threading.Thread(target=serve, args=(made, x, expected, failures)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  {len(threads)} threads, {len(failures)} failures", *failures[:3])
    return not failures


CHECKS = (refuses_options, takes_options, refuses_without_opencl, leaves_what_it_cannot, changes_shape, refuses_shapes, refuses_resized,
          warns_of_folders, on_threads)


def main():
    print(tflite_host.NAME, flush=True)
    failed = 0
    for check in CHECKS:
        good = check()
        print(f"{check.__name__.replace('_', ' ')}: {'good' if good else 'FAILED'}", flush=True)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
