#!/usr/bin/env python3
"""Calibration through the command line: TensorRT's own caches of the same pictures, onnxruntime's activations, hostile folders and caches.

    STINT_DATA=... python tests/e2e/calibration_test.py build/release/bin/stint
"""
import gzip
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

STINT = Path(sys.argv[1]).resolve()
FRAMES = ("--calibration-preprocess", "stretch,std=255")
# Network, how its samples are fed, and the largest relative difference from TensorRT's exact maxima. That of YOLOX is TensorRT's own:
# onnxruntime is 1.7e-4 away from its cache and 2.2e-5 from ours.
NETWORKS = {
    "mnist": ("mnist/cntk_mnist.onnx", None, 1e-5),
    "rfb320": ("face_rfb320/version-RFB-320_simplified.onnx", "rfb", 1e-5),
    "yolox_nano": ("yolox_nano/yolox_nano.onnx", "stretch,bgr", 2e-4),
}
MOST_MEDIAN = 0.03  # of the entropy calibrator, where TensorRT's histogram depends on the order of the pictures
BINS, LEVELS = 2048, 128


def build(model, *arguments, code=0):
    """Builds with INT8; returns what the program says, notes or the error."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(a) for a in (STINT, "build", model, "-o", Path(folder) / "x.plan", "-q", "--precision", "int8", *arguments)],
                              capture_output=True, text=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done.stdout if code == 0 else done.stderr


def read_cache(path):
    """Tag, and scales by tensor."""
    tag, *lines = Path(path).read_text().splitlines()
    entries = (line.rsplit(": ", 1) for line in lines)
    return tag, {name: struct.unpack(">f", bytes.fromhex(scale))[0] for name, scale in entries}


def samples_of(name, data, folder):
    if name != "mnist":
        return data / "int8_calibration" / name
    digits = np.frombuffer(gzip.open(data / "mnist/t10k-images-idx3-ubyte.gz").read()[16:], np.uint8)
    np.save(folder / "mnist.npy", digits.reshape(-1, 1, 28, 28)[:512])
    return folder / "mnist.npy"


def compared_with_tensorrt(data, folder):
    for name, (model, spec, most) in NETWORKS.items():
        frames = ["--calibration-preprocess", spec] if spec else []
        for calibrator, theirs in (("minmax", "minmax"), ("entropy", "entropy2")):
            cache, start = folder / f"{name}.{calibrator}", time.monotonic()
            build(data / model, "--calibrate", samples_of(name, data, folder), *frames, "--calibrator", calibrator, "--calibration-cache", cache)
            seconds = time.monotonic() - start
            tag, ours = read_cache(cache)
            their_tag, wanted = read_cache(data / "int8_calibration" / name / f"tensorrt-8.6.{theirs}.cache")
            assert tag == their_tag, (tag, their_tag)
            # TensorRT lists its own layers and constants, too.
            absent = [t for t in wanted if t not in ours and "Unnamed Layer" not in t and t != "Parameter193_reshape1"]
            assert not absent, absent
            apart = {t: abs(ours[t] / wanted[t] - 1) for t in wanted if t in ours}
            median, worst = np.median(list(apart.values())), max(apart, key=apart.get)
            print(f"{name} {calibrator}: {len(apart)} tensors, difference from TensorRT: median {median:.2%}, largest {apart[worst]:.2e} ({worst}); "
                  f"{seconds:.1f} s")
            if calibrator == "minmax":
                assert apart[worst] < most, (worst, apart[worst])
            else:
                assert median < MOST_MEDIAN, median
                first = next(iter(wanted))  # the network's input: its range is known from the first picture on
                assert ours[first] == wanted[first] or apart[first] < 1e-6, (first, ours[first], wanted[first])
    # A cache of TensorRT's serves as it is.
    theirs = data / "int8_calibration/yolox_nano/tensorrt-8.6.entropy2.cache"
    assert "TRT-8600-EntropyCalibration2" in build(data / NETWORKS["yolox_nano"][0], "--calibrate", theirs)
    error = build(data / NETWORKS["rfb320"][0], "--calibrate", theirs, code=2)
    assert "not of this model" in error, error


def entropy_threshold(counts, amax):
    counts = counts.astype(np.float64)
    counts[0] = 0
    best, least = BINS, np.inf
    for kept in range(LEVELS, BINS + 1):
        p, filled = counts[:kept].copy(), counts[:kept] > 0
        level = np.arange(kept) * LEVELS // kept
        mean = np.bincount(level, p, LEVELS) / np.maximum(np.bincount(level, filled, LEVELS), 1)
        q = np.where(filled, mean[level], 0)
        p[-1] += counts[kept:].sum()
        if (p[-1] > 0 and q[-1] == 0) or q.sum() == 0:
            continue
        p, q = p / p.sum(), q / q.sum()
        divergence = np.sum(p[filled] * np.log(p[filled] / q[filled]))
        if divergence < least:
            best, least = kept, divergence
    return (best + 0.5) * amax / BINS


def compared_with_onnxruntime(data, folder):
    """The same computed in NumPy from another engine's activations."""
    model = onnx.load(data / NETWORKS["mnist"][0])
    tensors = [o for node in model.graph.node for o in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(t) for t in tensors)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    digits = np.load(folder / "mnist.npy").astype(np.float32)
    runs = [session.run(tensors, {"Input3": d[None]}) for d in digits]
    _, ours = read_cache(folder / "mnist.entropy")
    compared = 0
    for i, tensor in enumerate(tensors):
        x = np.abs(np.stack([run[i] for run in runs]).ravel())
        if tensor not in ours or x.size == 0:
            continue
        amax = x.max()
        counts = np.bincount(np.minimum((x * np.float32(BINS / amax)).astype(int), BINS - 1), minlength=BINS)
        wanted = entropy_threshold(counts, amax)
        # An element that rounding moves to the next bin may move a flat minimum a little.
        assert abs(ours[tensor] * 127 / wanted - 1) < 0.01, (tensor, ours[tensor] * 127, wanted)
        compared += 1
    assert compared >= 10, compared
    print(f"mnist entropy: {compared} thresholds as NumPy finds them in onnxruntime's activations")


