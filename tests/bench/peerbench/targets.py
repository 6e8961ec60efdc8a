"""What sepcl's time is to be at most, over the fastest peer's: the paired ratio, by network."""
import fnmatch

TARGETS = {"mobilenet_v1_*": 1.00, "mobilenet_v2*": 0.75, "mobilenet_v3_*": 0.75, "keras_*": 0.75, "xception": 0.90,
           "shufflenet_*": 0.60, "igcv3_*": 0.60, "vgg16": 1.25}
OTHERS = 1.00
GEOMETRIC_MEANS = {"mobilenet_v1_*": (16, 0.85)}   # over so many networks


def target(network):
    return next((limit for pattern, limit in TARGETS.items() if fnmatch.fnmatch(network, pattern)), OTHERS)
