#!/usr/bin/env python3
"""The fetched checkpoint is somebody else's file: it may be cut short, wrong, or made to run code. check.py FOLDER"""
import pathlib
import pickle
import sys
import tempfile
import unittest

import numpy
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
import legacy_checkpoint  # noqa: E402

FOLDER = pathlib.Path(sys.argv.pop())


class RunsCode:
    def __reduce__(self):
        return (print, ("a checkpoint ran code",))


class Checkpoint(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "checkpoint.pth"
        self.whole = (FOLDER / "mobilenet_v2.pth").read_bytes()

    def refused(self, data, why):
        self.path.write_bytes(data)
        with self.assertRaisesRegex(ValueError, why):
            legacy_checkpoint.load(self.path)

    def test_whole(self):
        tensors = legacy_checkpoint.load(FOLDER / "mobilenet_v2.pth")
        self.assertEqual(len(tensors), 314)
        self.assertEqual(tensors["classifier.1.weight"].shape, (1000, 1280))
        self.assertTrue(all(numpy.isfinite(tensor).all() for tensor in tensors.values()))

    def test_same_weights_in_the_model(self):
        tensors = legacy_checkpoint.load(FOLDER / "mobilenet_v2.pth")
        model = onnx.load(FOLDER / "mobilenet_v2.onnx")
        weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
        for name, tensor in tensors.items():
            if not name.endswith("num_batches_tracked"):
                numpy.testing.assert_array_equal(weights[name], tensor)

    def test_code_is_not_run(self):
        parts = [pickle.dumps(part, 2) for part in (legacy_checkpoint.MAGIC, legacy_checkpoint.PROTOCOL)]
        self.refused(b"".join(parts) + pickle.dumps(RunsCode(), 2), "asks for .*print")
        self.refused(pickle.dumps(RunsCode(), 2), "asks for .*print")

    def test_cut_short(self):
        for size in (0, 1, 14, 20, 100, 30000, 54000, 60000, len(self.whole) - 1):
            self.refused(self.whole[:size], "no legacy PyTorch checkpoint|cut short|length")

    def test_another_file(self):
        self.refused(b"PK\3\4" + bytes(100), "no legacy PyTorch checkpoint")
        self.refused(pickle.dumps(7, 2), "wrong magic number")


if __name__ == "__main__":
    unittest.main()
