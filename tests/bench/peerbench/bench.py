#!/usr/bin/env python3
"""Single-image latency of the same networks in native CPU engines and in sepcl, interleaved on the same cores.

Each engine lives in a process of its own that is stopped (SIGSTOP) while another one measures. A round lets every
engine run for a short burst, in an order that rotates from round to round; slow drift therefore cancels in the
ratios. Other processes' load does not: engines suffer from it differently, so the load is measured and shown. The
device's FMA peak is measured in the same rounds.

    tests/bench/peers [NETWORK_GLOB | FILE.onnx ...] [--engines ort,ncnn,...] [--rounds 5] [--seconds 0.5]
                      [--patience 20] [--json FILE] [--markdown FILE] [--chart FILE]
"""
import argparse, datetime, fnmatch, json, os, pathlib, re, shutil, subprocess, sys, time
from settings import MODELS, OPTIONS, ROOT
from models import NETWORKS, write
from engines import WORKERS
from runners import Failed, measure_network
from report import aligned, cell, failures, overview, report, tables, verdict


BUILT = pathlib.Path(__file__).parents[3] / "build/release/tools/sepcl"


def cpu_name():
    found = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    return found.group(1) if found else os.uname().machine


def versions(engines):
    import importlib.metadata
    known = {}
    for name in engines:
        if name == "sepcl":
            try:
                known[name] = subprocess.run([*OPTIONS.sepcl.split(), "--version"], capture_output=True,
                                             text=True, timeout=20).stdout.strip() or "unknown"
            except (OSError, subprocess.TimeoutExpired):
                known[name] = "unknown"
        else:
            try:
                known[WORKERS[name].package] = importlib.metadata.version(WORKERS[name].package)
            except importlib.metadata.PackageNotFoundError:
                known[WORKERS[name].package] = "not installed"
    return known


def select_models(patterns):
    """Paths of ONNX files: given as files, or as globs over the names of models.py, which are written when missing."""
    paths = []
    for pattern in patterns or ["*"]:
        if pattern.endswith(".onnx"):
            paths.append(pathlib.Path(pattern).resolve())
        else:
            names = [n for n in NETWORKS if fnmatch.fnmatch(n, pattern)]
            for name in names:
                if not (MODELS / f"{name}.onnx").exists():
                    write(name)
            paths += [MODELS / f"{n}.onnx" for n in names]
    missing = [str(p) for p in paths if not p.exists()]
    if missing or not paths:
        sys.exit(f"no such model: {', '.join(missing) or ' '.join(patterns)} (--list shows the networks)")
    return list(dict.fromkeys(paths))


def measure_all(paths, engines):
    import onnx
    from models import cost
    run = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "cpu": cpu_name(),
           "kernel": os.uname().release, "threads": OPTIONS.threads, "rounds": OPTIONS.rounds,
           "seconds": OPTIONS.seconds, "engines": engines, "versions": versions(engines), "networks": {},
           "peak_gflops": 0.0, "peak_range": [0.0, 0.0], "peak_note": "not measured"}
    started, peaks = time.perf_counter(), []
    for i, path in enumerate(paths):
        print(f"[{i + 1}/{len(paths)}] {path.stem:26}", end="", file=sys.stderr, flush=True)
        network = {"macs": 0}
        try:
            network["macs"], network["params"] = cost(onnx.load(path))
            network.update(measure_network(path, engines, ROOT / "runs" / f"{os.getpid()}-{path.stem}"))
            verdict(network)
        except (Failed, ValueError, KeyError, IndexError) as error:
            network["error"] = f"{type(error).__name__}: {error}"
        run["networks"][path.stem] = network
        e = network.get("engines", {})
        if "min" in e.get("peak", {}):
            peaks += [e["peak"]["flop"] / (ms * 1e-3) / 1e9 for ms in e["peak"]["round_mins"]]
            run.update(peak_gflops=max(peaks), peak_range=[min(peaks), max(peaks)], peak_note=e["peak"]["note"])
        print("  ".join(f"{k} {cell(v)}" for k, v in e.items() if k != "peak") or network.get("error"),
              file=sys.stderr, flush=True)
        run["wall_s"] = time.perf_counter() - started
        if OPTIONS.json:                              # a run that is cut off leaves what it has
            pathlib.Path(OPTIONS.json).write_text(json.dumps(run, indent=1) + "\n")
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="globs over the names of models.py, or ONNX files (default: all)")
    parser.add_argument("--engines", help="comma-separated, of: " + ", ".join([*WORKERS, "sepcl"]))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one burst (default: 0.5)")
    parser.add_argument("--patience", type=float, default=20, metavar="S",
                        help="seconds per network to wait for other processes to leave the cores (default: 20)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="write every figure here")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables here")
    parser.add_argument("--chart", metavar="FILE", help="draw the latencies here (.png, .svg, .pdf)")
    parser.add_argument("--sepcl", default=os.environ.get("SEPCL") or str(BUILT), metavar="COMMAND",
                        help="sepcl's command (default: $SEPCL, else build/release's)")
    parser.add_argument("--list", action="store_true", help="print the networks' names and stop")
    parser.add_argument("--write", action="store_true", help="write the networks that are missing and stop")
    parser.parse_args(namespace=OPTIONS)
    if OPTIONS.write:
        return select_models(OPTIONS.networks)
    if OPTIONS.list:
        return print("\n".join(NETWORKS))
    if OPTIONS.rounds < 1 or OPTIONS.seconds <= 0 or OPTIONS.threads < 1:
        parser.error("rounds, seconds and threads must be positive")
    engines = OPTIONS.engines.split(",") if OPTIONS.engines else [*WORKERS, "sepcl"]
    unknown = [e for e in engines if e not in (*WORKERS, "sepcl")]
    if unknown:
        parser.error(f"unknown engine {unknown}")
    if "sepcl" in engines and not shutil.which(OPTIONS.sepcl.split()[0]):
        parser.error(f"{OPTIONS.sepcl}: no command (build it, or name it with --sepcl)")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:OPTIONS.threads])   # children inherit it
    run = measure_all(select_models(OPTIONS.networks), engines)
    print("\n".join(["", aligned(tables(run)[0]), "", *overview(run), f"peak {run['peak_gflops']:.1f} GFLOP/s f32"] +
                    [f"! {f}" for f in failures(run)]))
    if OPTIONS.markdown:
        pathlib.Path(OPTIONS.markdown).write_text(report(run))
    if OPTIONS.chart:
        import chart
        chart.draw(run, OPTIONS.chart)


if __name__ == "__main__":
    main()
