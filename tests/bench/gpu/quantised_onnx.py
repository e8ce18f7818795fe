"""A float32 ONNX network with pairs of QuantizeLinear and DequantizeLinear where a quantiser for GPUs puts them: weights per output
channel, activations with one scale for all of them and no zero point. For timing: the scale comes from no data."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

PRODUCTS = {"Conv", "Gemm", "MatMul"}
KEEPS_INTEGERS = {"MaxPool", "Concat", "Resize", "AveragePool", "GlobalAveragePool", "Slice", "Reshape", "Flatten", "Identity"}
NEVER_NEGATIVE = {"Relu", "Sigmoid"}
SCALE = 8 / 127
FEW_CHANNELS = 4  # a first layer keeps real numbers, as in plans that the builder quantises itself


class Quantiser:
    def __init__(self, model):
        self.graph = model.graph
        self.constants = {t.name: t for t in self.graph.initializer}
        self.producers = {name: node for node in self.graph.node for name in node.output}
        self.pairs, self.before, self.added = {}, {}, set()

    def constant(self, name, array):
        if name not in self.added:
            self.graph.initializer.append(numpy_helper.from_array(array, name))
            self.added.add(name)
        return name

    def is_never_negative(self, name):
        node = self.producers.get(name)
        if node is None:
            return False
        if node.op_type == "Clip":
            low = self.constants.get(node.input[1]) if len(node.input) > 1 else None
            return low is not None and float(numpy_helper.to_array(low)) >= 0
        if node.op_type in KEEPS_INTEGERS:
            parts = [i for i in node.input if i and i not in self.constants]
            return all(self.is_never_negative(i) for i in parts)
        return node.op_type in NEVER_NEGATIVE

    def rounded(self, name, node):
        """The name of the activation behind its pair, which comes before the first node that reads it."""
        if name not in self.pairs:
            kind = np.uint8 if self.is_never_negative(name) else np.int8
            scale = self.constant("q_scale", np.float32(SCALE))
            zero = self.constant(f"q_zero_{kind.__name__}", kind(0))
            self.before.setdefault(id(node), []).extend([
                helper.make_node("QuantizeLinear", [name, scale, zero], [name + "_q"], name=name + "_q"),
                helper.make_node("DequantizeLinear", [name + "_q", scale, zero], [name + "_dq"], name=name + "_dq")])
            self.pairs[name] = name + "_dq"
        return self.pairs[name]

    def weights(self, node):
        name = node.input[1]
        array = numpy_helper.to_array(self.constants[name]).astype(np.float32)
        transposed = node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
        axis = 0 if node.op_type == "Conv" or transposed else array.ndim - 1
        most = np.abs(array).max(axis=tuple(i for i in range(array.ndim) if i != axis))
        scales = np.maximum(most / 127, 1e-8).astype(np.float32)
        shape = [-1 if i == axis else 1 for i in range(array.ndim)]
        integers = np.clip(np.rint(array / scales.reshape(shape)), -127, 127).astype(np.int8)
        if name + "_dq" not in self.added:
            self.added.add(name + "_dq")
            self.before.setdefault(id(node), []).append(helper.make_node(
                "DequantizeLinear",
                [self.constant(name + "_i8", integers), self.constant(name + "_s", scales),
                 self.constant(name + "_z", np.zeros_like(scales, dtype=np.int8))], [name + "_dq"], name=name + "_dq", axis=axis))
        return name + "_dq"

    def is_first_layer(self, node):
        weights = self.constants[node.input[1]]
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        return node.op_type == "Conv" and groups == 1 and weights.dims[1] <= FEW_CHANNELS

    def run(self):
        nodes = list(self.graph.node)
        for node in nodes:
            activations = [i for i, name in enumerate(node.input) if name and name not in self.constants]
            if node.op_type in PRODUCTS:
                if len(node.input) < 2 or node.input[1] not in self.constants or self.is_first_layer(node):
                    continue
                weights = self.weights(node)
                node.input[0], node.input[1] = self.rounded(node.input[0], node), weights
            elif node.op_type in KEEPS_INTEGERS or (node.op_type == "Add" and len(activations) == 2):
                for i in activations:
                    if node.input[i] in self.producers:
                        node.input[i] = self.rounded(node.input[i], node)
        del self.graph.node[:]
        for node in nodes:
            self.graph.node.extend(self.before.get(id(node), []) + [node])


def folded_constants(model):
    """Constant nodes as initializers."""
    for node in [n for n in model.graph.node if n.op_type == "Constant"]:
        value = next(a.t for a in node.attribute if a.name == "value")
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
        model.graph.node.remove(node)


def quantise(source, into):
    model = onnx.load(str(source))
    folded_constants(model)
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version < 13:
            model = onnx.version_converter.convert_version(model, 13)
            break
    Quantiser(model).run()
    onnx.save(model, str(into))
