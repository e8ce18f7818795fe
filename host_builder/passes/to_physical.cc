// First half of the layout pass: every spatial node reads and writes channels-last values, with
// explicit transposes around it. Afterwards all shapes, axes and attributes are in memory order.
#include "host_builder/passes/layout.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

bool is_spatial(Op op) {
  switch (op) {
    case Op::kConv:
    case Op::kConvTranspose:
    case Op::kPool:
    case Op::kResize:
    case Op::kBatchNorm:
    case Op::kInstanceNorm:
    case Op::kLrn:
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
    case Op::kPreprocess:
      return true;
    default:
      return false;
  }
}

namespace {

ValueId transposed_operand(Graph& graph, NodeId n, ValueId id) {
  const Value& value = graph.value(id);
  const Permutation perm = to_channels_last(value.shape.size());
  if (value.constant) return transposed_constant(graph, id, value.shape, perm);
  return insert_before(graph, n, value.name + "_nhwc", Op::kTranspose, TransposeAttributes{perm},
                       {id}, value.dtype, permuted(value.shape, perm));
}

/// The node writes a new channels-last value; the old one is its transpose.
void transpose_result(Graph& graph, NodeId n, size_t i) {
  const ValueId old = graph.node(n).outputs[i];
  const Value& value = graph.value(old);
  const size_t rank = value.shape.size();
  const ValueId physical = graph.add_value(graph.unique_name(value.name + "_nhwc"), value.dtype,
                                           permuted(value.shape, to_channels_last(rank)));
  graph.node(n).outputs[i] = physical;
  Node back;
  back.name = graph.unique_name(value.name + "_nchw");
  back.op = Op::kTranspose;
  back.attributes = TransposeAttributes{to_channels_first(rank)};
  back.inputs = {physical};
  back.outputs = {old};
  graph.insert_node(position_of(graph, n) + 1, std::move(back));
}

template <typename T>
std::vector<T> reordered(const std::vector<T>& values, const Permutation& perm) {
  std::vector<T> result;
  for (int64_t axis : perm) result.push_back(values[static_cast<size_t>(axis)]);
  return result;
}

void convert_attributes(Node& node, size_t rank) {
  const Permutation perm = to_channels_last(rank);
  if (node.op == Op::kLrn) node.as<LrnAttributes>().axis = static_cast<int64_t>(rank) - 1;
  if (node.op == Op::kResize) {
    auto& a = node.as<ResizeAttributes>();
    a.scales = reordered(a.scales, perm);
    if (a.roi.size() == 2 * rank) {
      const std::vector<float> starts(a.roi.begin(),
                                      a.roi.begin() + static_cast<std::ptrdiff_t>(rank));
      const std::vector<float> ends(a.roi.begin() + static_cast<std::ptrdiff_t>(rank), a.roi.end());
      a.roi = reordered(starts, perm);
      for (float end : reordered(ends, perm)) a.roi.push_back(end);
    }
  }
}

/// A network input may be declared either way round.
bool frame_is_channels_first(const Graph& graph, const Node& node) {
  const auto& a = node.as<PreprocessAttributes>();
  const Shape& shape = graph.value(node.outputs[0]).shape;
  return shape.size() == 4 && shape[1] == a.channels && shape[2] == a.height && shape[3] == a.width;
}

bool needs_conversion(const Graph& graph, const Node& node) {
  if (!is_spatial(node.op)) return false;
  if (node.op == Op::kPreprocess) return frame_is_channels_first(graph, node);
  return graph.value(node.inputs[0]).shape.size() >= 3;
}

}  // namespace

void to_physical(Graph& graph) {
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    Node& node = graph.node(n);
    if (!needs_conversion(graph, node)) continue;
    if (!node.inputs.empty()) {
      convert_attributes(node, graph.value(node.inputs[0]).shape.size());
      node.inputs[0] = transposed_operand(graph, n, node.inputs[0]);
    }
    constexpr size_t kResidual = 3;
    const bool has_residual = node.op == Op::kConv || node.op == Op::kConvTranspose;
    if (has_residual && node.inputs.size() > kResidual && node.inputs[kResidual] != kNoValue)
      node.inputs[kResidual] = transposed_operand(graph, n, node.inputs[kResidual]);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNoValue) transpose_result(graph, n, i);
  }
  graph.channels_last = true;
}

}  // namespace stint::builder
