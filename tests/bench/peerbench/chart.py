"""The picture: sepcl beside its peers, one group of bars a network."""
import statistics
import matplotlib
from engines import NOT_PEERS
from report import heading
matplotlib.use("Agg")
import matplotlib.pyplot as plt

WIDTH = 0.8   # of a group of bars
HIGHEST = 4.0
OURS, PEERS = {"sepcl": "#c8102e", "sepcl-intel": "#f2a65a"}, ["#1b4965", "#457b9d", "#5fa8d3", "#8fb8de", "#b0b7c3", "#d5d9e0"]


def heights(network, engines):
    """Each engine's median time over that of the fastest right peer in the same round, the median over the rounds."""
    found = network.get("engines", {})
    right = [n for n, e in found.items() if n not in NOT_PEERS and e.get("mark") == ""]
    if not right:
        return {}
    best = [min(times) for times in zip(*(found[n]["round_medians"] for n in right))]
    return {n: statistics.median(t / b for t, b in zip(found[n]["round_medians"], best))
            for n in engines if found.get(n, {}).get("mark") == ""}


def draw(run, path):
    engines = [e for e in run["engines"] if e != "peak"]
    groups = {name: heights(n, engines) for name, n in run["networks"].items()}
    figure, axes = plt.subplots(figsize=(max(7.0, 2.0 + 1.3 * len(groups)), 5.0), layout="constrained")
    colours = dict(zip([e for e in engines if e not in OURS], PEERS), **OURS)
    for i, engine in enumerate(engines):
        places = [g + (i - (len(engines) - 1) / 2) * WIDTH / len(engines) for g in range(len(groups))]
        values = [group.get(engine, 0.0) for group in groups.values()]
        axes.bar(places, values, WIDTH / len(engines), label=heading(run, engine), color=colours[engine])
        for place, value in zip(places, values):
            if value > HIGHEST:
                axes.text(place, HIGHEST, f"{value:.1f}", ha="center", va="top", fontsize=7, rotation=90, color="white")
    axes.set_ylim(0.0, min(HIGHEST, axes.get_ylim()[1]))
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(groups)), list(groups), rotation=25, ha="right")
    axes.set_ylabel("time / fastest peer's\n(lower is better)")
    axes.set_title(f"One image, {run['threads']} threads, f32; {run['cpu']}; (bits of its registers)", fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    figure.savefig(path)
    plt.close(figure)
