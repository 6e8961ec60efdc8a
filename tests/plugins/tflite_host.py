"""What the tests of the TensorFlow Lite delegate share: the host (ai-edge-litert or tflite-runtime, whichever there is),
interpreters with and without the delegate, and what the delegate says about the nodes that it takes."""
from shared import difference, parts, said_by  # noqa: F401

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


# ---- what stress.py and bench.py ask of both hosts ----

def make(library, path, threads=1):
    return interpreter(path, [delegate(library)], threads)


def plain(path, threads=1):
    return interpreter(path, None, threads)


def shapes(made):
    return [detail["shape"] for detail in made.get_input_details()]


def prepared(made, inputs):
    """A call that runs in the host's own arrays, filled once: no copy that is Python's."""
    run(made, inputs)
    return made.invoke


def unload():
    """The host unloads a delegate's library with the delegate."""
