"""sepcl's fused separable block on pyopencl's own context, queue and arrays: the C library called through ctypes.

python3 samples/python/primitive.py [path/to/libsepcl.so]     (needs numpy and pyopencl)
"""
import ctypes as c
import sys

import numpy as np
import pyopencl as cl
import pyopencl.array


class Shape(c.Structure):
    _fields_ = [(name, c.c_int32) for name in ("n", "h", "w", "c")]


class Window(c.Structure):
    _fields_ = [(name, c.c_int32) for name in (
        "kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w",
        "pad_top", "pad_left", "pad_bottom", "pad_right")]


class Activation(c.Structure):
    _fields_ = [("kind", c.c_int), ("a", c.c_float), ("b", c.c_float)]


class SeparableDesc(c.Structure):
    _fields_ = [("size", c.c_uint32), ("input", Shape), ("outputs", c.c_int32), ("window", Window),
                ("depthwise_activation", Activation), ("activation", Activation), ("has_residual", c.c_int32),
                ("variant", c.c_char_p)]


class Weights(c.Structure):
    _fields_ = [("size", c.c_uint32), ("weights", c.c_void_p), ("layout", c.c_int), ("bias", c.c_void_p),
                ("gamma", c.c_void_p), ("beta", c.c_void_p), ("mean", c.c_void_p), ("variance", c.c_void_p),
                ("epsilon", c.c_float)]


class Operand(c.Structure):
    _fields_ = [("buffer", c.c_void_p), ("offset", c.c_size_t), ("pitch", c.c_size_t)]


class Args(c.Structure):
    _fields_ = [("size", c.c_uint32)] + [(name, Operand) for name in (
        "input", "output", "weights", "residual", "scale")]


OHWI, HWC, RELU6 = 1, 3, 2
sepcl = c.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libsepcl.so.0")
sepcl.sepcl_last_error.restype = sepcl.sepcl_op_kernel.restype = c.c_char_p
sepcl.sepcl_op_packed_size.restype = c.c_size_t


def check(status):
    if status:
        raise RuntimeError(sepcl.sepcl_last_error().decode())


def operand(array):
    return Operand(array.base_data.int_ptr, array.offset, 0)


def main():
    context = cl.create_some_context(interactive=False)
    queue = cl.CommandQueue(context)
    random = np.random.default_rng(1)
    image = cl.array.to_device(queue, random.standard_normal((1, 14, 14, 8)).astype(np.float32))
    depthwise = random.standard_normal((3, 3, 8)).astype(np.float32)    # H W C
    pointwise = random.standard_normal((16, 8)).astype(np.float32)      # outputs, inputs
    output = cl.array.zeros(queue, (1, 14, 14, 16), np.float32)

    device, op = c.c_void_p(), c.c_void_p()
    check(sepcl.sepcl_device_wrap(c.byref(device), c.c_void_p(context.int_ptr),
                                  c.c_void_p(queue.device.int_ptr), None))
    desc = SeparableDesc(c.sizeof(SeparableDesc), Shape(1, 14, 14, 8), 16, Window(3, 3, 1, 1, 1, 1, 1, 1, 1, 1),
                         Activation(RELU6), Activation(RELU6))
    check(sepcl.sepcl_separable_create(c.byref(op), device, c.byref(desc)))

    sets = (Weights * 2)(Weights(c.sizeof(Weights), depthwise.ctypes.data, HWC),
                         Weights(c.sizeof(Weights), pointwise.ctypes.data, OHWI))
    packed = np.empty(sepcl.sepcl_op_packed_size(op) // 4, np.float32)
    check(sepcl.sepcl_op_pack(op, c.c_void_p(packed.ctypes.data), sets, 2))
    weights = cl.array.to_device(queue, packed)

    args = Args(c.sizeof(Args), operand(image), operand(output), operand(weights))
    check(sepcl.sepcl_op_enqueue(op, c.c_void_p(queue.int_ptr), c.byref(args), None))

    x = np.pad(image.get()[0].astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    middle = sum(x[ky:ky + 14, kx:kx + 14] * depthwise[ky, kx] for ky in range(3) for kx in range(3))
    expected = np.clip(np.clip(middle, 0, 6) @ pointwise.T.astype(np.float64), 0, 6)
    difference = np.abs(output.get()[0] - expected).max()
    print(f"{sepcl.sepcl_op_kernel(op).decode()} on {queue.device.name}: within {difference:.1e} of NumPy's doubles")
    sepcl.sepcl_op_free(op)
    sepcl.sepcl_device_free(device)
    return int(difference > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
