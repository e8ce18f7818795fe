#!/usr/bin/env python3
"""Masks, keypoints and rotated boxes of YOLO heads, from model and pictures to files, against a NumPy reference.

    .venv/bin/python tests/e2e/details_test.py STINT [--target sm_90 [--as orin]]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from reference import iou, letterbox
from target_options import TargetFlags, add_target_options

onnxruntime.set_default_logger_severity(3)

WIDTH, HEIGHT, ROWS = 96, 64, 90
MASK_WIDTH, MASK_HEIGHT, COEFFICIENTS = 24, 16, 8
SCORE, IOU = 0.4, 0.45
PICTURES = [(131, 77), (60, 149)]  # width, height: letterboxed in different directions


def network(path, outputs):
    """Every output: constants plus the picture's mean times other constants, so that slots differ."""
    nodes = [helper.make_node("ReduceMean", ["images"], ["mean4"], axes=[1, 2, 3], keepdims=1)]
    constants, results = [], []
    for name, (base, change) in outputs.items():
        shape = np.array([-1] + [1] * (base.ndim - 1), np.int64)
        constants += [numpy_helper.from_array(shape, name + "_shape"), numpy_helper.from_array(base, name + "_base"),
                      numpy_helper.from_array(change, name + "_change")]
        nodes += [helper.make_node("Reshape", ["mean4", name + "_shape"], [name + "_mean"]),
                  helper.make_node("Mul", [name + "_mean", name + "_change"], [name + "_part"]),
                  helper.make_node("Add", [name + "_part", name + "_base"], [name])]
        results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *base.shape[1:]]))
    graph = helper.make_graph(nodes, "heads", [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, HEIGHT, WIDTH])],
                              results, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def head(random, classes, extra, objectness=False):
    """[1, columns, ROWS]: boxes, perhaps objectness, classes, then what `extra` draws."""
    columns = [random.uniform(-5, WIDTH + 5, ROWS), random.uniform(-5, HEIGHT + 5, ROWS), random.uniform(8, 50, ROWS), random.uniform(8, 40, ROWS)]
    columns += [random.uniform(0.5, 1, ROWS)] if objectness else []
    base = np.concatenate([np.stack(columns), random.uniform(0.05, 0.95, (classes, ROWS)), extra]).astype(np.float32)
    return base[None], random.uniform(-0.04, 0.04, base[None].shape).astype(np.float32)


def final_rows(random, rotated, extra):
    """[1, rows, columns] as a network leaves them that suppresses itself: box, score, class, then `extra` [rows, columns]."""
    rows = len(extra)
    centre = np.column_stack([random.uniform(0, WIDTH, rows), random.uniform(0, HEIGHT, rows)])
    size = np.column_stack([random.uniform(8, 50, rows), random.uniform(8, 40, rows)])
    boxes = np.concatenate([centre, size] if rotated else [centre - size / 2, centre + size / 2], 1)
    base = np.column_stack([boxes, random.uniform(0.1, 0.95, rows), random.integers(0, 5, rows), extra]).astype(np.float32)[None]
    change = random.uniform(-0.04, 0.04, base.shape).astype(np.float32)
    change[..., 5] = 0
    return base, change


def probiou(p, q):
    """Ultralytics' formula for two boxes cx, cy, w, h, angle."""
    def covariance(b):
        a, c, cos, sin = b[2] ** 2 / 12, b[3] ** 2 / 12, np.cos(b[4]), np.sin(b[4])
        return a * cos ** 2 + c * sin ** 2, a * sin ** 2 + c * cos ** 2, (a - c) * cos * sin
    (a1, b1, c1), (a2, b2, c2), eps = covariance(p), covariance(q), 1e-7
    det = (a1 + a2) * (b1 + b2) - (c1 + c2) ** 2
    t1 = ((a1 + a2) * (p[1] - q[1]) ** 2 + (b1 + b2) * (p[0] - q[0]) ** 2) / (det + eps) * 0.25
    t2 = (c1 + c2) * (q[0] - p[0]) * (p[1] - q[1]) / (det + eps) * 0.5
    t3 = np.log(det / (4 * np.sqrt(max(a1 * b1 - c1 ** 2, 0) * max(a2 * b2 - c2 ** 2, 0)) + eps) + eps) * 0.5
    return 1 - np.sqrt(1 - np.exp(-np.clip(t1 + t2 + t3, eps, 100)) + eps)


