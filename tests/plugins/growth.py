"""Growth of memory over many rounds, by an estimate that a few odd rounds do not move.

In some rounds a whole session's memory is given back a little after the round's reading, never before it: so the lower quartile
of each twentieth of the rounds is taken, and of the lines through any two of these the median slope (Theil and Sen's)."""
import ctypes
import itertools

import numpy as np

BLOCKS = 20
JUDGED = 400    # rounds: in fewer, what fills at first hides the rest
LIMIT = 512     # bytes a round; PoCL alone loses some 150
PAGE = 4096     # resident bytes a round: fragments come and go
PLANTED = 1024  # bytes a round that the control leaks: must be noticed


class Heap(ctypes.Structure):
    """glibc's struct mallinfo2."""
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


_libc = ctypes.CDLL(None)
_libc.mallinfo2.restype = Heap
_libc.malloc_trim.argtypes = [ctypes.c_size_t]
_libc.malloc.restype, _libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]


def live():
    """Bytes that were allocated and not freed."""
    heap = _libc.mallinfo2()
    return heap.uordblks + heap.hblkhd


def anonymous():
    """Resident bytes that belong to no file, without the free ones that the allocator keeps."""
    _libc.malloc_trim(0)
    with open("/proc/self/smaps_rollup") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


def leak():
    ctypes.memset(_libc.malloc(PLANTED), 1, PLANTED)


class Record:
    def __init__(self):
        self.live, self.anonymous = [], []

    def take(self):
        self.live.append(live())
        self.anonymous.append(anonymous())


def a_round(values, skipped):
    """Growth a round after a share of the rounds: caches and pools fill at first."""
    size = max(len(values) // BLOCKS, 1)
    levels = [float(np.percentile(values[i:i + size], 25)) for i in range(0, len(values) - size + 1, size)]
    levels = list(enumerate(levels))[int(skipped * len(levels)):]
    return float(np.median([(b - a) / ((j - i) * size) for (i, a), (j, b) in itertools.combinations(levels, 2)]))
