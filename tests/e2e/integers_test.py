#!/usr/bin/env python3
"""INT8 plans of the demo's detector, end to end: python3 tests/e2e/integers_test.py STINT

Calibrated on scenes that are made here; judged on others, whose boxes are known. Budgets, layers that stay real, reports, and a
model that is quantised itself.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

STINT = sys.argv[1]
ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples/digits/digits.onnx"
LABELS = (ROOT / "examples/digits/labels.txt").read_text().splitlines()
FRAMES = ["--preprocess", "letterbox,rgb,pad=114"]
BOXES = ["--postprocess", "yolox,strides=8:16,classes=10,score=0.05,iou=0.45,agnostic", "--labels", ROOT / "examples/digits/labels.txt"]
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", what)


def stint(*arguments, code=0):
    done = subprocess.run([STINT, *map(str, arguments)], capture_output=True, text=True)
    check(done.returncode == code, f"{arguments[0]}: exit {done.returncode}, wanted {code}: {done.stderr}")
    return done.stdout + done.stderr


def scenes(folder, seed, count):
    """Printed digits on plain pictures: easy, and unlike what the detector was trained on only in kind."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    truth = {"images": [], "annotations": [], "categories": [{"id": k, "name": name} for k, name in enumerate(LABELS)]}
    font = ImageFont.load_default(140)
    for i in range(count):
        picture = Image.new("RGB", (640, 360), tuple(random.integers(0, 90, 3).tolist()))
        draw = ImageDraw.Draw(picture)
        for lane in range(3):
            digit = int(random.integers(10))
            at = (40 + 200 * lane + int(random.integers(40)), 60 + int(random.integers(90)))
            draw.text(at, str(digit), font=font, fill=tuple(random.integers(180, 256, 3).tolist()))
            x1, y1, x2, y2 = draw.textbbox(at, str(digit), font=font)
            truth["annotations"].append({"image_id": i, "category_id": digit, "bbox": [x1, y1, x2 - x1, y2 - y1]})
        picture.save(folder / f"{i:03}.png")
        truth["images"].append({"id": i, "file_name": f"{i:03}.png"})
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def layers(report):
    return json.loads(report.read_text())["targets"][0]["layers"]


def calibrated(folder):
    samples, judged = scenes(folder / "samples", 1, 16), scenes(folder / "judged", 2, 24)
    fp32, int8 = folder / "fp32.plan", folder / "int8.plan"
    stint("build", MODEL, "-q", "-o", fp32, *FRAMES, *BOXES)
    build = ["build", MODEL, "-q", *FRAMES, *BOXES, "--precision", "int8", "--calibrate", samples]
    stint(*build, "-o", int8, "--report", folder / "r.json")
    entries = layers(folder / "r.json")
    check(len(entries) > 20 and all(e["precision"] == "int8" for e in entries), "every layer of the detector is on integers")
    check(all(e["sqnr_db"] is None or e["sqnr_db"] > 5 for e in entries), "and no layer is lost in noise")
    check(int8.stat().st_size < 0.5 * fp32.stat().st_size, "an INT8 plan is less than half as large")
    described = json.loads(stint("inspect", "--json", int8))
    text = json.dumps(described)
    check('"precision": "i8"' in text and "quantized conv" in text, "inspect says what is on integers")

    truth = ["--data", judged, "--truth", judged / "truth.json", "--json"]
    exact, rounded = (json.loads(stint("eval", plan, *truth)) for plan in (fp32, int8))
    check(exact["boxes"] == 72 and exact["mAP50"] > 0.3, f"the FP32 plan finds printed digits: {exact}")
    check(rounded["mAP50"] > exact["mAP50"] - 0.05, f"the INT8 plan finds them, too: {rounded} against {exact}")
    same = json.loads(stint("eval", fp32, "--data", judged, "--against", fp32, "--json"))
    check(same["mAP"] == 1.0, f"a plan agrees with itself: {same}")
    close = json.loads(stint("eval", int8, "--data", judged, "--against", fp32, "--json"))
    check(close["mAP50"] > 0.7, f"INT8 boxes are those of FP32: {close}")

    stint(*build, "-o", folder / "again.plan")
    check((folder / "again.plan").read_bytes() == int8.read_bytes(), "same model, same samples, same bytes")
    name = entries[3]["name"]
    stint(*build, "-o", folder / "kept.plan", "--fp32-layer", name, "--report", folder / "kept.json")
    kept = {e["name"]: e for e in layers(folder / "kept.json")}
    check(kept[name]["precision"] == "float" and "asked" in kept[name]["reason"], "a layer stays real when asked to")
    stint(*build, "-o", folder / "budget.plan", "--accuracy-budget", "0.02", "--report", folder / "budget.json")
    report = json.loads((folder / "budget.json").read_text())["targets"][0]
    check(report["output_error"] <= 0.02, f"the budget holds: {report['output_error']}")
    stint(*build, "-o", folder / "page.plan", "--report", folder / "r.html")
    check("<table>" in (folder / "r.html").read_text(), "the report is a page where its name says so")
    refused = stint(*build, "-o", folder / "no.plan", "--fp32-layer", "nothing", code=2)
    check("no layer of that name" in refused, refused)
    refused = stint(*build, "-o", folder / "no.plan", "--accuracy-budget", "1e-9", code=1)
    check("no layer can be on integers" in refused and not (folder / "no.plan").exists(), refused)


