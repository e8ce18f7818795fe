"""Stint against cuDNN on this GPU: accuracy first, then both timed in turns; see script/bench-gpu --help."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import floors
import networks
import peers
import report
from stint_cli import Failure, Stint

ROOT = Path(__file__).resolve().parents[3]


def parse():
    p = argparse.ArgumentParser(prog="script/bench-gpu", description="Speed and accuracy of FP16 plans beside cuDNN in a CUDA graph, in one run on one GPU.")
    p.add_argument("--quick", action="store_true", help="batch 1 and fewer repetitions; under two minutes")
    p.add_argument("--out", type=Path, default=ROOT / "out/bench-gpu", help="folder for results.json and results.md (default out/bench-gpu)")
    p.add_argument("--only", default="", help=f"networks, of {','.join(networks.ALL)}")
    p.add_argument("--batch", default="1,8,32")
    p.add_argument("--tactics", type=Path, help="tactic file for the builds")
    p.add_argument("--tune", action="store_true", help="measure what the tactic file lacks (made if it is not there) with the agent on this GPU")
    p.add_argument("--target", default="", help="default: this GPU's")
    p.add_argument("--compile", action="store_true", help="also ResNet-50 batch 1 through torch.compile max-autotune; minutes")
    p.add_argument("--no-peers", action="store_true", help="only ours")
    p.add_argument("--stint", type=Path, default=ROOT / "build/release/bin/stint")
    p.add_argument("--date", default="", help="written into the results (default: of the commit)")
    p.add_argument("--commit", default="", help="written into the results (default: git's)")
    p.add_argument("--seconds", type=float, default=0, help="stop starting new measurements after this time")
    p.add_argument("--check-only", action="store_true", help="on the CPU target and without a GPU: exercises this script, measures nothing of use")
    return p.parse_args()


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def origin():
    """(commit, date) of the sources: of the bundle that script/gpu-bundle made, else git's."""
    bundle = ROOT / ".gpu-bundle"
    if bundle.exists():
        return bundle.read_text().split()[:2]
    return git("rev-parse", "--short=12", "HEAD"), git("log", "-1", "--format=%cs")


def machine(on_gpu):
    described = {"cpu_cores": os.cpu_count(), "torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
                 "system": platform.platform()}
    if not on_gpu:
        return {**described, "device": "none", "driver": "none"}
    smi = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.sm,clocks.max.sm", "--format=csv,noheader"],
                         capture_output=True, text=True, check=False).stdout.strip().splitlines()
    fields = [f.strip() for f in smi[0].split(",")] if smi else [torch.cuda.get_device_name(), "unknown", "", ""]
    return {**described, "device": fields[0], "driver": fields[1], "max_clock": fields[3],
            "multiprocessors": torch.cuda.get_device_properties(0).multi_processor_count}


