"""The side that measures: a process of its own for each engine, one JSON object per line on its standard output."""
import json, os, pathlib, statistics, sys, time
import numpy as np
from engines import WORKERS, input_shape


def make_reference(model, folder):
    """Writes x.npy and y.npy; y is ONNX Runtime without graph optimisations. Returns the size and the control."""
    import onnxruntime as ort
    from models import test_inputs
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    x, other = test_inputs(input_shape(model))
    y, y_other = (session.run(None, {session.get_inputs()[0].name: v})[0] for v in (x, other))
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return {"max": float(np.abs(y).max()), "control": float(np.abs(y - y_other).max())}


def compare(y, reference):
    y = np.asarray(y, np.float32)
    if y.size != reference.size:
        raise RuntimeError(f"output has shape {y.shape}, not {reference.shape}")
    if not np.isfinite(y).all():
        raise RuntimeError("output is not finite")
    return float(np.abs(y.reshape(reference.shape) - reference).max())


def worker(name, model, folder, threads):
    """Loads, answers with the difference to the reference, then measures one burst for each line of seconds."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)                                     # engines print on stdout; their words go to the log
    reply = lambda **values: replies.write(json.dumps(values) + "\n")
    model, folder = pathlib.Path(model), pathlib.Path(folder)
    if name == "reference":
        return reply(**make_reference(model, folder))
    try:
        started = time.perf_counter()
        engine = WORKERS[name](model, threads)
        x = np.load(folder / "x.npy") if name != "peak" else None
        y = engine.run(x)
        ready = {"load_s": time.perf_counter() - started}
        if name == "peak":
            ready.update(flop=engine.flop, note=engine.note)
        else:
            ready["diff"] = compare(y, np.load(folder / "y.npy"))
        if "PEERBENCH_WIDTH" in os.environ:
            import width
            return reply(width=width.width(lambda: engine.run(x)))
        reply(**ready)
        for line in sys.stdin:
            burst, times = float(line), []
            for _ in range(2):                        # back into the caches, threads awake
                engine.run(x)
            end = time.perf_counter() + burst
            while len(times) < 3 or time.perf_counter() < end:
                t = time.perf_counter()
                engine.run(x)
                times.append(time.perf_counter() - t)
            reply(min=1e3 * min(times), median=1e3 * statistics.median(times), n=len(times))
    except Exception as error:
        reply(error=f"{type(error).__name__}: {error}"[:400])


if __name__ == "__main__":
    worker(*sys.argv[1:4], int(sys.argv[4]))
