"""The picture: sepcl beside its peers, one group of bars a network."""
import statistics
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

WIDTH = 0.8   # of a group of bars
SEPCL, PEERS = "#c8102e", ["#1b4965", "#457b9d", "#5fa8d3", "#8fb8de", "#b0b7c3", "#d5d9e0"]


def heights(network, engines):
    """Each engine's median time over that of the fastest right peer in the same round, the median over the rounds."""
    found = network.get("engines", {})
    right = [n for n, e in found.items() if n not in ("peak", "sepcl") and e.get("mark") == ""]
    if not right:
        return {}
    best = [min(times) for times in zip(*(found[n]["round_medians"] for n in right))]
    return {n: statistics.median(t / b for t, b in zip(found[n]["round_medians"], best))
            for n in engines if found.get(n, {}).get("mark") in ("", "?")}


def draw(run, path):
    engines = [e for e in run["engines"] if e != "peak"]
    groups = {name: heights(n, engines) for name, n in run["networks"].items()}
    figure, axes = plt.subplots(figsize=(max(6.0, 2.0 + 1.3 * len(groups)), 4.5))
    colours = dict(zip([e for e in engines if e != "sepcl"], PEERS), sepcl=SEPCL)
    for i, engine in enumerate(engines):
        places = [g + (i - (len(engines) - 1) / 2) * WIDTH / len(engines) for g in range(len(groups))]
        values = [group.get(engine, 0.0) for group in groups.values()]
        axes.bar(places, values, WIDTH / len(engines), label=engine, color=colours[engine])
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(groups)), list(groups), rotation=25, ha="right")
    axes.set_ylabel("time / fastest peer's\n(lower is better)")
    axes.set_title(f"One image, {run['threads']} threads, f32; {run['cpu']}", fontsize=10)
    axes.legend(ncols=4, fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