def accuracy(network, ours, expected, row):
    """Relative L2 over the batch, and images whose first class differs by more than rounding explains."""
    ours = torch.from_numpy(ours.reshape(expected.shape)).double()
    expected = expected.double()
    error = ((ours - expected).norm() / expected.norm()).item()
    row["relative_l2"] = error if error == error else float("inf")  # NaN never passes
    if not network.classifies:
        return
    wrong = ties = 0
    for mine, theirs in zip(ours, expected):
        a, b = int(mine.argmax()), int(theirs.argmax())
        if a != b:
            margin = (theirs[b] - theirs[a]).item()
            tie = margin <= report.MAX_ERROR * theirs.abs().max().item()
            ties, wrong = ties + tie, wrong + (not tie)
    row["top1_wrong"], row["top1_ties"] = wrong, ties


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.on_gpu = not arguments.check_only
        if self.on_gpu and not torch.cuda.is_available():
            sys.exit("there is no CUDA device that PyTorch can use; this benchmark needs one")
        target = arguments.target or ("sm_{}{}".format(*torch.cuda.get_device_capability()) if self.on_gpu else "cpu")
        self.stint = Stint(arguments.stint, folder, target, "cuda" if self.on_gpu else "cpu",
                           tactics=arguments.tactics.resolve() if arguments.tactics else None,
                           agent=arguments.stint.with_name("stint-agent").resolve() if arguments.tune else None)
        self.batches = [1] if arguments.quick else [int(b) for b in arguments.batch.split(",")]
        self.rounds, self.iterations = (1, 150) if arguments.quick else (2, 400)
        if not self.on_gpu:
            self.iterations = 3
        self.end = time.perf_counter() + (arguments.seconds or 1e9)
        commit, date = origin()
        self.results = {"date": arguments.date or date, "commit": arguments.commit or commit,
                        "command": "script/bench-gpu " + " ".join(sys.argv[1:]), "target": target, "machine": machine(self.on_gpu),
                        "build_seconds": {}, "plan_bytes": {}, "includes": "", "rows": []}
        if self.on_gpu:
            peers.setup()

    def write(self):
        out = self.arguments.out
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")
        (out / "results.md").write_text(report.markdown(self.results))

    def time_left(self):
        return time.perf_counter() < self.end

    def measure(self, network, plan, batch, row):
        program, _, _ = self.stint.inspect(plan, batch)
        weights = floors.weight_bytes(program)
        row["floor"] = floors.of_program(program, weights, self.results["machine"]["device"])
        images = network.images(batch, 1000 + batch)
        expected = peers.reference(network, images) if self.on_gpu else network.module(images).detach()
        accuracy(network, self.stint.run(plan, images.numpy()), expected, row)
        with_peer = self.on_gpu and not self.arguments.no_peers
        if with_peer:
            row["cudnn_relative_l2"] = peers.half_error(network, images, expected)
        graph = peers.cudnn_graph(network, batch) if with_peer else None
        ours, theirs = [], []
        for _ in range(self.rounds):  # in turns, so that a slow minute hits both
            if graph is not None:
                theirs.append(peers.time_graph(graph, 3 if self.arguments.quick else 7))
            bench = self.stint.bench(plan, batch, self.iterations)
            ours.append(bench["p50_us"])
        self.results["includes"] = bench.get("includes", "")
        row["us"], row["us_rounds"], row["bench"] = statistics.median(ours), ours, bench
        if theirs:
            row["cudnn_us"], row["cudnn_us_rounds"] = statistics.median(theirs), theirs
        del graph
        if batch == 1 or not self.arguments.quick:
            profile = self.stint.profile(plan, batch, max(3, self.iterations // 10))
            row["profile_sum_us"] = sum(s["mean_us"] for s in profile)
            row["slowest"] = floors.slowest_steps(profile, program, self.results["machine"]["device"])

    def network(self, name):
        start = time.perf_counter()
        network = networks.load(name, self.folder, "cuda" if self.on_gpu else "cpu")
        exported = time.perf_counter() - start
        plan, seconds = self.stint.build(network, self.batches)
        self.results["build_seconds"][name], self.results["plan_bytes"][name] = seconds, plan.stat().st_size
        print(f"{report.TITLES[name]}: exported in {exported:.1f} s, built in {seconds:.1f} s", flush=True)
        for batch in self.batches:
            if not self.time_left():
                print(f"  batch {batch}: left out, the time is over", flush=True)
                continue
            row = {"network": name, "batch": batch}
            self.results["rows"].append(row)
            try:
                self.measure(network, plan, batch, row)
            except (Failure, subprocess.TimeoutExpired, KeyError, RuntimeError) as failure:
                row["failure"] = f"{type(failure).__name__}: {failure}"[:600]
                print(f"  batch {batch}: {row['failure']}", flush=True)
            if "us" in row:
                beside = f", cuDNN in a graph {row['cudnn_us']:.1f} ({row['cudnn_us'] / row['us']:.2f}x)" if "cudnn_us" in row else ""
                print(f"  batch {batch}: {row['us']:.1f} us{beside}, error {row['relative_l2']:.1e}", flush=True)
            self.write()
        if self.arguments.compile and name == "resnet50" and self.results["rows"] and self.on_gpu:
            row = next((r for r in self.results["rows"] if r["network"] == name and r["batch"] == 1), None)
            if row is not None and "us" in row:
                graph, row["compile_seconds"] = peers.compiled_graph(network, 1)
                row["compile_us"] = peers.time_graph(graph, 7)
                print(f"  batch 1: torch.compile max-autotune in a graph {row['compile_us']:.1f} us", flush=True)
                self.write()

    def run(self):
        wanted = [n for n in self.arguments.only.split(",") if n] or networks.ALL
        for name in wanted:
            if name not in networks.ALL:
                sys.exit(f"--only {name}: the networks are {', '.join(networks.ALL)}")
            if name == networks.YOLOX and not os.environ.get("STINT_DATA"):
                print("YOLOX-nano: left out; set STINT_DATA to the folder with the models", flush=True)
                continue
            try:
                self.network(name)
            except (Failure, subprocess.TimeoutExpired) as failure:
                self.results["rows"].append({"network": name, "batch": self.batches[0], "failure": str(failure)[:600]})
                print(f"{report.TITLES[name]}: {failure}", flush=True)
                self.write()
        self.write()
        print("\n" + "\n".join(report.table(self.results["rows"])) + "\n")
        found = report.checks(self.results)
        for text, holds in found:
            if not holds:
                print(f"FAILS: {text}")
        print(f"{sum(h for _, h in found)} of {len(found)} checks hold; wrote {self.arguments.out}/results.json and results.md")
        return 0 if all(h for _, h in found) else 1


def main():
    arguments = parse()
    if not arguments.stint.exists():
        sys.exit(f"{arguments.stint} does not exist; build it with script/build, or name another with --stint")
    with tempfile.TemporaryDirectory() as folder:
        return Bench(arguments, Path(folder)).run()


if __name__ == "__main__":
    sys.exit(main())
