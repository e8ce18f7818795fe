// What is the same for all samples, as a larger batch needs it: constants that a model exported for
// one sample holds once, and what they would be for a batch of 1.
#include <algorithm>

#include "host_builder/evaluate/evaluate.h"
#include "host_builder/graph/shape.h"
#include "host_builder/network/network_builder.h"
#include "host_builder/support/error.h"

namespace stint::builder {

ValueId NetworkBuilder::repeated_for_batch(ValueId id, const BatchPlace& place) {
  const Value& value = graph_.value(id);
  if (batch_.carries(id) || place.axis >= value.shape.size() ||
      value.shape[place.axis] != place.outer * place.inner)
    return id;
  const DType dtype = value.dtype;
  Shape shape = value.shape;
  int64_t before = place.outer, after = place.inner;
  for (size_t i = 0; i < place.axis; ++i) before *= shape[i];
  for (size_t i = place.axis + 1; i < shape.size(); ++i) after *= shape[i];
  shape[place.axis] *= graph_.batch;
  const ValueId once = reshape(id, {before, 1, after});
  const ValueId result =
      reshape(add(Op::kExpand, {}, {once}, {{dtype, {before, graph_.batch, after}}}), shape);
  batch_.mark(result, place);
  return result;
}

/// Operands beside those with samples: constants where the model was exported for one sample.
void NetworkBuilder::repeat_operands_for_batch(Op op, const Attributes& attributes,
                                               std::vector<ValueId>& inputs) {
  const bool concat = op == Op::kConcat;
  if (!batch_.on() || !(concat || op == Op::kBinary || op == Op::kWhere || op == Op::kMatMul))
    return;
  // Axes of operands that are broadcast are counted from the last one.
  std::optional<BatchPlace> wanted;
  const auto from_last = [&](ValueId id, size_t axis) {
    return graph_.value(id).shape.size() - axis;
  };
  for (ValueId id : inputs) {
    auto place = batch_.place(id);
    if (!place) continue;
    place->axis = from_last(id, place->axis);
    if (wanted && !(*wanted == *place)) return;  // follow() says what that is
    wanted = place;
  }
  if (!wanted || (op == Op::kMatMul && wanted->axis < 3)) return;
  const size_t rank = graph_.value(inputs[0]).shape.size();
  if (concat) {
    int64_t axis = std::get<AxisAttributes>(attributes).axis;
    if (axis < 0) axis += static_cast<int64_t>(rank);
    if (axis == static_cast<int64_t>(rank - wanted->axis)) return;
  }
  for (ValueId& id : inputs) {
    const Shape& shape = graph_.value(id).shape;
    if (shape.size() < wanted->axis) continue;
    BatchPlace place = *wanted;
    place.axis = shape.size() - wanted->axis;
    if (!concat && shape[place.axis] == 1) continue;  // is broadcast
    id = repeated_for_batch(id, place);
  }
}

namespace {

/// Extents and indices have few elements; nothing else is wanted for a batch of 1.
constexpr int64_t kMostElementsAtBatchOne = 1024;

}  // namespace

/// Folds a node again with what its constants would be for a batch of 1, if that differs.
void NetworkBuilder::fold_at_batch_one(const Node& node) {
  const bool differs = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoValue && batch_.at_one(id) != nullptr;
  });
  if (!differs) return;
  Graph graph;
  Node alone = node;
  std::vector<HostTensor> operands;
  operands.reserve(node.inputs.size());
  std::vector<const HostTensor*> pointers(node.inputs.size(), nullptr);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph_.value(node.inputs[i]);
    if (value.elements() > kMostElementsAtBatchOne) return;
    const HostTensor* at_one = batch_.at_one(node.inputs[i]);
    operands.push_back(at_one ? *at_one : HostTensor{value.dtype, value.shape, *value.constant});
    pointers[i] = &operands.back();
    alone.inputs[i] =
        graph.add_constant("input" + std::to_string(i), operands.back().dtype,
                           operands.back().shape, std::vector<std::byte>(operands.back().data));
  }
  std::vector<TensorType> declared;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) return;
    const Value& value = graph_.value(node.outputs[i]);
    declared.push_back({value.dtype, value.shape});
    alone.outputs[i] = graph.add_value("output" + std::to_string(i), value.dtype, value.shape);
  }
  try {
    const auto types = infer_types(graph, node.op, node.attributes, alone.inputs, declared);
    for (size_t i = 0; i < declared.size(); ++i)
      if (types.at(i).shape != declared[i].shape)
        return;  // another one for a batch of 1: not known
    std::vector<HostTensor> results = evaluate_node(graph, alone, pointers);
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].data != *graph_.value(node.outputs[i]).constant)
        batch_.set_at_one(node.outputs[i], std::move(results[i]));
    }
  } catch (const BuildError&) {
    return;  // makes no sense for a batch of 1: nothing is known of that then
  }
}

}  // namespace stint::builder
