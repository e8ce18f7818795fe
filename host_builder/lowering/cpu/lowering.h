// What the lowering files share.
#pragma once

#include <cstring>

#include "host_builder/lowering/step_spec.h"
#include "host_builder/support/error.h"

namespace stint::builder {

/// A step with the node's name and present operands, in order.
inline StepSpec step_for(const Node& node, std::string tactic) {
  StepSpec step;
  step.name = node.name;
  step.tactic = std::move(tactic);
  for (const ValueId id : node.inputs)
    if (id != kNoValue) step.inputs.push_back(id);
  for (const ValueId id : node.outputs)
    if (id != kNoValue) step.outputs.push_back(id);
  return step;
}

/// The same of the CPU kernel.
inline StepSpec step_for(const Node& node, KernelId kernel, std::string tactic) {
  StepSpec step = step_for(node, std::move(tactic));
  step.kernel = kernel;
  return step;
}

/// POD followed by an array, as kernels with a variable-length parameter block read it.
template <typename P, typename T>
std::vector<std::byte> to_bytes(const P& pod, const std::vector<T>& trailing) {
  std::vector<std::byte> bytes(sizeof(P) + trailing.size() * sizeof(T));
  std::memcpy(bytes.data(), &pod, sizeof(P));
  if (!trailing.empty())
    std::memcpy(bytes.data() + sizeof(P), trailing.data(), trailing.size() * sizeof(T));
  return bytes;
}

/// Axis in 0..rank-1 from an axis that may count from the end.
inline int64_t normalized_axis(int64_t axis, size_t rank, const Node& node) {
  const int64_t n = static_cast<int64_t>(rank);
  if (axis < -n || axis >= n)
    throw BuildError("node '" + node.name + "' (" + op_name(node.op) + "): axis " +
                     std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return axis < 0 ? axis + n : axis;
}

/// Whether an operand or result is 8-bit integers that stand for real numbers: kernels that compute
/// with the integers themselves are not for it.
inline bool has_quantized(const Graph& graph, const Node& node) {
  if (!graph.mixed_precision) return false;
  for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs})
    for (const ValueId id : *ids)
      if (id != kNoValue && graph.value(id).quant) return true;
  return false;
}

/// Bytes a node reads and writes.
inline double moved_bytes(const Graph& graph, const Node& node) {
  double bytes = 0;
  for (const ValueId id : node.inputs)
    if (id != kNoValue) bytes += static_cast<double>(graph.value(id).bytes());
  for (const ValueId id : node.outputs)
    if (id != kNoValue) bytes += static_cast<double>(graph.value(id).bytes());
  return bytes;
}

/// Time of a step that memory bounds: 8 GB/s, what one core of a small board copies, and 1 us to
/// start it.
inline double memory_bound_us(const Graph& graph, const Node& node) {
  return 1.0 + moved_bytes(graph, node) / 8000.0;
}

/// Lets the first output overwrite every input of its shape: for kernels that read an element
/// before they write it.
inline void allow_in_place(const Graph& graph, StepSpec& step) {
  const Value& y = graph.value(step.outputs.at(0));
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const Value& x = graph.value(step.inputs[i]);
    if (x.shape == y.shape && dtype_bytes(x.dtype) == dtype_bytes(y.dtype))
      step.in_place.emplace_back(static_cast<uint32_t>(i), 0u);
  }
}

}  // namespace stint::builder
