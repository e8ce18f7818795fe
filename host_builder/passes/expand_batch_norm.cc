// There is no kernel for batch normalisation: at inference it is a scale and a shift per channel.
// With constant statistics both are constants; otherwise they are computed by element-wise nodes.
#include <cmath>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

ValueId scalar(Graph& graph, const std::string& hint, DType dtype, double value) {
  const std::string name = graph.unique_name(hint);
  if (dtype == DType::kF64) return graph.add_constant(name, dtype, {1}, std::vector<double>{value});
  return graph.add_constant(name, dtype, {1}, std::vector<float>{static_cast<float>(value)});
}

/// The node becomes (x - mean) * (scale / sqrt(var + epsilon)) + b with operands of shape
/// [C, 1...].
void expand(Graph& graph, NodeId n) {
  const Node node = graph.node(n);
  const Value& x = graph.value(node.inputs[0]);
  const DType dtype = x.dtype;
  const Shape full = x.shape;
  const Shape flat{full[1]};
  Shape per_channel(full.size() - 1, 1);
  per_channel[0] = full[1];

  auto binary = [&](EltOp op, ValueId a, ValueId b, const Shape& shape) {
    return insert_before(graph, n, node.name, Op::kBinary, BinaryAttributes{op}, {a, b}, dtype,
                         shape);
  };
  auto spread = [&](ValueId id) {
    return insert_before(graph, n, node.name, Op::kReshape, std::monostate(), {id}, dtype,
                         per_channel);
  };
  const auto scale = f32_constant(graph, node.inputs[1]), b = f32_constant(graph, node.inputs[2]);
  const auto mean = f32_constant(graph, node.inputs[3]), var = f32_constant(graph, node.inputs[4]);
  const double epsilon = node.as<NormAttributes>().epsilon;
  ValueId centred = node.inputs[0], factor, shift;
  if (scale && b && mean && var) {
    std::vector<float> factors, shifts;
    for (size_t c = 0; c < scale->size(); ++c) {
      const double s = (*scale)[c] / std::sqrt((*var)[c] + epsilon);
      factors.push_back(static_cast<float>(s));
      shifts.push_back(static_cast<float>((*b)[c] - (*mean)[c] * s));
    }
    factor = add_f32_constant(graph, node.name + "_scale", per_channel, factors);
    shift = add_f32_constant(graph, node.name + "_shift", per_channel, shifts);
  } else {
    const ValueId eps = scalar(graph, node.name + "_epsilon", dtype, epsilon);
    const ValueId sum = binary(EltOp::kAdd, node.inputs[4], eps, flat);
    const ValueId deviation = insert_before(graph, n, node.name, Op::kUnary,
                                            UnaryAttributes{EltOp::kSqrt}, {sum}, dtype, flat);
    factor = spread(binary(EltOp::kDiv, node.inputs[1], deviation, flat));
    shift = spread(node.inputs[2]);
    centred = binary(EltOp::kSub, node.inputs[0], spread(node.inputs[3]), full);
  }
  const ValueId scaled = binary(EltOp::kMul, centred, factor, full);
  Node& last = graph.node(n);
  last.op = Op::kBinary;
  last.attributes = BinaryAttributes{EltOp::kAdd};
  last.inputs = {scaled, shift};
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    if (graph.node(n).op != Op::kBatchNorm) continue;
    expand(graph, n);
    ++changes;
  }
  return changes;
}

}  // namespace

/// Requires: channels are axis 1 (before the layout pass). Ensures: no batch normalisation node is
/// left.
const Pass kExpandBatchNormPass = {"expand-batch-norm", false, run};

}  // namespace stint::builder
