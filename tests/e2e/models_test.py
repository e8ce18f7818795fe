#!/usr/bin/env python3
"""Every ONNX model of the data folder and of the project: built, run by `stint run`, compared with onnxruntime on the CPU.

    STINT_DATA=DIR .venv/bin/python tests/e2e/models_test.py build/release/bin/stint [--only NAME]
        [--target sm_90 [--as orin] --precision fp32|fp16]

FP32: max |difference| <= 1e-4 of the output's range; FP16 models: 2e-3. FP16 plans: relative L2 error <= 2e-3, or what
FP16 storage alone does to the network on that input if that is more (half_storage.py); networks whose values do not fit
FP16 are named and left out. Batch 1 and, where the model allows, 2.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from half_storage import half_storage_model

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"super_resolution": {"input": (1, 1, 224, 224)}}
# Constant weights: the final softmax sees equal huge logits, so the logits are compared instead.
LOGITS_ONLY = {"light_bvlc_alexnet", "light_resnet50", "light_squeezenet"}


def relative_l2(got, want):
    return float(np.linalg.norm(got - want) / max(np.linalg.norm(want), 1e-30))


class DoesNotFit(Exception):
    """The network's values exceed FP16's range."""


def run_batch(session, feeds, batch):
    """Outputs for `batch` images, one after the other: the models themselves are batch 1."""
    if batch == 1:
        return session.run(None, feeds)
    parts = [session.run(None, {k: v[b:b + 1] for k, v in feeds.items()}) for b in range(batch)]
    return [np.concatenate(p) for p in zip(*parts)]


def fp16_limit(source, folder, feeds, batch, expected):
    options = quiet()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # keep the roundings
    half_storage_model(source, folder / "half.onnx")
    session = onnxruntime.InferenceSession(str(folder / "half.onnx"), options, providers=["CPUExecutionProvider"])
    outputs = run_batch(session, feeds, batch)
    if not all(np.isfinite(o).all() for o in outputs):
        raise DoesNotFit
    return max(2e-3, *(relative_l2(o.astype(np.float64), w.astype(np.float64)) for o, w in zip(outputs, expected)))


def without_final_softmax(path, folder):
    model = onnx.load(path)
    producers = {o: n for n in model.graph.node for o in n.output}
    last = producers[model.graph.output[0].name]
    assert last.op_type == "Softmax", last.op_type
    model.graph.output[0].name = last.input[0]
    model.graph.node.remove(last)
    out = folder / f"{path.stem}_logits.onnx"
    onnx.save(model, out)
    return out


def quiet():
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # no remarks about initialisers listed as inputs
    return options


def picture(shape, random):
    """A photo-like input in 0..255 for image shapes, plain noise otherwise."""
    if len(shape) != 4:
        return random.normal(0, 1, shape)
    channels_last = shape[-1] in (1, 3)
    height, width, channels = (shape[1], shape[2], shape[3]) if channels_last else (shape[2], shape[3], shape[1])
    photos = sorted(Path(os.environ.get("STINT_DATA", "/nonexistent")).glob("images/*.jpg"))
    frames = []
    for _ in range(shape[0]):
        if photos:
            photo = Image.open(photos[random.integers(len(photos))]).convert("RGB").resize((width, height))
            pixels = np.asarray(photo, np.float64)[..., :channels]
        else:
            pixels = random.random((height, width, channels)) * 255
        frames.append(pixels if channels_last else pixels.transpose(2, 0, 1))
    return np.stack(frames)


def compare(arguments, path, folder, batch):
    stint = arguments.stint
    name = path.stem
    random = np.random.default_rng(len(name))
    logits = name in LOGITS_ONLY
    source = without_final_softmax(path, folder) if logits else path
    session = onnxruntime.InferenceSession(str(source), quiet(), providers=["CPUExecutionProvider"])
    command = [stint, "build", str(source), "-o", str(folder / "m.plan"), "-q", "--batch", str(batch), "--target", arguments.target]
    on_gpu = arguments.target != "cpu"
    if on_gpu:
        command += ["--precision", arguments.precision]
    if arguments.dressed_as:
        command += ["--as", arguments.dressed_as]
    feeds, half = {}, False
    for value in session.get_inputs():
        shape = SHAPES.get(name, {}).get(value.name, value.shape)
        if value.name in SHAPES.get(name, {}):
            command += ["--shape", f"{value.name}={'x'.join(map(str, shape))}"]
        shape = [batch if axis == 0 and (batch > 1 or not isinstance(d, int)) else d for axis, d in enumerate(shape)]
        half |= value.type == "tensor(float16)"
        data = picture(shape, random)
        if "scores" in [o.name for o in session.get_outputs()]:
            data = (data - 127) / 128
        if "deeplab" in name:
            data = data / 127.5 - 1
        if logits or "super" in name:
            data = data / 255
        feeds[value.name] = data.astype(np.float16 if value.type == "tensor(float16)" else np.float32)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    run = [stint, "run", str(folder / "m.plan"), "--device", "cuda" if on_gpu else "cpu", "--output-dir", str(folder / "out"), "--batch", str(batch)]
    for input_name, data in feeds.items():
        np.save(folder / "input.npy", data)
        run += ["--input", f"{input_name}={folder / 'input.npy'}"]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    expected = run_batch(session, feeds, batch)
    limit = 2e-3 if half else 1e-4
    if on_gpu and arguments.precision == "fp16":
        limit = fp16_limit(source, folder, feeds, batch, expected)
    worst = 0.0
    for value, want in zip(session.get_outputs(), expected):
        got = np.load(folder / "out" / (re.sub(r"[^A-Za-z0-9._-]", "_", value.name) + ".npy"))
        if got.shape != want.shape or got.dtype != want.dtype:
            raise AssertionError(f"{name}: {value.name} is {got.dtype}{got.shape}, onnxruntime gives {want.dtype}{want.shape}")
        want, got = want.astype(np.float64), got.astype(np.float64)
        if on_gpu and arguments.precision == "fp16":
            worst = max(worst, relative_l2(got, want)) if np.isfinite(got).all() else float("inf")
            continue
        span = max(want.max() - want.min(), abs(want).max(), 1e-30) if logits else max(want.max() - want.min(), 1e-30)
        worst = max(worst, float(abs(got - want).max() / span)) if np.isfinite(got).all() else float("inf")
    return worst, limit


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stint")
    parser.add_argument("--only")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--as", dest="dressed_as")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16"])
    arguments = parser.parse_args()
    models = [ROOT / "examples/digits/digits.onnx"]
    if os.environ.get("STINT_DATA"):
        models += sorted(Path(os.environ["STINT_DATA"]).glob("**/*.onnx"))
    else:
        print("STINT_DATA is unset: only the project's own model is compared")
    measure = "relative L2" if arguments.target != "cpu" and arguments.precision == "fp16" else "of range"
    failed = 0
    for path in models:
        if arguments.only and arguments.only not in path.stem:
            continue
        batches = [1] if "ACASXU" in path.stem else [1, 2]
        for batch in batches:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    worst, limit = compare(arguments, path, Path(folder), batch)
                    verdict = "ok" if worst <= limit else "WRONG"
                    print(f"{path.stem:34s} batch {batch}  {worst:9.2e} {measure} (limit {limit:.1e})  {verdict}", flush=True)
                except subprocess.CalledProcessError as error:  # which has said why
                    verdict = "FAILED"
                    print(f"{path.stem:34s} batch {batch}  FAILED: stint {error.cmd[1]} exited with {error.returncode}", flush=True)
                except DoesNotFit:
                    verdict = "ok"
                    print(f"{path.stem:34s} batch {batch}  left out: its values exceed 65504, the largest FP16 number", flush=True)
                except AssertionError as error:
                    verdict = "FAILED"
                    print(f"{path.stem:34s} batch {batch}  FAILED: {error}", flush=True)
            failed += verdict != "ok"
    sys.exit(f"{failed} comparisons failed" if failed else 0)


if __name__ == "__main__":
    main()
