#!/usr/bin/env python3
"""Prints what the pipeline found in the demo clip, next to what is really there. Fails if the two disagree badly."""
import argparse
import json
import sys


def iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detections", required=True)
    parser.add_argument("--truth", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    frames = [json.loads(line) for line in open(arguments.detections)]
    truth = json.load(open(arguments.truth))["frames"]
    labels = open(arguments.labels).read().split()
    right = objects = extra = 0
    for index, (frame, there) in enumerate(zip(frames, truth)):
        matched = 0
        for digit, *box in there:
            objects += 1
            if any(d["class_id"] == digit and iou([d["box"][k] for k in ("x1", "y1", "x2", "y2")], box) >= 0.5
                   for d in frame["detections"]):
                matched += 1
        right += matched
        extra += len(frame["detections"]) - matched
        if index % 20 == 0:
            found = ", ".join(f"{d['label']} {d['score']:.2f} at {d['box']['x1']:.0f},{d['box']['y1']:.0f} to "
                              f"{d['box']['x2']:.0f},{d['box']['y2']:.0f}" for d in frame["detections"])
            print(f"frame {index:3d}: {found}")
    print(f"{len(frames)} frames, {right} of {objects} digits found with the right class and place (IoU >= 0.5), {extra} detections too many")
    print(f"true digits in the clip: {', '.join(sorted({labels[d[0]] for frame in truth for d in frame}))}")
    print(f"pipeline: {len(frames) / arguments.seconds:.1f} frames per second (decode, infer, overlay, encode, start-up included)")
    if len(frames) != len(truth) or right < 0.95 * objects:
        sys.exit("the detections do not match the clip")


if __name__ == "__main__":
    main()
