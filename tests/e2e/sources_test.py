#!/usr/bin/env python3
"""What a model file may look like: functions, branches, loops, any node order, data in other files; and which model a plan is of.

    python tests/e2e/sources_test.py build/release/bin/stint
"""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def stint(*arguments):
    return subprocess.run([sys.argv[1], *map(str, arguments)], capture_output=True, text=True)


def refused(code, parts, *arguments):
    """The command ends with this code and a message that has all parts."""
    result = stint(*arguments)
    assert result.returncode == code, result
    for part in parts:
        assert part in result.stderr, (part, result.stderr)


def structured_model():
    """A function of the model, a branch, a loop, a scan."""
    float_info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    gate = helper.make_function("my", "gate", ["u"], ["v"], [
        helper.make_node("Size", ["u"], ["n"]), helper.make_node("Constant", [], ["twelve"], value_int=12),
        helper.make_node("Equal", ["n", "twelve"], ["flag"]),
        helper.make_node("Sigmoid", ["u"], ["s"]), helper.make_node("Mul", ["u", "s"], ["m"]),
        helper.make_node("If", ["flag"], ["v"],
                         then_branch=helper.make_graph([helper.make_node("Neg", ["m"], ["t"])], "t", [], [float_info("t", None)]),
                         else_branch=helper.make_graph([helper.make_node("Abs", ["m"], ["e"])], "e", [], [float_info("e", None)]))], [helper.make_opsetid("", 17)])
    body = helper.make_graph(
        [helper.make_node("Tanh", ["v"], ["t"]), helper.make_node("Add", ["t", "h"], ["w"]), helper.make_node("Identity", ["go"], ["go_on"])],
        "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
                 float_info("v", [3, 4])], [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), float_info("w", [3, 4]), float_info("t", [3, 4])])
    step = helper.make_graph([helper.make_node("Add", ["sum", "row"], ["next"]), helper.make_node("Mul", ["next", "row"], ["out"])],
                             "step", [float_info("sum", [4]), float_info("row", [4])], [float_info("next", [4]), float_info("out", [4])])
    nodes = [helper.make_node("gate", ["x"], ["h"], domain="my"),
             helper.make_node("Loop", ["three", "", "h"], ["l", "stack"], body=body),
             helper.make_node("Scan", ["zero", "l"], ["last", "y"], body=step, num_scan_inputs=1, scan_input_directions=[1])]
    graph = helper.make_graph(nodes, "structured", [float_info("x", [3, 4])], [float_info("y", [3, 4]), float_info("stack", [3, 3, 4])],
                              [numpy_helper.from_array(np.int64(3), "three"), numpy_helper.from_array(np.zeros(4, np.float32), "zero")])
    return helper.make_model(graph, functions=[gate], opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("my", 1)], ir_version=8)


def in_reverse_order(model):
    """The same model with its nodes out of order, which onnxruntime does not take in functions."""
    turned = onnx.ModelProto()
    turned.CopyFrom(model)
    for nodes in (turned.graph.node, turned.functions[0].node):
        stored = list(nodes)[::-1]
        del nodes[:]
        nodes.extend(stored)
    return turned


def test_structure(folder):
    """The same numbers as onnxruntime, in whatever order the nodes stand."""
    sorted_model = structured_model()
    x = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    np.save(folder / "x.npy", x)
    session = onnxruntime.InferenceSession(sorted_model.SerializeToString(), providers=["CPUExecutionProvider"])
    want = dict(zip(("y", "stack"), session.run(["y", "stack"], {"x": x})))
    for kind, model in (("sorted", sorted_model), ("reverse", in_reverse_order(sorted_model))):
        onnx.save(model, folder / f"{kind}.onnx")
        built = stint("build", folder / f"{kind}.onnx", "-q", "-o", folder / f"{kind}.plan")
        assert built.returncode == 0, built.stderr
        ran = stint("run", folder / f"{kind}.plan", "--input", f"x={folder / 'x.npy'}", "--output-dir", folder / kind)
        assert ran.returncode == 0, ran.stderr
        for name, values in want.items():
            np.testing.assert_allclose(np.load(folder / kind / f"{name}.npy"), values, rtol=1e-4, atol=1e-5)


