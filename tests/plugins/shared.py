"""What the tests of both plug-ins share: what they say, differences."""
import os
import re
import tempfile

import numpy as np


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
    """(nodes, of all) of each part that sepcl named, the largest first."""
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

