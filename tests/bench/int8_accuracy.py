#!/usr/bin/env python3
"""Accuracy that INT8 plans lose, on data that their calibration did not see. CPU target.

    STINT_DATA=DIR .venv/bin/python tests/bench/int8_accuracy.py build/release/bin/stint [--json FILE] [--only NAME,...]

  mnist      digits of cntk_mnist.onnx: calibrated on 512, judged on the other 9,488; top-1
  scenes     the demo's detector: calibrated on 64 scenes, judged on 400 others; mAP against the true boxes
  rfb, yolox boxes of the FP32 plan found again at an overlap of 0.9, on photos that calibration did not see
  ocr        PP-OCRv4 of the PyPI package rapidocr-onnxruntime (fetched into out/, never committed): lines read without a
             mistake among 512 that are rendered here; detection boxes on pages at an overlap of 0.9
Pictures are made or copied into a temporary folder; nothing is downloaded but the package.
"""
import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples/digits"))
import make_clip  # noqa: E402


class Bench:
    def __init__(self, stint, data, folder, calibrator):
        self.stint, self.data, self.folder, self.calibrator = stint, data, folder, calibrator

    def run(self, *arguments):
        done = subprocess.run([self.stint, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"stint {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def build(self, model, name, calibrate, *options):
        """The FP32 and the INT8 plan of a model."""
        plans = [self.folder / f"{name}_{kind}.plan" for kind in ("fp32", "int8")]
        self.run("build", model, "-q", "-o", plans[0], *options)
        self.run("build", model, "-q", "-o", plans[1], "--precision", "int8", "--calibrate", calibrate,
                 "--calibrator", self.calibrator, *options)
        return plans

    def eval(self, plan, *options):
        return json.loads(self.run("eval", plan, "--json", *options))


def mnist(bench):
    with gzip.open(bench.data / "mnist/t10k-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8)[16:].reshape(-1, 28, 28)
    with gzip.open(bench.data / "mnist/t10k-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8)[8:]
    calibration, judged = bench.folder / "mnist_calibration", bench.folder / "mnist"
    calibration.mkdir()
    for i, (image, label) in enumerate(zip(images, labels)):
        folder = calibration if i < 512 else judged / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i:05}.png")
    plans = bench.build(bench.data / "mnist/cntk_mnist.onnx", "mnist", calibration, "--preprocess", "stretch,gray",
                        "--postprocess", "topk")
    fp32, int8 = (bench.eval(p, "--data", judged)["top-1"] for p in plans)
    return {"measure": "top-1 of 9,488", "fp32": fp32, "int8": int8, "wanted": "within 0.001", "ok": fp32 - int8 <= 0.001}


def make_scenes(images, labels, seed, count, folder):
    """Frames of moving digits, each a scene of its own, with their boxes in COCO's form."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    names = (ROOT / "examples/digits/labels.txt").read_text().splitlines()
    truth = {"images": [], "annotations": [], "categories": [{"id": k, "name": name} for k, name in enumerate(names)]}
    for i in range(count):
        frame = make_clip.background(random)
        lanes = int(random.integers(2, 6))
        for lane in range(lanes):
            k = int(random.integers(len(labels)))
            digit = make_clip.Digit(random, images[k], labels[k], lane, lanes)
            x1, y1, x2, y2 = digit.draw(frame, int(random.integers(100)))
            truth["annotations"].append({"image_id": i, "category_id": digit.label, "bbox": [x1, y1, x2 - x1, y2 - y1]})
        frame += random.normal(0, 0.008, frame.shape)
        Image.fromarray((frame.clip(0, 1) * 255).round().astype(np.uint8)).save(folder / f"{i:04}.png")
        truth["images"].append({"id": i, "file_name": f"{i:04}.png"})
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def scenes(bench):
    images, labels = make_clip.load_mnist(bench.data / "mnist")
    calibration = make_scenes(images[:1000], labels[:1000], 1, 64, bench.folder / "scenes_calibration")
    judged = make_scenes(images[1000:], labels[1000:], 2, 400, bench.folder / "scenes")
    plans = bench.build(ROOT / "examples/digits/digits.onnx", "digits", calibration, "--labels",
                        ROOT / "examples/digits/labels.txt", "--preprocess", "letterbox,rgb,pad=114", "--postprocess",
                        "yolox,strides=8:16,classes=10,score=0.05,iou=0.45,agnostic")
    fp32, int8 = (bench.eval(p, "--data", judged, "--truth", judged / "truth.json") for p in plans)
    return {"measure": "mAP@[.5:.95] of 400 scenes", "fp32": fp32["mAP"], "int8": int8["mAP"], "fp32 mAP50": fp32["mAP50"],
            "int8 mAP50": int8["mAP50"], "wanted": "within 0.005", "ok": fp32["mAP"] - int8["mAP"] <= 0.005}


def detections(bench, plan, picture):
    rows = []
    for line in bench.run("run", plan, "--input", picture).splitlines():
        words = line.split()
        if "box" in words:
            at = words.index("box")
            rows.append((int(words[words.index("class") + 1]), float(words[words.index("score") + 1]),
                         *map(float, words[at + 1:at + 5])))
    return rows


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def same_boxes(bench, plans, pictures, sure=0.5):
    """Of the FP32 boxes that are sure, how many the INT8 plan has with the same class, and at what overlap."""
    overlaps = []
    for picture in pictures:
        fp32, int8 = (detections(bench, plan, picture) for plan in plans)
        for box in (b for b in fp32 if b[1] >= sure):
            overlaps.append(max((overlap(box[2:], other[2:]) for other in int8 if other[0] == box[0]), default=0.0))
    return {"measure": f"sure boxes on {len(pictures)} pictures", "boxes": len(overlaps), "lowest overlap": min(overlaps),
            "found at 0.9": sum(o >= 0.9 for o in overlaps), "wanted": "all at 0.9", "ok": min(overlaps) >= 0.9}


def rfb(bench):
    plans = bench.build(bench.data / "face_rfb320/version-RFB-320_simplified.onnx", "rfb",
                        bench.data / "int8_calibration/rfb320", "--preprocess", "rfb", "--postprocess",
                        "ssd,boxes=boxes,scores=scores,prior-sizes=10:16:24/32:48/64:96/128:192:256,strides=8:16:32:64,score=0.3")
    return same_boxes(bench, plans, sorted((bench.data / "face_rfb320/imgs").glob("*.jpg")), 0.6)


def yolox(bench):
    plans = bench.build(bench.data / "yolox_nano/yolox_nano.onnx", "yolox", bench.data / "int8_calibration/yolox_nano",
                        "--preprocess", "yolox", "--postprocess", "yolox,classes=80,score=0.3")
    return same_boxes(bench, plans, sorted((bench.data / "images").glob("*.jpg")), 0.6)


WORDS = ("the quick brown fox jumps over lazy dog camera robot drone frame network plan engine batch stream pixel kernel "
         "weight layer scale zero point range tensor graph build error input output value number").split()


def rapidocr(folder):
    """The models of the package, unpacked from its wheel."""
    if not list(folder.glob("**/*.onnx")):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder,
                        "rapidocr-onnxruntime==1.4.4"], check=True)
        zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(folder)
    return {part: next(folder.glob(f"**/*{part}*.onnx")) for part in ("det", "rec")}


def render_line(random, fonts):
    text = " ".join(random.choice(WORDS) for _ in range(int(random.integers(1, 4))))
    if random.random() < 0.5:
        text = text.title() + str(int(random.integers(1000)))
    font = ImageFont.truetype(str(random.choice(fonts)), int(random.integers(26, 34)))
    box = font.getbbox(text)
    light = int(random.integers(160, 256))
    image = Image.new("RGB", (box[2] + 16, 48), (light, light, int(random.integers(140, 256))))
    ImageDraw.Draw(image).text((8, (48 - box[3] - box[1]) // 2), text, font=font, fill=tuple(random.integers(0, 90, 3).tolist()))
    return text, image


def line_tensor(image, width=320):
    """As PP-OCR: height 48, BGR, (x / 255 - 0.5) / 0.5, padded with zeros to the right."""
    image = image.resize((min(width, round(image.width * 48 / image.height)), 48), Image.BILINEAR)
    x = np.zeros((3, 48, width), np.float32)
    x[:, :, :image.width] = np.asarray(image, np.float32)[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    return x


def read_lines(bench, plan, lines, characters, batch):
    """Greedy CTC over the recogniser's scores."""
    texts = []
    for first in range(0, len(lines), batch):
        part = np.stack(lines[first:first + batch])
        np.save(bench.folder / "lines.npy", part)
        bench.run("run", plan, "--batch", batch, "--input", bench.folder / "lines.npy", "--output-dir", bench.folder / "read")
        for row in np.load(next((bench.folder / "read").glob("*.npy"))).argmax(-1):
            texts.append("".join(characters[k] for i, k in enumerate(row) if k and (i == 0 or k != row[i - 1])))
        shutil.rmtree(bench.folder / "read")
    return texts


def ocr(bench):
    import onnx
    models = rapidocr(ROOT / "out/rapidocr")
    model = onnx.load(str(models["rec"]))
    listed = next(m.value for m in model.metadata_props if m.key == "character").splitlines()
    characters = ["", *listed, " "]
    fonts = sorted(Path("/usr/share/fonts").glob("**/DejaVuSans*.ttf"))
    random = np.random.default_rng(7)
    name, batch = model.graph.input[0].name, 8
    calibration = [line_tensor(render_line(random, fonts)[1]) for _ in range(64)]
    np.save(bench.folder / "ocr_calibration.npy", np.stack(calibration))
    rendered = [render_line(random, fonts) for _ in range(512)]
    lines = [line_tensor(image) for _, image in rendered]
    plans = bench.build(models["rec"], "ocr_rec", bench.folder / "ocr_calibration.npy", "--shape", f"{name}=1x3x48x320",
                        "--batch", batch)
    right = []
    for plan in plans:
        texts = read_lines(bench, plan, lines, characters, batch)
        right.append(sum(read == text for read, (text, _) in zip(texts, rendered)) / len(rendered))
    return {"measure": "lines of 512 read exactly", "fp32": right[0], "int8": right[1], "wanted": "within 0.005",
            "ok": right[0] - right[1] <= 0.005}


CASES = {"mnist": mnist, "scenes": scenes, "rfb": rfb, "yolox": yolox, "ocr": ocr}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stint")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--calibrator", default="auto")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not os.environ.get("STINT_DATA"):
        sys.exit("set STINT_DATA to the folder with the models")
    results = {}
    for name in arguments.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(arguments.stint, Path(os.environ["STINT_DATA"]), Path(folder), arguments.calibrator)
            results[name] = CASES[name](bench)
        print(name, json.dumps(results[name]), flush=True)
    if arguments.json:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
        arguments.json.write_text(json.dumps({"commit": commit, "calibrator": arguments.calibrator, "results": results}, indent=1) + "\n")
    sys.exit(0 if all(r["ok"] for r in results.values()) else 1)


if __name__ == "__main__":
    main()
