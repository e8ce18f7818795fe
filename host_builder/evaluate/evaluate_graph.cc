#include "host_builder/evaluate/evaluate_graph.h"

#include <algorithm>
#include <cstring>

#include "host_builder/graph/op_names.h"
#include "host_builder/graph/shape.h"
#include "host_builder/graph/views.h"
#include "host_builder/passes/layout.h"
#include "host_builder/passes/passes.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

namespace {

/// What the kernels understand: no 16-bit arithmetic, physical order.
Graph executable_form(const Graph& graph) {
  Graph copy = graph;
  if (!copy.channels_last) {
    fp16_to_f32(copy);
    to_physical(copy);
  }
  return copy;
}

class Evaluation {
 public:
  Evaluation(const Graph& graph, const ValueObserver& observer)
      : graph_(executable_form(graph)), observed_(graph.value_count()), observer_(observer) {
    for (size_t i = 0; i < graph_.order().size(); ++i)
      for (ValueId id : graph_.node(graph_.order()[i]).inputs)
        if (id != kNoValue) last_use_[root(id)] = i;
    for (ValueId id : graph_.outputs) last_use_[root(id)] = graph_.order().size();
  }

  HostTensors run(const HostTensors& inputs) {
    for (ValueId id : graph_.inputs) store(id, input(id, inputs));
    for (size_t i = 0; i < graph_.order().size(); ++i) {
      evaluate(graph_.order()[i]);
      for (ValueId id : graph_.node(graph_.order()[i]).inputs)
        if (id != kNoValue && last_use_.at(root(id)) == i) storages_.erase(root(id));
    }
    HostTensors results;
    for (ValueId id : graph_.outputs) results[graph_.value(id).name] = load(id);
    return results;
  }

 private:
  ValueId root(ValueId id) const { return root_of(graph_, id); }

  HostTensor input(ValueId id, const HostTensors& inputs) const {
    const Value& value = graph_.value(id);
    const auto it = inputs.find(value.name);
    if (it == inputs.end()) throw BuildError("input '" + value.name + "' is not given");
    if (it->second.dtype != value.dtype || it->second.shape != value.shape)
      throw BuildError("input '" + value.name + "' is " +
                       type_text(it->second.dtype, it->second.shape) + ", the model needs " +
                       type_text(value.dtype, value.shape));
    return it->second;
  }

  void evaluate(NodeId n) {
    const Node& node = graph_.node(n);
    std::vector<HostTensor> operands(node.inputs.size());
    std::vector<const HostTensor*> pointers(node.inputs.size(), nullptr);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      operands[i] = load(node.inputs[i]);
      pointers[i] = &operands[i];
    }
    std::vector<HostTensor> results = evaluate_node(graph_, node, pointers);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id == kNoValue) continue;
      if (observer_ && id < observed_) observer_(id, results[i]);
      store(id, std::move(results[i]));
    }
  }

  /// Calls f(byte offset in the storage, byte offset in the dense tensor) for every element.
  template <typename F>
  void for_each_element(const Value& value, F f) const {
    const size_t size = dtype_bytes(value.dtype);
    const Shape strides = strides_of(value);
    const size_t rank = value.shape.size();
    Shape index(rank, 0);
    int64_t at = value.view ? value.view->offset : 0;
    const auto count = static_cast<size_t>(value.elements());
    for (size_t i = 0; i < count; ++i) {
      f(static_cast<size_t>(at) * size, i * size, size);
      for (size_t d = rank; d-- > 0;) {
        at += strides[d];
        if (++index[d] < value.shape[d]) break;
        at -= strides[d] * value.shape[d];
        index[d] = 0;
      }
    }
  }

  HostTensor load(ValueId id) const {
    const Value& value = graph_.value(id);
    if (value.constant) return {value.dtype, value.shape, *value.constant};
    const auto it = storages_.find(root(id));
    if (it == storages_.end())
      throw InternalError("value '" + value.name + "' is read before it is computed");
    if (!value.view) return {value.dtype, value.shape, it->second};
    HostTensor tensor{value.dtype, value.shape,
                      std::vector<std::byte>(static_cast<size_t>(value.bytes()))};
    for_each_element(value, [&](size_t from, size_t to, size_t size) {
      std::memcpy(&tensor.data[to], &it->second[from], size);
    });
    return tensor;
  }

  void store(ValueId id, HostTensor tensor) {
    const Value& value = graph_.value(id);
    if (!value.view) {
      storages_[id] = std::move(tensor.data);
      return;
    }
    std::vector<std::byte>& storage = storages_[root(id)];
    storage.resize(static_cast<size_t>(graph_.value(root(id)).bytes()));
    for_each_element(value, [&](size_t to, size_t from, size_t size) {
      std::memcpy(&storage[to], &tensor.data[from], size);
    });
  }

  Graph graph_;
  size_t observed_;  // values the caller knows
  const ValueObserver& observer_;
  std::map<ValueId, std::vector<std::byte>> storages_;  // by the base of the view
  std::map<ValueId, size_t> last_use_;
};

}  // namespace

HostTensors evaluate_graph(const Graph& graph, const HostTensors& inputs,
                           const ValueObserver& observer) {
  return Evaluation(graph, observer).run(inputs);
}

}  // namespace stint::builder
