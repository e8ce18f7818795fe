#!/usr/bin/env python3
"""Speed against onnxruntime on this machine: same models, same threads, runs interleaved, FP32, batch 1.

    STINT_DATA=DIR .venv/bin/python tests/bench/compare_onnxruntime.py build/release/bin/stint [--threads 1,2] [--json FILE]

Each engine's figure is the median of its rounds' medians; rounds alternate so that a noisy minute hits both.
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from mobilenet_v1 import mobilenet_v1  # noqa: E402


def time_calls(call, seconds):
    """Median microseconds."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def time_onnxruntime(session, feeds, seconds):
    return time_calls(lambda: session.run(None, feeds), seconds)


def time_stint(stint, plan, threads, iterations):
    out = subprocess.run([stint, "bench", plan, "--threads", str(threads), "--iterations", str(iterations), "--json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)["p50_us"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stint")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="per engine and round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not os.environ.get("STINT_DATA"):
        sys.exit("set STINT_DATA to the folder with the models")
    data = Path(os.environ["STINT_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        mobilenet_v1(f"{folder}/mobilenet_v1.onnx")
        models = {"SqueezeNet": data / "onnx_light/light_squeezenet.onnx", "YOLOX-nano": data / "yolox_nano/yolox_nano.onnx",
                  "RFB-320": data / "face_rfb320/version-RFB-320.onnx", "ResNet-50": data / "onnx_light/light_resnet50.onnx",
                  "MobileNet v1": Path(folder) / "mobilenet_v1.onnx"}
        rows = []
        for threads in [int(t) for t in arguments.threads.split(",")]:
            ratios = []
            for name, path in models.items():
                plan = f"{folder}/m.plan"
                subprocess.run([arguments.stint, "build", str(path), "-o", plan, "-q"], check=True, stdout=subprocess.DEVNULL)
                options = onnxruntime.SessionOptions()
                options.log_severity_level = 3
                options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
                session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
                random = np.random.default_rng(0)
                feeds = {v.name: random.random(v.shape, np.float32) for v in session.get_inputs()}
                warm = time_onnxruntime(session, feeds, 0.3)
                iterations = max(5, int(arguments.seconds * 1e6 / warm))
                theirs, ours = [], []
                for _ in range(arguments.rounds):
                    theirs.append(time_onnxruntime(session, feeds, arguments.seconds))
                    ours.append(time_stint(arguments.stint, plan, threads, iterations))
                row = {"model": name, "threads": threads, "stint_us": statistics.median(ours), "onnxruntime_us": statistics.median(theirs)}
                row["speed"] = row["onnxruntime_us"] / row["stint_us"]
                ratios.append(row["speed"])
                rows.append(row)
                print(f"{name:14s} {threads} thread{'s' if threads > 1 else ' '}  stint {row['stint_us'] / 1000:8.2f} ms  "
                      f"onnxruntime {row['onnxruntime_us'] / 1000:8.2f} ms  speed {row['speed']:.2f}x", flush=True)
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            print(f"{'geometric mean':14s} {threads} thread{'s' if threads > 1 else ' '}  {mean:.2f}x of onnxruntime's speed, least {min(ratios):.2f}x\n")
    if arguments.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
        cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.processor())
        arguments.json.write_text(json.dumps({"cpu": cpu, "onnxruntime": onnxruntime.__version__, "commit": commit,
                                              "command": "tests/bench/compare_onnxruntime.py", "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
