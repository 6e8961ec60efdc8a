"""What tests/gpu-static runs once its compilers are there; see there."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

import targets

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MIN_OCCUPANCY = 0.25
MIN_FMA = 0.85
# Whether all operands are halves in memory, and sums are, too.
HALVES = {"f32": (), "f16": ("halves=15",), "f16-sums": ("halves=31",)}
TITLES = {"f32": "floats in memory:", "f16": "halves in memory:",
          "f16-sums": "halves in memory and in sums (two products an instruction; NVIDIA's OpenCL does not compute with halves):"}
FMA_TARGETS = ("gfx900", "gfx1030", "sm_86")
PROXY = """The compilers are proxies: clang 15 with libclc stands in for the vendors' OpenCL front ends, ptxas and LLVM's AMDGPU
backend are theirs (AMD's of 2022); Intel's ocloc is the driver's own compiler (of 2022). Registers and spills on a user's driver may
differ: tests/gpu-live measures on the device itself."""


def output_of(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


class Build:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def variants(self):
        return json.loads(output_of(self.folder / "tools/sepcl", "kernels", "--json"))["kernels"]

    def source(self, name, *changes):
        return output_of(self.folder / "tests/sepcl_kernel_source", name, *changes)

    def options(self):
        return output_of(self.folder / "tests/sepcl_kernel_source", "--options").strip()


def chosen_on_gpus(variant):
    """Row variants are for CPUs; scalar ones only serve where nothing else applies."""
    return variant["family"] not in ("row", "scalar")


def chosen_on(variant, target, precision):
    """Whether a device of that kind may be given the variant: only Intel's offer subgroups of a size that a kernel asks for. Weights
    as images are tried by `sepcl tune` alone, and on no device with AMD's or NVIDIA's queries (images_may_hold_weights)."""
    if precision == "f16-sums" and (targets.TARGETS[target][0] == "nvidia" or "SUMS_HALVES" not in variant["macros"]):
        return False
    if "IMAGE" in variant["macros"]:
        return targets.TARGETS[target][0] in ("intel", "spirv")
    return "SUBGROUP" not in variant["macros"] or targets.TARGETS[target][0] == "intel"


def faults(variant, target, m):
    """Why the figures are not good enough."""
    if m.get("spilled"):
        yield "spills"
    if m.get("private"):
        yield "private memory"
    if m.get("occupancy", 1) < MIN_OCCUPANCY:
        yield "occupancy"
    if variant["stage"] == "pointwise" and target in FMA_TARGETS:
        fma, alu = m["loop"]
        if not alu or fma / alu < MIN_FMA:
            yield "FMAs"


def measure(compiler, build, variant, target, precision, changes=()):
    row = dict(variant=variant["name"], precision=precision, stage=variant["stage"], family=variant["family"], target=target)
    try:
        row.update(compiler.measure(build.source(variant["name"], *HALVES[precision], *changes), target, variant["local"]))
        row["faults"] = list(faults(variant, target, row))
    except targets.Failed as error:
        row.update(faults=["does not compile"], log=str(error))
    return row


def cell(row):
    """One target's column: registers, spilled or private bytes if any, occupancy, FMAs of the main loop."""
    if "log" in row:
        return "no"
    if "bytes" in row:
        return "valid"
    text = f"simd{row['simd']}" if "simd" in row else f"{row['registers']}r"
    for name, letter in (("spilled", "!"), ("scalar_spills", "s"), ("private", "p")):
        text += f" {letter}{row[name]}" if row.get(name) else ""
    if "occupancy" in row:
        text += f" {100 * row['occupancy']:.0f}%"
    if row["stage"] == "pointwise" and row.get("loop", (0, 0))[1]:
        text += f" f{100 * row['loop'][0] / row['loop'][1]:.0f}"
    return text + ("*" if row["faults"] else "")


def print_table(rows, names):
    by_variant = collections.defaultdict(dict)
    for row in rows:
        by_variant[row["variant"]][row["target"]] = row
    lines = [["variant", *names]]
    lines += [[name, *(cell(of[t]) if t in of else "-" for t in names)] for name, of in by_variant.items()]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def print_faults(failed):
    places = collections.defaultdict(list)
    for row in failed:
        for fault in row["faults"]:
            places[row["variant"], row["precision"], fault, row.get("log", "")].append(row["target"])
    for (name, precision, fault, log), where in places.items():
        print(f"{name}, {precision}: {fault} on {' '.join(where)}" + ("\n" + log if log else ""))


def control(compiler, build, variants):
    """A tile far too large must fail the gate: on every target that has registers to run out of."""
    names = [v["name"] for v in variants]
    name, changes = next(((n, c) for n, c in OVERSIZED if n in names), (None, None))
    variant = next(v for v in variants if v["name"] == name)
    rows = [measure(compiler, build, variant, target, "f32", changes) for target in ("sm_86", "gfx1030", "tgllp")]
    missed = [row["target"] for row in rows if not {"spills", "private memory"} & set(row["faults"])]
    print(f"control: {name} with {' '.join(changes)} " +
          (f"PASSES on {', '.join(missed)}" if missed else "spills, or has its tile in memory, on " + ", ".join(row["target"] for row in rows)))
    return not missed


OVERSIZED = (("matmul_tile", ("mr=64",)),)


def parse():
    parser = argparse.ArgumentParser(prog="tests/gpu-static", description="Compiles kernels for GPUs and holds registers, spills, "
                                     "occupancy and the share of FMAs to limits. Exit status 1: a limit is broken.")
    parser.add_argument("variants", nargs="*", metavar="WORD", help="only variants whose names contain a word, of any family")
    parser.add_argument("--targets", default=",".join(targets.TARGETS), help="of " + ",".join(targets.TARGETS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="with another mr, nr, vec, local or macro")
    parser.add_argument("--precision", choices=HALVES, help="f16: all operands are halves in memory, f16-sums: and sums are; all unless given")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--control", action="store_true", help="only the negative control")
    parser.add_argument("--build", default=ROOT / "build/release", help="build folder")
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.targets = options.targets.split(",")
    unknown = set(options.targets) - set(targets.TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}")
    return options


def main():
    options = parse()
    build = Build(options.build)
    compiler = targets.Compiler(options.tools, build.options())
    known = build.variants()
    if options.control:
        return 0 if control(compiler, build, known) else 1
    wanted = [v for v in known if any(w in v["name"] for w in options.variants) or not options.variants and chosen_on_gpus(v)]
    precisions = [options.precision] if options.precision else list(HALVES)
    work = [(v, t, p) for p in precisions for v in wanted for t in options.targets if chosen_on(v, t, p)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda one: measure(compiler, build, *one, options.set), work))
    failed = [row for row in rows if row["faults"]]
    if options.json:
        print(json.dumps(dict(note=PROXY, limits=dict(occupancy=MIN_OCCUPANCY, fma=MIN_FMA, spills=0), rows=rows), indent=1))
    else:
        for precision in precisions:
            print(TITLES[precision])
            print_table([row for row in rows if row["precision"] == precision], options.targets)
            print()
        print("r registers, ! bytes spilled, s scalar registers kept in lanes of\nvector registers (no memory, no fault), p private bytes, % occupancy, f share of FMAs among the main "
              "loop's\nvector instructions, simd the width that Intel's compiler chose, * breaks a limit, - never chosen there (pointwise_image: not even\ntuned there)\n")
        print(PROXY)
        print_faults(failed)
    good = not failed and (options.json or options.variants or control(compiler, build, known))
    if not options.json:
        print(f"{len(rows)} programs, {len(failed)} break a limit")
    return 0 if good and rows else 1


if __name__ == "__main__":
    sys.exit(main())
