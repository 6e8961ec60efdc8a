"""What follows from the measurements, as tables on the terminal and in Markdown."""
import fnmatch, statistics
from engines import NOT_PEERS
from settings import LOUD, WRONG, WRONG_OF_CONTROL
from targets import GEOMETRIC_MEANS, target


OURS = ("sepcl", "sepcl-intel")   # the better of the two drivers counts


def verdict(name, network):
    """Adds what follows from the measurements: who is right, the best peer, sepcl's ratios to it, the target."""
    reference, engines = network["reference"], network["engines"]
    limit = min(WRONG * reference["max"], WRONG_OF_CONTROL * reference["control"])
    for engine, e in engines.items():
        if engine != "peak" and "min" in e:
            e["mark"] = "!" if e["diff"] > limit else ""
    right = {n: e for n, e in engines.items() if e.get("mark") == ""}
    peers = {n: e for n, e in right.items() if n not in NOT_PEERS}
    for statistic in ("min", "median"):
        network[f"best_peer_{statistic}"] = min(peers, key=lambda n: peers[n][statistic], default=None)
    for ours in OURS:
        if ours in right and peers:
            right[ours].update(ratios(right[ours], peers))
    best = min((n for n in OURS if "ratio_paired" in right.get(n, {})), key=lambda n: right[n]["ratio_paired"], default=None)
    network["target"] = target(name)
    if best:
        network.update(driver=best, met=right[best]["ratio_paired"] <= network["target"],
                       **{k: right[best][k] for k in ("ratio_min", "ratio_median", "ratio_paired")})


def ratios(mine, peers):
    pairs = zip(mine["round_medians"], *(p["round_medians"] for p in peers.values()))
    return {"ratio_min": mine["min"] / min(p["min"] for p in peers.values()),
            "ratio_median": mine["median"] / min(p["median"] for p in peers.values()),
            "ratio_paired": statistics.median(m / min(theirs) for m, *theirs in pairs)}


def share(network, engine, peak):
    """Percent of the device's FMA peak: 2 MACs / time / peak."""
    e = network["engines"].get(engine, {})
    return 100 * 2 * network["macs"] / (e["min"] * 1e-3) / peak if "min" in e and peak else None


# ---- tables ------------------------------------------------------------------------------------------------------
def cell(e):
    if e is None or "absent" in e:
        return "-"
    return "fails" if "error" in e else f"{e['min']:.2f}{e['mark']}"


def percent(value):
    return "-" if value is None else f"{value:.0f}%"


def heading(run, engine):
    """The engine and, where known, the bits of the registers that it computed in."""
    widths = {e["width"] for n in run["networks"].values() for name, e in n.get("engines", {}).items()
              if name == engine and e.get("width")}
    return f"{engine} ({max(widths)})" if widths else engine


def race(run):
    """sepcl against the best peer, with the targets."""
    rows = [["network", "best peer", "PoCL", "Intel", "better (paired)", "(min)", "(medians)", "target", "met"]]
    number = lambda e, k="ratio_paired": f"{e[k]:.2f}" if k in e else cell(e) if e else "-"
    for name, n in run["networks"].items():
        e = n.get("engines", {})
        if not any(ours in e for ours in OURS):
            continue
        rows.append([name, n["best_peer_median"] or "-", *(number(e.get(o, {})) for o in OURS),
                     *(number(n, k) if k in n else "-" for k in ("ratio_paired", "ratio_min", "ratio_median")),
                     f"{n['target']:.2f}", {True: "yes", False: "NO"}.get(n.get("met"), "-")])
    for pattern, (count, limit) in GEOMETRIC_MEANS.items():
        found = [n["ratio_paired"] for name, n in run["networks"].items() if fnmatch.fnmatch(name, pattern) and "ratio_paired" in n]
        if found:
            mean = statistics.geometric_mean(found)
            met = ("yes" if mean <= limit else "NO") if len(found) == count else "-"
            rows.append([f"{pattern}: mean of {len(found)}", "", "", "", f"{mean:.2f}", "", "", f"{limit:.2f}", met])
    return rows


