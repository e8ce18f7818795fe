#include "host_builder/tactics/evaluate_graph.h"

#include <cstring>

#include "host_builder/graph/error.h"

namespace stint::builder {
namespace {

/// Calls copy(offset in the storage, offset in the dense tensor) for every element of a possibly strided value, in bytes.
template <typename Copy>
void for_each_element(const Value& value, const Copy& copy) {
  const int64_t size = dtype_bytes(value.dtype);
  const int64_t start = value.view ? value.view->offset : 0;
  const size_t rank = value.shape.size();
  Shape strides = value.strides;
  if (strides.empty()) {
    strides.assign(rank, 1);
    for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * value.shape[i];
  }
  Shape index(rank, 0);
  const int64_t count = value.elements();
  for (int64_t n = 0; n < count; ++n) {
    int64_t at = start;
    for (size_t i = 0; i < rank; ++i) at += index[i] * strides[i];
    copy(static_cast<size_t>(at * size), static_cast<size_t>(n * size));
    for (size_t i = rank; i-- > 0;) {
      if (++index[i] < value.shape[i]) break;
      index[i] = 0;
    }
  }
}

/// The storages of a run, one per value that is not a view.
class Memory {
 public:
  explicit Memory(const Graph& graph) : graph_(graph), storages_(graph.value_count()) {}

  void write(ValueId id, const HostTensor& tensor) {
    const Value& value = graph_.value(id);
    std::vector<std::byte>& storage = storage_of(value, id);
    const size_t size = dtype_bytes(value.dtype);
    for_each_element(value, [&](size_t at, size_t from) { std::memcpy(&storage.at(at), &tensor.data.at(from), size); });
  }

  HostTensor read(ValueId id) {
    const Value& value = graph_.value(id);
    HostTensor tensor;
    tensor.dtype = value.dtype;
    tensor.shape = value.shape;
    if (value.is_constant()) {
      tensor.data = *value.constant;
      return tensor;
    }
    tensor.data.resize(static_cast<size_t>(value.bytes()));
    const std::vector<std::byte>& storage = storage_of(value, id);
    const size_t size = dtype_bytes(value.dtype);
    for_each_element(value, [&](size_t at, size_t to) { std::memcpy(&tensor.data.at(to), &storage.at(at), size); });
    return tensor;
  }

 private:
  std::vector<std::byte>& storage_of(const Value& value, ValueId id) {
    const ValueId base = value.view ? value.view->base : id;
    const Value& owner = graph_.value(base);
    std::vector<std::byte>& storage = storages_.at(base);
    if (storage.empty() && owner.is_constant()) storage = *owner.constant;
    if (storage.empty()) storage.resize(static_cast<size_t>(owner.bytes()));
    return storage;
  }

  const Graph& graph_;
  std::vector<std::vector<std::byte>> storages_;
};

}  // namespace

std::map<std::string, HostTensor> evaluate_graph(Graph& graph, const std::map<std::string, HostTensor>& inputs,
                                                 const ValueObserver& observer) {
  Memory memory(graph);
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end()) throw BuildError("no data for input '" + value.name + "'");
    if (given->second.dtype != value.dtype || given->second.data.size() != static_cast<size_t>(value.bytes())) {
      throw BuildError("input '" + value.name + "' needs " + std::to_string(value.bytes()) + " bytes of " + dtype_name(value.dtype));
    }
    memory.write(id, given->second);
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.dead) continue;
    std::vector<HostTensor> operands(node.inputs.size());
    std::vector<const HostTensor*> pointers(node.inputs.size(), nullptr);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      operands[i] = memory.read(node.inputs[i]);
      pointers[i] = &operands[i];
    }
    const std::vector<HostTensor> results = evaluate_node(graph, node, pointers);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      memory.write(node.outputs[i], results[i]);
      if (observer) observer(node.outputs[i], results[i]);
    }
  }
  std::map<std::string, HostTensor> outputs;
  for (const ValueId id : graph.outputs) outputs[graph.value(id).name] = memory.read(id);
  return outputs;
}

}  // namespace stint::builder