def linear_model(batch_axis, weights):
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch_axis, 64])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "linear", [info("x")], [info("y")],
                              [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def source_hash(plan):
    return json.loads(stint("inspect", plan, "--json").stdout)["source_sha256"]


def test_source_hash(folder):
    """External weights are part of the source; verify tells the plan's model from another one."""
    weights = np.random.default_rng(2).standard_normal((64, 64)).astype(np.float32)
    plans = {}
    for name, factor in (("one", 1), ("two", 2)):
        (folder / name).mkdir()
        onnx.save(linear_model("N", weights * factor), folder / name / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
        plans[name] = folder / f"{name}.plan"
        built = stint("build", folder / name / "m.onnx", "-q", "-o", plans[name])
        assert built.returncode == 0, built.stderr
    assert (folder / "one/m.onnx").read_bytes() == (folder / "two/m.onnx").read_bytes()
    digest = lambda path: hashlib.sha256(path.read_bytes()).digest()
    for name, plan in plans.items():
        together = hashlib.sha256(digest(folder / name / "m.onnx") + digest(folder / name / "m.data")).hexdigest()
        assert source_hash(plan) == together
    assert source_hash(plans["one"]) != source_hash(plans["two"])
    assert stint("verify", folder / "one/m.onnx", plans["one"]).returncode == 0
    refused(1, ["one.plan was built from another model", source_hash(plans["one"]), source_hash(plans["two"]), "two/m.onnx, m.data",
                "give the model that the plan was built from"], "verify", folder / "two/m.onnx", plans["one"])
    inside = folder / "inside.onnx"  # without external data: the hash of the file
    onnx.save(linear_model("N", weights), inside)
    assert stint("build", inside, "-q", "-o", folder / "inside.plan").returncode == 0
    assert source_hash(folder / "inside.plan") == hashlib.sha256(inside.read_bytes()).hexdigest()
    assert f"source sha256 {source_hash(folder / 'inside.plan')}" in stint("inspect", folder / "inside.plan").stdout
    (folder / "two/m.data").unlink()
    refused(1, ["external data 'm.data'", "put the file that was exported with the model beside it"],
            "build", folder / "two/m.onnx", "-q", "-o", folder / "none.plan")


def test_shapes(folder):
    """--shape is never ignored."""
    weights = np.zeros((64, 64), np.float32)
    for name, axis in (("fixed", 1), ("open", "N")):
        onnx.save(linear_model(axis, weights), folder / f"{name}.onnx")
    build = lambda name, *options: ("build", folder / f"{name}.onnx", "-q", "-o", folder / "s.plan", *options)
    for name in ("fixed", "open"):
        refused(1, ["--shape image: the model has no input 'image'", "name one of its inputs: 'x'"], *build(name, "--shape", "image=1x64"))
    refused(1, ["--shape gives a batch of 4, --batch is 1; give --batch 4"], *build("fixed", "--shape", "x=4x64"))
    refused(2, ["--shape x is given twice"], *build("open", "--shape", "x=1x64", "--shape", "x=2x64"))
    followed = stint(*build("open", "--shape", "x=4x64"))
    assert followed.returncode == 0 and "note: input 'x': the first extent of --shape x=4x64 is no batch" in followed.stdout, followed
    batched = stint(*build("open", "--shape", "x=4x64", "--batch", "4"))
    assert batched.returncode == 0 and "note:" not in batched.stdout, batched


def main():
    for test in (test_structure, test_source_hash, test_shapes):
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
            print("passed:", test.__doc__)


if __name__ == "__main__":
    main()
