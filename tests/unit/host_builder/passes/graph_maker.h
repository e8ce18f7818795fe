// Makes small graphs for tests: operands with seeded random contents, result types from shape
// inference.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/shape_inference.h"

namespace stint::builder::test {

class GraphMaker {
 public:
  Graph graph;

  ValueId input(const std::string& name, Shape shape, DType dtype = DType::kF32) {
    const ValueId id = graph.add_value(name, dtype, std::move(shape));
    graph.inputs.push_back(id);
    return id;
  }
  ValueId constant(Shape shape, float low = -1.0f, float high = 1.0f) {
    std::vector<float> data(elements(shape));
    std::uniform_real_distribution<float> uniform(low, high);
    for (float& x : data) x = uniform(random_);
    return graph.add_constant(graph.unique_name("k"), DType::kF32, std::move(shape), data);
  }
  ValueId filled(Shape shape, float value) {
    const std::vector<float> data(elements(shape), value);
    return graph.add_constant(graph.unique_name("k"), DType::kF32, std::move(shape), data);
  }
  /// `shape`, `dtype`: for operations whose result the operands do not determine.
  ValueId op(Op op, Attributes attributes, std::vector<ValueId> inputs, Shape shape = {},
             DType dtype = DType::kF32) {
    const auto types = infer_types(graph, op, attributes, inputs, {{dtype, shape}});
    Node node;
    node.name = graph.unique_name(op_name(op));
    node.op = op;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = {
        graph.add_value(graph.unique_name(node.name + "_y"), types[0].dtype, types[0].shape)};
    const ValueId y = node.outputs[0];
    graph.add_node(std::move(node));
    return y;
  }
  ValueId unary(EltOp o, ValueId x, float alpha = 0, float beta = 0) {
    return op(Op::kUnary, UnaryAttributes{o, alpha, beta}, {x});
  }
  ValueId binary(EltOp o, ValueId a, ValueId b) {
    return op(Op::kBinary, BinaryAttributes{o}, {a, b});
  }
  ValueId add(ValueId a, ValueId b) { return binary(EltOp::kAdd, a, b); }
  ValueId mul(ValueId a, ValueId b) { return binary(EltOp::kMul, a, b); }
  ValueId reshape(ValueId x, Shape shape) {
    return op(Op::kReshape, std::monostate(), {x}, std::move(shape));
  }
  ValueId transpose(ValueId x, std::vector<int64_t> perm) {
    return op(Op::kTranspose, TransposeAttributes{std::move(perm)}, {x});
  }
  ValueId concat(std::vector<ValueId> parts, int64_t axis) {
    return op(Op::kConcat, AxisAttributes{axis}, std::move(parts));
  }
  ValueId slice(ValueId x, std::vector<int64_t> starts, Shape shape) {
    SliceAttributes a{std::move(starts), std::vector<int64_t>(shape.size(), 1)};
    return op(Op::kSlice, a, {x}, std::move(shape));
  }
  /// Square kernel with `same` padding unless told otherwise.
  ValueId conv(ValueId x, int64_t channels, int64_t kernel = 3, int64_t groups = 1,
               bool bias = true, int64_t stride = 1) {
    const int64_t in =
        graph.value(x).shape[graph.channels_last ? graph.value(x).shape.size() - 1 : 1];
    ConvAttributes a;
    a.kernel = {kernel, kernel};
    a.strides = {stride, stride};
    a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {kernel / 2, kernel / 2};
    a.groups = groups;
    std::vector<ValueId> inputs = {x, constant({channels, in / groups, kernel, kernel})};
    if (bias) inputs.push_back(constant({channels}));
    return op(Op::kConv, a, inputs);
  }
  ValueId max_pool(ValueId x, int64_t kernel, int64_t stride, int64_t pad = 0) {
    PoolAttributes a;
    a.kernel = {kernel, kernel};
    a.strides = {stride, stride};
    a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {pad, pad};
    return op(Op::kPool, a, {x});
  }
  ValueId batch_norm(ValueId x) {
    const Shape c{graph.value(x).shape[1]};
    const ValueId scale = constant(c), b = constant(c), mean = constant(c),
                  var = constant(c, 0.5f, 2.0f);
    return op(Op::kBatchNorm, NormAttributes{}, {x, scale, b, mean, var});
  }
  ValueId matmul(ValueId a, ValueId b) { return op(Op::kMatMul, MatMulAttributes{}, {a, b}); }
  void output(ValueId id) { graph.outputs.push_back(id); }

 private:
  static size_t elements(const Shape& shape) {
    size_t n = 1;
    for (int64_t e : shape) n *= static_cast<size_t>(e);
    return n;
  }
  std::mt19937 random_{20240521};
};

inline size_t count(const Graph& graph, Op op) {
  size_t n = 0;
  for (NodeId id : graph.order()) n += graph.node(id).op == op;
  return n;
}

}  // namespace stint::builder::test
