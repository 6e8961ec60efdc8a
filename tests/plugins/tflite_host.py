"""What the tests of the TensorFlow Lite delegate share: the host (ai-edge-litert or tflite-runtime, whichever there is),
interpreters with and without the delegate, and what the delegate says about the nodes that it takes."""
import os
import re
import tempfile

import numpy as np

try:
    from ai_edge_litert import interpreter as host
except ImportError:
    from tflite_runtime import interpreter as host

NAME = host.__name__.split(".")[0]


def delegate(library, **options):
    return host.load_delegate(library, options)


def interpreter(path, delegates=None, threads=1, reference=False):
    """A path, or a model's bytes. Without delegates: on the host's fast kernels, or its reference ones."""
    resolver = host.OpResolverType
    kernels = resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES if delegates else resolver.BUILTIN_REF if reference else resolver.AUTO
    made = host.Interpreter(
        model_path=path if isinstance(path, str) else None, model_content=None if isinstance(path, str) else path,
        experimental_delegates=delegates, num_threads=threads,
        experimental_op_resolver_type=kernels)
    made.allocate_tensors()
    return made


def run(made, inputs):
    for detail, value in zip(made.get_input_details(), inputs):
        made.set_tensor(detail["index"], value)
    made.invoke()
    return [made.get_tensor(detail["index"]) for detail in made.get_output_details()]


def said_by(function):
    """The function's result, and what was written to the standard error meanwhile, by C too."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            result = function()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return result, file.read().decode(errors="replace")


def parts(text):
    """(nodes, of all) of each part that the delegate named, the largest first."""
    found = re.findall(r"one part of (\d+) of the graph's (\d+) nodes", text)
    return sorted(((int(a), int(b)) for a, b in found), reverse=True)


def difference(results, expected):
    """The largest difference as a share of the range of the output that it is in."""
    worst = 0.0
    for a, b in zip(results, expected):
        assert a.shape == b.shape and np.isfinite(b).all()
        if not np.isfinite(a).all():
            return float("inf")
        extent = float(b.max() - b.min()) or float(np.abs(b).max()) or 1.0
        worst = max(worst, float(np.abs(a.astype(np.float64) - b).max()) / extent)
    return worst
