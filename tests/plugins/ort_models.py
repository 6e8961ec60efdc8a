"""Networks through the ONNX Runtime provider against `sepcl run`, and against the host's own kernels.

python3 ort_models.py LIBRARY SEPCL MODEL...     MODEL: an ONNX file, zoo:NAME or zoo (all); SEPCL: the command

Exits with 1 unless, for each model, with the host's graph optimisations off the provider takes every node and gives the
same bits as `sepcl run`, and with them on it takes every node and stays within 1e-5 of the output's range. Outputs of
another input, the negative control, must do neither."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import ort_host

NO_KERNEL = "NOT_IMPLEMENTED"  # what the host says where it cannot run a model itself


def names(sepcl, words):
    for word in words:
        if word != "zoo":
            yield word
            continue
        listed = subprocess.run([sepcl, "zoo", "--json"], check=True, capture_output=True).stdout
        yield from ("zoo:" + network["name"] for network in json.loads(listed)["networks"])


def inputs_of(made, seed):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape, np.float32) for shape in ort_host.shapes(made)]


def run_command(sepcl, path, made, inputs, folder):
    arguments = []
    for value, array in zip(made.get_inputs(), inputs):
        file = os.path.join(folder, f"in{len(arguments)}.npy")
        np.save(file, array)
        arguments += ["--input", f"{value.name}={file}"]
    subprocess.run([sepcl, "run", path, *arguments, "--output-dir", folder], check=True, capture_output=True)
    return [np.load(os.path.join(folder, output.name.replace("/", "_") + ".npy")) for output in made.get_outputs()]


def all_taken(text):
    parts = ort_host.parts(text)
    return len(parts) == 1 and parts[0][0] == parts[0][1], parts


def host_alone(path, inputs):
    try:
        return ort_host.run(ort_host.session(path, None, False), inputs)
    except Exception as error:  # the host has a type for each of its codes
        if NO_KERNEL in str(error):
            return None
        raise


def check(sepcl, path, name, folder):
    made, text = ort_host.said_by(lambda: ort_host.session(path, {"verbosity": 1}, False))
    whole, parts = all_taken(text)
    inputs, others = inputs_of(made, 1), inputs_of(made, 2)
    expected = run_command(sepcl, path, made, inputs, folder)
    equal = ort_host.same(ort_host.run(made, inputs), expected)
    control = ort_host.same(ort_host.run(made, others), expected)
    del made
    made, said = ort_host.said_by(lambda: ort_host.session(path, {"verbosity": 1}, True))
    whole_optimised, parts_optimised = all_taken(said)
    worst = ort_host.difference(ort_host.run(made, inputs), expected)
    wrong = ort_host.difference(ort_host.run(made, others), expected)
    plain = host_alone(path, inputs)
    beside = "it has no kernels for it" if plain is None else f"within {ort_host.difference(plain, expected):.1e}"
    good = whole and whole_optimised and equal and not control and worst <= 1e-5 < wrong
    print(f"{name}: {parts[0][0] if parts else 0} of {parts[0][1] if parts else '?'} nodes, "
          f"{'the same bits' if equal else 'OTHER BITS'}; optimised {parts_optimised[0][0] if parts_optimised else 0} "
          f"of {parts_optimised[0][1] if parts_optimised else '?'}, within {worst:.1e} (another input: {wrong:.1e}); "
          f"the host alone: {beside}{'' if good else '  FAILED'}", flush=True)
    if not good:
        print(text, said, file=sys.stderr)
    return good


def main():
    library, sepcl, *words = sys.argv[1:]
    ort_host.use(os.path.realpath(library))
    print(ort_host.NAME, flush=True)
    good = []
    for name in names(sepcl, words):
        with tempfile.TemporaryDirectory() as folder:
            path = name
            if name.startswith("zoo:"):
                path = os.path.join(folder, "network.onnx")
                subprocess.run([sepcl, "export", name, path], check=True, capture_output=True)
            good.append(check(sepcl, path, os.path.basename(name), folder))
    print(f"{sum(good)} of {len(good)} networks", flush=True)
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