def explicit(folder):
    """Q/DQ around a convolution: integers from input to output, and the numbers that exact arithmetic gives."""
    random = np.random.default_rng(3)
    weights = random.integers(-127, 128, (8, 4, 3, 3)).astype(np.int8)
    scales = random.uniform(0.01, 0.02, 8).astype(np.float32)
    constants = {"xs": np.float32(0.05), "xz": np.uint8(128), "w": weights, "ws": scales, "wz": np.zeros(8, np.int8),
                 "ys": np.float32(0.25), "yz": np.uint8(100)}
    nodes = [helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]), helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
             helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
             helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
             helper.make_node("QuantizeLinear", ["c", "ys", "yz"], ["cq"]), helper.make_node("DequantizeLinear", ["cq", "ys", "yz"], ["y"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 9, 7])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 9, 7])],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "q.onnx")
    x = random.uniform(-6, 6, (1, 4, 9, 7)).astype(np.float32)
    np.save(folder / "x.npy", x)
    stint("build", folder / "q.onnx", "-q", "-o", folder / "q.plan")
    check("quantized conv" in stint("inspect", folder / "q.plan"), "an explicit model's convolution is on integers")
    stint("run", folder / "q.plan", "--input", folder / "x.npy", "--output-dir", folder / "out")
    q = np.clip(np.rint(x.astype(np.float64) / 0.05) + 128, 0, 255) - 128
    padded = np.pad(q, ((0, 0), (0, 0), (1, 1), (1, 1)))
    exact = sum(np.einsum("oc,nchw->nohw", weights[:, :, i, j].astype(np.float64), padded[:, :, i:i + 9, j:j + 7])
                for i in range(3) for j in range(3)) * scales.astype(np.float64)[:, None, None] * 0.05
    place = exact / 0.25 + 100
    wanted = (np.clip(np.rint(place), 0, 255) - 100) * 0.25
    got = np.load(folder / "out/y.npy")
    at_a_tie = np.abs(np.abs(place - np.floor(place)) - 0.5) < 1e-3
    check(np.all((got == wanted.astype(np.float32)) | at_a_tie), f"its integers are exact: off by {np.abs(got - wanted).max()}")


with tempfile.TemporaryDirectory() as name:
    calibrated(Path(name))
with tempfile.TemporaryDirectory() as name:
    explicit(Path(name))
print("integers:", "FAILED" if failures else "ok")
sys.exit(failures > 0)
