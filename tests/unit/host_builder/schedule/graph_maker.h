// Small graphs of nodes that only move or add elements, for tests of scheduling and writing.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

class GraphMaker {
 public:
  Graph graph;

  ValueId input(const std::string& name, const Shape& shape) {
    const ValueId id = graph.add_value(name, DType::kF32, shape);
    graph.inputs.push_back(id);
    return id;
  }

  ValueId unary(EltOp op, ValueId x, const std::string& name) {
    return unary_into(op, x, graph.add_value(name, DType::kF32, graph.value(x).shape));
  }

  ValueId unary_into(EltOp op, ValueId x, ValueId y) {
    add(Op::kUnary, UnaryAttributes{op, 0.0f, 0.0f}, {x}, {y});
    return y;
  }

  ValueId binary(EltOp op, ValueId a, ValueId b, const std::string& name) {
    const ValueId y = graph.add_value(name, DType::kF32, graph.value(a).shape);
    add(Op::kBinary, BinaryAttributes{op}, {a, b}, {y});
    return y;
  }

  ValueId constant(const std::string& name, const Shape& shape, float value) {
    int64_t n = 1;
    for (int64_t extent : shape) n *= extent;
    return graph.add_constant(name, DType::kF32, shape,
                              std::vector<float>(static_cast<size_t>(n), value));
  }

  /// Part [begin, begin + extent) of the last axis of `base`, as the aliasing pass makes it.
  ValueId part(ValueId base, int64_t begin, int64_t extent, const std::string& name) {
    Value value;
    value.name = name;
    value.shape = graph.value(base).shape;
    value.strides.assign(value.shape.size(), 1);
    for (size_t axis = value.shape.size(); axis-- > 1;)
      value.strides[axis - 1] = value.strides[axis] * value.shape[axis];
    value.shape.back() = extent;
    value.view = View{base, begin};
    return graph.add_value(std::move(value));
  }

  void output(ValueId id) { graph.outputs.push_back(id); }

 private:
  void add(Op op, Attributes attributes, std::vector<ValueId> inputs,
           std::vector<ValueId> outputs) {
    Node node;
    node.name = graph.value(outputs[0]).name + "_node";
    node.op = op;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    graph.add_node(std::move(node));
  }
};

}  // namespace stint::builder
