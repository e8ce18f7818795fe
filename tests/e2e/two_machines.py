#!/usr/bin/env python3
"""One builder and runtime on two machines: the plans are the same bytes, what is not a number is so on both, everything else
is equal but for rounding; a detector whose scores are no numbers shows no box on either.

    .venv/bin/python tests/e2e/two_machines.py "COMMAND OF STINT HERE" "COMMAND OF STINT THERE" FRAME.png
e.g. build/release/bin/stint and "qemu-aarch64 -L build/aarch64-sysroot build/aarch64/bin/stint" (script/cross-test).
"""
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
SHAPE = [1, 24, 13, 13]
NANS = [(0, 3, 0, 0), (0, 3, 6, 7), (0, 23, 12, 12)]
UNARY = ["Relu", "Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Softsign", "HardSwish", "Mish", "Abs", "Floor", "Sqrt", "Log", "Elu", "Selu",
         "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Celu", "Sign", "Reciprocal"]
CONV_ACTIVATIONS = ["Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "Mish", "Elu"]


def nan_model():
    """A graph with an output for each way a NaN can take through it."""
    random = np.random.default_rng(7)
    nodes, outputs, constants = [], [], []

    def constant(name, values, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def output(op, inputs, count=1, **attributes):
        name = f"{op}_{len(nodes)}"
        names = [name] + [f"{name}_{i}" for i in range(1, count)]
        nodes.append(helper.make_node(op, inputs, names, **attributes))
        outputs.extend(names)

    def activated(op, inputs, activation, **attributes):
        name = f"{op}_{activation}_{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name + "_sum"], **attributes))
        bounds = [constant(name + "_low", 0.0), constant(name + "_high", 6.0)] if activation == "Clip" else []
        nodes.append(helper.make_node(activation, [name + "_sum", *bounds], [name]))
        outputs.append(name)

    for op in UNARY:
        output(op, ["x"])
    output("Clip", ["x", constant("low", -0.5), constant("high", 0.5)])
    for op in ("Min", "Max", "Add", "Mul", "Div"):
        output(op, ["x", constant(f"other_{op}", random.standard_normal(SHAPE) + 3)])
    for axis in (1, 3):
        output("Softmax", ["x"], axis=axis)
        output("LogSoftmax", ["x"], axis=axis)
        output("ArgMax", ["x"], axis=axis)
    for op in ("ReduceMax", "ReduceMin", "ReduceMean", "ReduceLogSumExp", "ReduceL2"):
        output(op, ["x"], axes=[3])
        output(op, ["x"], axes=[1])
    for op in ("MaxPool", "AveragePool"):
        output(op, ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    output("GlobalMaxPool", ["x"])
    output("TopK", ["x", constant("k", [4], np.int64)], count=2, axis=3)
    output("Resize", ["x", "", constant("scales", [1, 1, 2, 2])], mode="linear")
    output("InstanceNormalization", ["x", constant("s", np.ones(24)), constant("b", np.zeros(24))])
    output("LRN", ["x"], size=5)
    dense = constant("dense", random.standard_normal([20, 24, 3, 3]) / 10)
    depthwise = constant("depthwise", random.standard_normal([24, 1, 3, 3]))
    matrix = constant("matrix", random.standard_normal([13, 9]))
    for activation in CONV_ACTIVATIONS:
        activated("Conv", ["x", dense], activation, pads=[1, 1, 1, 1])
        activated("Conv", ["x", depthwise], activation, pads=[1, 1, 1, 1], group=24)
        activated("MatMul", ["x", matrix], activation)
    graph = helper.make_graph(nodes, "nan", [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
                              [helper.make_empty_tensor_value_info(name) for name in outputs], constants)
    # 17: reductions with their axes as attributes; HardSwish and Mish are in it or in 18.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for node in [n for n in model.graph.node if n.op_type == "Mish"]:  # opset 18: composed here
        inner, result = node.input[0], node.output[0]
        at = list(model.graph.node).index(node)
        parts = [helper.make_node("Softplus", [inner], [result + "_p"]), helper.make_node("Tanh", [result + "_p"], [result + "_t"]),
                 helper.make_node("Mul", [inner, result + "_t"], [result])]
        model.graph.node.remove(node)
        for i, part in enumerate(parts):
            model.graph.node.insert(at + i, part)
    inferred = onnx.shape_inference.infer_shapes(model)
    known = {v.name: v for v in list(inferred.graph.value_info) + list(inferred.graph.output)}
    for value in model.graph.output:
        value.CopyFrom(known[value.name])
    return model


def nan_detector():
    """The digit detector with one weight that is no number, near its outputs."""
    model = onnx.load(ROOT / "examples/digits/digits.onnx")
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer).copy()
        if values.ndim == 4 and values.dtype == np.float32:
            values.reshape(-1)[0] = np.nan
            initializer.CopyFrom(numpy_helper.from_array(values, initializer.name))
            return model
    raise AssertionError("the detector has no convolution")


class Machine:
    def __init__(self, name, command, folder):
        self.name, self.command, self.folder = name, shlex.split(command), folder / name
        self.folder.mkdir()

    def stint(self, *arguments):
        done = subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, f"{self.name}: stint {arguments[0]}: {done.stderr}"
        return done.stdout

    def build(self, model, *options):
        plan = self.folder / f"{model.stem}.plan"
        self.stint("build", model, "-o", plan, "-q", *options)
        return plan

    def run(self, plan, *inputs):
        to = self.folder / plan.stem
        self.stint("run", plan, "--output-dir", to, *[a for i in inputs for a in ("--input", i)])
        return {p.stem: np.load(p) for p in sorted(to.glob("*.npy"))}


def main():
    here, there, frame = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        machines = [Machine("here", here, folder), Machine("there", there, folder)]
        onnx.save(nan_model(), folder / "nan.onnx")
        x = np.random.default_rng(3).standard_normal(SHAPE).astype(np.float32)
        for at in NANS:
            x[at] = np.nan
        np.save(folder / "x.npy", x)
        detector = nan_detector()
        onnx.save(detector, folder / "detector.onnx")
        decoding = ["--preprocess", "letterbox,rgb,pad=114", "--postprocess", "yolox,strides=8:16,classes=10,score=0.65,iou=0.45,agnostic"]
        builds = {"nan": [], "detector": decoding}
        results = []
        for machine in machines:
            plans = {m: machine.build(folder / f"{m}.onnx", *options) for m, options in builds.items()}
            results.append((plans, machine.run(plans["nan"], f"x={folder / 'x.npy'}"),
                            machine.run(plans["detector"], f"{detector.graph.input[0].name}={frame}")))
        (plans, mine, boxes), (other_plans, theirs, other_boxes) = results
        for model in builds:
            assert plans[model].read_bytes() == other_plans[model].read_bytes(), f"{model}: the plans differ"
        assert mine.keys() == theirs.keys() and len(mine) > 60, len(mine)
        wrong, kept = [], 0
        for output, values in mine.items():
            a, b = values.astype(np.float64), theirs[output].astype(np.float64)
            nans = int(np.isnan(a).sum())
            kept += nans > 0
            if not np.array_equal(np.isnan(a), np.isnan(b)):
                wrong.append(f"{output}: {nans} NaN here, {int(np.isnan(b).sum())} there")
            elif not np.allclose(a, b, rtol=2e-5, atol=2e-5, equal_nan=True):
                wrong.append(f"{output}: differs by {np.nanmax(np.abs(a - b))}")
            if values.dtype == np.float32 and nans == 0:
                wrong.append(f"{output}: lost every NaN, here and there")
        print(f"{len(mine)} outputs, {kept} with NaN; plans of {sum(len(p.read_bytes()) for p in plans.values())} bytes the same")
        for machine, found in (("here", boxes), ("there", other_boxes)):
            rows = next(v for v in found.values() if v.ndim == 3 and v.shape[2] == 6)
            shown = int((rows[..., 4] > 0).sum())
            print(f"boxes of a detector with a NaN weight, {machine}: {shown}")
            if shown != 0:
                wrong.append(f"{machine}: {shown} boxes of scores that are no numbers")
        print("\n".join(wrong) if wrong else "the same on both")
        return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
