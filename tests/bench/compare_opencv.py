#!/usr/bin/env python3
"""Caffe nets beside OpenCV's dnn, which reads them too: the project's numbers against another engine's, on the CPU.

    STINT_DATA=DIR script/compare-opencv [--only NAME]        (makes the environment that this needs)

Every net of the data folder that has weights; its topologies without, and small nets of many kinds of layers, with weights made
here. Limit: 1e-4 of an output's range. Then LeNet on MNIST's 10,000 test digits.
"""
import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from caffe_model import caffemodel  # noqa: E402

LIMIT = 1e-4
random = np.random.default_rng(1)


def noise(*shape, size=1.0):
    return (random.standard_normal(shape) * size).astype(np.float32)


class Case:
    """A net: its files, its inputs {name: array} and the names of its outputs."""

    def __init__(self, name, prototxt, weights, inputs, outputs):
        self.name, self.prototxt, self.weights, self.inputs, self.outputs = name, prototxt, weights, inputs, outputs


def files_of_data(data):
    face = cv2.imread(str(sorted((data / "face_rfb320/imgs").glob("*.jpg"))[0]))
    rgb = cv2.cvtColor(cv2.resize(face, (320, 240)), cv2.COLOR_BGR2RGB).astype(np.float32)
    yield Case("RFB-320", data / "face_rfb320/RFB-320.prototxt", data / "face_rfb320/RFB-320.caffemodel",
               {"input": ((rgb - 127) / 128).transpose(2, 0, 1)[None].copy()}, ["scores", "boxes"])
    digits, _ = mnist(data)
    yield Case("LeNet", data / "mnist/lenet.prototxt", data / "mnist/lenet_iter_9000.caffemodel", {"data": digits[:1]}, ["prob"])
    grey = cv2.cvtColor(cv2.resize(face, (224, 224)), cv2.COLOR_BGR2GRAY).astype(np.float32)
    yield Case("QR super-resolution", data / "qr_superres_caffe/sr.prototxt", data / "qr_superres_caffe/sr.caffemodel",
               {"data": grey[None, None] / 255}, ["fc"])


def mnist(data):
    pixels = np.frombuffer(gzip.open(data / "mnist/t10k-images-idx3-ubyte.gz").read()[16:], np.uint8)
    labels = np.frombuffer(gzip.open(data / "mnist/t10k-labels-idx1-ubyte.gz").read()[8:], np.uint8)
    return pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 256, labels


def layers_of(text):
    """(type, name, bottoms, tops, text) of every layer of a topology without nested quotes or comments in blocks."""
    text = re.sub(r"#.*", "", text)
    at = 0
    while (found := re.compile(r"\blayers?\s*\{").search(text, at)) is not None:
        depth, at = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        block = text[found.end():at]
        quoted = lambda key: re.findall(rf'\b{key}:\s*"([^"]+)"', block)
        kind = re.search(r'^\s*type:\s*"([^"]+)"', block, re.M)
        yield kind.group(1), quoted("name")[0], quoted("bottom"), quoted("top"), block


def made_weights(text, input_channels):
    """Random weights for a classifier: channels are followed, and fully connected layers see one pixel."""
    channels, weights = {"data": input_channels}, {}
    for kind, name, bottoms, tops, block in layers_of(text):
        number = lambda key, fallback=None: int((re.findall(rf"\b{key}:\s*(\d+)", block) or [fallback])[0])
        before = [channels[b] for b in bottoms]
        after = sum(before) if kind == "Concat" else (before or [input_channels])[0]
        if kind in ("Convolution", "InnerProduct"):
            after = number("num_output")
            k = number("kernel_size") if kind == "Convolution" else 1
            reads = before[0] // number("group", 1)
            shape = (after, reads, k, k) if kind == "Convolution" else (after, reads)
            weights[name] = [noise(*shape, size=(2 / (reads * k * k)) ** 0.5)]
            if "bias_term: false" not in block:
                weights[name].append(noise(after, size=0.1))
        elif kind == "BatchNorm":
            weights[name] = [noise(after, size=0.2), 2 * random.random(after).astype(np.float32) + 1, np.float32([2])]
        elif kind == "Scale":
            weights[name] = [random.random(after).astype(np.float32) + 0.5, noise(after, size=0.1)]
        for top in tops:
            channels[top] = after
    return weights


def topologies(data, folder):
    for name, size, output in (("squeezenet_v1.1", 227, "prob"), ("mobilenet_v1", 224, "prob"), ("bvlc_googlenet", 224, "prob")):
        path = data / f"caffe_topologies/{name}.deploy.prototxt"
        weights = folder / f"{name}.caffemodel"
        weights.write_bytes(caffemodel(made_weights(path.read_text(), 3)))
        yield Case(name, path, weights, {"data": noise(1, 3, size, size)}, [output])


