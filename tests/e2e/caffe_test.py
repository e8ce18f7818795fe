#!/usr/bin/env python3
"""Caffe nets through the command line: topology and weights, one without the other, the wrong ones, SSD's own decoder.

    STINT_DATA=DIR .venv/bin/python tests/e2e/caffe_test.py build/release/bin/stint

What needs the nets of the data folder is left out without it.
"""
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from reference import compare_detections, nms

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from caffe_model import caffemodel  # noqa: E402

DATA = Path(os.environ["STINT_DATA"]) if os.environ.get("STINT_DATA") else None


def stint(*arguments):
    return subprocess.run([sys.argv[1], *map(str, arguments)], capture_output=True, text=True)


def succeeds(*arguments):
    result = stint(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(parts, *arguments):
    """The command ends with 1 and a message that has all parts."""
    result = stint(*arguments)
    assert result.returncode == 1, result
    for part in parts:
        assert part in result.stderr, (part, result.stderr)


def run(plan, folder, *options, **inputs):
    arguments = ["run", plan, "--device", "cpu", "--output-dir", folder / "out", *options]
    for name, values in inputs.items():
        np.save(folder / f"{name}.npy", values)
        arguments += ["--input", f"{name}={folder / name}.npy"]
    succeeds(*arguments)
    return lambda name: np.load(folder / "out" / f"{name}.npy")


NET = """
name: "small"
input: "data" input_shape { dim: 1 dim: 4 }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
"""


def write_small(folder):
    random = np.random.default_rng(3)
    weights = {"ip": [random.standard_normal((3, 4)).astype(np.float32), random.standard_normal(3).astype(np.float32)]}
    (folder / "net.prototxt").write_text(NET)
    (folder / "net.caffemodel").write_bytes(caffemodel(weights))
    return weights["ip"]


def test_files(folder):
    """Topology and weights make the plan's source; the wrong files are told apart; no input is written over."""
    w, b = write_small(folder)
    net, weights, plan = folder / "net.prototxt", folder / "net.caffemodel", folder / "m.plan"
    out = succeeds("build", net, "--weights", weights, "-o", plan, "-q")
    assert "note:" not in out, out
    x = np.float32([[1, -2, 3, 0.5]])
    np.testing.assert_allclose(run(plan, folder, data=x)("ip"), np.maximum(x @ w.T + b, 0), rtol=1e-5)
    digest = lambda path: hashlib.sha256(path.read_bytes()).digest()
    together = hashlib.sha256(digest(net) + digest(weights)).hexdigest()
    assert json.loads(succeeds("inspect", plan, "--json"))["source_sha256"] == together
    succeeds("verify", net, "--weights", weights, plan)
    refused(["built from another model", "--weights"], "verify", net, plan)
    (folder / "legacy.caffemodel").write_bytes(caffemodel({"ip": [w, b]}, legacy=True))
    refused(["built from another model", "legacy.caffemodel"], "verify", net, "--weights", folder / "legacy.caffemodel", plan)
    succeeds("build", net, "--weights", folder / "legacy.caffemodel", "-o", plan, "-q")
    np.testing.assert_allclose(run(plan, folder, data=x)("ip"), np.maximum(x @ w.T + b, 0), rtol=1e-5)
    refused(["MODEL is a caffemodel", "give the prototxt as MODEL"], "build", weights, "--weights", net, "-o", plan)
    refused(["MODEL is a caffemodel", "deploy.prototxt"], "build", weights, "-o", plan)
    refused(["given as weights is a topology"], "build", net, "--weights", net, "-o", plan)
    (folder / "cut.caffemodel").write_bytes(weights.read_bytes()[:-5])
    refused(["truncated"], "build", net, "--weights", folder / "cut.caffemodel", "-o", plan)
    (folder / "other.caffemodel").write_bytes(caffemodel({"ip": [w[:, :3], b]}))
    refused(["layer 'ip' (InnerProduct): blob 0 of its weights is [3,3], needs [3,4]", "give the weights that were trained"],
            "build", net, "--weights", folder / "other.caffemodel", "-o", plan)
    result = stint("build", net, "--weights", weights, "-o", weights)
    assert result.returncode != 0 and "the file of weights" in result.stderr, result
    digits = Path(__file__).resolve().parents[2] / "examples/digits/digits.onnx"
    refused(["MODEL is read as ONNX", "leave --weights out"], "build", digits, "--weights", weights, "-o", plan)


def test_without_weights(folder):
    """Random weights, the same for every build, and the user is told."""
    write_small(folder)
    for plan in ("a.plan", "b.plan"):
        out = succeeds("build", folder / "net.prototxt", "-o", folder / plan, "-q")
        assert "note: no weights are given: 1 layer(s) got random ones" in out, out
    assert (folder / "a.plan").read_bytes() == (folder / "b.plan").read_bytes()
    succeeds("verify", folder / "net.prototxt", folder / "a.plan")


SSD = """
input: "data" input_shape { dim: 1 dim: 3 dim: 64 dim: 96 }
layer { name: "f" type: "Pooling" bottom: "data" top: "f" pooling_param { pool: AVE kernel_size: 16 stride: 16 } }
layer { name: "loc" type: "Convolution" bottom: "f" top: "loc" convolution_param { num_output: 16 kernel_size: 1 } }
layer { name: "conf" type: "Convolution" bottom: "f" top: "conf" convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "loc_p" type: "Permute" bottom: "loc" top: "loc_p" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "conf_p" type: "Permute" bottom: "conf" top: "conf_p" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "loc_f" type: "Flatten" bottom: "loc_p" top: "loc_f" }
layer { name: "rows" type: "Reshape" bottom: "conf_p" top: "rows" reshape_param { shape { dim: 0 dim: -1 dim: 3 } } }
layer { name: "soft" type: "Softmax" bottom: "rows" top: "soft" softmax_param { axis: 2 } }
layer { name: "conf_f" type: "Flatten" bottom: "soft" top: "conf_f" }
layer { name: "prior" type: "PriorBox" bottom: "f" bottom: "data" top: "prior"
  prior_box_param { min_size: 20 max_size: 32 aspect_ratio: 2 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 } }
layer { name: "detection_out" type: "DetectionOutput" bottom: "loc_f" bottom: "conf_f" bottom: "prior" top: "detection_out"
  detection_output_param { num_classes: 3 code_type: CENTER_SIZE nms_param { nms_threshold: 0.4 top_k: 400 } keep_top_k: 100
                           confidence_threshold: 0.4 } }
"""


def ssd_reference(x, weights):
    """Per image: what SSD's layers do, in double precision."""
    n, c, h, w = x.shape
    f = x.astype(np.float64).reshape(n, c, h // 16, 16, w // 16, 16).mean((3, 5)).transpose(0, 2, 3, 1)
    head = lambda name: f @ weights[name][0][:, :, 0, 0].T.astype(np.float64) + weights[name][1]
    loc, conf = head("loc").reshape(n, -1, 4), head("conf").reshape(n, -1, 3)
    conf = np.exp(conf - conf.max(2, keepdims=True))
    conf /= conf.sum(2, keepdims=True)
    sizes = np.array([(20, 20), (np.sqrt(20 * 32),) * 2, (20 * np.sqrt(2), 20 / np.sqrt(2)), (20 / np.sqrt(2), 20 * np.sqrt(2))])
    y, x0 = np.mgrid[0:h // 16, 0:w // 16]
    centre = (np.stack([x0, y], -1).reshape(-1, 1, 2) + 0.5) * 16 + np.zeros((1, 4, 2))
    centre, size = centre.reshape(-1, 2), np.broadcast_to(sizes, (h // 16 * (w // 16), 4, 2)).reshape(-1, 2)
    for i in range(n):
        c, s = centre + 0.1 * loc[i, :, :2] * size, size * np.exp(0.2 * loc[i, :, 2:])
        boxes = np.concatenate([c - s / 2, c + s / 2], 1)
        # The plan's boxes end at the picture's edge, after suppression.
        yield [(c + 1, score, np.clip(box, 0, [w, h, w, h])) for c, score, box in nms(boxes, conf[i][:, 1:], 0.4, 0.4)]


def test_ssd(folder):
    """A DetectionOutput is the plan's decoder, whatever the batch; --raw-outputs leaves it out."""
    random = np.random.default_rng(5)
    weights = {"loc": [random.standard_normal((16, 3, 1, 1)).astype(np.float32), np.zeros(16, np.float32)],
               "conf": [3 * random.standard_normal((12, 3, 1, 1)).astype(np.float32), np.zeros(12, np.float32)]}
    net, model, plan = folder / "ssd.prototxt", folder / "ssd.caffemodel", folder / "ssd.plan"
    net.write_text(SSD)
    model.write_bytes(caffemodel(weights))
    x = random.standard_normal((2, 3, 4, 6)).repeat(16, 2).repeat(16, 3).astype(np.float32)
    for batch in (1, 2):
        out = succeeds("build", net, "--weights", model, "-o", plan, "-q", "--batch", batch)
        assert "note: the model's own decoder is compiled in: --postprocess ssd,boxes=detection_out/boxes" in out, out
        load = run(plan, folder, "--batch", batch, data=x[:batch])
        rows = load("detections")
        for i, want in enumerate(ssd_reference(x[:batch], weights)):
            got = [(int(r[5]), float(r[4]), r[:4]) for r in rows[i] if r[4] > 0]
            assert len(want) > 3
            misses = compare_detections(got, want, 0.4, margin=1e-3, least_iou=0.999)
            assert not misses, misses
    succeeds("build", net, "--weights", model, "-o", plan, "-q", "--raw-outputs")
    assert run(plan, folder, data=x[:1])("detection_out_boxes").shape == (1, 96, 4)
    succeeds("verify", net, "--weights", model, plan)


def test_shared_nets(folder):
    """RFB-320 equals its ONNX file, LeNet reads digits, topologies run without weights."""
    if DATA is None:
        return
    face = DATA / "face_rfb320"
    photo = Image.open(sorted((face / "imgs").glob("*.jpg"))[0]).convert("RGB").resize((320, 240))
    x = ((np.asarray(photo, np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # no remarks about initialisers listed as inputs
    onnx_net = onnxruntime.InferenceSession(str(face / "version-RFB-320.onnx"), options, providers=["CPUExecutionProvider"])
    want, = onnx_net.run(["scores"], {"input": x})
    for batch in (1, 2):
        succeeds("build", face / "RFB-320.prototxt", "--weights", face / "RFB-320.caffemodel", "-o", folder / "m.plan", "-q", "--batch", batch)
        got = run(folder / "m.plan", folder, "--batch", batch, input=x.repeat(batch, 0))("scores")
        worst = abs(got - want).max() / (want.max() - want.min())
        assert got.shape == (batch, *want.shape[1:]) and worst <= 1e-4, (got.shape, worst)
    print(f"  RFB-320: scores of the Caffe net and of the ONNX file differ by {worst:.1e} of their range")
    count = 1000
    pixels = np.frombuffer(gzip.open(DATA / "mnist/t10k-images-idx3-ubyte.gz").read(16 + count * 784)[16:], np.uint8)
    labels = np.frombuffer(gzip.open(DATA / "mnist/t10k-labels-idx1-ubyte.gz").read(8 + count)[8:], np.uint8)
    succeeds("build", DATA / "mnist/lenet.prototxt", "--weights", DATA / "mnist/lenet_iter_9000.caffemodel", "--batch", count, "-q",
             "-o", folder / "m.plan")
    prob = run(folder / "m.plan", folder, data=pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 256)("prob")
    right = (prob.argmax(1) == labels).mean()
    assert right >= 0.985, right  # of all 10,000: script/compare-opencv
    for topology in sorted(DATA.glob("caffe_topologies/*.prototxt")):
        out = succeeds("build", topology, "-o", folder / "m.plan", "-q")
        assert "got random ones" in out, out
        side = 227 if "squeezenet" in topology.name else 224
        load = run(folder / "m.plan", folder, data=np.random.default_rng(1).random((1, 3, side, side), np.float32))
        prob = load("prob")
        assert prob.shape[:2] == (1, 1000) and abs(prob.sum() - 1) < 1e-3, (prob.shape, prob.sum())


def main():
    for test in (test_files, test_without_weights, test_ssd, test_shared_nets):
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
            print("passed:", test.__doc__)
    if DATA is None:
        print("STINT_DATA is unset: only nets made here were built")


if __name__ == "__main__":
    main()
