"""The instructions of a kernel's innermost loops, out of AMD's or NVIDIA's assembly."""
import re

# NVIDIA: what is no vector arithmetic. Memory, control flow, barriers, and the uniform and special-register paths.
NVIDIA_OTHER = re.compile(r"LD|ST|ATOM|RED|BRA|BRX|BSSY|BSYNC|BREAK|BMOV|BAR|WARPSYNC|NOP|CALL|RET|EXIT|KILL|YIELD|DEPBAR|MEMBAR|"
                          r"ERRBAR|CCTL|FENCE|U[A-Z]|R2UR|S2R|S2UR|CS2R|NANOSLEEP|ACQ|SYNC")


def amd_lines(text):
    """Labels (ending in ":") and (mnemonic, operands) in order."""
    for line in text.splitlines():
        line = line.split(";")[0].strip()
        if re.fullmatch(r"\.LBB\w+:", line):
            yield line
        elif re.match(r"[a-z]\w+(\s|$)", line):
            yield tuple(line.split(None, 1)) if " " in line or "\t" in line else (line, "")


def nvidia_lines(text):
    for line in text.splitlines():
        line = line.strip()
        if re.fullmatch(r"\.L_x_\d+:", line):
            yield line
        elif match := re.match(r"/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z]\S*)\s*(.*)", line):
            yield match.groups()


def target(operation, operands):
    """The label that a branch goes to."""
    match = re.search(r"\.L(?:BB|_x_)\w+", operands) if operation.startswith(("s_cbranch", "s_branch", "BRA")) else None
    return match and match.group() + ":"


def innermost(lines):
    """The bodies of the loops that hold no other, as lists of instructions."""
    lines = list(lines)
    labels = {line: i for i, line in enumerate(lines) if isinstance(line, str)}
    spans = set()
    for i, line in enumerate(lines):
        if not isinstance(line, str) and labels.get(target(*line), i + 1) <= i:
            spans.add((labels[target(*line)], i))
    inner = [a for a in spans if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in spans)]
    return [[line for line in lines[first:last + 1] if not isinstance(line, str)] for first, last in inner]


def amd_count(body):
    """(FMAs, vector ALU instructions). v_dual_x :: v_dual_y is two."""
    operations = [part.strip().split()[0] for name, rest in body for part in f"{name} {rest}".split("::")]
    vector = [name for name in operations if name.startswith("v_")]
    return sum(bool(re.match(r"v_(dual_|pk_)?(fma|fmac|fmaak|fmamk)_", name)) for name in vector), len(vector)


def nvidia_count(body):
    vector = [name for name, _ in body if not NVIDIA_OTHER.match(name)]
    return sum(name.split(".")[0] in ("FFMA", "HFMA2") for name in vector), len(vector)


def main_loop(text, vendor):
    """(FMAs, vector ALU instructions) of the innermost loop with the highest share of FMAs, of those with 16 and more, else of the one
    with the most; (0, 0) if none has any. The loop that stores results may hold as many, within its activations."""
    lines, count = (amd_lines, amd_count) if vendor == "amd" else (nvidia_lines, nvidia_count)
    counts = [count(body) for body in innermost(lines(text))]
    return max(counts, key=lambda c: (min(c[0], 16), c[0] / max(c[1], 1)), default=(0, 0))
