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
# Which operands are halves where not all are: x 1, r 2, s 4, y 8, sums 16. What plans of the zoo have in `--precision f16` and
# `f16-sums`, whatever the fusion, for inputs in [-1, 1] and [-300, 300] (an operand that is not there goes with x).
MIXED = {"pointwise": (2, 4, 5, 7, 8, 16, 21, 23, 24), "conv": (7, 8, 16, 23, 24), "depthwise": (4, 7, 8), "elementwise": (2, 4, 6),
         "pool": (7,), "separable": (7,), "inverted_residual": (7,)}
PRECISIONS = ("f32", "f16", "f16-sums", "mixed", "scalar")
JUDGED = PRECISIONS[:4]  # scalar kernels when asked for: they break limits, and no plan of the zoo has one on such a device
TITLES = {"mixed": "some operands halves in memory (1 x, 2 r, 4 s, 8 y; 16 sums), as plans of the zoo have them:",
          "scalar": "scalar kernels, where nothing else applies (floats):",
          "f32": "floats in memory:", "f16": "halves in memory:",
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


def settings(variant, precision):
    """What to compile a variant with: (what the table calls it, changes of the source). Scalar variants only serve where nothing
    else applies: they have a table of their own, of floats."""
    name = variant["name"]
    if precision == "scalar" or variant["family"] == "scalar":
        return [(name, ())] if precision == "scalar" and variant["family"] == "scalar" else []
    if precision != "mixed":
        return [(name, HALVES[precision])]
    masks = [m for m in MIXED.get(variant["stage"], ()) if m < 16 or "SUMS_HALVES" in variant["macros"]]
    return [(f"{name} {mask}", (f"halves={mask}",)) for mask in masks]


def chosen_on(variant, target, precision):
    """Whether a device of that kind may be given the variant: only Intel's offer subgroups of a size that a kernel asks for. Weights
    as images are tried by `sepcl tune` alone, and on no device with AMD's or NVIDIA's queries (images_may_hold_weights)."""
    if precision == "f16-sums" and (targets.TARGETS[target][0] == "nvidia" or "SUMS_HALVES" not in variant["macros"]):
        return False
    if "IMAGE" in variant["macros"]:
        return targets.TARGETS[target][0] in ("intel", "spirv")
    return "SUBGROUP" not in variant["macros"] or targets.TARGETS[target][0] == "intel"


def sums_of(precision, changes):
    """A mask with sums is for devices that f16-sums is for."""
    return "f16-sums" if any(change.startswith("halves=") and int(change[7:]) >= 16 for change in changes) else precision


def faults(variant, target, m):
    """Why the figures are not good enough."""
    if m.get("spilled"):
        yield "spills"
    if m.get("private"):
        yield "private memory"
    if m.get("scalar_spills") and variant["stage"] in ("pointwise", "conv"):
        yield "scalar spills"
    if m.get("occupancy", 1) < MIN_OCCUPANCY:
        yield "occupancy"
    if variant["stage"] == "pointwise" and target in FMA_TARGETS:
        fma, alu = m["loop"]
        if not alu or fma / alu < MIN_FMA:
            yield "FMAs"


def measure(compiler, build, variant, target, precision, changes=(), label=None):
    row = dict(variant=label or variant["name"], precision=precision, stage=variant["stage"], family=variant["family"], target=target)
    try:
        row.update(compiler.measure(build.source(variant["name"], *changes), target, variant["local"]))
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


def control_of(compiler, build, variants, name, changes, names, wanted):
    """Whether every one of the targets finds one of the wanted faults in a variant that was changed for the worse."""
    variant = next(v for v in variants if v["name"] == name)
    rows = [measure(compiler, build, variant, target, "f32", changes) for target in names]
    missed = [row["target"] for row in rows if not wanted & set(row["faults"])]
    print(f"control: {name} with {' '.join(changes)} " +
          (f"PASSES on {', '.join(missed)}" if missed else f"fails ({' or '.join(sorted(wanted))}) on {', '.join(names)}"))
    return not missed


# A tile far too large, on every vendor's compiler; local memory for a quarter of the groups that would fit; a loop full of
# addresses.
CONTROLS = (("matmul_tile", ("mr=64",), ("sm_86", "gfx1030", "tgllp"), {"spills", "private memory"}),
            ("pointwise_tile_32x16", ("SHARED=12000",), ("sm_86", "gfx1030", "gfx900"), {"occupancy"}),
            ("pointwise_image_64x32", ("IMAGES_AS_BUFFERS=1",), ("sm_86", "gfx1030", "gfx900"), {"FMAs"}))


def control(compiler, build, variants):
    """Each limit must be broken by what breaks it."""
    return all([control_of(compiler, build, variants, *one) for one in CONTROLS])


def parse():
    parser = argparse.ArgumentParser(prog="tests/gpu-static", description="Compiles kernels for GPUs and holds registers, spills, "
                                     "occupancy and the share of FMAs to limits. Exit status 1: a limit is broken.")
    parser.add_argument("variants", nargs="*", metavar="WORD", help="only variants whose names contain a word, of any family")
    parser.add_argument("--targets", default=",".join(targets.TARGETS), help="of " + ",".join(targets.TARGETS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="with another mr, nr, vec, local or macro")
    parser.add_argument("--precision", choices=PRECISIONS, help="f16: all operands are halves in memory, f16-sums: and sums are, mixed: some are, "
                        "scalar: floats, in kernels of last resort; all but scalar unless given")
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
    wanted = [v for v in known if any(w in v["name"] for w in options.variants) or not options.variants and v["family"] != "row"]
    precisions = [options.precision] if options.precision else JUDGED
    work = [(v, t, p, (*changes, *options.set), label) for p in precisions for v in wanted for label, changes in settings(v, p)
            for t in options.targets if chosen_on(v, t, sums_of(p, changes))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda one: measure(compiler, build, *one), work))
    failed = [row for row in rows if row["faults"]]
    if options.json:
        print(json.dumps(dict(note=PROXY, limits=dict(occupancy=MIN_OCCUPANCY, fma=MIN_FMA, spills=0), rows=rows), indent=1))
    else:
        for precision in precisions:
            print(TITLES[precision])
            print_table([row for row in rows if row["precision"] == precision], options.targets)
            print()
        print("r registers, ! bytes spilled, s scalar registers kept in lanes of\nvector registers (no memory; a fault in pointwise and general convolutions alone), p private bytes, % occupancy, f share of FMAs among the main "
              "loop's\nvector instructions, simd the width that Intel's compiler chose, * breaks a limit, - never chosen there (pointwise_image: not even\ntuned there)\n")
        print(PROXY)
        print_faults(failed)
    good = not failed and (options.json or options.variants or control(compiler, build, known))
    if not options.json:
        lanes = sum(bool(row.get("scalar_spills")) for row in rows)
        print(f"{lanes} programs keep scalar registers in lanes of vector registers")
        print(f"{len(rows)} programs, {len(failed)} break a limit")
    return 0 if good and rows else 1


if __name__ == "__main__":
    sys.exit(main())
