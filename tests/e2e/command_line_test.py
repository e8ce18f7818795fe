#!/usr/bin/env python3
"""The command line at its edges: plans without inputs, odd names, outputs that must not be written, signals, full disks.

    python tests/e2e/command_line_test.py build/release/bin/stint
"""
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
STINT = Path(sys.argv[1]).resolve()


def stint(*arguments, code=0, cwd=None, **options):
    """Runs the program; its exit code must be `code`. Returns (stdout, stderr)."""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([str(a) for a in (STINT, *arguments)], stderr=subprocess.PIPE, cwd=cwd, **options)
    error = done.stderr.decode()
    assert done.returncode == code, (arguments, done.returncode, error)
    return (done.stdout or b"").decode(), error


def save(path, nodes, inputs, outputs, constants=(), name="g"):
    value = lambda n, shape: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, name, [value(n, s) for n, s in inputs], [value(n, s) for n, s in outputs],
                              [numpy_helper.from_array(np.asarray(a, np.float32), n) for n, a in constants])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def plans_without_inputs(folder):
    save(folder / "constant.onnx", [helper.make_node("Relu", ["c"], ["y"])], [], [("y", [3])], [("c", [1, -2, 3])])
    plan = folder / "constant.plan"
    stint("build", folder / "constant.onnx", "-o", plan, "-q")
    stint("run", plan, "--output-dir", folder / "constant")
    assert np.load(folder / "constant/y.npy").tolist() == [1, 0, 3]
    stint("bench", plan, "--iterations", "3")
    stint("verify", folder / "constant.onnx", plan)
    stint("inspect", plan)
    _, error = stint("run", plan, "--input", "x=x.npy", code=2)
    assert "the plan has no inputs" in error, error


def dumps_and_streams_replace_nothing(folder):
    model, dumps = folder / "dumped.onnx", folder / "dumps"
    save(model, [helper.make_node("Relu", ["x"], ["y"])], [("x", [3])], [("y", [3])])
    before = model.read_bytes()
    dumps.mkdir()
    (dumps / "00_import.txt").symlink_to(model)
    _, error = stint("build", model, "-o", folder / "d.plan", "-q", "--dump-passes", dumps, code=1)
    assert "it is the model" in error and model.read_bytes() == before, error
    (dumps / "00_import.txt").unlink()
    stint("build", model, "-o", folder / "d.plan", "-q", "--dump-passes", dumps)
    stint("build", model, "-o", folder / "d.plan", "-q", "--dump-passes", dumps)  # its own dumps it replaces
    log = folder / "log"
    with open(log, "w") as stream:
        stream.write("earlier\n")
        stream.flush()
        _, error = stint("build", model, "-o", "/dev/stdout", "-q", code=1, stdout=stream)
    assert "standard output" in error and log.read_text() == "earlier\n", error


