// Whether Op(Transpose(x)) may be written Transpose(Op'(x)): passes/sink_transpose.cc moves
// transposes by these rules; each operation's is in its definition (op_def.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Result axis k is operand axis perm[k].
using Permutation = std::vector<int64_t>;

class TransposeRule {
 public:
  /// The node minds the order of axes.
  static constexpr TransposeRule minds() { return TransposeRule(); }
  /// Nothing but the places of elements counts, in all operands alike.
  static constexpr TransposeRule elementwise() {
    TransposeRule rule;
    rule.elementwise_ = true;
    return rule;
  }
  /// `sink` changes the node's attributes for an operand without its transpose by `perm`, and
  /// returns the permutation that is left behind the node; nothing, and no change, if it minds.
  static constexpr TransposeRule sinks(
      std::optional<Permutation> (*sink)(const Graph&, Node&, const Permutation& perm)) {
    TransposeRule rule;
    rule.sink_ = sink;
    return rule;
  }

  bool is_elementwise() const { return elementwise_; }
  std::optional<Permutation> sink(const Graph& graph, Node& node, const Permutation& perm) const {
    return sink_ == nullptr ? std::nullopt : sink_(graph, node, perm);
  }

 private:
  constexpr TransposeRule() = default;

  bool elementwise_ = false;
  std::optional<Permutation> (*sink_)(const Graph&, Node&, const Permutation&) = nullptr;
};

// What the rules share.
/// What had one entry an axis of the transpose's result has one an axis of its operand.
template <typename T>
std::vector<T> unpermuted(const std::vector<T>& values, const Permutation& perm) {
  std::vector<T> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) result[static_cast<size_t>(perm[i])] = values[i];
  return result;
}

/// The permutation that is left when some result axes (of the transpose) disappear.
Permutation without_axes(const Permutation& perm, const std::vector<bool>& removed);

/// Of a node that works along one axis, which disappears where the result has a smaller rank.
Permutation sink_along(int64_t& axis, const Graph& graph, const Node& node,
                       const Permutation& perm);

}  // namespace stint::builder