class Reference:
    """One slot: rows of the head that are kept, best first, with the frame they return to. Without classes the rows are final."""
    def __init__(self, rows, classes, frame, limit, rotated=False, objectness=False, score=SCORE):
        self.rows, self.frame = rows.astype(np.float64), frame
        first = 5 if objectness else 4
        final = not classes
        if not final:
            scores = self.rows[:, first:first + classes] * (self.rows[:, 4:5] if objectness else 1)
            best, self.score = scores.argmax(1), scores.max(1)
        else:
            best, self.score, classes = self.rows[:, 5].astype(int), self.rows[:, 4], 2
        self.class_id, self.extra = best, self.rows[:, first + classes:]
        x, y, w, h = self.rows[:, :4].T
        if final and not rotated:
            x, y, w, h = (x + w) / 2, (y + h) / 2, w - x, h - y
        angle = self.extra[:, 0] if rotated else np.zeros(len(x))
        cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
        half = np.stack([w * cos + h * sin, w * sin + h * cos], 1) / 2
        centre = np.stack([x, y], 1)
        self.box = np.concatenate([centre - half, centre + half], 1)
        turned = np.column_stack([self.rows[:, :4], angle])
        self.kept = []
        for k in np.argsort(-self.score, kind="stable"):
            if self.score[k] < score or len(self.kept) == limit:
                break
            box = self.to_frame(self.box[k].reshape(2, 2)).ravel()
            if box[2] <= box[0] or box[3] <= box[1]:
                continue
            overlap = (lambda j: probiou(turned[j], turned[k])) if rotated else (lambda j: iou(self.box[j], self.box[k]))
            if final or all(best[j] != best[k] or overlap(j) <= IOU for j in self.kept):
                self.kept.append(k)

    def to_frame(self, points, clip=True):
        (sx, sy, left, top), (width, height) = self.frame
        points = (points - [left, top]) / [sx, sy]
        return np.clip(points, 0, [width, height]) if clip else points

    def detections(self):
        return [[*self.to_frame(self.box[k].reshape(2, 2)).ravel(), self.score[k], self.class_id[k]] for k in self.kept]

    def masks(self, prototypes):
        """Sums of prototypes [k, h, w], cropped as Ultralytics crops at the prototypes' resolution."""
        result = []
        for k in self.kept:
            x1, y1, x2, y2 = self.box[k] * np.tile([MASK_WIDTH / WIDTH, MASK_HEIGHT / HEIGHT], 2)
            x, y = np.arange(MASK_WIDTH)[None, :], np.arange(MASK_HEIGHT)[:, None]
            probability = 1 / (1 + np.exp(-np.tensordot(self.extra[k], prototypes.astype(np.float64), 1)))
            result.append((probability > 0.5) & (x >= x1) & (x < x2) & (y >= y1) & (y < y2))
        return result

    def keypoints(self, values):
        result = []
        for k in self.kept:
            points = self.extra[k].reshape(-1, values)
            third = points[:, 2:] if values == 3 else np.ones((len(points), 1))
            result.append(np.concatenate([self.to_frame(points[:, :2]), third], 1))
        return result

    def rotated(self):
        (sx, sy, _, _), _ = self.frame
        result = []
        for k in self.kept:
            x, y, w, h = self.rows[k, :4]
            # The inner size of a letterbox is whole pixels: its two scales differ a little, and the sides turn with them.
            cos, sin = np.cos(self.extra[k, 0]), np.sin(self.extra[k, 0])
            w, h = w * np.hypot(cos / sx, sin / sy), h * np.hypot(sin / sx, cos / sy)
            angle = np.arctan2(sin / sy, cos / sx) % np.pi
            if angle >= np.pi / 2:
                w, h, angle = h, w, angle - np.pi / 2
            result.append([*self.to_frame(np.array([x, y]), clip=False), w, h, angle, self.score[k], self.class_id[k]])
        return result


