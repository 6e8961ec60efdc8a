"""The GPUs that kernels are compiled for, and what each compiler says about a kernel: one dictionary for each target, with
registers, spilled bytes, private (stack) bytes, local memory and the share of the hardware's threads that fit."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading

import loops

CLC = pathlib.Path("/usr/lib/clc")
CLANG = ["clang-15", "-x", "cl", "-D__OPENCL_VERSION__=120", "-Xclang", "-finclude-default-header", "-O3"]

# name: vendor, what it is, and for NVIDIA: warps, work-groups, bytes of local memory of a multiprocessor, bytes that each
# work-group costs besides, and the unit in which local memory is given out (CUDA C++ Programming Guide, "Compute
# Capabilities", and the occupancy calculator's tables).
TARGETS = {
    "sm_75": ("nvidia", "Turing", dict(warps=32, groups=16, local=64 << 10, reserved=0, unit=256)),
    "sm_86": ("nvidia", "Ampere (RTX 30)", dict(warps=48, groups=16, local=100 << 10, reserved=1024, unit=128)),
    "sm_90": ("nvidia", "Hopper", dict(warps=64, groups=32, local=228 << 10, reserved=1024, unit=128)),
    "gfx900": ("amd", "Vega", dict(waves=10)),
    "gfx1030": ("amd", "RDNA 2", dict(waves=16)),
    "gfx1100": ("amd", "RDNA 3", dict(waves=16)),
    "skl": ("intel", "Gen 9", {}),
    "tgllp": ("intel", "Gen 12", {}),
    "dg2": ("intel", "Arc", {}),
    "spirv": ("spirv", "SPIR-V 1.0", {}),
}


# libclc rounds to halves by integer arithmetic where a rounding is named; drivers have an instruction for it, as libclc does where
# none is named (and nearest even is meant).
LIBCLC_HALVES = [f"-Dvstore_half{n}_rte=vstore_half{n}" for n in ("", 4, 8, 16)]
# It has no conversions of halves; clang's own are of one instruction a lane, like drivers'.
LIBCLC_HALVES += ["-Dconvert_half4_rte(v)=__builtin_convertvector(v,half4)", "-Dconvert_float4(v)=__builtin_convertvector(v,float4)"]


class Failed(Exception):
    pass


def run(command, **options):
    done = subprocess.run(["nice", *map(str, command)], capture_output=True, text=True, **options)
    if done.returncode:
        raise Failed(f"{pathlib.Path(str(command[0])).name}: {(done.stderr + done.stdout).strip()[:2000]}")
    return done.stdout + done.stderr


def number(pattern, text, default=None):
    match = re.search(pattern, text)
    if not match and default is None:
        raise Failed(f"the compiler's report lacks {pattern!r}")
    return int(match.group(1)) if match else default


def nvidia_occupancy(limits, registers, local, size):
    """The share of a multiprocessor's warps that are resident at once. Registers are given out to warps by 256, each of
    the four parts of a multiprocessor having 16384."""
    warps = -(-size // 32)
    by_registers = 4 * (16384 // (-(-max(registers, 1) * 32 // 256) * 256)) // warps
    bytes_each = -(-local // limits["unit"]) * limits["unit"] + limits["reserved"]
    by_local = limits["local"] // bytes_each if bytes_each else limits["groups"]
    return min(limits["groups"], limits["warps"] // warps, by_registers, by_local) * warps / limits["warps"]


class Compiler:
    """`tools` has NVIDIA's ptxas and nvdisasm under nvidia/, Intel's ocloc and its libraries under intel/."""

    def __init__(self, tools, options):
        self.tools, self.options = pathlib.Path(tools), options.split()

    def clang(self, source, output, triple, *rest):
        return run([*CLANG, *self.options, *LIBCLC_HALVES, "-target", triple, source, "-o", output, *rest])

    def nvidia(self, source, folder, name, size):
        ptx, cubin = folder / "k.ptx", folder / "k.cubin"
        flags = ["-mlink-builtin-bitcode", CLC / "nvptx64--nvidiacl.bc", "-target-cpu", "sm_75", "-target-feature", "+ptx75"]
        self.clang(source, ptx, "nvptx64-unknown-nvidiacl", "-S", *(x for flag in flags for x in ("-Xclang", flag)))
        report = run([self.tools / "nvidia/ptxas", "-v", f"-arch={name}", ptx, "-o", cubin])
        spilled = sum(map(int, re.findall(r"(\d+) bytes spill", report)))
        registers, local = number(r"Used (\d+) registers", report), number(r"(\d+) bytes smem", report, 0)
        stack = number(r"(\d+) bytes cumulative stack size", report, number(r"(\d+) bytes stack frame", report))
        assembly = run([self.tools / "nvidia/nvdisasm", "-c", cubin])
        return dict(registers=registers, spilled=spilled, private=stack - spilled if stack > spilled else 0, local=local,
                    occupancy=nvidia_occupancy(TARGETS[name][2], registers, local, size),
                    loop=loops.main_loop(assembly, "nvidia"))

    def amd(self, source, folder, name, size):
        assembly = folder / "k.s"
        report = self.clang(source, assembly, "amdgcn-amd-amdhsa", "-S", f"-mcpu={name}", "-nogpulib", "-Xclang",
                            "-mlink-builtin-bitcode", "-Xclang", CLC / "amdgcn--amdhsa.bc", "-Wno-linker-warnings", "-mllvm",
                            "-amdgpu-early-inline-all=true", "-mllvm", "-amdgpu-function-calls=false",  # as AMD's drivers do
                            "-Rpass-analysis=kernel-resource-usage")
        # The kernel's own lines; functions that were not inlined have theirs.
        report = re.search(r"Function Name: \w+_kernel\b(.*?)(Function Name|\Z)", report, re.S).group(1)
        vgpr, sgpr = number(r"VGPRs Spill: (\d+)", report), number(r"SGPRs Spill: (\d+)", report)
        scratch = number(r"ScratchSize \[bytes/lane\]: (\d+)", report)
        return dict(registers=number(r"VGPRs: (\d+)", report), spilled=4 * vgpr, scalar_spills=sgpr,
                    private=max(scratch - 4 * vgpr, 0), local=number(r"LDS Size \[bytes/block\]: (\d+)", report),
                    occupancy=number(r"Occupancy \[waves/SIMD\]: (\d+)", report) / TARGETS[name][2]["waves"],
                    loop=loops.main_loop(assembly.read_text(), "amd"))

    def intel(self, source, folder, name, size):
        root = self.tools / "intel/usr"
        environment = dict(os.environ, LD_LIBRARY_PATH=str(root / "lib/x86_64-linux-gnu"), IGC_ShaderDumpEnable="1",
                           IGC_DumpToCustomDir=str(folder / "dump"))
        run([root / "bin/ocloc", "compile", "-file", source, "-device", name, "-options", " ".join(self.options), "-out_dir",
             folder, "-output", "k"], env=environment)
        tried = sorted((folder / "dump").glob("*.asm"), key=lambda path: path.stat().st_mtime_ns)
        if not tried:
            raise Failed("ocloc left no assembly")
        kept = tried[-1]  # narrower after wider where registers ran out
        assembly = kept.read_text()
        return dict(registers=number(r"numGRF=(\d+)", assembly), spilled=number(r"//\.spill size (\d+)", assembly, 0),
                    private=number(r"//\.private memory size (\d+)", assembly, 0), local=number(r"//\.slm size (\d+)", assembly, 0),
                    simd=number(r"_simd(\d+)_", kept.name))

    def spirv(self, source, folder, name, size):
        bitcode, module = folder / "k.bc", folder / "k.spv"
        run(["clang-14", *CLANG[1:-1], "-O0", *self.options, "-target", "spir64-unknown-unknown", source, "-emit-llvm", "-c", "-o",
             bitcode])
        run(["llvm-spirv-14", "--spirv-max-version=1.0", bitcode, "-o", module])
        run(["spirv-val", "--target-env", "opencl1.2", module])
        return dict(bytes=module.stat().st_size)

    def measure(self, source, target, size):
        """`source` in OpenCL C, `size` work-items in a group. What was measured before is kept beside the tools."""
        script = b"".join(pathlib.Path(module).read_bytes() for module in (__file__, loops.__file__))
        key = hashlib.sha256("\0".join([source, target, str(size), *self.options]).encode() + script).hexdigest()
        kept = self.tools / "results" / key
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            result = self.compile(source, target, size)
            written = kept.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            written.write_text(json.dumps(result))
            written.rename(kept)
        return json.loads(kept.read_text())

    def compile(self, source, target, size):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            path = folder / "k.cl"
            path.write_text(source)
            return getattr(self, TARGETS[target][0])(path, folder, target, size)
