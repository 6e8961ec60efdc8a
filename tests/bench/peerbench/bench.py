#!/usr/bin/env python3
"""Single-image latency of the same networks in native CPU engines and in sepcl, interleaved on the same cores.

Each engine lives in a process of its own that is stopped (SIGSTOP) while another one measures. A round lets every
engine run for a short burst, in an order that rotates from round to round; slow drift therefore cancels in the
ratios. Other processes' load does not: engines suffer from it differently, so the load is measured and shown. The
device's FMA peak is measured in the same rounds.

    tests/bench/peers [NETWORK ... | FILE.onnx ...] [--rounds 5] [--seconds 0.5] [--resume | --kept]
                      [--json FILE] [--markdown FILE] [--chart FILE]
"""
import argparse, datetime, fnmatch, json, os, pathlib, re, sys
from settings import MODELS, OPTIONS, ROOT
import keep
from models import NETWORKS, TRIALS, write
from engines import WORKERS
from runners import Failed, measure_network
from report import aligned, cell, failures, loud, overview, race, report, tables, verdict


BUILT = pathlib.Path(__file__).parents[3] / "build/release/libsepcl.so"


def cpu_name():
    found = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    return found.group(1) if found else os.uname().machine


def versions(engines):
    import importlib.metadata
    known = {}
    for package in filter(None, (WORKERS[name].package for name in engines)):
        try:
            known[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            known[package] = "not installed"
    return known


def names_of(pattern):
    """A network's name, a glob over them, or how some begin."""
    if pattern in NETWORKS:
        return [pattern]
    found = [n for n in NETWORKS if fnmatch.fnmatch(n, pattern)] or [n for n in NETWORKS if n.startswith(pattern)]
    return [n for n in found if n not in TRIALS]


def select_models(patterns):
    """Paths of ONNX files: given as files, or as names of models.py, which are written when missing."""
    paths = []
    for pattern in patterns or ["*"]:
        if pattern.endswith(".onnx"):
            paths.append(pathlib.Path(pattern).resolve())
            continue
        names = names_of(pattern)
        if not names:
            sys.exit(f"no network {pattern} (--list shows them)")
        for name in names:
            if not (MODELS / f"{name}.onnx").exists():
                write(name)
        paths += [MODELS / f"{n}.onnx" for n in names]
    missing = [str(p) for p in paths if not p.exists()]
    if missing:
        sys.exit(f"no such file: {', '.join(missing)}")
    return list(dict.fromkeys(paths))


def measure(path, engines, known, widths):
    import onnx
    from models import cost
    network = {"macs": 0}
    try:
        network["macs"], network["params"] = cost(onnx.load(path))
        network.update(measure_network(path, engines, ROOT / "runs" / f"{os.getpid()}-{path.stem}", widths))
        network.update(date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                       conditions=keep.conditions(path, engines, known))
        keep.remember(path, network)
    except (Failed, ValueError, KeyError, IndexError) as error:
        network["error"] = f"{type(error).__name__}: {error}"
    return network


def note_peak(run, network):
    e = network.get("engines", {}).get("peak", {})
    if "min" in e:
        rates = [e["flop"] / (ms * 1e-3) / 1e9 for ms in e["round_mins"]]
        run.update(peak_gflops=max([run["peak_gflops"], *rates]), peak_note=e["note"],
                   peak_range=[min([run["peak_range"][0] or rates[0], *rates]), max([run["peak_range"][1], *rates])])


def gather(paths, engines):
    """Measures, or takes what is kept; a run that is cut off leaves what it has."""
    run = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "cpu": cpu_name(),
           "kernel": os.uname().release, "threads": OPTIONS.threads, "rounds": OPTIONS.rounds,
           "seconds": OPTIONS.seconds, "engines": engines, "versions": versions(engines), "networks": {},
           "peak_gflops": 0.0, "peak_range": [0.0, 0.0], "peak_note": "not measured"}
    widths = {}
    for i, path in enumerate(paths):
        print(f"[{i + 1}/{len(paths)}] {path.stem:26}", end="", file=sys.stderr, flush=True)
        network = None
        if OPTIONS.resume or OPTIONS.kept:
            network = keep.recall(path, None if OPTIONS.kept else keep.conditions(path, engines, run["versions"]))
            print("kept  " if network else "", end="", file=sys.stderr)
        if not network and OPTIONS.kept:
            print("never measured", file=sys.stderr)
            continue
        network = network or measure(path, engines, run["versions"], widths)
        if "engines" in network:
            verdict(path.stem, network)
            run.update({k: network["conditions"][k] for k in ("threads", "rounds", "seconds")})
            widths.update({n: e["width"] for n, e in network["engines"].items() if e.get("width")})
        run["networks"][path.stem] = network
        note_peak(run, network)
        print("  ".join(f"{k} {cell(v)}" for k, v in network.get("engines", {}).items() if k != "peak") or
              network.get("error"), file=sys.stderr, flush=True)
        if OPTIONS.json:
            pathlib.Path(OPTIONS.json).write_text(json.dumps(run, indent=1) + "\n")
    return run


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("networks", nargs="*", default=[], help="names, their beginnings or globs over them, or ONNX files (default: all)")
    option("--only", action="append", metavar="NETWORK", default=[], help="the same, by an option")
    option("--engines", help="comma-separated, of: " + ", ".join(WORKERS) + " (default: all)")
    option("--rounds", type=int, default=5)
    option("--seconds", type=float, default=0.5, help="length of one burst (default: 0.5)")
    option("--patience", type=float, default=20, metavar="S",
           help="seconds per network to wait for other processes to leave the cores (default: 20)")
    option("--threads", type=int, default=2)
    option("--resume", action="store_true", help="goes on with a run that was cut off: takes networks that were measured "
           "with the same library, engines, rounds and seconds as they are kept")
    option("--kept", action="store_true", help="measures nothing: shows what is kept of each network")
    option("--json", metavar="FILE", help="write every figure here")
    option("--markdown", metavar="FILE", help="write the tables here")
    option("--chart", metavar="FILE", help="draw the latencies here (.png, .svg, .pdf)")
    option("--library", type=pathlib.Path, default=pathlib.Path(os.environ.get("SEPCL_LIBRARY") or BUILT), metavar="FILE",
           help="sepcl's library (default: $SEPCL_LIBRARY, else build/release's)")
    option("--list", action="store_true", help="print the networks' names and stop")
    option("--write", action="store_true", help="write the networks that are missing and stop")
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.networks += OPTIONS.only
    if OPTIONS.rounds < 1 or OPTIONS.seconds <= 0 or OPTIONS.threads < 1:
        parser.error("rounds, seconds and threads must be positive")
    unknown = [e for e in (OPTIONS.engines or "").split(",") if e and e not in WORKERS]
    if unknown:
        parser.error(f"unknown engine {', '.join(unknown)}")
    if not OPTIONS.library.exists():
        parser.error(f"{OPTIONS.library}: no library (build it, or name it with --library)")
    OPTIONS.library = OPTIONS.library.resolve()


def main():
    parse()
    if OPTIONS.write:
        return select_models(OPTIONS.networks) and None
    if OPTIONS.list:
        return print("\n".join(NETWORKS))
    engines = OPTIONS.engines.split(",") if OPTIONS.engines else [*WORKERS]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:OPTIONS.threads])   # children inherit it
    run = gather(select_models(OPTIONS.networks), engines)
    if not run["networks"]:
        sys.exit("nothing was measured")
    print("\n".join(["", aligned(tables(run)[0]), "", aligned(race(run)), "", *overview(run), *loud(run),
                     f"peak {run['peak_gflops']:.1f} GFLOP/s f32"] + [f"! {f}" for f in failures(run)]))
    if OPTIONS.markdown:
        pathlib.Path(OPTIONS.markdown).write_text(report(run))
    if OPTIONS.chart:
        import chart
        chart.draw(run, OPTIONS.chart)
    return None if all("engines" in n for n in run["networks"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