class Runs:
    def __init__(self, stint, folder, random, flags):
        self.stint, self.folder, self.flags, self.pictures = stint, folder, flags, []
        for i, (width, height) in enumerate(PICTURES):
            path = folder / f"picture{i}.png"
            Image.fromarray(random.integers(40 + 100 * i, 150 + 100 * i, (height, width, 3), dtype=np.uint8)).save(path)
            self.pictures.append(path)

    def files(self, model, spec):
        """Builds at batch 2 and runs: results by name, the report of `stint inspect`."""
        plan, out = self.folder / "model.plan", self.folder / "out"
        for file in out.glob("*"):
            file.unlink()
        self.call("build", model, "-o", plan, "-q", "--batch", 2, "--preprocess", "letterbox,rgb,pad=114,scale=0.00392156862745098",
                  "--postprocess", spec, *self.flags.build)
        text = self.call("run", plan, *[a for p in self.pictures for a in ("--input", f"images={p}")], "--output-dir", out,
                         *self.flags.run)
        return {p.stem: np.load(p) for p in out.glob("*.npy")}, text, self.call("inspect", plan)

    def call(self, *arguments):
        done = subprocess.run([str(a) for a in (self.stint, *arguments)], capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def raw(self, model):
        """What the network itself gives, per slot, and how each picture lies in it."""
        session = onnxruntime.InferenceSession(str(model))
        results, frames = [], []
        for path in self.pictures:
            picture, frame = letterbox(np.asarray(Image.open(path)), WIDTH, HEIGHT, 114, centre=True)
            results.append(session.run(None, {"images": (picture.transpose(2, 0, 1)[None] / 255).astype(np.float32)}))
            frames.append((frame, Image.open(path).size))
        return results, frames


def compare(name, got, want, most, allowed=0.0, atol=2e-2):
    """`got` [2, most, ...]: each slot's results as wanted, zeros beyond."""
    assert got.shape[:2] == (2, most), f"{name}: {got.shape}"
    for slot in range(2):
        count = len(want[slot])
        assert not got[slot, count:].any(), f"{name}: results beyond the {count} detections of slot {slot}"
        if not count:
            continue
        wrong = ~np.isclose(got[slot, :count].astype(float), np.array(want[slot], float), rtol=1e-4, atol=atol)
        assert wrong.mean() <= allowed, f"{name}: slot {slot}, {wrong.sum()} of {wrong.size} numbers differ:\n{got[slot, :count][wrong][:5]}\n" \
                                        f"{np.array(want[slot], float)[wrong][:5]}"


def check(runs, model, spec, result, want_of, classes, most=40, transposed=True, **reference):
    results, frames = runs.raw(model)
    slots = []
    for outputs, frame in zip(results, frames):
        rows = outputs[0][0].T if transposed else outputs[0][0]
        slots.append(Reference(rows, classes, frame, most, **reference))
    iou_key = f",iou={IOU}" if classes else ""
    files, text, inspected = runs.files(model, f"{spec},score={reference.get('score', SCORE)},max={most}{iou_key}")
    assert sorted(files) == sorted(["detections", result]), sorted(files)
    detections = files["detections"]
    counts = [int((d[:, 4] > 0).sum()) for d in detections]
    assert counts == [len(s.kept) for s in slots], f"{spec}: {counts} detections, {[len(s.kept) for s in slots]} expected"
    for slot, count in enumerate(counts):
        if count:
            assert np.allclose(detections[slot, :count], slots[slot].detections(), rtol=1e-4, atol=2e-2), spec
    compare(f"{spec}: {result}", files[result], [want_of(s, o) for s, o in zip(slots, results)], most,
            allowed=1e-3 if result == "masks" else 0.0)
    assert f"{result}: {'u8' if result == 'masks' else 'f32'} [2,{most}," in text, text
    assert result in inspected, inspected
    print(f"ok: {spec}: {counts} detections")
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stint", type=Path)
    add_target_options(parser)
    arguments = parser.parse_args()
    random = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        runs = Runs(arguments.stint.resolve(), folder, random, TargetFlags(arguments))

        coefficients = random.normal(0, 1, (COEFFICIENTS, ROWS))
        prototypes = tuple(random.normal(0, s, (1, COEFFICIENTS, MASK_HEIGHT, MASK_WIDTH)).astype(np.float32) for s in (1, 0.1))
        model = folder / "seg.onnx"
        network(model, {"output0": head(random, 3, coefficients), "output1": prototypes})
        masks = lambda s, outputs: s.masks(outputs[1][0])
        assert min(check(runs, model, "yolov8,classes=3,masks=output1", "masks", masks, 3)) > 5
        check(runs, model, "yolov8,masks=output1", "masks", masks, 3)  # the prototypes say how many columns are theirs
        assert check(runs, model, "yolov8,classes=3,masks=output1", "masks", masks, 3, most=3) == [3, 3]
        assert check(runs, model, "yolov8,classes=3,masks=output1", "masks", masks, 3, score=1.0) == [0, 0]

        model = folder / "seg5.onnx"
        base, change = head(random, 3, coefficients, objectness=True)
        network(model, {"output0": (base.transpose(0, 2, 1).copy(), change.transpose(0, 2, 1).copy()), "output1": prototypes})
        check(runs, model, "yolov5,classes=3,masks=output1", "masks", masks, 3, transposed=False, objectness=True)

        for values in (3, 2):
            points = np.stack([random.uniform(-10, WIDTH + 10, (5, ROWS)), random.uniform(-10, HEIGHT + 10, (5, ROWS)),
                               random.uniform(0, 1, (5, ROWS))][:values], 1).reshape(5 * values, ROWS)
            model = folder / f"pose{values}.onnx"
            network(model, {"output0": head(random, 2, points)})
            keypoints = lambda s, outputs: s.keypoints(values)
            assert min(check(runs, model, "yolov8,classes=2,keypoints=5", "keypoints", keypoints, 2)) > 5
            check(runs, model, "yolov8,classes=2,keypoints=5", "keypoints", keypoints, 2, score=1.0)

        model = folder / "obb.onnx"
        network(model, {"output0": head(random, 4, random.uniform(-0.7, 2.3, (1, ROWS)))})
        rotated = lambda s, outputs: s.rotated()
        assert min(check(runs, model, "yolov8,classes=4,rotated", "rotated", rotated, 4, rotated=True)) > 5
        assert check(runs, model, "yolov8,rotated", "rotated", rotated, 4, most=2, rotated=True) == [2, 2]
        check(runs, model, "yolov8,classes=4,rotated", "rotated", rotated, 4, rotated=True, score=1.0)

        # Networks that suppress overlapping boxes themselves: no classes to count, rows outermost.
        rows = 25
        model = folder / "end_to_end.onnx"
        network(model, {"output0": final_rows(random, False, random.normal(0, 1, (rows, COEFFICIENTS))), "output1": prototypes})
        assert min(check(runs, model, "end-to-end,masks=output1", "masks", masks, 0, transposed=False)) > 5
        points = np.column_stack([random.uniform(-10, WIDTH + 10, (rows, 1)) for _ in range(4)])
        network(model, {"output0": final_rows(random, False, points)})
        keypoints = lambda s, outputs: s.keypoints(2)
        assert min(check(runs, model, "end-to-end,keypoints=2", "keypoints", keypoints, 0, transposed=False)) > 5
        network(model, {"output0": final_rows(random, True, random.uniform(-0.7, 2.3, (rows, 1)))})
        assert min(check(runs, model, "end-to-end,rotated", "rotated", rotated, 0, transposed=False, rotated=True)) > 5


if __name__ == "__main__":
    main()
