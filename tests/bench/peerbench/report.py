"""What follows from the measurements, as tables on the terminal and in Markdown."""
import statistics
from settings import WRONG, WRONG_OF_CONTROL


def verdict(network):
    """Adds what follows from the measurements: who is right, the best peer, sepcl's ratios to it."""
    reference, engines = network["reference"], network["engines"]
    limit = min(WRONG * reference["max"], WRONG_OF_CONTROL * reference["control"])
    for name, e in engines.items():
        if name != "peak" and "min" in e:
            e["mark"] = "?" if e["diff"] is None else "!" if e["diff"] > limit else ""
    peers = {n: e for n, e in engines.items() if n not in ("peak", "sepcl") and e.get("mark") == ""}
    for statistic in ("min", "median"):
        network[f"best_peer_{statistic}"] = min(peers, key=lambda n: peers[n][statistic], default=None)
    s, best = engines.get("sepcl", {}), network["best_peer_min"]
    if s.get("mark") in ("", "?") and best:
        network["ratio_min"] = s["min"] / peers[best]["min"]
        best = network["best_peer_median"]
        network["ratio_median"] = s["median"] / peers[best]["median"]
        pairs = zip(s["round_medians"], *(p["round_medians"] for p in peers.values()))
        network["ratio_paired"] = statistics.median(mine / min(theirs) for mine, *theirs in pairs)


def share(network, engine, peak):
    """Percent of the device's FMA peak: 2 MACs / time / peak."""
    e = network["engines"].get(engine, {})
    return 100 * 2 * network["macs"] / (e["min"] * 1e-3) / peak if "min" in e and peak else None


# ---- tables ------------------------------------------------------------------------------------------------------
def cell(e):
    if e is None or "absent" in e:
        return "-"
    return "fails" if "error" in e else f"{e['min']:.2f}{e['mark']}"


def tables(run):
    """Rows of the three tables as lists of strings: latency, difference, medians and noise."""
    engines, peak = [e for e in run["engines"] if e != "peak"], run["peak_gflops"] * 1e9
    with_sepcl = "sepcl" in engines
    percent = lambda v: "-" if v is None else f"{v:.0f}%"
    number = lambda n, k, form: format(n[k], form) if k in n else "-"
    latency = [["network", "M MACs", *engines, "best peer", "its share of peak"] +
               (["sepcl/best (min)", "(medians)", "(paired)", "sepcl's share"] if with_sepcl else [])]
    diff = [["network", "max abs output", "control", *engines]]
    medians = [["network", *engines, "other load, cores"]]
    for name, n in run["networks"].items():
        if "error" in n:
            latency.append([name, f"{n['macs'] / 1e6:.1f}", "fails"] + [""] * (len(latency[0]) - 3))
            continue
        e, best = n["engines"], n["best_peer_min"]
        latency.append([name, f"{n['macs'] / 1e6:.1f}", *(cell(e.get(k)) for k in engines), best or "-",
                        percent(share(n, best, peak))] +
                       ([number(n, "ratio_min", ".2f"), number(n, "ratio_median", ".2f"),
                         number(n, "ratio_paired", ".2f"), percent(share(n, "sepcl", peak))] if with_sepcl else []))
        diff.append([name, f"{n['reference']['max']:.3g}", f"{n['reference']['control']:.2g}",
                     *(("?" if e[k]["diff"] is None else f"{e[k]['diff']:.1e}") if "diff" in e.get(k, {}) else
                       cell(e.get(k)) for k in engines)])
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
            elif e.get("mark") == "?":
                found.append(f"{name} / {engine}: output not verified: sepcl run failed")
            elif e.get("mark") == "!":
                found.append(f"{name} / {engine}: wrong: differs by {e['diff']:.2g} (largest output "
                             f"{n['reference']['max']:.3g}, another picture changes {n['reference']['control']:.2g})")
    return found


def overview(run):
    """How often each engine is the best peer, and sepcl's geometric mean against the best."""
    good = [n for n in run["networks"].values() if "engines" in n]
    wins = [n["best_peer_min"] for n in good if n["best_peer_min"]]
    lines = ["Fastest peer: " + ", ".join(f"{e} on {wins.count(e)}" for e in sorted(set(wins), key=wins.count)[::-1])
             + f" of {len(good)} networks."]
    ratios = [n["ratio_paired"] for n in good if "ratio_paired" in n]
    if ratios:
        lines.append(f"sepcl / best peer (paired): geometric mean {statistics.geometric_mean(ratios):.2f}, "
                     f"{min(ratios):.2f} to {max(ratios):.2f}, faster on {sum(r < 1 for r in ratios)} of {len(ratios)}.")
    return lines


def report(run):
    latency, diff, medians = tables(run)
    facts = [f"Date: {run['date']}", f"CPU: {run['cpu']}, {run['threads']} threads",
             f"Kernel: {run['kernel']}",
             "Versions: " + ", ".join(f"{k} {v}" for k, v in run["versions"].items()),
             f"Peak: {run['peak_gflops']:.1f} GFLOP/s f32 FMA ({run['peak_note']}); best of the run, rounds ranged "
             f"{run['peak_range'][0]:.0f} to {run['peak_range'][1]:.0f}",
             f"Rounds: {run['rounds']} x {run['seconds']} s per engine, interleaved; {run['wall_s']:.0f} s in all"]
    return "\n".join(
        ["# Peer baseline" if "sepcl" not in run["engines"] else "# sepcl against its peers", ""] +
        [f"- {f}" for f in facts] +
        ["", "Latency of one image, ms, best of rounds. `!` marks a wrong output (left out of \"best peer\"), `-` an "
         "engine without a file for it. The machine is shared: look at the load column below before reading a ratio.", "", markdown(latency), ""] +
        overview(run) +
        ["", "Median over the rounds of each round's median, ms; load that others put on the cores meanwhile:", "",
         markdown(medians), "",
         "Largest absolute difference to ONNX Runtime without graph optimisations (ort itself runs optimised). Control: "
         "how far another picture moves the output.", "", markdown(diff), "", "Failures and wrong outputs:", ""] +
        ([f"- {f}" for f in failures(run)] or ["none"])) + "\n"
