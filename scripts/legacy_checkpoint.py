"""Reads a checkpoint that PyTorch wrote before 1.6 (a stream of pickles, then raw storages) without PyTorch."""
import collections
import pickle

import numpy

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {"FloatStorage": numpy.dtype("<f4"), "LongStorage": numpy.dtype("<i8")}


class Tensor(collections.namedtuple("Tensor", "storage offset shape strides")):
    """A view of a storage whose bytes follow later in the stream."""

    def array(self, storages):
        flat = storages[self.storage[1]]
        reach = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides))
        if min(self.shape, default=1) < 1 or min(self.strides, default=1) < 0 or not 0 <= reach < flat.size:
            raise ValueError("a tensor of the checkpoint reaches past its storage")
        strides = [step * flat.itemsize for step in self.strides]
        view = numpy.lib.stride_tricks.as_strided(flat[self.offset:], self.shape, strides)
        return view.copy(order="C")


def rebuild_tensor(storage, offset, shape, strides, *_):
    return Tensor(storage, offset, shape, strides)


class Unpickler(pickle.Unpickler):
    """Knows the few names that a checkpoint of tensors needs: a pickle that asks for more is refused, not run."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if module == "torch" and name in STORAGES:
            return name
        raise ValueError(f"the checkpoint asks for {module}.{name}, which a list of tensors does not need")

    def persistent_load(self, pid):
        kind, storage_type, key, _, count, _ = pid
        if kind != "storage" or storage_type not in STORAGES:
            raise ValueError(f"the checkpoint holds a {kind} of {storage_type}")
        return storage_type, key, count


def load(path):
    """The tensors of the checkpoint at `path`, by name, as NumPy arrays."""
    with open(path, "rb") as file:
        try:
            if Unpickler(file).load() != MAGIC or Unpickler(file).load() != PROTOCOL:
                raise ValueError("wrong magic number or protocol")
            if not Unpickler(file).load()["little_endian"]:
                raise ValueError("big-endian")
            tensors = Unpickler(file).load()
            keys = Unpickler(file).load()
            storages = read_storages(file, keys, tensors)
        except (pickle.UnpicklingError, EOFError, TypeError) as error:
            raise ValueError(f"{path}: no legacy PyTorch checkpoint ({error})") from error
        return {name: tensor.array(storages) for name, tensor in tensors.items()}


def read_storages(file, keys, tensors):
    expected = {tensor.storage[1]: tensor.storage for tensor in tensors.values()}
    storages = {}
    for key in keys:
        storage_type, _, count = expected[key]
        dtype = STORAGES[storage_type]
        if int.from_bytes(file.read(8), "little") != count:
            raise ValueError("a storage of the checkpoint has another length than its tensors say")
        data = file.read(count * dtype.itemsize)
        if len(data) != count * dtype.itemsize:
            raise ValueError("the checkpoint is cut short")
        storages[key] = numpy.frombuffer(data, dtype)
    return storages
