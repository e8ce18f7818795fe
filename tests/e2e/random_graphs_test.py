#!/usr/bin/env python3
"""Models of concatenation trees (random_graphs.py): what `stint` builds for the CPU (or --target) gives onnxruntime's numbers, and a
part of them builds for GPUs, which includes the runtime's verification of the plan.

    .venv/bin/python tests/e2e/random_graphs_test.py build/release/bin/stint [--graphs 300] [--gpu-graphs 2]
        [--first 0] [--gpu-target orin --gpu-target sm_90] [--target sm_90 [--as orin]] [--keep DIR]

|difference| <= 1e-4 of the output's largest magnitude (at least 1). --keep writes the models that failed.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from random_graphs import named_models, random_model
from target_options import TargetFlags, add_target_options


def expected_outputs(model, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {o.name: v for o, v in zip(session.get_outputs(), session.run(None, {"x": x}))}


class Bench:
    """Builds and runs models in one folder."""

    def __init__(self, stint, folder, keep, flags):
        self.stint, self.folder, self.keep, self.flags = stint, folder, keep, flags
        self.failures = Counter()

    def stint_fails(self, *arguments):
        """What it said, or None."""
        done = subprocess.run([self.stint, *map(str, arguments)], capture_output=True, text=True)
        return None if done.returncode == 0 else done.stderr.strip() or f"exit {done.returncode}"

    def fail(self, kind, name, text, model):
        self.failures[kind] += 1
        print(f"{kind}: {name}: {text}", flush=True)
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            onnx.save(model, self.keep / f"{name.replace(', ', '_').replace(' ', '_')}.onnx")

    def check_run(self, name, model, seed):
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        onnx.save(model, self.folder / "model.onnx")
        np.save(self.folder / "x.npy", x)
        plan = self.folder / "model.plan"
        if text := self.stint_fails("build", self.folder / "model.onnx", "-o", plan, "-q", *self.flags.build):
            return self.fail("build", name, text, model)
        threads = 1 + seed % 2
        if text := self.stint_fails("run", plan, "--input", f"x={self.folder / 'x.npy'}", "--output-dir",
                                    self.folder / "out", "--threads", threads, *self.flags.run):
            return self.fail("run", name, text, model)
        for output, want in expected_outputs(model, x).items():
            got = np.load(self.folder / "out" / f"{output}.npy")
            worst = np.abs(got - want).max(initial=0) if got.shape == want.shape else np.inf
            limit = 1e-4 * max(1.0, np.abs(want).max(initial=0))
            if not worst <= limit:
                return self.fail("wrong", name, f"{output} {want.shape}: {worst:.3g}, allowed {limit:.3g}", model)

    def check_gpu(self, name, model, targets):
        onnx.save(model, self.folder / "model.onnx")
        for target in targets:
            if text := self.stint_fails("build", self.folder / "model.onnx", "-o", self.folder / "gpu.plan", "-q",
                                        "--target", target, "--precision", "fp16"):
                self.fail("gpu build", name, f"{target}: {text}", model)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stint", type=Path)
    parser.add_argument("--graphs", type=int, default=300)
    parser.add_argument("--gpu-graphs", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--gpu-target", action="append", help="of --gpu-graphs, which are built and not run")
    add_target_options(parser)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.graphs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("STINT_CACHE_DIR", str(folder / "cache"))
        bench = Bench(arguments.stint.resolve(), folder, arguments.keep, TargetFlags(arguments))
        named = list(named_models())
        for i, (title, model) in enumerate(named):
            bench.check_run(title, model, i)
        operators = Counter()
        for seed in seeds:
            model = random_model(seed)
            operators.update(node.op_type for node in model.graph.node)
            bench.check_run(f"graph {seed}", model, seed)
        # From the other end, so that a longer run sees other graphs on GPUs than on the CPU's first ones.
        for seed in list(seeds)[::-1][:arguments.gpu_graphs]:
            bench.check_gpu(f"graph {seed}", random_model(seed), arguments.gpu_target or ["orin", "sm_90"])
    print(f"{len(named)} named and {len(seeds)} random graphs with " +
          ", ".join(f"{n} {op}" for op, n in operators.most_common()))
    print(f"{arguments.gpu_graphs} of them for GPUs; failures: {dict(bench.failures) or 'none'}")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
