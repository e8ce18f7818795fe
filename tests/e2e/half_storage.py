"""What FP16 storage alone does to a network: the model with every weight and every intermediate result rounded to FP16.

A plan of precision fp16 keeps weights and intermediate results in FP16 and computes in FP32. How far that moves the outputs
is the network's affair, not the kernels': this gives the error that no such plan can be expected to go below, and tells
networks whose values do not fit FP16 at all.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference


def half_storage_model(source, target):
    """Writes to `target` the model `source` (paths; FP32) with FP16 storage. Graph inputs and outputs stay FP32."""
    model = shape_inference.infer_shapes(onnx.load(source))
    graph = model.graph
    floats = {v.name for v in [*graph.value_info, *graph.output] if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    keep = {v.name for v in graph.output}
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:  # biases stay FP32 in plans
            with np.errstate(over="ignore"):
                rounded = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    nodes = []
    for node in graph.node:
        nodes.append(node)
        for i, name in enumerate(node.output):
            if node.op_type == "Constant" or name not in floats or name in keep:
                continue
            node.output[i] = name + "/exact"
            nodes.append(helper.make_node("Cast", [name + "/exact"], [name + "/half"], to=TensorProto.FLOAT16))
            nodes.append(helper.make_node("Cast", [name + "/half"], [name], to=TensorProto.FLOAT))
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    onnx.save(model, target)
