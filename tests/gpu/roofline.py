"""Predicted milliseconds per device and network, from data sheets: no GPU is asked.

    tests/gpu/roofline.py [--sepcl build/release/tools/sepcl] [NETWORK ...]

A stage takes the longer of its multiply-adds at a share of the peak and its bytes at a share of the bandwidth, plus a launch. The share
of the peak is what tests/gpu-static counts of the main loops, times an assumption; all else of the kind is assumed, the same for all
devices: what comes out is a prediction to hold measurements against, not a result. Prints a page of Markdown.
"""
import argparse
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Counted: FMAs are 89 to 98% of the vector instructions of the pointwise tiles' main loops (tests/gpu-static). Assumed: two thirds of the rest of the
# way, for tiles that overlap the edge, prologues, barriers and waits that 25 to 60% occupancy does not hide.
FMA_SHARE, HELD_UP = 0.90, 2 / 3
COMPUTE, BANDWIDTH = FMA_SHARE * HELD_UP, 0.75  # of the data sheet's figures
LAUNCH_US = 5.0  # assumed: an enqueue on a queue that is kept busy; integrated GPUs: twice that; no source
# name: fp32 GFLOP/s (2 x ALUs x boost clock), GB/s, microseconds a launch, source
DEVICES = {
    "GeForce GTX 1650 (sm_75)": (2 * 896 * 1.665, 128, LAUNCH_US, "NVIDIA, GeForce GTX 1650 product page, www.nvidia.com/en-us/geforce/graphics-cards/gtx-1650: 896 cores, 1665 MHz, 128 GB/s"),
    "GeForce RTX 3060 (sm_86)": (2 * 3584 * 1.777, 360, LAUNCH_US, "NVIDIA, GeForce RTX 3060 product page, www.nvidia.com/en-us/geforce/graphics-cards/30-series/rtx-3060-3060ti: 3584 cores, 1.78 GHz, 360 GB/s"),
    "H100 PCIe (sm_90)": (51200, 2000, LAUNCH_US, "NVIDIA H100 Tensor Core GPU data sheet, resources.nvidia.com/en-us-tensor-core/nvidia-tensor-core-gpu-datasheet: 51 TFLOP/s FP32, 2 TB/s (PCIe)"),
    "Radeon RX Vega 64 (gfx900)": (2 * 4096 * 1.546, 483.8, LAUNCH_US, "AMD, Radeon RX Vega 64 product page, www.amd.com/en/products/graphics/radeon-rx-vega-64: 4096 stream processors, 1546 MHz, 483.8 GB/s"),
    "Radeon RX 6800 XT (gfx1030)": (2 * 4608 * 2.25, 512, LAUNCH_US, "AMD, Radeon RX 6800 XT product page, www.amd.com/en/products/graphics/amd-radeon-rx-6800-xt: 4608 stream processors, 2250 MHz, 512 GB/s"),
    "Radeon RX 7900 XTX (gfx1100)": (2 * 6144 * 2.5, 960, LAUNCH_US, "AMD, Radeon RX 7900 XTX product page, www.amd.com/en/products/graphics/amd-radeon-rx-7900xtx: 6144 stream processors, 2.5 GHz, 960 GB/s; dual issue not counted"),
    "UHD Graphics 630 (Gen 9, skl)": (2 * 192 * 1.15, 41.6, 10.0, "Intel ARK (ark.intel.com), processors with UHD Graphics 630: 24 execution units of 8 lanes, 1.15 GHz, two channels of DDR4-2666"),
    "Iris Xe, 96 EU (tgllp)": (2 * 768 * 1.35, 68.3, 10.0, "Intel ARK (ark.intel.com), Core i7-1185G7: 96 execution units, 1.35 GHz, LPDDR4x-4267"),
    "Arc A770 (dg2)": (2 * 4096 * 2.1, 560, LAUNCH_US, "Intel ARK (ark.intel.com), Arc A770 Graphics: 32 Xe cores of 128 lanes, 2100 MHz, 560 GB/s"),
}
NETWORKS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2", "xception", "resnet50")


def plan(sepcl, network):
    done = subprocess.run([sepcl, "plan", f"zoo:{network}", "--family", "tile", "--replay", "launches", "--json"], check=True,
                          capture_output=True, text=True)
    return [s for s in json.loads(done.stdout)["stages"] if s["launches"]]


def predict(stages, peak, bandwidth, launch, share=COMPUTE):
    """Milliseconds: (work, launches)."""
    work = sum(max(2e-6 * s["macs"] / (share * peak), 1e-6 * s["bytes"] / (BANDWIDTH * bandwidth)) for s in stages)
    return work, 1e-3 * launch * len(stages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--sepcl", default=ROOT / "build/release/tools/sepcl")
    options = parser.parse_args()
    stages = {network: plan(options.sepcl, network) for network in options.networks}
    print("# Predicted times of networks on GPUs that nobody has measured\n")
    print(f"Every figure here is **predicted**, none is measured. `tests/gpu/roofline.py` prints this page: each stage of `sepcl plan` "
          f"takes the longer of\nits multiply-adds at {COMPUTE:.0%} of the peak and its bytes at {BANDWIDTH:.0%} of the bandwidth (no "
          f"cache is assumed to help), plus a launch.\nThe {COMPUTE:.0%} are {FMA_SHARE:.0%}, the share of FMAs that `tests/gpu-static` counts in main loops (89 to 98%), times an assumed two thirds. That factor, the\nbandwidth's share and the launch's cost are **assumptions**: no data sheet has them, nobody measured them. Blocks are fused as for a device of this machine's two\ncompute units, and what they compute twice is not counted: GPUs with many units fuse fewer. "
          "`tests/gpu-live` measures.\n")
    print("Predicted milliseconds an inference, f32, batch 1; in brackets what of it is launches, which a command buffer may save.\n")
    print("| device | peak GFLOP/s | GB/s | launch us | " + " | ".join(options.networks) + " |")
    print("|---|" + "---:|" * (3 + len(options.networks)))
    for name, (peak, bandwidth, launch, _) in DEVICES.items():
        cells = []
        for network in options.networks:
            work, launches = predict(stages[network], peak, bandwidth, launch)
            cells.append(f"{work + launches:.2f} ({launches:.2f})")
        print(f"| {name} | {peak:.0f} | {bandwidth:g} | {launch:g} | " + " | ".join(cells) + " |")
    print("\nStages and multiply-adds: " + "; ".join(f"{n} {len(s)}, {sum(x['macs'] for x in s) / 1e6:.0f} M" for n, s in stages.items()) + ".\n")
    print("Peaks and bandwidths as the vendors published them. The addresses "
          "are the\nvendors' product pages, which were not opened for this table and may have moved. Compared with what others list: GTX 1650, RTX 3060, H100 PCIe, RX\n6800 XT, RX 7900 XTX, lanes and clocks of Vega 64, Iris Xe and Arc A770. Not compared: bandwidths of those three and all of UHD Graphics 630.\n")
    for name, row in DEVICES.items():
        print(f"- {name}: {row[3]}.")


if __name__ == "__main__":
    main()
