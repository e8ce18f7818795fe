// Convolutions of one input with the same geometry become one with all their output channels: the
// input is read once, and few channels fill the vector lanes together. So do the products that make
// attention's queries, keys and values. Slices of the result become views.
#include <algorithm>
#include <map>
#include <tuple>

#include "host_builder/graph/op_names.h"
#include "host_builder/passes/linear.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

/// A result that is concatenated (be it transposed and reshaped before, as detection heads are) or
/// leaves the graph is written where it belongs; as a slice it would have to be copied.
bool may_become_a_slice(const Graph& graph, ValueId id) {
  if (graph.is_output(id)) return false;
  const std::vector<NodeId> consumers = graph.consumers(id);
  return std::none_of(consumers.begin(), consumers.end(), [&](NodeId n) {
    const Op op = graph.node(n).op;
    return op == Op::kConcat || op == Op::kReshape || op == Op::kTranspose;
  });
}

/// All that read the value are products of two activations, behind a reshape to heads and a
/// transpose: these are strides.
bool leads_to_attention(const Graph& graph, ValueId id, std::vector<Op> between) {
  if (graph.is_output(id)) return false;
  const std::vector<NodeId> consumers = graph.consumers(id);
  return !consumers.empty() && std::all_of(consumers.begin(), consumers.end(), [&](NodeId n) {
    const Node& node = graph.node(n);
    if (!between.empty())
      return node.op == between.front() &&
             leads_to_attention(graph, node.outputs[0], {between.begin() + 1, between.end()});
    return node.op == Op::kMatMul && !graph.value(node.inputs[0]).constant &&
           !graph.value(node.inputs[kWeightOperand]).constant;
  });
}

/// A convolution, or a product that makes heads of attention.
bool has_mergeable_form(const Graph& graph, const Node& node) {
  if (node.op == Op::kConv)
    return node.as<ConvAttributes>().groups == 1 && may_become_a_slice(graph, node.outputs[0]);
  return node.op == Op::kMatMul && graph.value(node.inputs[0]).shape.size() >= 2 &&
         graph.value(node.inputs[kWeightOperand]).shape.size() == 2 &&
         leads_to_attention(graph, node.outputs[0], {Op::kReshape, Op::kTranspose});
}

/// Sibling convolutions with more output channels than this are not merged: each fills the device
/// alone. A CPU core is filled by few; on a GPU every step saved counts.
int64_t merge_channels(const PassContext& context) { return context.target.is_gpu ? 512 : 64; }

bool is_candidate(const Graph& graph, const Node& node, const PassContext& context) {
  if (!has_mergeable_form(graph, node)) return false;
  if (has_operand(node, kResidualOperand)) return false;
  if (!f32_constant(graph, node.inputs[kWeightOperand])) return false;
  // Of a model that is quantised itself each has results of its own scale.
  if (graph.value(node.inputs[kWeightOperand]).grid) return false;
  if (has_operand(node, kBiasOperand) && !f32_constant(graph, node.inputs[kBiasOperand]))
    return false;
  return output_channels(graph, node) <= merge_channels(context);
}

/// Appends the weights of `added` output channels to those of `channels`.
void append_channels(std::vector<float>& weights, const std::vector<float>& more, bool columns,
                     int64_t channels, int64_t added) {
  if (!columns || channels == 0) {
    weights.insert(weights.end(), more.begin(), more.end());
    return;
  }
  std::vector<float> joined;
  for (size_t w = 0, m = 0; w < weights.size();
       w += static_cast<size_t>(channels), m += static_cast<size_t>(added)) {
    joined.insert(joined.end(), &weights[w], &weights[w] + channels);
    joined.insert(joined.end(), &more[m], &more[m] + added);
  }
  weights = std::move(joined);
}

void merge(Graph& graph, const std::vector<NodeId>& siblings) {
  Node& first = graph.node(siblings.front());
  const bool columns = first.op == Op::kMatMul;  // weights [k][n], not [n][k]
  const size_t axis = output_channel_axis(graph, first);
  std::vector<float> weights, biases;
  int64_t channels = 0;
  for (NodeId n : siblings) {
    const Node& node = graph.node(n);
    const auto w = *f32_constant(graph, node.inputs[kWeightOperand]);
    const int64_t count = output_channels(graph, node);
    const auto b = has_operand(node, kBiasOperand)
                       ? *f32_constant(graph, node.inputs[kBiasOperand])
                       : std::vector<float>(static_cast<size_t>(count), 0.0f);
    append_channels(weights, w, columns, channels, count);
    biases.insert(biases.end(), b.begin(), b.end());
    channels += count;
  }
  Shape shape = graph.value(first.inputs[kWeightOperand]).shape;
  shape[columns ? 1 : 0] = channels;
  Shape whole = graph.value(first.outputs[0]).shape;
  whole[axis] = channels;

  Node merged = first;
  merged.inputs = {first.inputs[0],
                   add_f32_constant(graph, first.name + "_weights", shape, weights),
                   add_f32_constant(graph, first.name + "_biases", {channels}, biases)};
  const ValueId y = graph.add_value(graph.unique_name(first.name + "_merged"), DType::kF32, whole);
  merged.outputs = {y};
  for (NodeId n : siblings)
    if (n != siblings.front()) record_fusion(merged, graph.node(n));
  size_t position = position_of(graph, siblings.front());
  graph.insert_node(position++, std::move(merged));

  int64_t start = 0;
  for (NodeId n : siblings) {
    Node& node = graph.node(n);
    Node slice;
    slice.name = graph.unique_name(node.name + "_part");
    slice.op = Op::kSlice;
    SliceAttributes a;
    a.starts.assign(whole.size(), 0);
    a.starts[axis] = start;
    a.steps.assign(whole.size(), 1);
    slice.attributes = a;
    slice.inputs = {y};
    slice.outputs = node.outputs;
    start += graph.value(node.outputs[0]).shape[axis];
    graph.remove_node(n);
    // Directly behind the merged node, which stands where the first sibling stood: before every
    // reader.
    graph.insert_node(position++, std::move(slice));
  }
}

size_t run(Graph& graph, const PassContext& context) {
  using Key = std::tuple<ValueId, std::string>;
  std::map<Key, std::vector<NodeId>> groups;
  for (NodeId n : graph.order()) {
    const Node& node = graph.node(n);
    if (is_candidate(graph, node, context))
      groups[{node.inputs[0], attributes_text(node)}].push_back(n);
  }
  size_t changes = 0;
  for (const auto& [key, siblings] : groups) {
    if (siblings.size() < 2) continue;
    merge(graph, siblings);
    changes += siblings.size() - 1;
  }
  return changes;
}

}  // namespace

/// Requires: epilogues are complete (fuse-vertical has run); channels are axis 1. Ensures: no two
/// convolutions, or products that make heads of attention, of one input with few channels and equal
/// attributes remain, unless a part would have to be copied.
const Pass kFuseHorizontalPass = {"fuse-horizontal", true, run};

}  // namespace stint::builder
