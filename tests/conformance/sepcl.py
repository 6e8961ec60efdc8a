"""libsepcl through ctypes, as far as the conformance scripts need it. SEPCL_LIBRARY names another build's library."""
import ctypes as C
import os
import pathlib
import re

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = os.environ.get("SEPCL_LIBRARY", str(ROOT / "build/release/libsepcl.so"))
MAX_RANK = 8
REPLAY_LAUNCHES = 1


class Refused(Exception):
    """sepcl's own error message."""


class LoadOptions(C.Structure):
    _fields_ = [("size", C.c_uint32), ("batch", C.c_int64), ("input_shapes", C.POINTER(C.c_char_p)),
                ("input_shape_count", C.c_uint32)]


def fields(name):
    """The fields of a struct in sepcl.h, which gets new ones now and then."""
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", (ROOT / "include/sepcl.h").read_text(), re.S).group(1)
    types = {"const char *": C.c_char_p, "uint32_t ": C.c_uint32, "float ": C.c_float, "double ": C.c_double, "size_t ": C.c_size_t}
    declarations = re.findall(r"^  (const char \*|\w+ )([\w, ]+);", body, re.M)
    return [(field, types.get(kind, C.c_int)) for kind, names in declarations for field in names.split(", ")]  # enums, int32_t


class NetworkOptions(C.Structure):
    _fields_ = fields("sepcl_network_options")


class IoInfo(C.Structure):
    _fields_ = [("name", C.c_char_p), ("rank", C.c_int32), ("dims", C.c_int64 * MAX_RANK), ("elements", C.c_size_t)]


library = C.CDLL(LIBRARY)
library.sepcl_last_error.restype = C.c_char_p
library.sepcl_operation_row.restype = C.c_char_p
for name in ("sepcl_graph_free", "sepcl_network_free", "sepcl_execution_free", "sepcl_device_free"):
    getattr(library, name).argtypes = [C.c_void_p]
    getattr(library, name).restype = None


def check(status):
    if status:
        raise Refused(library.sepcl_last_error().decode(errors="replace"))


def operations():
    """The reader's table: (name, first opset, attributes, remarks) each."""
    rows, index = [], 0
    while row := library.sepcl_operation_row(index):
        rows.append(tuple(row.decode().split("\t")))
        index += 1
    return rows


class Device:
    def __init__(self, spec=None):
        self.handle = C.c_void_p()
        check(library.sepcl_device_open(C.byref(self.handle), spec and spec.encode(), None))


class Graph:
    """A model file, or the bytes of one, as sepcl reads it."""

    def __init__(self, model, shapes=()):
        texts = (C.c_char_p * len(shapes))(*[s.encode() for s in shapes])
        options = LoadOptions(C.sizeof(LoadOptions), 0, texts, len(shapes))
        self.handle, self.data = C.c_void_p(), None
        if isinstance(model, bytes):
            self.data = C.create_string_buffer(model, len(model))  # stays until the graph is freed
            check(library.sepcl_graph_load_memory(C.byref(self.handle), self.data, C.c_size_t(len(model)),
                                                  C.byref(options)))
        else:
            check(library.sepcl_graph_load(C.byref(self.handle), os.fsencode(model), C.byref(options)))

    def __del__(self):
        library.sepcl_graph_free(self.handle)

    def save(self, path):
        check(library.sepcl_graph_save(self.handle, os.fsencode(path)))

    def run(self, device, inputs, replay=0):
        """`inputs` by name; returns the outputs by name."""
        network, execution = C.c_void_p(), C.c_void_p()
        options = NetworkOptions(C.sizeof(NetworkOptions), replay=replay)
        try:
            check(library.sepcl_network_compile(C.byref(network), device.handle, self.handle, C.byref(options)))
            check(library.sepcl_execution_create(C.byref(execution), network))
            feeds = [np.ascontiguousarray(inputs[i.name.decode()], np.float32) for i in self.infos(network, "input")]
            outs = {o.name.decode(): np.full(o.dims[:o.rank], np.nan, np.float32) for o in self.infos(network, "output")}
            pointer = lambda arrays: (C.c_void_p * max(1, len(arrays)))(*[a.ctypes.data for a in arrays])
            check(library.sepcl_execution_run(execution, pointer(feeds), pointer(list(outs.values()))))
            return outs
        finally:
            library.sepcl_execution_free(execution)
            library.sepcl_network_free(network)

    @staticmethod
    def infos(network, kind):
        infos = []
        for index in range(getattr(library, f"sepcl_network_{kind}_count")(network)):
            infos.append(IoInfo())
            check(getattr(library, f"sepcl_network_{kind}_info")(C.byref(infos[-1]), network, index))
        return infos
