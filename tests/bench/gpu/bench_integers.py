"""INT8 beside FP16 on this GPU: the same networks once as they are and once with 8-bit integers between their layers, timed in turns.

    bench_integers.py [--only resnet50,mobilenet_v2,yolox_nano] [--batch 1,8,32] [--as orin] [--onnx FILE]...

Needs PyTorch, torchvision and onnx for networks by name; onnx alone for files."""
import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from quantised_onnx import quantise
from stint_cli import Failure, Stint

ROOT = Path(__file__).resolve().parents[3]
NETWORKS = "resnet50,mobilenet_v2,yolox_nano"


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default=NETWORKS)
    p.add_argument("--onnx", type=Path, action="append", default=[], help="a file instead of the networks by name")
    p.add_argument("--batch", default="1,8,32")
    p.add_argument("--target", default="", help="default: this GPU's")
    p.add_argument("--as", dest="dressed", default="", help="kernels of another target, e.g. orin")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--iterations", type=int, default=300)
    p.add_argument("--steps", type=int, default=0, help="also the so many slowest steps of the INT8 plan")
    p.add_argument("--stint", type=Path, default=ROOT / "build/release/bin/stint")
    p.add_argument("--out", type=Path, help="results as JSON")
    p.add_argument("--build-only", action="store_true", help="makes the plans and times nothing; needs --target")
    return p.parse_args()


class File:
    def __init__(self, path, name):
        self.onnx, self.name = path, name


def sources(arguments, folder):
    """(name, float ONNX file)"""
    for path in arguments.onnx:
        yield path.stem, path
    if arguments.onnx:
        return
    import networks
    for name in arguments.only.split(","):
        yield name, networks.load(name, folder, "cpu" if arguments.build_only else "cuda").onnx


def target_of(arguments):
    if arguments.target:
        return arguments.target
    import torch
    return "sm_{}{}".format(*torch.cuda.get_device_capability())


def main():
    arguments = parse()
    batches = [int(b) for b in arguments.batch.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stint = Stint(arguments.stint, folder, target_of(arguments), dressed=arguments.dressed)
        print(f"target {stint.target}{' as ' + arguments.dressed if arguments.dressed else ''}; medians of {arguments.rounds} rounds, us")
        print("| network | batch | FP16 | INT8 | times |\n|---|---|---|---|---|", flush=True)
        for network, path in sources(arguments, folder):
            integers = folder / f"{network}_int8.onnx"
            quantise(path, integers)
            try:
                plans = [stint.build(File(path, network), batches)[0], stint.build(File(integers, network + "_int8"), batches)[0]]
            except Failure as failure:
                print(f"| {network} | | {failure} | | |", flush=True)
                rows.append({"network": network, "failure": str(failure)})
                continue
            if arguments.build_only:
                print(f"| {network} | {arguments.batch} | built | built | |", flush=True)
                continue
            for batch in batches:
                times = [[], []]
                for _ in range(arguments.rounds):  # in turns, so that a slow minute hits both
                    for kind, plan in enumerate(plans):
                        times[kind].append(stint.bench(plan, batch, arguments.iterations)["p50_us"])
                half, integer = map(statistics.median, times)
                row = {"network": network, "batch": batch, "fp16_us": half, "int8_us": integer}
                print(f"| {network} | {batch} | {half:.1f} | {integer:.1f} | {half / integer:.2f} |", flush=True)
                if arguments.steps:
                    row["profiles"] = [stint.profile(plan, batch, 30) for plan in plans]
                    for step in sorted(row["profiles"][1], key=lambda s: -s["mean_us"])[:arguments.steps]:
                        print(f"    {step['mean_us']:8.1f} us  {step['kernel']}  {step['name']}")
                rows.append(row)
    if arguments.out:
        arguments.out.write_text(json.dumps({"target": stint.target, "as": arguments.dressed, "rows": rows}, indent=1) + "\n")
    return 1 if any("failure" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