def layer_case(folder, name, shape, layers, weights=None, outputs=("y",)):
    text = f'input: "x" input_shape {{ {" ".join(f"dim: {d}" for d in shape)} }}\n{layers}\n'
    stem = re.sub(r"\W", "_", name)
    prototxt, model = folder / f"{stem}.prototxt", folder / f"{stem}.caffemodel"
    prototxt.write_text(text)
    model.write_bytes(caffemodel(weights or {"none": [np.float32([0])]}))
    return Case(name, prototxt, model, {"x": noise(*shape)}, list(outputs))


def layer(kind, parameters="", bottom="x", top="y", name="l"):
    bottoms = " ".join(f'bottom: "{b}"' for b in bottom.split())
    tops = " ".join(f'top: "{t}"' for t in top.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} {tops} {parameters} }}\n'


def layer_cases(folder):
    make = lambda *a, **k: layer_case(folder, *a, **k)
    yield make("convolution", (1, 8, 13, 11), layer("Convolution", "convolution_param { num_output: 12 kernel_h: 3 kernel_w: 5 stride_h: 2 "
               "stride_w: 1 pad_h: 1 pad_w: 2 group: 4 }"), {"l": [noise(12, 2, 3, 5), noise(12)]})
    yield make("dilated convolution", (1, 3, 13, 11), layer("Convolution", "convolution_param { num_output: 5 kernel_size: 3 pad: 2 dilation: 2 }"),
               {"l": [noise(5, 3, 3, 3), noise(5)]})
    yield make("deconvolution", (1, 6, 5, 7), layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }"),
               {"l": [noise(6, 4, 4, 4), noise(4)]})
    yield make("grouped deconvolution", (1, 4, 5, 7), layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 "
               "group: 4 bias_term: false }"), {"l": [noise(4, 1, 4, 4)]})
    for pool in ("MAX", "AVE"):
        for size, stride, pad in ((3, 2, 0), (3, 2, 1), (2, 2, 0), (5, 3, 2)):
            yield make(f"{pool} {size} {stride} {pad}", (1, 3, 14, 11), layer("Pooling", f"pooling_param {{ pool: {pool} kernel_size: {size} stride: {stride} pad: {pad} }}"))
        yield make(f"{pool} global", (1, 3, 9, 7), layer("Pooling", f"pooling_param {{ pool: {pool} global_pooling: true }}"))
    yield make("inner product", (1, 3, 4, 5), layer("InnerProduct", "inner_product_param { num_output: 7 }"), {"l": [noise(7, 60), noise(7)]})
    yield make("batch norm and scale", (1, 5, 4, 3), layer("BatchNorm", top="b") + layer("Scale", "scale_param { bias_term: true }", "b", name="s"),
               {"l": [noise(5), random.random(5) + 1, np.float32([3])], "s": [noise(5), noise(5)]})
    yield make("LRN across", (1, 9, 4, 3), layer("LRN", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.6 }"))
    yield make("LRN within", (1, 3, 8, 7), layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 norm_region: WITHIN_CHANNEL }"))
    yield make("MVN", (1, 3, 8, 7), layer("MVN", "mvn_param { eps: 1e-9 }"))
    yield make("MVN across", (1, 3, 8, 7), layer("MVN", "mvn_param { across_channels: true eps: 1e-9 }"))
    yield make("normalize", (1, 4, 3, 5), layer("Normalize", "norm_param { across_spatial: false channel_shared: false }"), {"l": [noise(4)]})
    yield make("PReLU", (1, 4, 3, 5), layer("PReLU"), {"l": [noise(4)]})
    for kind, parameters in (("ReLU", "relu_param { negative_slope: 0.1 }"), ("ELU", ""), ("Sigmoid", ""), ("TanH", ""), ("AbsVal", ""), ("BNLL", ""),
                             ("Power", "power_param { power: 2 scale: 0.5 shift: 1 }"), ("Exp", "exp_param { base: 2 scale: 0.5 shift: 1 }"),
                             ("ReLU6", ""), ("Softmax", ""), ("Flatten", "flatten_param { axis: 1 }")):
        yield make(kind, (1, 4, 3, 5), layer(kind, parameters))
    for parameters in ("operation: SUM coeff: 0.5 coeff: -1", "operation: PROD", "operation: MAX"):
        yield make("eltwise " + parameters[11:15], (1, 4, 3, 5), layer("TanH", top="t", name="t") + layer("Eltwise", f"eltwise_param {{ {parameters} }}", "x t"))
    yield make("slice and concat", (1, 6, 3, 5), layer("Slice", "slice_param { slice_point: 1 slice_point: 4 }", top="a b c") +
               layer("Concat", bottom="c a b", name="c"))
    yield make("crop", (1, 2, 8, 9), layer("Pooling", "pooling_param { kernel_size: 4 stride: 2 }", top="p", name="p") +
               layer("Crop", "crop_param { axis: 2 offset: 2 offset: 3 }", "x p"))
    yield make("permute and reshape", (1, 4, 3, 5), layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", top="p") +
               layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }", "p", name="r"))
    yield make("reorg", (1, 8, 6, 4), layer("Reorg", "reorg_param { stride: 2 }"))
    yield make("shuffle", (1, 6, 3, 5), layer("ShuffleChannel", "shuffle_channel_param { group: 3 }"))
    yield make("interp", (1, 3, 4, 5), layer("Interp", "interp_param { height: 9 width: 11 }"))
    boxes = layer("Pooling", "pooling_param { pool: AVE kernel_size: 8 stride: 8 }", top="f", name="f")
    yield make("prior boxes", (1, 3, 40, 24), boxes + layer("PriorBox", "prior_box_param { min_size: 10 max_size: 20 aspect_ratio: 2 aspect_ratio: 3 "
               "flip: true clip: true variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 }", "f x"))


def stint(*arguments):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip())


