"""Where things lie, and what the command line asked for."""
import argparse, os, pathlib

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
ROOT = pathlib.Path(os.environ.get("PEERBENCH_DIR") or CACHE / "sepcl/peers")
MODELS = ROOT / "models"
PYTHON = ROOT / "venv/bin/python"

WRONG = 1e-3          # an engine is marked when it differs by more than this share of the largest output ...
WRONG_OF_CONTROL = 0.05   # ... or by more than this share of what another picture changes
QUIET = 0.25              # cores that others may keep busy when a burst starts
LOUD = 0.2                # and during the bursts, before figures count for nothing
START_TIMEOUT, BURST_TIMEOUT = 300, 120   # seconds
COMPILER_TIMEOUT = 1200   # of Intel's: minutes for some networks, once

NO_AVX512_IN_GLIBC = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"   # see width.py

OPTIONS = argparse.Namespace()   # filled in by bench.py
