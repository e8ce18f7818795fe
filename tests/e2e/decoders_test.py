#!/usr/bin/env python3
"""What exporters end networks with, through the decoder that is meant for it and through others: the right boxes and masks, or a
refusal that names the decoder.

    .venv/bin/python tests/e2e/decoders_test.py STINT [--target sm_90 [--as orin]]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from target_options import TargetFlags, add_target_options

SIZE = 64


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def network(path, outputs):
    """A model that gives these arrays whatever it sees, as far as a compiler can know."""
    nodes = [helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0), helper.make_node("Mul", ["mean", "zero"], ["nothing"])]
    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    infos = []
    for name, array in outputs.items():
        constants.append(numpy_helper.from_array(array, name + "_values"))
        added = "nothing"
        if array.dtype != np.float32:
            added = name + "_nothing"
            nodes.append(helper.make_node("Cast", ["nothing"], [added], to=helper.np_dtype_to_tensor_dtype(array.dtype)))
        nodes.append(helper.make_node("Add", [name + "_values", added], [name]))
        infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    graph = helper.make_graph(nodes, "decoders", [image], infos, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


class Case:
    def __init__(self, stint, folder, flags):
        self.stint, self.folder, self.flags, self.failures = stint, folder, flags, 0
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(folder / "frame.png")

    def build(self, outputs, spec):
        network(self.folder / "model.onnx", outputs)
        return subprocess.run([self.stint, "build", self.folder / "model.onnx", "-o", self.folder / "model.plan", "-q",
                               "--preprocess", "stretch", "--postprocess", spec, *self.flags.build], capture_output=True, text=True)

    def report(self, what, right, detail):
        print(f"{'ok' if right else 'WRONG':6s} {what}" + ("" if right else f"\n{detail}"))
        self.failures += not right

    def gives(self, outputs, spec, expected, name="detections"):
        """Rows of class, score, x1, y1, x2, y2, or the mask."""
        built = self.build(outputs, spec)
        if built.returncode != 0:
            return self.report(spec, False, built.stderr)
        subprocess.run([self.stint, "run", self.folder / "model.plan", "--input", f"images={self.folder / 'frame.png'}", "--output-dir",
                        self.folder / "out", *self.flags.run], check=True, capture_output=True)
        got = np.load(self.folder / f"out/{name}.npy")
        if name == "detections":
            rows = got[0]
            got = np.concatenate([rows[:, 5:6], rows[:, 4:5], rows[:, :4]], 1)[rows[:, 5] >= 0]
        right = got.shape == np.shape(expected) and np.allclose(got, expected, atol=1e-4)
        self.report(spec, right, f"{got}\nwanted\n{np.asarray(expected)}")

    def refuses(self, outputs, spec, *words):
        built = self.build(outputs, spec)
        right = built.returncode == 1 and all(w in built.stderr for w in words)
        self.report(f"{spec} is refused with {words}", right, f"exit {built.returncode}: {built.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stint", type=Path)
    add_target_options(parser)
    arguments = parser.parse_args()
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        case = Case(arguments.stint.resolve(), Path(name), TargetFlags(arguments))
        objects = np.float32([[10, 12, 30, 40], [40, 20, 50, 33], [41, 21, 51, 34]])
        found = [[2, .9, 10, 12, 30, 40], [5, .7, 40, 20, 50, 33], [5, .6, 41, 21, 51, 34]]

        # Final rows, padded with score 0; a NaN and an impossible class among them.
        rows = np.zeros((1, 300, 6), np.float32)
        rows[0, :3, :4], rows[0, :3, 4], rows[0, :3, 5] = objects, [.9, .7, .6], [2, 5, 5]
        case.gives({"output0": rows}, "end-to-end", found)
        case.gives({"output0": rows}, "end-to-end,iou=0.5", found[:2])
        odd = rows.copy()
        odd[0, 3:6] = [[5, 5, 9, 9, np.nan, 1], [5, 5, 9, 9, .9, -1], [5, 5, 9, 9, .9, 80]]
        case.gives({"output0": odd}, "end-to-end,classes=80,unchecked", found)
        case.refuses({"output0": rows}, "yolov8", "end-to-end")
        case.refuses({"output0": rows}, "yolov5", "end-to-end")
        case.refuses({"output0": rows}, "yolov8,classes=2", "scores of 0 to 5", "end-to-end")

        # Boxes, scores, labels; y first and a count as TensorFlow has them.
        labels = np.full((1, 20), -1, np.int64)
        boxes, scores = np.zeros((1, 20, 4), np.float32), np.zeros((1, 20), np.float32)
        boxes[0, :3], scores[0, :3], labels[0, :3] = objects, [.9, .7, .6], [2, 5, 5]
        triple = {"labels": labels, "boxes": boxes, "scores": scores}
        case.gives(triple, "boxes-scores,boxes=boxes,scores=scores,labels=labels", found)
        case.refuses(triple, "boxes-scores,boxes=boxes,scores=scores", "add labels=labels")
        case.refuses(triple, "boxes-scores", "boxes-scores,boxes=boxes,scores=scores,labels=labels")
        boxes[0, 3:], scores[0, 3:], labels[0, 3:] = [0, 0, 64, 64], .8, 1  # beyond the count
        tensorflow = {"b": boxes[..., [1, 0, 3, 2]] / SIZE, "s": scores, "c": labels.astype(np.float32), "n": np.float32([3])}
        case.gives(tensorflow, "boxes-scores,boxes=b,scores=s,labels=c,count=n,yxyx,normalized", found)

        # Queries: softmax with "no object" last, or a sigmoid.
        logits = random.normal(0, .5, (1, 10, 6)).astype(np.float32)
        logits[..., 5] += 8
        logits[0, 4] = [0, 0, 9, 0, 0, 1]
        centres = random.uniform(.3, .7, (1, 10, 4)).astype(np.float32)
        centres[0, 4] = [.5, .5, .25, .5]
        softmax = np.exp(logits[0, 4]) / np.exp(logits[0, 4]).sum()
        case.gives({"logits": logits, "pred_boxes": centres}, "detr", [[2, softmax[2], 24, 16, 40, 48]])
        case.refuses({"logits": logits, "pred_boxes": centres}, "boxes-scores,center,normalized,softmax", "use --postprocess detr")
        logits = np.full((1, 10, 5), -6, np.float32)
        logits[0, 4, [1, 3]] = [2, 1]
        case.gives({"boxes": centres, "logits": logits}, "detr,sigmoid",
                   [[1, sigmoid(2), 24, 16, 40, 48], [3, sigmoid(1), 24, 16, 40, 48]])

        # Columns behind the classes.
        head = np.concatenate([random.uniform(10, 50, (2, 84)), random.uniform(5, 9, (2, 84)), random.uniform(0, .2, (3, 84)),
                               random.normal(0, 3, (32, 84))]).astype(np.float32)[None]
        head[0, :7, 17] = [32, 32, 20, 10, 0, .9, 0]
        case.gives({"output0": head}, "yolov8,classes=3", [[1, .9, 22, 27, 42, 37]])
        case.gives({"output0": head.transpose(0, 2, 1).copy()}, "yolov8,classes=3", [[1, .9, 22, 27, 42, 37]])
        case.refuses({"output0": head}, "yolov8", "give classes=3")
        case.refuses({"output0": head}, "yolov8,classes=79", "room for 35")
        case.refuses({"output0": head, "output1": np.zeros((1, 32, 16, 16), np.float32)}, "yolov8,output=output0", "prototypes")

        # Masks.
        maps = random.normal(0, 1, (1, 40, 32, 32)).astype(np.float32)
        case.gives({"logits": maps}, "argmax", maps.argmax(1), "mask")
        case.gives({"logits": maps.transpose(0, 2, 3, 1).copy()}, "argmax,axis=-1", maps.argmax(1), "mask")
        case.refuses({"logits": maps.transpose(0, 2, 3, 1).copy()}, "argmax", "axis=-1")
        one = random.normal(0, 2, (1, 1, 16, 16)).astype(np.float32)
        one[0, 0, 0, :2] = [np.nan, 0]
        case.gives({"prob": one}, "argmax,threshold=0.5,sigmoid", (one[:, 0] >= 0).astype(np.uint8), "mask")
        case.gives({"prob": sigmoid(one)}, "argmax,threshold=0.3", (sigmoid(one[:, 0]) >= np.float32(.3)).astype(np.uint8), "mask")
        case.refuses({"prob": one}, "argmax", "threshold=0.5")
        case.refuses({"prob": one}, "argmax,threshold=0.5", "add sigmoid")
        classes = random.integers(0, 20, (1, 16, 16))
        case.gives({"classes": classes}, "argmax", classes, "mask")
        case.refuses({"classes": classes[:, None].astype(np.float32)}, "argmax,threshold=0.5", "classes already")
        case.refuses({"classes": classes + 250}, "argmax", "a mask holds 0 to 255")
    sys.exit(f"{case.failures} failures" if case.failures else 0)


if __name__ == "__main__":
    main()
