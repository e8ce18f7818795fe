#!/usr/bin/env python3
"""The demo's own way on a small scale: digits model -> plan -> gst-launch over the clip -> right digits in the right place.

    python tests/e2e/demo_test.py BUILD_DIR
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import iou

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples/digits"


def main():
    build = Path(sys.argv[1]).resolve()
    truth = json.loads((DIGITS / "clip_truth.json").read_text())["frames"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = folder / "digits.plan"
        subprocess.run([build / "bin/stint", "build", DIGITS / "digits.onnx", "-o", plan, "-q", "--batch", "1,4", "--labels", DIGITS / "labels.txt",
                        "--preprocess", "letterbox,rgb,pad=114", "--postprocess",
                        "yolox,strides=8:16,classes=10,score=0.65,iou=0.45,agnostic"], check=True, stdout=subprocess.DEVNULL)
        # The embedding examples run the same file; without a frame they show the network a grey one.
        for example in ("embed_c", "embed_cpp"):
            said = subprocess.run([build / "bin" / example, plan], check=True, capture_output=True, text=True).stdout
            assert "0 detections" in said, said
        environment = dict(os.environ, GST_PLUGIN_PATH=str(build / "lib/gstreamer-1.0"), GST_REGISTRY=str(folder / "registry.bin"))
        source = ["filesrc", f"location={DIGITS / 'clip.mp4'}", "!", "qtdemux", "!", "h264parse", "!", "avdec_h264", "!"]
        # Four streams in one process share one engine; each must give the same right answers.
        command = ["gst-launch-1.0", "-q"]
        for stream in range(4):
            command += source + ["stintinfer", f"model={plan}", f"stream-id=s{stream}", "!", "stintjson", "!", "queue", "!",
                                 "filesink", f"location={folder}/s{stream}.jsonl"]
        subprocess.run(command, check=True, env=environment, timeout=300)
        for stream in range(4):
            frames = [json.loads(line) for line in (folder / f"s{stream}.jsonl").read_text().splitlines()]
            assert len(frames) == len(truth), f"stream {stream}: {len(frames)} of {len(truth)} frames"
            right = objects = extra = 0
            for frame, there in zip(frames, truth):
                assert frame["stream-id"] == f"s{stream}" and frame["inferred"] is True, frame
                found = [(d["class_id"], [d["box"][k] for k in ("x1", "y1", "x2", "y2")]) for d in frame["detections"]]
                matched = sum(any(c == digit and iou(b, box) >= 0.5 for c, b in found) for digit, *box in there)
                right, objects, extra = right + matched, objects + len(there), extra + len(found) - matched
            print(f"stream {stream}: {right} of {objects} digits found, {extra} detections too many")
            assert right >= 0.95 * objects and extra <= 0.02 * objects


if __name__ == "__main__":
    sys.exit(main())
