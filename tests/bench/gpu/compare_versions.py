#!/usr/bin/env python3
"""Two versions of `stint` on one GPU, alternating, so that a change of structure is seen to cost nothing.

    source script/gpu-environment; "$STINT_PYTHON" tests/bench/gpu/compare_versions.py BEFORE AFTER [--rounds N] [--output FILE]

BEFORE and AFTER are `stint` programs. Each builds its own FP16 plans and runs them itself. Medians of the rounds' medians, microseconds.
"""
import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import bench_gpu
import networks
from stint_cli import Stint

NETWORKS, BATCHES = ("resnet50", "mobilenet_v2"), (1, 32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--target", default="sm_90")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        sides = {}
        for side, program in (("before", arguments.before), ("after", arguments.after)):
            (Path(folder) / side).mkdir()
            sides[side] = Stint(program.resolve(), Path(folder) / side, arguments.target)
        for name in NETWORKS:
            network = networks.load(name, folder)
            plans = {side: stint.build(network, BATCHES)[0] for side, stint in sides.items()}
            for batch in BATCHES:
                times = {side: [] for side in sides}
                for _ in range(arguments.rounds):
                    for side, stint in sides.items():
                        times[side].append(stint.bench(plans[side], batch, 1000)["p50_us"])
                row = {"network": name, "batch": batch, **{side: statistics.median(t) for side, t in times.items()}, "rounds": times}
                row["ratio"] = row["after"] / row["before"]
                rows.append(row)
                print(f"{name:14} batch {batch:3}  before {row['before']:8.1f}  after {row['after']:8.1f}  ratio {row['ratio']:.3f}", flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps({"machine": bench_gpu.machine(True), "origin": bench_gpu.origin(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
