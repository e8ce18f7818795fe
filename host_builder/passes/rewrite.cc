#include "host_builder/passes/rewrite.h"

#include <algorithm>
#include <cstring>

#include "host_builder/graph/shape.h"

namespace stint::builder {

bool used_once(const Graph& graph, ValueId id) {
  if (graph.is_output(id)) return false;
  size_t uses = 0;
  for (NodeId n : graph.order()) {
    const std::vector<ValueId>& inputs = graph.node(n).inputs;
    uses += static_cast<size_t>(std::count(inputs.begin(), inputs.end(), id));
  }
  return uses == 1;
}

std::optional<NodeId> sole_consumer(const Graph& graph, ValueId id) {
  if (!used_once(graph, id)) return std::nullopt;
  return graph.consumers(id).front();
}

bool is_float_function(EltOp op) {
  switch (op) {
    case EltOp::kNot:
    case EltOp::kIsNan:
    case EltOp::kIsInf:
    case EltOp::kBitNot:
    case EltOp::kMod:
    case EltOp::kFMod:
      return false;
    default:
      return op < EltOp::kEqual;
  }
}

std::optional<NodeId> producer_of(const Graph& graph, ValueId id, Op op) {
  const std::optional<NodeId> n = graph.producer(id);
  return n && graph.node(*n).op == op ? n : std::nullopt;
}

const Node* unary_producer(const Graph& graph, ValueId id, EltOp op) {
  const auto n = producer_of(graph, id, Op::kUnary);
  return n && graph.node(*n).as<UnaryAttributes>().op == op ? &graph.node(*n) : nullptr;
}

const Node* binary_producer(const Graph& graph, ValueId id, EltOp op) {
  const auto n = producer_of(graph, id, Op::kBinary);
  return n && graph.node(*n).as<BinaryAttributes>().op == op ? &graph.node(*n) : nullptr;
}

bool can_replace(const Graph& graph, ValueId from, ValueId to) {
  if (!graph.is_output(from)) return true;
  const bool is_input =
      std::find(graph.inputs.begin(), graph.inputs.end(), to) != graph.inputs.end();
  return !is_input && !graph.value(to).constant && !graph.is_output(to);
}

std::optional<std::vector<float>> f32_constant(const Graph& graph, ValueId id) {
  if (id == kNoValue) return std::nullopt;
  const Value& value = graph.value(id);
  if (!value.constant || value.dtype != DType::kF32) return std::nullopt;
  std::vector<float> data(static_cast<size_t>(value.elements()));
  if (!data.empty()) std::memcpy(data.data(), value.constant->data(), data.size() * sizeof(float));
  return data;
}

std::optional<float> uniform_constant(const Graph& graph, ValueId id) {
  const auto data = f32_constant(graph, id);
  if (!data || data->empty()) return std::nullopt;
  for (float x : *data)
    if (x != data->front()) return std::nullopt;
  return data->front();
}

std::optional<std::vector<float>> channel_constant(const Graph& graph, ValueId id, size_t rank,
                                                   size_t axis, int64_t channels) {
  const auto data = f32_constant(graph, id);
  if (!data) return std::nullopt;
  const Shape& shape = graph.value(id).shape;
  if (shape.size() > rank) return std::nullopt;
  for (size_t d = 0; d < shape.size(); ++d) {
    const size_t full_axis = d + rank - shape.size();
    if (shape[d] != 1 && !(full_axis == axis && shape[d] == channels)) return std::nullopt;
  }
  if (data->size() == 1) return std::vector<float>(static_cast<size_t>(channels), data->front());
  return data;
}

ValueId add_f32_constant(Graph& graph, const std::string& hint, Shape shape,
                         const std::vector<float>& data) {
  return graph.add_constant(graph.unique_name(hint), DType::kF32, std::move(shape), data);
}

size_t position_of(const Graph& graph, NodeId id) {
  const std::vector<NodeId>& order = graph.order();
  return static_cast<size_t>(std::find(order.begin(), order.end(), id) - order.begin());
}

ValueId insert_before(Graph& graph, NodeId position, const std::string& name, Op op,
                      Attributes attributes, std::vector<ValueId> inputs, DType dtype,
                      Shape shape) {
  const std::string unique = graph.unique_name(name);
  const ValueId result = graph.add_value(unique, dtype, std::move(shape));
  Node node;
  node.name = unique;
  node.op = op;
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.outputs = {result};
  graph.insert_node(position_of(graph, position), std::move(node));
  return result;
}

void record_fusion(Node& into, const Node& absorbed) {
  into.fused.push_back(absorbed.name);
  into.fused.insert(into.fused.end(), absorbed.fused.begin(), absorbed.fused.end());
}

ValueId transposed_constant(Graph& graph, ValueId id, const Shape& as_shape,
                            const std::vector<int64_t>& perm) {
  const Value& value = graph.value(id);
  const size_t size = dtype_bytes(value.dtype);
  const size_t rank = as_shape.size();
  const Shape strides = dense_strides(as_shape);
  Shape shape(rank), steps(rank);
  for (size_t d = 0; d < rank; ++d) {
    shape[d] = as_shape[static_cast<size_t>(perm[d])];
    steps[d] = strides[static_cast<size_t>(perm[d])];
  }
  std::vector<std::byte> bytes(value.constant->size());
  Shape index(rank, 0);
  int64_t from = 0;
  for (size_t to = 0; to < bytes.size(); to += size) {
    std::memcpy(&bytes[to], value.constant->data() + static_cast<size_t>(from) * size, size);
    for (size_t d = rank; d-- > 0;) {
      from += steps[d];
      if (++index[d] < shape[d]) break;
      from -= steps[d] * shape[d];
      index[d] = 0;
    }
  }
  return graph.add_constant(graph.unique_name(value.name + "_t"), value.dtype, std::move(shape),
                            std::move(bytes));
}

}  // namespace stint::builder
