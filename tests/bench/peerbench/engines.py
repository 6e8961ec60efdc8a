"""The engines: each loads in its constructor; run(x) takes and returns a NumPy array."""
import ctypes, os, pathlib, shutil, subprocess
import numpy as np
from settings import PYTHON, ROOT, START_TIMEOUT


class Ort:
    package = "onnxruntime"

    def __init__(self, model, threads):
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def run(self, x):
        return self.session.run(None, {self.input: x})[0]


class OpenVino:
    package = "openvino"

    def __init__(self, model, threads):
        import openvino
        compiled = openvino.Core().compile_model(str(model), "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})
        self.request = compiled.create_infer_request()

    def run(self, x):
        self.request.infer({0: x})
        return self.request.get_output_tensor(0).data


class Ncnn:
    package = "ncnn"

    @staticmethod
    def convert(model, folder):
        shutil.copy(model, folder / "model.onnx")     # pnnx writes beside its input
        shape = str(input_shape(model)).replace(" ", "")
        program, = (PYTHON.parent.parent / "lib").glob("python*/site-packages/pnnx/pnnx")   # its wrapper wants torch
        call([program, "model.onnx", f"inputshape={shape}", "fp16=0"], folder)
        for leftover in folder.iterdir():
            if leftover.name not in ("model.ncnn.param", "model.ncnn.bin"):
                leftover.unlink()

    def __init__(self, model, threads):
        import ncnn
        self.ncnn, self.net = ncnn, ncnn.Net()
        o = self.net.opt
        o.num_threads, o.use_vulkan_compute = threads, False
        o.use_fp16_packed = o.use_fp16_storage = o.use_fp16_arithmetic = o.use_bf16_storage = False
        folder = converted(self, model)
        if self.net.load_param(str(folder / "model.ncnn.param")) or self.net.load_model(str(folder / "model.ncnn.bin")):
            raise RuntimeError("ncnn cannot load the converted network")

    def run(self, x):
        extractor = self.net.create_extractor()
        extractor.input("in0", self.ncnn.Mat(x[0]))
        status, out = extractor.extract("out0")
        if status:
            raise RuntimeError(f"ncnn extract returned {status}")
        return np.array(out)


class Mnn:
    package = "mnn"

    @staticmethod
    def convert(model, folder):
        call([PYTHON.parent / "mnnconvert", "-f", "ONNX", "--modelFile", model, "--MNNModel", "model.mnn",
              "--bizCode", "peerbench"], folder)

    def __init__(self, model, threads):
        import MNN.expr as expr, MNN.nn as nn
        self.expr, path = expr, converted(self, model) / "model.mnn"
        runtime = nn.create_runtime_manager(({"backend": 0, "numThread": threads, "precision": "high"},))
        self.net = nn.load_module_from_file(str(path), [], [], runtime_manager=runtime)
        self.input = expr.placeholder(list(input_shape(model)), expr.NCHW)

    def run(self, x):
        self.input.write(x)
        return np.array(self.expr.convert(self.net.forward([self.input])[0], self.expr.NCHW).read())


class LiteRt:
    """Takes part where NAME.tflite lies beside NAME.onnx (same weights, NHWC input)."""
    package = "ai-edge-litert"

    def __init__(self, model, threads):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(str(model.with_suffix(".tflite")), num_threads=threads)
        self.interpreter.allocate_tensors()
        self.input, self.output = (d[0]["index"] for d in (
            self.interpreter.get_input_details(), self.interpreter.get_output_details()))

    def run(self, x):
        self.interpreter.set_tensor(self.input, np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        self.interpreter.invoke()
        y = self.interpreter.get_tensor(self.output)
        return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y


class OpenCv:
    package = "opencv-python-headless"

    def __init__(self, model, threads):
        import cv2
        cv2.setNumThreads(threads)
        cv2.ocl.setUseOpenCL(False)
        self.net = cv2.dnn.readNetFromONNX(str(model))
        self.net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self.net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)

    def run(self, x):
        self.net.setInput(x)
        return self.net.forward()


class Sepcl:
    """Through the library's own functions, as a program that links it would."""
    package = None

    def __init__(self, model, threads):
        self.library = ctypes.CDLL(os.environ["SEPCL_LIBRARY"])
        self.library.sepcl_last_error.restype = ctypes.c_char_p
        self.device, graph, network, self.execution = (ctypes.c_void_p() for _ in range(4))
        by, path = ctypes.byref, os.fspath(model).encode()
        self.call("device_open", by(self.device), None, None)
        self.call("graph_load", by(graph), path, None)
        self.call("network_compile", by(network), self.device, graph, None)
        self.call("execution_create", by(self.execution), network)
        self.library.sepcl_graph_free(graph)
        self.y = np.empty(output_shape(model), np.float32)
        self.outputs = (ctypes.c_void_p * 1)(self.y.ctypes.data)

    def call(self, name, *arguments):
        if getattr(self.library, "sepcl_" + name)(*arguments):
            raise RuntimeError(f"sepcl_{name}: {self.library.sepcl_last_error().decode()}")

    def run(self, x):
        self.call("execution_run", self.execution, (ctypes.c_void_p * 1)(x.ctypes.data), self.outputs)
        return self.y


class SepclIntel(Sepcl):
    """The same on Intel's OpenCL runtime for CPUs, a second driver; the environment says where it lies."""


class Peak:
    """Not an engine: the OpenCL device's FMA rate. A burst's times are seconds per launch of known work."""
    package = "pyopencl"
    SOURCE = """
    __kernel __attribute__((reqd_work_group_size(1, 1, 1))) void peak(__global float *out, int n) {
        VEC a[12];
        const VEC x = (VEC)(1.0001f), y = (VEC)(0.5f);
        #pragma unroll
        for (int i = 0; i < 12; i++) a[i] = (VEC)(i * 0.1f);
        for (int k = 0; k < n; k++) {
            #pragma unroll
            for (int i = 0; i < 12; i++) a[i] = fma(a[i], x, y);
        }
        VEC sum = a[0];
        for (int i = 1; i < 12; i++) sum += a[i];
        STORE(sum, get_global_id(0), out);
    }"""
    STEPS = 100000   # about a millisecond: short enough to find both cores free on a busy machine

    def __init__(self, model, threads):
        import pyopencl as cl
        self.cl, device = cl, cl.get_platforms()[0].get_devices()[0]
        context = cl.Context([device])
        self.queue = cl.CommandQueue(context)
        self.groups, width = 4 * device.max_compute_units, max(4, device.native_vector_width_float)
        program = cl.Program(context, self.SOURCE).build([f"-DVEC=float{width}", f"-DSTORE=vstore{width}"])
        self.kernel = cl.Kernel(program, "peak")
        self.out = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 * width * self.groups)   # kernels retain no buffer
        self.kernel.set_args(self.out, np.int32(self.STEPS))
        self.flop = 2.0 * 12 * width * self.STEPS * self.groups
        self.note = f"{device.name}, driver {device.driver_version}, float{width}"

    def run(self, x):
        self.cl.enqueue_nd_range_kernel(self.queue, self.kernel, (self.groups,), (1,)).wait()
        return None


