"""A kernel made wrong on purpose must fail: tflite_models.py with a library whose kernels' text was changed.

python3 tflite_wrong.py FOLDER PHOTO MODEL.tflite...     FOLDER: holds libsepcl.so.0 and libsepcl_tflite.so

Exits with 0 if every model fails, each because of its outputs."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Same length, in a pool's maximum and in a resize's interpolation: every model has one of them.
CHANGES = ((b"(v > best ||", b"(v < best ||"), (b"b - a, a); }", b"b - a, b); }"))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("libsepcl.so.0", "libsepcl_tflite.so"):
            found = next(path for place in (".", "plugins", "..") if
                         (path := pathlib.Path(sys.argv[1], place, name)).exists())
            shutil.copy(found.resolve(), pathlib.Path(folder, name))
        library = pathlib.Path(folder, "libsepcl.so.0")
        code = library.read_bytes()
        for old, new in CHANGES:
            assert old in code and len(old) == len(new), old
            code = code.replace(old, new)
        library.write_bytes(code)
        passed = 0
        for model in sys.argv[3:]:
            result = subprocess.run(
                [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tflite_models.py"),
                 os.path.join(folder, "libsepcl_tflite.so"), sys.argv[2], model],
                env={**os.environ, "LD_LIBRARY_PATH": folder}, capture_output=True, text=True)
            lines = [line for line in result.stdout.splitlines() if "FAILED" in line]
            print(f"wrong on purpose: {lines[0] if lines else result.stdout + result.stderr}", flush=True)
            passed += result.returncode == 1 and len(lines) == 1
        return 0 if passed == len(sys.argv[3:]) else 1


if __name__ == "__main__":
    sys.exit(main())
