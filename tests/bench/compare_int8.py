#!/usr/bin/env python3
"""Speed of INT8 on this machine's CPU: Stint, onnxruntime (QDQ: u8 activations, i8 weights per channel) and, where it is
installed, OpenVINO on the same QDQ model. Runs interleaved, batch 1.

    STINT_DATA=DIR .venv/bin/python tests/bench/compare_int8.py build/release/bin/stint [--threads 1,2] [--json FILE]

OpenVINO (pip install openvino into an environment of your own) is held to AVX512-VNNI unless --amx is given. Each figure is
the median of its rounds' medians. FP32 plans of Stint are timed beside them.
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
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from compare_onnxruntime import time_calls, time_onnxruntime, time_stint  # noqa: E402
from mobilenet_v1 import mobilenet_v1  # noqa: E402

SAMPLES = 4


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.rest = iter([{name: x[None]} for x in samples])

    def get_next(self):
        return next(self.rest, None)


def quantised(model, samples, folder):
    """The model as onnxruntime's quantiser writes it."""
    ready, path = folder / "ready.onnx", folder / "qdq.onnx"
    quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
    name = onnx.load(str(ready)).graph.input[0].name
    quantize_static(str(ready), str(path), Reader(name, samples), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return path


def openvino_runner(path, threads, feeds):
    try:
        import openvino
    except ImportError:
        return None
    core = openvino.Core()
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    return lambda: request.infer(feeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stint")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="per engine and round")
    parser.add_argument("--amx", action="store_true", help="let OpenVINO use AMX tiles")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not os.environ.get("STINT_DATA"):
        sys.exit("set STINT_DATA to the folder with the models")
    if not arguments.amx:
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_VNNI"
    data = Path(os.environ["STINT_DATA"])
    rows = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        mobilenet_v1(f"{folder}/mobilenet_v1.onnx")
        models = {"ResNet-50": data / "onnx_light/light_resnet50.onnx", "SqueezeNet": data / "onnx_light/light_squeezenet.onnx",
                  "MobileNet v1": folder / "mobilenet_v1.onnx", "YOLOX-nano": data / "yolox_nano/yolox_nano.onnx"}
        for name, model in models.items():
            graph = onnx.load(str(model)).graph
            weights = {w.name for w in graph.initializer}
            value = next(i for i in graph.input if i.name not in weights)
            shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
            samples = np.random.default_rng(1).random((SAMPLES, *shape[1:]), np.float32)
            np.save(folder / "samples.npy", samples)
            qdq = quantised(model, samples, folder)
            for kind, more in (("fp32", []), ("int8", ["--precision", "int8", "--calibrate", str(folder / "samples.npy"),
                                                       "--calibrator", "minmax"])):
                subprocess.run([arguments.stint, "build", model, "-q", "-o", folder / f"{kind}.plan", *more], check=True,
                               capture_output=True)
            for threads in [int(t) for t in arguments.threads.split(",")]:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                session = onnxruntime.InferenceSession(str(qdq), options, providers=["CPUExecutionProvider"])
                feeds = {session.get_inputs()[0].name: samples[:1]}
                openvino = openvino_runner(qdq, threads, [samples[:1]])
                engines = {"stint fp32": lambda: time_stint(arguments.stint, folder / "fp32.plan", threads, 30),
                           "stint int8": lambda: time_stint(arguments.stint, folder / "int8.plan", threads, 50),
                           "onnxruntime int8": lambda: time_onnxruntime(session, feeds, arguments.seconds)}
                if openvino:
                    engines["openvino int8"] = lambda: time_calls(openvino, arguments.seconds)
                rounds = {engine: [] for engine in engines}
                for _ in range(arguments.rounds):
                    for engine, measure in engines.items():
                        rounds[engine].append(measure())
                row = {"model": name, "threads": threads, **{e: statistics.median(t) for e, t in rounds.items()}}
                rows.append(row)
                print(json.dumps(row), flush=True)
    for peer in ("onnxruntime int8", "openvino int8"):
        ratios = [row[peer] / row["stint int8"] for row in rows if peer in row]
        if ratios:
            print(f"geometric mean against {peer}: {math.exp(statistics.mean(map(math.log, ratios))):.2f}x")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