def run_stint(program, case, folder):
    plan = folder / "m.plan"
    stint(program, "build", case.prototxt, "--weights", case.weights, "-q", "-o", plan)
    run = [program, "run", plan, "--device", "cpu", "--output-dir", folder / "out"]
    for name, values in case.inputs.items():
        np.save(folder / f"{name}.npy", values)
        run += ["--input", f"{name}={folder / name}.npy"]
    stint(*run)
    return [np.load(folder / "out" / (re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".npy")) for name in case.outputs]


def run_opencv(case):
    net = cv2.dnn.readNetFromCaffe(str(case.prototxt), str(case.weights))
    for name, values in case.inputs.items():
        net.setInput(values, name)
    names = net.getUnconnectedOutLayersNames()
    # OpenCV names results after layers, and some of our nets name the blob otherwise.
    return [net.forward(name if name in net.getLayerNames() else names[i]) for i, name in enumerate(case.outputs)]


def compare(program, case):
    with tempfile.TemporaryDirectory() as folder:
        got = run_stint(program, case, Path(folder))
    worst = 0.0
    for name, g, w in zip(case.outputs, got, run_opencv(case)):
        if g.size != w.size:
            raise RuntimeError(f"{name} is {g.shape}, OpenCV gives {w.shape}")
        span = max(float(w.max() - w.min()), 1e-30)
        worst = max(worst, float(np.abs(g.ravel() - w.ravel()).max()) / span)
    return worst


def digits_right(program, data, count=10000, batch=100):
    digits, labels = mnist(data)
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        stint(program, "build", data / "mnist/lenet.prototxt", "--weights", data / "mnist/lenet_iter_9000.caffemodel", "--batch", batch, "-q",
              "-o", folder / "m.plan")
        for first in range(0, count, batch):
            np.save(folder / "data.npy", digits[first:first + batch])
            stint(program, "run", folder / "m.plan", "--input", f"data={folder / 'data.npy'}", "--output-dir", folder / "out")
            right += int((np.load(folder / "out/prob.npy").argmax(1) == labels[first:first + batch]).sum())
    return right / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stint")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = Path(os.environ["STINT_DATA"]) if os.environ.get("STINT_DATA") else None
        if data is None:
            print("STINT_DATA is unset: only the nets made here are compared")
        cases = list(layer_cases(folder))
        if data:
            cases = list(files_of_data(data)) + list(topologies(data, folder)) + cases
        for case in cases:
            if arguments.only and arguments.only not in case.name:
                continue
            try:
                worst = compare(arguments.stint, case)
                verdict = "ok" if worst <= LIMIT else "WRONG"
                print(f"{case.name:24s} {worst:9.2e} of range  {verdict}", flush=True)
            except (RuntimeError, cv2.error) as error:
                verdict = "FAILED"
                print(f"{case.name:24s} FAILED: {error}", flush=True)
            failed += verdict != "ok"
        if data and (not arguments.only or "MNIST" in arguments.only):
            share = digits_right(arguments.stint, data)
            print(f"LeNet on MNIST: {100 * share:.2f} % of 10,000 digits", flush=True)
            failed += not 0.991 <= share <= 0.992
    sys.exit(f"{failed} comparisons failed" if failed else 0)


if __name__ == "__main__":
    main()
