"""Results are kept, one file a network, so that a run that was cut off goes on where it stopped."""
import hashlib, json, pathlib
from settings import OPTIONS, ROOT

FOLDER = ROOT / "results"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def conditions(model, engines, versions):
    """Results count as the same network's only where all of this is equal."""
    return {"model": digest(model), "library": digest(OPTIONS.library), "engines": engines,
            "versions": versions, "threads": OPTIONS.threads, "rounds": OPTIONS.rounds, "seconds": OPTIONS.seconds}


def file_of(model):
    return FOLDER / f"{pathlib.Path(model).stem}.json"


def recall(model, wanted=None):
    """What is kept of a network; None where there is nothing, or nothing taken under the wanted conditions."""
    try:
        kept = json.loads(file_of(model).read_text())
        return kept if wanted in (None, kept["conditions"]) else None
    except (OSError, ValueError, KeyError):
        return None


def remember(model, network):
    FOLDER.mkdir(parents=True, exist_ok=True)
    partial = file_of(model).with_suffix(".part")
    partial.write_text(json.dumps(network, indent=1) + "\n")
    partial.rename(file_of(model))
