"""The side that asks: starts, stops and times the workers, and sepcl's command, in interleaved rounds."""
import ctypes, json, os, pathlib, select, shutil, signal, statistics, subprocess, sys, time
import numpy as np
from settings import BURST_TIMEOUT, OPTIONS, QUIET, START_TIMEOUT
from worker import compare


class Failed(Exception):
    pass


def die_with_parent():
    """A stopped worker must not outlive a parent that was killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)        # PR_SET_PDEATHSIG


def environment():
    """What every child gets: PoCL only, its thread count, and no network chatter."""
    e = dict(os.environ, PYTHONPATH=str(pathlib.Path(__file__).parent), PYTHONWARNINGS="ignore",
             POCL_MAX_PTHREAD_COUNT=str(OPTIONS.threads), POCL_CPU_MAX_CU_COUNT=str(OPTIONS.threads),
             OMP_NUM_THREADS=str(OPTIONS.threads))
    e.setdefault("OCL_ICD_VENDORS", "/etc/OpenCL/vendors")
    return e


class Runner:
    """A worker process, stopped except while it is asked something."""

    def __init__(self, name, model, folder):
        self.name = name
        self.log = open(folder / f"{name}.log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("worker.py")), name, str(model), str(folder), str(OPTIONS.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment(),
            preexec_fn=die_with_parent)
        try:
            self.info = self.answer(START_TIMEOUT)
        except BaseException:
            self.close()
            raise

    def answer(self, timeout):
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            raise Failed(f"no answer in {timeout} s")
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise Failed(f"died ({self.process.wait()}): {self.log.read()[-300:].strip()}")
        reply = json.loads(line)
        if "error" in reply:
            raise Failed(reply["error"])
        if self.name != "reference":
            self.process.send_signal(signal.SIGSTOP)
        return reply

    def burst(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer(BURST_TIMEOUT)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class SepclRunner:
    """The sepcl command, started anew for each burst: sepcl bench MODEL --warmup W --iterations N --json."""

    def __init__(self, model, folder):
        self.model, self.command, self.name = model, OPTIONS.sepcl.split(), "sepcl"
        started = time.perf_counter()
        self.median = self.measure(1, 3)["median"]    # compiles the kernels too
        self.info = {"load_s": time.perf_counter() - started, "diff": self.difference(folder)}

    def call(self, *arguments):
        try:
            done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, env=environment(),
                                  timeout=START_TIMEOUT)   # a first start compiles kernels
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)[:400])
        if done.returncode:
            raise Failed(f"exit {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}")
        return done.stdout

    def measure(self, warmup, iterations):
        out = self.call("bench", str(self.model), "--warmup", str(warmup), "--iterations", str(iterations), "--json")
        try:
            ms = json.loads(out)["ms"]
            return {"min": float(ms["min"]), "median": float(ms["median"]), "n": iterations}
        except (ValueError, KeyError, TypeError) as error:
            raise Failed(f"bench --json: {error!r} in {out[:200]!r}")

    def difference(self, folder):
        """Through sepcl run MODEL --input NAME=x.npy --output-dir DIR; None where that does not work."""
        import onnx
        graph, outputs = onnx.load(self.model).graph, folder / "sepcl"
        outputs.mkdir(exist_ok=True)
        try:
            self.call("run", str(self.model), "--input", f"{graph.input[0].name}={folder / 'x.npy'}",
                      "--output-dir", str(outputs))
            return compare(np.load(outputs / f"{graph.output[0].name}.npy"), np.load(folder / "y.npy"))
        except (Failed, OSError, ValueError, RuntimeError) as error:
            print(f"  sepcl run: {error}", file=sys.stderr)
            return None

    def burst(self, seconds):
        return self.measure(2, max(3, min(10000, round(1e3 * seconds / max(self.median, 1e-3)))))

    def close(self):
        pass


def busy_seconds():
    """CPU seconds that this machine has spent on anything, and that its host took away."""
    fields = [int(v) for v in open("/proc/stat").readline().split()[1:9]]
    hz = os.sysconf("SC_CLK_TCK")
    return (sum(fields[:3]) + fields[5] + fields[6]) / hz, fields[7] / hz


def own_seconds(runner):
    if isinstance(runner, SepclRunner):
        t = os.times()
        return t.children_user + t.children_system
    fields = open(f"/proc/{runner.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(patience):
    """Waits while others keep the cores busy, at most patience seconds; returns what is left of it."""
    while patience > 0:                               # the workers are stopped: whoever is busy is not ours
        (busy, steal), start = busy_seconds(), time.perf_counter()
        time.sleep(0.1)
        (busy2, steal2), wall = busy_seconds(), time.perf_counter() - start
        if (busy2 - busy + steal2 - steal) / wall <= QUIET:
            break
        patience -= wall
    return patience


def measured_burst(runner, seconds):
    """A burst, with the cores' time that others took meanwhile (1.0 = one whole core)."""
    (busy, steal), own, start = busy_seconds(), own_seconds(runner), time.perf_counter()
    reply = runner.burst(seconds)
    (busy2, steal2), own2, wall = busy_seconds(), own_seconds(runner), time.perf_counter() - start
    return dict(reply, others=max(0.0, (busy2 - busy + steal2 - steal) - (own2 - own)) / wall)


def summarise(bursts):
    return {"min": min(b["min"] for b in bursts), "median": statistics.median(b["median"] for b in bursts),
            "round_mins": [b["min"] for b in bursts], "round_medians": [b["median"] for b in bursts],
            "n": sum(b["n"] for b in bursts), "others": statistics.mean(b["others"] for b in bursts)}


def measure_network(model, engines, folder):
    """All engines on one network. Returns {"reference": ..., "engines": {name: result or {"error": ...}}}."""
    folder.mkdir(parents=True)
    results, runners = {}, {}
    try:
        reference = Runner("reference", model, folder)
        reference.close()
        for name in engines:
            if name == "litert" and not model.with_suffix(".tflite").exists():
                results[name] = {"absent": "no tflite file"}
                continue
            try:
                runners[name] = SepclRunner(model, folder) if name == "sepcl" else Runner(name, model, folder)
            except Failed as error:
                results[name] = {"error": str(error)}
        bursts, patience = {name: [] for name in runners}, OPTIONS.patience
        for r in range(OPTIONS.rounds):
            order = list(runners)
            for name in order[r % len(order):] + order[:r % len(order)] if order else []:
                patience = wait_until_quiet(patience)
                try:
                    bursts[name].append(measured_burst(runners[name], OPTIONS.seconds if name != "peak" else
                                                       min(0.2, OPTIONS.seconds)))
                except Failed as error:
                    results[name] = {"error": str(error)}
                    runners.pop(name).close()
        for name, runner in runners.items():
            results[name] = dict(runner.info, **summarise(bursts[name]))
        return {"reference": reference.info, "engines": results}
    finally:
        for runner in runners.values():
            runner.close()
        shutil.rmtree(folder, ignore_errors=True)
