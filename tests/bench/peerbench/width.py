"""Whether an engine computes with 512-bit registers: asked of the kernel, which notes when a thread last held any.

Linux keeps that time a thread in /proc/PID/task/TID/arch_status. A matrix product on AVX-512 fills the upper sixteen
registers, which stay in use until the thread is switched out; glibc's own string functions would fill them too and are
told not to (settings.NO_AVX512_IN_GLIBC). The time is inherited, so only uses after the process began count."""
import os, pathlib, time


def last_use_ms():
    """Milliseconds since any thread of this process held a 512-bit register; None where the kernel does not say."""
    found = []
    for thread in pathlib.Path("/proc/self/task").iterdir():
        try:
            found.append(int((thread / "arch_status").read_text().split()[-1]))
        except (OSError, ValueError, IndexError):
            pass
    used = [ms for ms in found if ms >= 0]
    return min(used) if used else -1 if found else None


def width(run, seconds=0.5):
    """512 or 256 bits (or fewer: that is not told apart); None: the kernel does not say."""
    began, end = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end:
        run()
    time.sleep(0.1)      # for a thread's registers to be looked at it must be switched out
    ms = last_use_ms()
    if ms is None:
        return None
    return 512 if 0 <= ms <= 1e3 * (time.monotonic() - began) else 256
