"""A kernel made wrong on purpose must fail: a test of networks with a library whose kernels' text was changed.

python3 wrong.py BUILD PLUGIN SCRIPT ARGUMENT... -- NETWORK...     BUILD: holds libsepcl.so.0 and PLUGIN, such as
                                                                 libsepcl_tflite.so; SCRIPT: run as SCRIPT PLUGIN
                                                                 ARGUMENT... NETWORK for each network

Exits with 0 if every network fails, each because of its outputs."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Same length, in a pool's maximum, a resize's interpolation, and what clips: every network tried has one of them.
CHANGES = ((b"(v > best ||", b"(v < best ||"), (b"b - a, a); }", b"b - a, b); }"),
           (b"F_CLIP ? b : (kind == F_RELU6 ? 6.0f", b"F_CLIP ? a : (kind == F_RELU6 ? 0.1f"))


def copy_wrong(build, plugin, folder):
    for name in ("libsepcl.so.0", plugin):
        found = next(path for place in (".", "plugins", "..") if (path := pathlib.Path(build, place, name)).exists())
        shutil.copy(found.resolve(), pathlib.Path(folder, name))
    library = pathlib.Path(folder, "libsepcl.so.0")
    code = library.read_bytes()
    for old, new in CHANGES:
        assert old in code and len(old) == len(new), old
        code = code.replace(old, new)
    library.write_bytes(code)


def main():
    build, plugin, script, *rest = sys.argv[1:]
    split = rest.index("--")
    arguments, networks = rest[:split], rest[split + 1:]
    with tempfile.TemporaryDirectory() as folder:
        copy_wrong(build, plugin, folder)
        passed = 0
        for network in networks:
            result = subprocess.run(
                [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), script),
                 os.path.join(folder, plugin), *arguments, network],
                env={**os.environ, "LD_LIBRARY_PATH": folder}, capture_output=True, text=True)
            lines = [line for line in result.stdout.splitlines() if "FAILED" in line]
            print(f"wrong on purpose: {lines[0] if lines else result.stdout + result.stderr}", flush=True)
            passed += result.returncode == 1 and len(lines) == 1
        return 0 if networks and passed == len(networks) else 1


if __name__ == "__main__":
    sys.exit(main())
