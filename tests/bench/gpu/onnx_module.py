"""An ONNX file as a PyTorch module, for networks that come as a file only. The operators of YOLOX; another one is an error."""
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import nn


def attributes(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


class OnnxModule(nn.Module):
    def __init__(self, path):
        super().__init__()
        graph = onnx.load(str(path)).graph
        constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        nodes = []
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = numpy_helper.to_array(attributes(node)["value"])
            else:
                nodes.append(node)
        value = next(i for i in graph.input if i.name not in constants)
        self.input_name, self.output_name = value.name, graph.output[0].name
        self.input_shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        readers = {}
        for node in nodes:
            for name in node.input:
                readers.setdefault(name, []).append(node)
        self.steps = []  # (function of the module and the inputs, their names, output's name); copies share it
        self.weights = nn.ParameterList()
        fused = set()
        for node in nodes:
            if node.op_type == "Sigmoid":
                # x * sigmoid(x) is what the source network calls SiLU: one kernel for the peer, too.
                after = readers.get(node.output[0], [])
                if len(after) == 1 and after[0].op_type == "Mul" and node.input[0] in after[0].input:
                    self.steps.append((lambda _, x: F.silu(x), [node.input[0]], after[0].output[0]))
                    fused.add(id(after[0]))
                    continue
            if id(node) not in fused:
                self.steps.append(self.translate(node, constants))

    def translate(self, node, constants):
        a, op = attributes(node), node.op_type
        inputs, output = [node.input[0]], node.output[0]
        if op == "Conv":
            weight = self.keep(constants[node.input[1]])
            bias = self.keep(constants[node.input[2]]) if len(node.input) > 2 else None
            stride, pads, groups = a.get("strides", [1, 1]), a.get("pads", [0] * 4), a.get("group", 1)
            if pads[:2] != pads[2:]:
                raise ValueError(f"Conv {node.name}: uneven padding {pads}")

            def conv(module, x):
                return F.conv2d(x, module.weights[weight], None if bias is None else module.weights[bias], stride,
                                pads[:2], a.get("dilations", [1, 1]), groups)
            return conv, inputs, output
        if op in ("Sigmoid", "Add", "Mul"):
            inputs = list(node.input)
            if any(i in constants for i in inputs):
                raise ValueError(f"{op} {node.name}: a constant operand is not translated")
            function = {"Sigmoid": torch.sigmoid, "Add": torch.add, "Mul": torch.mul}[op]
            return (lambda _, *x: function(*x)), inputs, output
        if op == "Concat":
            return (lambda _, *x: torch.cat(x, a["axis"])), list(node.input), output
        if op == "MaxPool":
            return (lambda _, x: F.max_pool2d(x, a["kernel_shape"], a["strides"], a["pads"][:2])), inputs, output
        if op == "Transpose":
            return (lambda _, x: x.permute(a["perm"])), inputs, output
        if op == "Reshape":
            shape = [int(e) for e in constants[node.input[1]]]
            return (lambda _, x: x.reshape([x.shape[0]] + shape[1:])), inputs, output
        if op == "Resize":
            scale = [float(s) for s in constants[node.input[2]]][2:]
            return (lambda _, x: F.interpolate(x, scale_factor=scale, mode="nearest")), inputs, output
        if op == "Slice":
            starts, ends, axes = (constants[n].tolist() for n in node.input[1:4])
            steps = constants[node.input[4]].tolist() if len(node.input) > 4 else [1] * len(axes)

            def cut(_, x):
                index = [slice(None)] * x.dim()
                for start, end, axis, step in zip(starts, ends, axes, steps):
                    index[axis] = slice(start, min(end, x.shape[axis]), step)
                return x[tuple(index)]
            return cut, inputs, output
        raise ValueError(f"{op} {node.name}: this operator is not translated")

    def keep(self, array):
        self.weights.append(nn.Parameter(torch.from_numpy(array.copy()), requires_grad=False))
        return len(self.weights) - 1

    def forward(self, x):
        values = {self.input_name: x}
        for function, inputs, output in self.steps:
            values[output] = function(self, *(values[i] for i in inputs))
        return values[self.output_name]