WORKERS = {"ort": Ort, "openvino": OpenVino, "ncnn": Ncnn, "mnn": Mnn, "litert": LiteRt, "opencv": OpenCv, "peak": Peak, "sepcl": Sepcl,
           "sepcl-intel": SepclIntel}
NOT_PEERS = ("peak", "sepcl", "sepcl-intel")


# ---- conversion --------------------------------------------------------------------------------------------------
def call(command, folder):
    done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True, timeout=START_TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"{pathlib.Path(str(command[0])).name}: exit {done.returncode}: {done.stderr[-300:]}")


def converted(engine, model):
    """The folder of the model's conversion, made once per content of the model and version of the engine."""
    import hashlib, importlib.metadata
    with open(model, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()[:16]
    name = type(engine).__name__.lower()
    folder = ROOT / "converted" / f"{model.stem}-{digest}-{name}-{importlib.metadata.version(engine.package)}"
    if not folder.exists():
        partial = folder.with_name(folder.name + f".{os.getpid()}")
        partial.mkdir(parents=True)
        try:
            engine.convert(model, partial)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return folder


def shape_of(model, which):
    import onnx
    value, = getattr(onnx.load(model, load_external_data=False).graph, which)
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def input_shape(model):
    return shape_of(model, "input")


def output_shape(model):
    return shape_of(model, "output")