def small_network(path):
    value = lambda name, shape: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["c"]), onnx.helper.make_node("Relu", ["c"], ["r"]),
             onnx.helper.make_node("GlobalAveragePool", ["r"], ["y"])]
    graph = onnx.helper.make_graph(nodes, "small", [value("x", [1, 3, 16, 16])], [value("y", [1, 4, 1, 1])],
                                   [onnx.numpy_helper.from_array(weights, "w")])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def picture(path, seed, size=28):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)).save(path)


def hostile_folders(model, folder):
    empty = folder / "empty"
    empty.mkdir()
    assert "holds no pictures to calibrate on (0 other files)" in build(model, "--calibrate", empty, *FRAMES, code=1)
    (empty / "notes.txt").write_text("no picture")
    assert "(1 other files)" in build(model, "--calibrate", empty, *FRAMES, code=1)
    assert "nothing of that name" in build(model, "--calibrate", folder / "absent", code=1)

    one = folder / "one"
    one.mkdir()
    picture(one / "a.png", 1)
    assert "calibrated on 1 sample with auto" in build(model, "--calibrate", one, *FRAMES)
    error = build(model, "--calibrate", one, code=2)
    assert "--calibration-preprocess SPEC" in error, error
    assert "calibrated on 1 sample" in build(model, "--calibrate", one, "--preprocess", "stretch,std=255")

    picture(one / "b.jpg", 2, 200)
    whole = (one / "b.jpg").read_bytes()
    for size in (0, 3, 100, len(whole) // 2):
        (one / "b.jpg").write_bytes(whole[:size])
        done = subprocess.run([STINT, "build", model, "-o", folder / "x.plan", "-q", "--precision", "int8", "--calibrate", one, *FRAMES],
                              capture_output=True, text=True)
        assert done.returncode == 0 or (done.returncode == 1 and "b.jpg: " in done.stderr), done.stderr
    (one / "b.jpg").unlink()
    (one / "c.png").write_bytes((one / "a.png").read_bytes()[:60])
    assert "c.png: not a readable picture" in build(model, "--calibrate", one, *FRAMES, code=1)

    many = folder / "many"
    many.mkdir()
    for i in range(2000):
        os.link(one / "a.png", many / f"{i}.png")
    assert "calibrated on 2000 samples" in build(model, "--calibrate", many, *FRAMES)


def hostile_caches(model, folder):
    cache = folder / "hostile.cache"
    for text, said in ((b"", "the file is empty"), (b"\x00\xff\n", "line 1: found"), (b"TRT-8600-MinMaxCalibration\nx: zz\n", "line 2"),
                       (b"TRT-8600-MinMaxCalibration\n", "not of this model")):
        cache.write_bytes(text)
        assert said in build(model, "--calibrate", cache, code=2 if "model" in said else 1)
    # What is no cache is not written over.
    precious = folder / "precious.txt"
    precious.write_text("mine\n")
    assert "line 1: found 'mine'" in build(model, "--calibrate", folder / "one", *FRAMES, "--calibration-cache", precious, code=1)
    assert precious.read_text() == "mine\n"
    assert "give samples with --calibrate" in build(model, code=2)
    before = model.read_bytes()
    assert "it is the model" in build(model, "--calibrate", folder / "one", *FRAMES, "--calibration-cache", model, code=1)
    assert model.read_bytes() == before


def main():
    data = os.environ.get("STINT_DATA")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = small_network(folder / "small.onnx")
        hostile_folders(model, folder)
        hostile_caches(model, folder)
        if not data:
            print("skipped: STINT_DATA is not set, so that there are no caches of TensorRT's to compare with")
            return
        compared_with_tensorrt(Path(data), folder)
        compared_with_onnxruntime(Path(data), folder)


if __name__ == "__main__":
    main()
