#!/usr/bin/env python3
"""Makes the demo clip: unseen digits drifting over a procedural background, H.264, with the true boxes beside it.

    python3 examples/digits/make_clip.py --mnist DIR --output examples/digits

Writes clip.mp4 and clip_truth.json (per frame: class, x1, y1, x2, y2 in pixels). Needs numpy and
gst-launch-1.0 with x264enc. The same seed gives the same pictures.
"""
import argparse
import gzip
import json
import subprocess
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, FPS, FRAMES = 640, 360, 30, 120
FIRST_UNSEEN = 8000  # the detector was trained on the digits before this one


def load_mnist(folder):
    with gzip.open(f"{folder}/t10k-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8)[16:].reshape(-1, 28, 28)
    with gzip.open(f"{folder}/t10k-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8)[8:]
    return images[FIRST_UNSEEN:].astype(np.float32) / 255, labels[FIRST_UNSEEN:]


def bilinear(picture, x, y):
    """Samples picture [h, w] at float coordinates; 0 outside."""
    h, w = picture.shape
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0

    def at(yy, xx):
        inside = (yy >= 0) & (yy < h) & (xx >= 0) & (xx < w)
        return np.where(inside, picture[yy.clip(0, h - 1), xx.clip(0, w - 1)], 0)

    return ((at(y0, x0) * (1 - fx) + at(y0, x0 + 1) * fx) * (1 - fy) +
            (at(y0 + 1, x0) * (1 - fx) + at(y0 + 1, x0 + 1) * fx) * fy)


def background(random):
    """A smooth colour field with faint stripes and a few flat rectangles."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    field = np.stack([bilinear(random.random((6, 9), np.float32) * 0.7 + 0.15, x / WIDTH * 7.5, y / HEIGHT * 4.5)
                      for _ in range(3)], -1)
    field += (np.sin((x * 0.8 + y * 0.6) / 9) * 0.04)[..., None]
    for _ in range(6):
        left, top = random.integers(0, WIDTH - 60), random.integers(0, HEIGHT - 40)
        w, h = random.integers(8, 110), random.integers(8, 70)
        field[top:top + h, left:left + w] = random.random(3) * 0.8 + 0.1
    return field.clip(0, 1)


class Digit:
    """One digit on a straight path, bouncing off the frame's edges, swaying a little."""

    def __init__(self, random, image, label, lane, lanes):
        self.image, self.label = image, int(label)
        self.size = random.uniform(80, 170)
        lane_width = WIDTH / lanes
        # Each digit keeps to a lane of its own, so that none covers another.
        self.size = min(self.size, lane_width * 1.1)
        self.left, self.right = lane * lane_width, (lane + 1) * lane_width
        self.x = (self.left + self.right) / 2
        self.y = random.uniform(self.size / 2, HEIGHT - self.size / 2)
        self.dy = random.choice([-1, 1]) * random.uniform(1.0, 2.6)
        self.phase, self.sway = random.uniform(0, 6.28), random.uniform(0.1, 0.25)
        bright = random.random() < 0.5
        self.colour = (random.random(3) * 0.25 + (0.75 if bright else 0.0)).astype(np.float32)

    def draw(self, frame, t):
        """Blends the digit into frame; returns its tight box."""
        self.y += self.dy
        if self.y < self.size * 0.45 or self.y > HEIGHT - self.size * 0.45:
            self.dy = -self.dy
            self.y += 2 * self.dy
        angle = self.sway * np.sin(t / 20 + self.phase)
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5
        dx, dy = (x - self.x) / self.size * 28, (y - self.y) / self.size * 28
        cos, sin = np.cos(angle), np.sin(angle)
        ink = bilinear(self.image, cos * dx + sin * dy + 13.5, -sin * dx + cos * dy + 13.5)
        frame += (self.colour - frame) * ink[..., None]
        rows, columns = np.where((ink > 0.35).any(1))[0], np.where((ink > 0.35).any(0))[0]
        return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    images, labels = load_mnist(arguments.mnist)
    scene = background(random)
    lanes = 5
    chosen = [random.choice(np.where(labels == label)[0]) for label in random.permutation(10)[:lanes]]
    digits = [Digit(random, images[k], labels[k], lane, lanes) for lane, k in enumerate(chosen)]
    encoder = subprocess.Popen(
        ["gst-launch-1.0", "-q", "fdsrc", "fd=0", "!", "rawvideoparse", "format=rgb", f"width={WIDTH}", f"height={HEIGHT}",
         f"framerate={FPS}/1", "!", "videoconvert", "!", "video/x-raw,format=I420,colorimetry=bt709", "!", "x264enc",
         "pass=qual", "quantizer=24", "key-int-max=30", "bframes=0", "threads=1", "!", "h264parse", "!", "mp4mux", "!",
         "filesink", f"location={arguments.output / 'clip.mp4'}"], stdin=subprocess.PIPE)
    truth = []
    for t in range(FRAMES):
        frame = scene.copy()
        truth.append([[digit.label, *digit.draw(frame, t)] for digit in digits])
        frame += random.normal(0, 0.008, frame.shape)
        encoder.stdin.write((frame.clip(0, 1) * 255).round().astype(np.uint8).tobytes())
    encoder.stdin.close()
    if encoder.wait() != 0:
        raise SystemExit("gst-launch-1.0 failed; is gstreamer1.0-plugins-ugly (x264enc) installed?")
    rows = ",\n ".join(json.dumps(frame, separators=(",", ":")) for frame in truth)
    (arguments.output / "clip_truth.json").write_text(
        f'{{"width": {WIDTH}, "height": {HEIGHT}, "columns": ["class", "x1", "y1", "x2", "y2"], "frames": [\n {rows}]}}\n')


if __name__ == "__main__":
    main()