def a_plan_emptied_while_it_is_measured(folder):
    model, plan = folder / "measured.onnx", folder / "measured.plan"
    save(model, [helper.make_node("Relu", ["x"], ["y"])], [("x", [1 << 20])], [("y", [1 << 20])])
    stint("build", model, "-o", plan, "-q")
    bench = subprocess.Popen([STINT, "bench", plan, "--iterations", "2000", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.3)
    assert bench.poll() is None, "it was over too soon to show anything"
    plan.write_bytes(b"")
    figures, error = bench.communicate(timeout=60)
    assert bench.returncode == 0 and b"p50_us" in figures, error


def outputs_without_elements(folder):
    starts = [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in (("from", [2]), ("to", [2]), ("axis", [1]))]
    save(folder / "empty.onnx", [helper.make_node("Slice", ["x", "from", "to", "axis"], ["none"]), helper.make_node("Neg", ["x"], ["y"])],
         [("x", [1, 4])], [("none", [1, 0]), ("y", [1, 4])])
    model = onnx.load(folder / "empty.onnx")
    model.graph.initializer.extend(starts)
    onnx.save(model, folder / "empty.onnx")
    plan = folder / "empty.plan"
    stint("build", folder / "empty.onnx", "-o", plan, "-q")
    np.save(folder / "x.npy", np.ones((1, 4), np.float32))
    stint("run", plan, "--input", folder / "x.npy", "--output-dir", folder / "empty")
    assert np.load(folder / "empty/none.npy").shape == (1, 0)
    assert np.load(folder / "empty/y.npy").tolist() == [[-1] * 4]
    stint("bench", plan, "--iterations", "3")
    stint("verify", folder / "empty.onnx", plan)


def odd_names(folder):
    """Every output has a file of its own, every input can be named, and both name the right tensor."""
    inputs = ["a=b", "a", "a=", "x/1"]
    outputs = ["a/b", "a_b", "框", "类", "..", "n" * 400, "n" * 399 + "m"]
    nodes = [helper.make_node("Add", [inputs[i % 4], f"c{i}"], [name]) for i, name in enumerate(outputs)]
    save(folder / "odd.onnx", nodes, [(n, [2]) for n in inputs], [(n, [2]) for n in outputs],
         [(f"c{i}", [i, 10 * i]) for i in range(len(outputs))])
    stint("build", folder / "odd.onnx", "-o", folder / "odd.plan", "-q")
    arguments = []
    for i, name in enumerate(inputs):
        np.save(folder / f"in=put{i}.npy", np.array([100 * i, 1000 * i], np.float32))
        arguments += ["--input", f"{name}={folder / f'in=put{i}.npy'}"]
    text, _ = stint("run", folder / "odd.plan", *arguments, "--output-dir", folder / "odd")
    written = [Path(line.split("wrote ", 1)[1]) for line in text.splitlines() if "  wrote " in line]
    assert len(set(written)) == len(outputs) == len(os.listdir(folder / "odd")), written
    assert [p.name for p in written[:5]] == ["a_b_2.npy", "a_b.npy", "_.npy", "__2.npy", "...npy"], written
    for i, path in enumerate(written):
        want = np.array([i, 10 * i]) + np.array([100, 1000]) * (i % 4)
        assert np.load(path).tolist() == want.tolist(), path
    # Files of verify are named alike; a transposed array is what it looks like.
    data = folder / "data"
    data.mkdir()
    for name in ("a_b", "a", "a_", "x_1"):
        np.save(data / f"{name}.npy", np.zeros(2, np.float32))
    stint("verify", folder / "odd.onnx", folder / "odd.plan", "--data", data)


def transposed_arrays(folder):
    save(folder / "id.onnx", [helper.make_node("Neg", ["x"], ["y"])], [("x", [2, 3])], [("y", [2, 3])])
    stint("build", folder / "id.onnx", "-o", folder / "id.plan", "-q")
    values = np.arange(6, dtype=np.float32).reshape(3, 2).T
    np.save(folder / "t.npy", values)
    assert b"'fortran_order': True" in (folder / "t.npy").read_bytes()
    stint("run", folder / "id.plan", "--input", folder / "t.npy", "--output-dir", folder / "t")
    assert np.array_equal(np.load(folder / "t/y.npy"), -values)


def files_that_are_not_written(folder):
    """What is read is never written over, nor is anything but a regular file."""
    model = onnx.load(ROOT / "examples/digits/digits.onnx")
    onnx.save(model, folder / "net.onnx", save_as_external_data=True, location="net.weights", size_threshold=0)
    labels = folder / "labels.txt"
    labels.write_text("".join(f"{i}\n" for i in range(10)))
    (folder / "to the weights").symlink_to("net.weights")
    os.link(folder / "net.onnx", folder / "hard")
    os.mkfifo(folder / "fifo")
    plan = folder / "net.plan"
    stint("build", folder / "net.onnx", "-o", plan, "-q")
    kept = {p: p.read_bytes() for p in (folder / "net.onnx", folder / "net.weights", labels, plan)}
    for target, what in (("net.onnx", "it is the model"), ("hard", "it is the model"), ("net.weights", "a data file of the model"),
                         ("to the weights", "a data file of the model"), ("labels.txt", "the file of labels"),
                         ("fifo", "a pipe"), ("/dev/null", "a device"), (".", "a folder"), ("absent/x", "there is no folder")):
        start = time.monotonic()
        _, error = stint("build", folder / "net.onnx", "-o", folder / target, "--labels", labels, "-q", code=1)
        assert what in error, error
        assert time.monotonic() - start < 5, "refused too late"
    _, error = stint("inspect", plan, "--html", plan, code=1)
    assert "it is the plan" in error, error
    stint("inspect", plan, "--html", folder / "fifo", code=1)
    np.save(folder / "y.npy", np.zeros((2, 3), np.float32))
    _, error = stint("run", folder / "id.plan", "--input", folder / "y.npy", "--output-dir", folder, code=1)
    assert "it is an input" in error, error
    _, error = stint("build", folder / "net.onnx", "-o", folder / "net2.plan", "--tactics", folder / "net.weights", "--target", "sm_90",
                     "--tune-with", "false", "-q", code=1)
    assert "a data file of the model" in error, error
    assert all(p.read_bytes() == b for p, b in kept.items())
    (folder / "current.plan").symlink_to("net.plan")
    stint("build", folder / "net.onnx", "-o", folder / "current.plan", "--name", "second", "-q")
    assert (folder / "current.plan").is_symlink() and plan.read_bytes() != kept[plan]
    stint("inspect", folder / "current.plan", "--html", folder / "page.html")
    for option in ("-o", "--labels", "--tactics", "--dump-passes"):
        stint("build", folder / "net.onnx", option, "-", code=2)
    stint("run", "-", code=2)


def bytes_do_not_depend_on_the_file_name(folder):
    data = (ROOT / "examples/digits/digits.onnx").read_bytes()
    plans = []
    for name in ("one.onnx", "an other.model"):
        (folder / name).write_bytes(data)
        stint("build", folder / name, "-o", folder / (name + ".plan"), "-q")
        plans.append((folder / (name + ".plan")).read_bytes())
    assert plans[0] == plans[1]


def labels(folder):
    model = ROOT / "examples/digits/digits.onnx"
    decoder = "yolox,strides=8:16,classes=10"
    for text, what in (("one\ntwo\n", "2 label(s) for the 10 classes"), ("", "holds none"), ('["a"]', "are JSON"), ("a\nb\n" * 50, "100 label(s)")):
        (folder / "l.txt").write_text(text)
        _, error = stint("build", model, "-o", folder / "l.plan", "-q", "--preprocess", "stretch", "--postprocess", decoder, "--labels",
                         folder / "l.txt", code=1)
        assert what in error, (text, error)
    (folder / "l.txt").write_bytes(b"\xef\xbb\xbf" + b"".join(b"class %d\r\n" % i for i in range(10)))
    stint("build", model, "-o", folder / "l.plan", "-q", "--preprocess", "stretch", "--postprocess", decoder, "--labels", folder / "l.txt")
    text, _ = stint("inspect", folder / "l.plan", "--json")
    assert '"class 0"' in text and "\\ufeff" not in text and '"schema": 1' in text, text[:200]


def frames_as_bytes(folder):
    """A network that takes u8 pixels, channels last or first, gets the frame's own bytes."""
    pixels = np.random.default_rng(5).integers(0, 256, (12, 20, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "frame.png")
    for layout, shape in (("nhwc", [1, 12, 20, 3]), ("nchw", [1, 3, 12, 20])):
        graph = helper.make_graph([helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], "g",
                                  [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "bytes.onnx")
        for order in ("rgb", "bgr"):
            stint("build", folder / "bytes.onnx", "-o", folder / "bytes.plan", "--preprocess", f"stretch,{order}", "-q")
            stint("run", folder / "bytes.plan", "--input", folder / "frame.png", "--output-dir", folder / "bytes")
            want = pixels if order == "rgb" else pixels[:, :, ::-1]
            want = want if layout == "nhwc" else want.transpose(2, 0, 1)
            assert np.array_equal(np.load(folder / "bytes/y.npy")[0], want), (layout, order)
        _, error = stint("build", folder / "bytes.onnx", "-o", folder / "bytes.plan", "--preprocess", "yolo", "-q", code=1)
        assert "is u8 and takes the frame's own values" in error, error


def output_that_cannot_be_written(folder):
    plan, model = folder / "id.plan", folder / "id.onnx"
    x = ("--input", folder / "t.npy")
    closed = lambda: os.close(1)
    for command in (("targets",), ("inspect", plan), ("inspect", plan, "--json"), ("bench", plan, "--iterations", "3"),
                    ("bench", plan, "--iterations", "3", "--json"), ("run", plan, *x), ("verify", model, plan),
                    ("build", model, "-o", folder / "full.plan", "-q"), ("--help",), ("--version",), ("build", "--help")):
        with open("/dev/full", "wb") as full:
            _, error = stint(*command, code=1, stdout=full)
        assert "standard output" in error, (command, error)
        _, error = stint(*command, code=1, preexec_fn=closed)
        assert "standard output" in error, (command, error)
    # A reader that has seen enough ends the program as it ends others; where that is ignored, it is an error.
    reader, writer = os.pipe()
    os.close(reader)
    stint("targets", code=-signal.SIGPIPE, stdout=writer)
    _, error = stint("targets", code=1, stdout=writer, restore_signals=False)
    assert "Broken pipe" in error, error
    os.close(writer)
    # Closed streams do not end up in the files that are written.
    stint("build", model, "-o", folder / "a.plan", "-q")
    stint("build", model, "-o", folder / "b.plan", preexec_fn=lambda: (os.close(0), os.close(2)), stdout=subprocess.DEVNULL)
    assert (folder / "a.plan").read_bytes() == (folder / "b.plan").read_bytes()


def a_size_limit(folder):
    small = folder / "small"
    small.mkdir()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    _, error = stint("build", ROOT / "examples/digits/digits.onnx", "-o", small / "x.plan", "-q", code=1, preexec_fn=limit)
    assert "File too large" in error, error
    assert not list(small.iterdir())


def signals_leave_nothing(folder):
    """The program is ended while its temporary file is there."""
    weights = np.random.default_rng(1).normal(0, 1, (2048, 2048)).astype(np.float32)
    save(folder / "large.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [("x", [1, 2048])], [("y", [1, 2048])], [("w", weights)])
    seen = 0
    for number in (signal.SIGINT, signal.SIGTERM) * 2:
        place = folder / "interrupted"
        place.mkdir(exist_ok=True)
        process = subprocess.Popen([STINT, "build", folder / "large.onnx", "-o", place / "x.plan", "-q"], stdout=subprocess.DEVNULL)
        while process.poll() is None and not list(place.glob(".stint-*")):
            time.sleep(0.001)
        process.send_signal(number)
        code = process.wait()
        assert code in (-number, 0), code
        seen += code == -number
        assert [p.name for p in place.iterdir()] in ([], ["x.plan"]), list(place.iterdir())
        (place / "x.plan").unlink(missing_ok=True)
    assert seen > 0, "no signal came in time"


def usage(folder):
    for arguments, what in ((("frob", "x"), "there is no command 'frob'; the commands are build, run"),
                            (("build", folder / "id.onnx", "--target", "toaster"), "there is no target 'toaster'"),
                            (("build", folder / "id.onnx", "--target", "cpu", "--target", "sm_90", "--as", "toaster"), "there is no target 'toaster'"),
                            (("build", folder / "id.onnx", "--precision", "fp4"), "--precision"),
                            (("build", folder / "id.onnx", "--disable-pass", "nonsense"), "--disable-pass: nonsense not in"),
                            (("build", folder / "id.onnx", "--preprocess", "nonsense"), "--preprocess 'nonsense': at character"),
                            (("build", folder / "id.onnx", "--postprocess", "topk,k=x"), "--postprocess 'topk,k=x': at character")):
        _, error = stint(*arguments, code=2)
        assert what in error, error
    text, _ = stint("targets")
    columns = text.splitlines()[0].index("device")
    assert all(line[columns - 2:columns] == "  " and line[columns] != " " for line in text.splitlines()), text


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for test in (plans_without_inputs, dumps_and_streams_replace_nothing, a_plan_emptied_while_it_is_measured,
                     outputs_without_elements, odd_names, transposed_arrays, files_that_are_not_written,
                     bytes_do_not_depend_on_the_file_name, labels, frames_as_bytes, output_that_cannot_be_written, a_size_limit, signals_leave_nothing, usage):
            start = time.monotonic()
            test(folder)
            print(f"{test.__name__:40s} {time.monotonic() - start:5.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
