#!/usr/bin/env python3
"""Detections on photos and on the traffic clip: the right objects, and equal to a reference decoder over onnxruntime.

    STINT_DATA=DIR .venv/bin/python tests/e2e/detections_test.py BUILD_DIR [--target sm_90 [--as orin] --precision fp16]

On a GPU only the photos: the clip needs GStreamer.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from reference import bilinear_resize, compare_detections, letterbox, nms, yolox_boxes

onnxruntime.set_default_logger_severity(3)

EXPECTED = {"airplane": "airplane", "bird": "bird", "black_bear": "bear", "brown_bear": "bear", "polar_bear": "bear", "cat": "cat",
            "dog": "dog", "horse": "horse", "humans": "person", "peds": "person"}
NOT_COCO_80 = {"unlabeled", "street sign", "hat", "shoe", "eye glasses", "plate", "mirror", "window", "desk", "door", "blender", "hair brush"}
THRESHOLD, IOU = 0.3, 0.45


def run(command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options).stdout


class Stint:
    """The command line, for one target."""
    def __init__(self, arguments, folder):
        self.program, self.folder = Path(arguments.build).resolve() / "bin/stint", folder
        self.build_flags, self.run_flags = [], []
        if arguments.target != "cpu":
            self.build_flags = ["--target", arguments.target, "--precision", arguments.precision]
            self.build_flags += ["--as", arguments.dressed_as] if arguments.dressed_as else []
            self.run_flags = ["--device", "cuda"]

    def build(self, model, plan, *flags):
        run([self.program, "build", model, "-o", plan, "-q", *flags, *self.build_flags])

    def detections(self, plan, source):
        """Of slot 0: (class, score, box)."""
        run([self.program, "run", plan, "--input", source, "--output-dir", self.folder / "out", *self.run_flags])
        return [(int(d[5]), float(d[4]), d[:4]) for d in np.load(self.folder / "out/detections.npy")[0]]


class Yolox:
    def __init__(self, stint, data, folder):
        self.stint, self.folder = stint, folder
        lines = (data / "images/ssd_coco_labels.txt").read_text().split("\n")
        self.labels = [l.strip() for l in lines if l.strip() and l.strip() not in NOT_COCO_80]
        assert len(self.labels) == 80, len(self.labels)
        (folder / "coco.txt").write_text("\n".join(self.labels) + "\n")
        self.plan = folder / "yolox.plan"
        stint.build(data / "yolox_nano/yolox_nano.onnx", self.plan, "--labels", folder / "coco.txt",
                    "--preprocess", "letterbox-topleft,bgr,pad=114", "--postprocess",
                    f"yolox,strides=8:16:32,classes=80,score={THRESHOLD},iou={IOU},multi-label")
        self.session = onnxruntime.InferenceSession(str(data / "yolox_nano/yolox_nano.onnx"))

    def reference(self, rgb):
        picture, (sx, sy, left, top) = letterbox(rgb, 416, 416, 114, centre=False)
        output = self.session.run(None, {"images": picture[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        boxes, scores = yolox_boxes(output, 416, (8, 16, 32))
        boxes = (boxes - [left, top, left, top]) / [sx, sy, sx, sy]
        boxes = np.clip(boxes, 0, [rgb.shape[1], rgb.shape[0]] * 2)
        return nms(boxes, scores, THRESHOLD, IOU)


def photos(yolox, data):
    failures = 0
    for path in sorted((data / "images").glob("*.jpg")):
        got = yolox.stint.detections(yolox.plan, f"images={path}")
        rgb = np.asarray(Image.open(path).convert("RGB"))
        misses = compare_detections(got, yolox.reference(rgb), THRESHOLD)
        found = [yolox.labels[c] for c, _, _ in got]
        expected = EXPECTED.get(path.stem.rsplit("_", 1)[0], EXPECTED.get(path.stem))
        if expected and expected not in found:
            misses.append(f"no {expected} among {found}")
        print(f"{path.name:20s} {'ok' if not misses else 'WRONG'}  {', '.join(found[:8])}")
        for miss in misses:
            print("   ", miss)
        failures += bool(misses)
    return failures


def faces(stint, data, folder):
    """Face model: decoded boxes and scores from the network, NMS and mapping from the plan."""
    model = data / "face_rfb320/version-RFB-320.onnx"
    stint.build(model, folder / "face.plan", "--preprocess", "stretch,rgb,mean=127,scale=0.0078125",
                "--postprocess", "boxes-scores,boxes=boxes,scores=scores,first-class=1,normalized,score=0.7,iou=0.3")
    session = onnxruntime.InferenceSession(str(model))
    failures = 0
    for path in sorted((data / "face_rfb320/imgs").glob("*.jpg")):
        got = stint.detections(folder / "face.plan", f"input={path}")
        rgb = np.asarray(Image.open(path).convert("RGB")).astype(np.float64)
        picture = (bilinear_resize(rgb, 320, 240) - 127) / 128
        scores, boxes = session.run(None, {"input": picture.transpose(2, 0, 1)[None].astype(np.float32)})
        scale = [rgb.shape[1], rgb.shape[0]] * 2
        boxes = np.clip(boxes[0].astype(np.float64) * scale, 0, scale)
        class_of_face = got[0][0] if got else 1
        want = [(class_of_face, s, b) for _, s, b in nms(boxes, scores[0][:, 1:], 0.7, 0.3)]
        misses = compare_detections(got, want, 0.7)
        print(f"{path.name:20s} {'ok' if not misses and got else 'WRONG'}  {len(got)} faces")
        for miss in misses:
            print("   ", miss)
        failures += bool(misses) or not got
    return failures


def classes(stint, data, folder):
    """ImageNet classifier with FP16 weights."""
    model = data / "squeezenet_fp16/SqueezeNet_fp16.onnx"
    names = (data / "images/ilsvrc12_synset_words.txt").read_text().splitlines()
    labels = [name.split(" ", 1)[1].split(",")[0] for name in names if name.strip()]
    (folder / "imagenet.txt").write_text("\n".join(labels) + "\n")
    stint.build(model, folder / "class.plan", "--labels", folder / "imagenet.txt",
                "--preprocess", "crop,bgr,mean=103.94:116.78:123.68", "--postprocess", "topk,k=5")
    failures = 0
    for name, words in {"cat.jpg": ("cat", "tabby", "lynx", "Egyptian"), "hummingbird.jpg": ("hummingbird",), "kitten_224.png": ("cat", "tabby", "Egyptian")}.items():
        best = [labels[c] for c, _, _ in stint.detections(folder / "class.plan", data / "squeezenet_fp16" / name)]
        right = any(word in label for label in best for word in words)
        print(f"{name:20s} {'ok' if right else 'WRONG'}  {', '.join(best)}")
        failures += not right
    return failures


def clip(yolox, data, build, folder):
    """Every tenth frame of the traffic clip through gst-launch equals the reference on the same decoded pixels."""
    environment = dict(os.environ, GST_PLUGIN_PATH=str(build / "lib/gstreamer-1.0"), GST_REGISTRY=str(folder / "registry.bin"))
    frames = folder / "frames.rgb"
    # The pipeline's frames are RGB so that both sides start from the same pixels; colour conversion has tests of its own.
    run(["gst-launch-1.0", "-q", "filesrc", f"location={data / 'video/car-detection.mp4'}", "!", "qtdemux", "!", "h264parse", "!",
         "avdec_h264", "!", "videoconvert", "!", "video/x-raw,format=RGB", "!", "identity", "eos-after=201", "!",
         "stintinfer", f"model={yolox.plan}", "!", "tee", "name=t",
         "t.", "!", "queue", "!", "stintjson", "!", "filesink", f"location={folder / 'clip.jsonl'}",
         "t.", "!", "queue", "!", "filesink", f"location={frames}"], env=environment)
    results = [json.loads(line) for line in (folder / "clip.jsonl").read_text().splitlines()]
    width, height = results[0]["width"], results[0]["height"]
    stride = (width * 3 + 3) // 4 * 4
    raw = np.memmap(frames, np.uint8, "r").reshape(len(results), height, stride)
    failures = objects = 0
    for index in range(0, len(results), 10):
        rgb = np.asarray(raw[index, :, :width * 3]).reshape(height, width, 3)
        got = [(d["class_id"], d["score"], [d["box"][k] for k in ("x1", "y1", "x2", "y2")]) for d in results[index]["detections"]]
        misses = compare_detections(got, yolox.reference(rgb), THRESHOLD)
        objects += len(got)
        for miss in misses:
            print(f"    frame {index}: {miss}")
        failures += bool(misses)
    print(f"car-detection.mp4: {len(results)} frames, every tenth compared, {objects} detections, {failures} frames differ")
    return failures + (objects == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--as", dest="dressed_as")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16"])
    arguments = parser.parse_args()
    if not os.environ.get("STINT_DATA"):
        print("skipped: STINT_DATA is unset")
        return
    data = Path(os.environ["STINT_DATA"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stint = Stint(arguments, folder)
        yolox = Yolox(stint, data, folder)
        failures = photos(yolox, data) + faces(stint, data, folder) + classes(stint, data, folder)
        if arguments.target == "cpu":
            failures += clip(yolox, data, Path(arguments.build).resolve(), folder)
    sys.exit(f"{failures} pictures differ" if failures else 0)


if __name__ == "__main__":
    main()
