"""Our side, through the command line as a user would: build, run, bench, inspect."""
import json
import subprocess
import time
from pathlib import Path

import numpy as np


class Failure(Exception):
    """A command that failed; the text is its last lines of output."""


def call(arguments, timeout=300):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip().splitlines()[-6:]
        raise Failure(f"{' '.join(str(a) for a in arguments[:2])} exited with {done.returncode}: " + " | ".join(tail))
    return done.stdout


class Stint:
    def __init__(self, program, folder, target, device="cuda", precision="fp16", tactics=None, agent=None, dressed=""):
        self.program, self.folder, self.target, self.device = str(program), Path(folder), target, device
        self.precision, self.tactics, self.agent, self.dressed = precision, tactics, agent, dressed

    def build(self, network, batches):
        """The plan's path and the seconds it took."""
        plan = self.folder / f"{network.name}.plan"
        command = [self.program, "build", network.onnx, "-o", plan, "--target", self.target, "--batch",
                   ",".join(map(str, batches)), "-q"]
        if self.target != "cpu":
            command += ["--precision", self.precision]
        if self.dressed:
            command += ["--as", self.dressed]
        if self.tactics:
            command += ["--tactics", self.tactics]
        if self.agent:
            command += ["--tune-with", self.agent]
        start = time.perf_counter()
        call(command, timeout=900)
        return plan, time.perf_counter() - start

    def run(self, plan, images):
        """The first output for a batch of images, a float32 array."""
        np.save(self.folder / "images.npy", images)
        out = self.folder / "outputs"
        call([self.program, "run", plan, "--device", self.device, "--batch", str(len(images)), "--input",
              self.folder / "images.npy", "--output-dir", out])
        found = sorted(out.glob("*.npy"))
        result = np.load(found[0]).astype(np.float32)
        for path in found:
            path.unlink()
        return result

    def bench(self, plan, batch, iterations):
        """The whole report of `stint bench --json`."""
        return json.loads(call([self.program, "bench", plan, "--device", self.device, "--batch", str(batch),
                                "--iterations", str(iterations), "--json"]))

    def profile(self, plan, batch, iterations):
        """[{name, kernel, mean_us}] of every step, in the program's order."""
        report = json.loads(call([self.program, "bench", plan, "--device", self.device, "--batch", str(batch),
                                  "--iterations", str(iterations), "--json", "--profile"]))
        return report["steps"]

    def inspect(self, plan, batch):
        """(program of this batch, bytes of the plan's weights and machine code, whole file)."""
        plan_text = json.loads(call([self.program, "inspect", plan, "--json"]))
        programs = [p for t in plan_text["targets"] for p in t["programs"] if p["batch"] == batch]
        sizes = {kind: sum(s["bytes"] for s in plan_text["segments"] if s["kind"] == kind) for kind in ("weights", "cubin")}
        return programs[0], sizes, plan_text["file_bytes"]

