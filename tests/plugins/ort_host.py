"""What the tests of the ONNX Runtime provider share: sessions with and without it, and what it says about the nodes that
it takes."""
import threading

import numpy as np
import onnxruntime as host

from shared import difference, parts, said_by  # noqa: F401

NAME = f"onnxruntime {host.__version__}"
PROVIDER = "SepclExecutionProvider"
LEVEL = host.GraphOptimizationLevel
_library, _lock = None, threading.Lock()


def use(library):
    """Registers the provider's library; sessions must be gone before another is used."""
    global _library
    if _library:
        host.unregister_execution_provider_library("sepcl")
    _library = library
    if library:
        host.register_execution_provider_library("sepcl", library)


def session(model, options=None, optimise=True, threads=0, severity=4):
    """A path, or a model's bytes. options: the provider's; None: the host alone."""
    settings = host.SessionOptions()
    settings.log_severity_level = severity
    settings.intra_op_num_threads = threads
    settings.graph_optimization_level = LEVEL.ORT_ENABLE_ALL if optimise else LEVEL.ORT_DISABLE_ALL
    if options is not None:
        devices = [device for device in host.get_ep_devices() if device.ep_name == PROVIDER]
        assert devices, "the provider is not registered"
        settings.add_provider_for_devices(devices, {key: str(value) for key, value in options.items()})
    made = host.InferenceSession(model, settings)
    if options is not None and PROVIDER not in made.get_providers():
        raise RuntimeError("the host went on without the provider")
    return made


def run(made, inputs):
    return made.run(None, {value.name: array for value, array in zip(made.get_inputs(), inputs)})


def same(a, b):
    return all(x.shape == y.shape and (x.view(np.uint32) == y.view(np.uint32)).all() for x, y in zip(a, b, strict=True))


# ---- what stress.py and bench.py ask of both hosts ----

def make(library, path, threads=0):
    with _lock:
        if _library != library:
            use(library)
    return session(path, {}, threads=threads)


def plain(path, threads=0):
    return session(path, None, threads=threads)


def shapes(made):
    """Open dimensions: one picture, and 64 of whatever else."""
    return [[d if isinstance(d, int) and d > 0 else 64 if i else 1 for i, d in enumerate(value.shape)]
            for value in made.get_inputs()]


def prepared(made, inputs):
    """A call that runs in the host's own arrays, bound once: no copy that is Python's."""
    binding = made.io_binding()
    for value, array in zip(made.get_inputs(), inputs):
        binding.bind_ortvalue_input(value.name, host.OrtValue.ortvalue_from_numpy(array))
    for value, array in zip(made.get_outputs(), run(made, inputs)):
        binding.bind_ortvalue_output(value.name, host.OrtValue.ortvalue_from_numpy(array))
    return lambda: made.run_with_iobinding(binding)


def unload():
    use(None)
