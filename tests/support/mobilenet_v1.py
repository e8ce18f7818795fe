"""MobileNet v1 (1.0, 224) as ONNX with seeded random weights: its shapes matter here, not what it knows."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def mobilenet_v1(path, seed=1):
    random = np.random.default_rng(seed)
    nodes, constants = [], []
    value = "input"

    def conv_bn_relu(inputs, outputs, kernel, stride, groups):
        nonlocal value
        name = f"conv{len(nodes)}"
        fan_in = inputs // groups * kernel * kernel
        weights = random.normal(0, np.sqrt(2 / fan_in), (outputs, inputs // groups, kernel, kernel)).astype(np.float32)
        bias = random.normal(0, 0.1, outputs).astype(np.float32)
        constants.extend([numpy_helper.from_array(weights, name + "_w"), numpy_helper.from_array(bias, name + "_b")])
        pad = kernel // 2
        nodes.append(helper.make_node("Conv", [value, name + "_w", name + "_b"], [name], name=name, group=groups,
                                      kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4))
        nodes.append(helper.make_node("Relu", [name], [name + "_relu"], name=name + "_relu"))
        value = name + "_relu"

    conv_bn_relu(3, 32, 3, 2, 1)
    channels = 32
    for outputs, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        conv_bn_relu(channels, channels, 3, stride, channels)
        conv_bn_relu(channels, outputs, 1, 1, 1)
        channels = outputs
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["flat"]))
    constants.append(numpy_helper.from_array(random.normal(0, 0.03, (1000, 1024)).astype(np.float32), "fc_w"))
    constants.append(numpy_helper.from_array(random.normal(0, 0.1, 1000).astype(np.float32), "fc_b"))
    nodes.append(helper.make_node("Gemm", ["flat", "fc_w", "fc_b"], ["output"], transB=1))
    graph = helper.make_graph(nodes, "mobilenet_v1",
                              [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])],
                              [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1000])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
