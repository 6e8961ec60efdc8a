"""No convolution's main loop keeps sums in memory: what the CPU driver made of the row family's tiles, disassembled.

    tests/cpu/static.py SEPCL [NETWORK ...]      SEPCL: the command

A sum that a compiler keeps in memory halves a loop's speed and changes no result, so that no other test would see it.
Kernels are compiled by PoCL, in a cache folder of their own; of each innermost loop with as many FMAs as a tile has, stores of
vectors to the stack are counted. Held to it are the kernels of eight floats a vector, whose processors have 16 registers.
Exit status 1 where there are any; 77 on a machine of other vectors.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NETWORKS = ["zoo:mobilenet_v2:resolution=32", "zoo:shufflenet_v2:resolution=32"]
# Tiles of gemm_tile.cl. One whose inputs lie in another order and whose rows are no whole tile finds no registers for
# all its pointers; few tiles are.
TILE = re.compile(r"(down|mapped_down|rows|mapped_rows|scaled_rows|tile|stem)_(\d+x\d)_(pointwise|conv)_row8$")
EXCEPT = re.compile(r"mapped_rows_1\dx1_|stem_1\dx1_")
LEAST_FMAS = 6
STACK_STORE = re.compile(r"vmov[au]p[sd]\s+%[yz]mm\d+,.*\(%r[sb]p")


def functions(listing):
    """(name, [(address, instruction)]) of each function."""
    name, body = None, []
    for line in listing.splitlines():
        if match := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            if name:
                yield name, body
            name, body = match.group(1), []
        elif match := re.match(r"\s+([0-9a-f]+):\t(.+)", line):
            body.append((int(match.group(1), 16), match.group(2).strip()))
    if name:
        yield name, body


def innermost(body):
    """The instructions of each loop that holds no other."""
    at = {address: i for i, (address, _) in enumerate(body)}
    spans = set()
    for i, (_, text) in enumerate(body):
        match = re.match(r"j\w+\s+([0-9a-f]+)", text)
        if match and at.get(int(match.group(1), 16), i + 1) <= i:
            spans.add((at[int(match.group(1), 16)], i))
    for first, last in spans:
        if not any(other != (first, last) and first <= other[0] and other[1] <= last for other in spans):
            yield [text for _, text in body[first:last + 1]]


def judge(listing):
    """(loops, [function: what is wrong])."""
    loops, faults = 0, []
    for name, body in functions(listing):
        if not TILE.match(name) or EXCEPT.match(name):
            continue
        for loop in innermost(body):
            fmas = sum(text.startswith("vfmadd") for text in loop)
            stores = sum(bool(STACK_STORE.match(text)) for text in loop)
            if fmas < LEAST_FMAS:
                continue
            loops += 1
            if stores:
                faults.append(f"{name}: {stores} vectors stored to the stack beside {fmas} FMAs")
    return loops, faults


def compiled(sepcl, networks):
    """The disassembly of every kernel that the networks need."""
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, POCL_CACHE_DIR=f"{folder}/pocl", XDG_CACHE_HOME=f"{folder}/cache")
        os.mkdir(env["POCL_CACHE_DIR"])
        for network in networks:
            subprocess.run([sepcl, "bench", network, "--replay", "launches", "--iterations", "1", "--family", "row"], env=env, check=True,
                           stdout=subprocess.DEVNULL)
        objects = [str(path) for path in pathlib.Path(folder).rglob("*.so")]
        return "".join(subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
                       for path in objects)


def with_a_store(listing):
    """The control: each FMA of a tile followed by a store of what it made."""
    return re.sub(r"^(\s+)([0-9a-f]+):\t(vfmadd.*(%[yz]mm\d+))\s*$", r"\g<0>\n\1\g<2>0:\tvmovaps \4,0xa0(%rsp)", listing, flags=re.M)


def main(sepcl, networks):
    listing = compiled(sepcl, networks or NETWORKS)
    loops, faults = judge(listing)
    if not loops:
        print("no tile of eight floats a vector here")
        return 77
    control = judge(with_a_store(listing))[1]
    print(*faults, sep="\n")
    print(f"{loops} loops of tiles, {len(faults)} with sums in memory; the control, with a store beside each FMA: {len(control)}")
    return 1 if faults or len(control) < loops else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