def tables(run):
    """Rows of the three tables of all engines as lists of strings: latency, difference, medians and noise."""
    engines, peak = [e for e in run["engines"] if e != "peak"], run["peak_gflops"] * 1e9
    headings = [heading(run, e) for e in engines]
    latency = [["network", "M MACs", *headings, "best peer", "its share of peak", "sepcl's"]]
    diff = [["network", "max abs output", "control", *engines]]
    medians = [["network", *engines, "other load, cores"]]
    for name, n in run["networks"].items():
        if "error" in n:
            latency.append([name, f"{n['macs'] / 1e6:.1f}", "fails"] + [""] * (len(latency[0]) - 3))
            continue
        e, best = n["engines"], n["best_peer_min"]
        latency.append([name, f"{n['macs'] / 1e6:.1f}", *(cell(e.get(k)) for k in engines), best or "-",
                        percent(share(n, best, peak)), percent(share(n, n.get("driver"), peak))])
        diff.append([name, f"{n['reference']['max']:.3g}", f"{n['reference']['control']:.2g}",
                     *(f"{e[k]['diff']:.1e}" if "diff" in e.get(k, {}) else cell(e.get(k)) for k in engines)])
        loads = [v["others"] for v in e.values() if "others" in v]
        medians.append([name, *(f"{e[k]['median']:.2f}" if "median" in e.get(k, {}) else cell(e.get(k))
                                for k in engines), f"{statistics.mean(loads):.2f}" if loads else "-"])
    return latency, diff, medians


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
                     for row in rows)


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(rows[0]) - 1), *lines[1:]])


def failures(run):
    found = []
    for name, n in run["networks"].items():
        if "error" in n:
            found.append(f"{name}: {n['error']}")
        for engine, e in n.get("engines", {}).items():
            if "error" in e:
                found.append(f"{name} / {engine}: {' '.join(e['error'].split())}")
            elif e.get("mark") == "!":
                found.append(f"{name} / {engine}: wrong: differs by {e['diff']:.2g} (largest output "
                             f"{n['reference']['max']:.3g}, another picture changes {n['reference']['control']:.2g})")
    return found


def overview(run):
    """How often each engine is the best peer, and how many targets sepcl met."""
    good = [n for n in run["networks"].values() if "engines" in n]
    wins = [n["best_peer_min"] for n in good if n["best_peer_min"]]
    lines = ["Fastest peer: " + ", ".join(f"{e} on {wins.count(e)}" for e in sorted(set(wins), key=wins.count)[::-1])
             + f" of {len(good)} networks."]
    found = [n for n in good if "ratio_paired" in n]
    if found:
        values = [n["ratio_paired"] for n in found]
        lines.append(f"sepcl / best peer (paired, the better of its drivers): geometric mean {statistics.geometric_mean(values):.2f}, "
                     f"{min(values):.2f} to {max(values):.2f}, faster on {sum(r < 1 for r in values)} of {len(values)}, "
                     f"targets met on {sum(n['met'] for n in found)}.")
    return lines


def loud(run):
    """Networks during which others held too much of the cores for their figures to be quoted."""
    found = []
    for name, n in run["networks"].items():
        loads = [e["others"] for e in n.get("engines", {}).values() if "others" in e]
        if loads and statistics.mean(loads) > LOUD:
            found.append(name)
    return ["Others held the cores (more than %.1f of one) during: %s. Quote none of those." % (LOUD, ", ".join(found))] if found else []


def report(run):
    latency, diff, medians = tables(run)
    facts = [f"Date: {run['date']}", f"CPU: {run['cpu']}, {run['threads']} threads", f"Kernel: {run['kernel']}",
             "Versions: " + ", ".join(f"{k} {v}" for k, v in run["versions"].items()),
             f"Peak: {run['peak_gflops']:.1f} GFLOP/s f32 FMA ({run['peak_note']}); best of the run, rounds ranged "
             f"{run['peak_range'][0]:.0f} to {run['peak_range'][1]:.0f}",
             f"Rounds: {run['rounds']} x {run['seconds']} s per engine, interleaved"]
    return "\n".join(
        ["# sepcl against its peers", "", *(f"- {f}" for f in facts), "",
         "sepcl's time over the fastest peer's: in each round median against median, then the median over the rounds. "
         "PoCL and Intel are the two drivers sepcl runs on.", "", markdown(race(run)), "", *overview(run), *loud(run), "",
         "Latency of one image, ms, best of rounds; in brackets the bits of the registers that the engine was seen to "
         "use. `!` marks a wrong output (left out of \"best peer\"), `-` an engine without a file for it.", "",
         markdown(latency), "",
         "Median over the rounds of each round's median, ms; load that others put on the cores meanwhile:", "",
         markdown(medians), "",
         "Largest absolute difference to ONNX Runtime without graph optimisations (ort itself runs optimised). Control: "
         "how far another picture moves the output.", "", markdown(diff), "", "Failures and wrong outputs:", "",
         *([f"- {f}" for f in failures(run)] or ["none"])]) + "\n"
