"""The side that asks: starts, stops and times the workers, and sepcl's command, in interleaved rounds."""
import ctypes, functools, json, os, pathlib, select, shutil, signal, statistics, subprocess, sys, time
from settings import BURST_TIMEOUT, COMPILER_TIMEOUT, NO_AVX512_IN_GLIBC, OPTIONS, QUIET, START_TIMEOUT

INTEL = pathlib.Path(__file__).parents[2] / "intel/runtime.sh"   # says where Intel's runtime lies; fetches it at first


class Failed(Exception):
    pass


def die_with_parent():
    """A stopped worker must not outlive a parent that was killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)        # PR_SET_PDEATHSIG


@functools.cache
def intel_environment():
    done = subprocess.run(["bash", "-c", '. "$0" && on_intel env -0', str(INTEL)], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"Intel's runtime: {done.stderr[-300:].strip()}")
    found = dict(entry.partition("=")[::2] for entry in done.stdout.split("\0") if entry)
    return {name: found[name] for name in ("OCL_ICD_VENDORS", "LD_LIBRARY_PATH")}


def environment(name):
    """What a child gets: one OpenCL driver, its thread count, and no network chatter."""
    e = dict(os.environ, PYTHONPATH=str(pathlib.Path(__file__).parent), PYTHONWARNINGS="ignore",
             SEPCL_LIBRARY=str(OPTIONS.library), POCL_MAX_PTHREAD_COUNT=str(OPTIONS.threads),
             POCL_CPU_MAX_CU_COUNT=str(OPTIONS.threads), CL_CONFIG_CPU_TBB_NUM_WORKERS=str(OPTIONS.threads),
             OMP_NUM_THREADS=str(OPTIONS.threads))
    if OPTIONS.threads == len(os.sched_getaffinity(0)) == os.cpu_count():
        e["POCL_AFFINITY"] = "1"          # a core for each of PoCL's threads, as `sepcl` itself asks
    if name == "sepcl-intel":
        return dict(e, **intel_environment())
    return {"OCL_ICD_VENDORS": "/etc/OpenCL/vendors", **e}


class Runner:
    """A worker process, stopped except while it is asked something."""

    def __init__(self, name, model, folder, **more):
        self.name = name
        self.log = open(folder / f"{name}.log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("worker.py")), name, str(model), str(folder), str(OPTIONS.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=dict(environment(name), **more),
            preexec_fn=die_with_parent)
        try:
            self.info = self.answer(COMPILER_TIMEOUT if name == "sepcl-intel" else START_TIMEOUT)
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


def busy_seconds():
    """CPU seconds that this machine has spent on anything, and that its host took away."""
    fields = [int(v) for v in open("/proc/stat").readline().split()[1:9]]
    hz = os.sysconf("SC_CLK_TCK")
    return (sum(fields[:3]) + fields[5] + fields[6]) / hz, fields[7] / hz


def own_seconds(runner):
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


def register_width(name, model, folder):
    """Bits of the widest registers that the engine used; None: not known."""
    try:
        runner = Runner(name, model, folder, PEERBENCH_WIDTH="1", GLIBC_TUNABLES=NO_AVX512_IN_GLIBC)
    except Failed:
        return None
    runner.close()
    return runner.info["width"]


def measure_network(model, engines, folder, widths):
    """All engines on one network: {"reference": ..., "engines": {name: result or {"error": ...}}}. Widths, once known, are
    not asked for again."""
    folder.mkdir(parents=True)
    results, runners = {}, {}
    try:
        reference = Runner("reference", model, folder)
        reference.close()
        for name in engines:  # one after the other: each loads alone
            if name == "litert" and not model.with_suffix(".tflite").exists():
                results[name] = {"absent": "no tflite file"}
                continue
            try:
                runners[name] = Runner(name, model, folder)
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
            runner.close()
        for name in runners:
            if widths.get(name) is None:
                widths[name] = register_width(name, model, folder)
            results[name]["width"] = widths[name]
        return {"reference": reference.info, "engines": results}
    finally:
        for runner in runners.values():
            runner.close()
        shutil.rmtree(folder, ignore_errors=True)
