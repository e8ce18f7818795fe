// How an operation moves the samples of a batch. network/batch_axis.h follows them through a
// network by these rules; each operation's is in its definition (op_def.h).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// The axis that holds the samples. Its extent is outer * batch * inner: windows, heads or frames
/// may share the axis.
struct BatchPlace {
  size_t axis = 0;
  int64_t outer = 1, inner = 1;

  bool operator==(const BatchPlace&) const = default;
};

/// A node some of whose operands have samples.
struct BatchMove {
  struct Operand {
    size_t index;
    BatchPlace place;
  };

  const Graph& graph;
  const Node& node;
  const std::vector<Operand>& operands;  // those with samples, in their order

  const Shape& in(size_t i) const { return graph.value(node.inputs.at(i)).shape; }
  const Shape& out() const { return graph.value(node.outputs.at(0)).shape; }
};

/// The samples are mixed or dropped. `why`: "it works along axis 0, which holds the samples"
struct LostSamples {
  std::string why;
};
/// Where the samples are in every result.
using MovedSamples = std::variant<BatchPlace, LostSamples>;

class BatchRule {
 public:
  /// Elements stay in their order, whatever becomes of the shape.
  static constexpr BatchRule keeps_element_order() { return BatchRule(Kind::kInOrder); }
  /// Results have rows of all samples together.
  static constexpr BatchRule gives_rows_of_all() { return BatchRule(Kind::kRowsOfAll); }
  /// Only the first operand may have samples.
  static constexpr BatchRule of_first(MovedSamples (*move)(const BatchMove&, const BatchPlace&)) {
    BatchRule rule(Kind::kOfFirst);
    rule.of_first_ = move;
    return rule;
  }
  /// Any operand may.
  static constexpr BatchRule of_any(MovedSamples (*move)(const BatchMove&)) {
    BatchRule rule(Kind::kOfAny);
    rule.of_any_ = move;
    return rule;
  }

  bool is_in_order() const { return kind_ == Kind::kInOrder; }
  bool is_rows_of_all() const { return kind_ == Kind::kRowsOfAll; }
  /// For the other rules.
  MovedSamples move(const BatchMove& m) const;

 private:
  enum class Kind : uint8_t { kInOrder, kRowsOfAll, kOfFirst, kOfAny };
  constexpr explicit BatchRule(Kind kind) : kind_(kind) {}

  Kind kind_;
  MovedSamples (*of_first_)(const BatchMove&, const BatchPlace&) = nullptr;
  MovedSamples (*of_any_)(const BatchMove&) = nullptr;
};

// What the rules share.
std::string axis_text(size_t axis);
/// "it works along axis 0, which holds the samples"
LostSamples lost_along(const BatchPlace& at);
/// The samples stay where they are, unless the node works along their axis.
inline MovedSamples kept_unless(bool mixes, const BatchPlace& at) {
  if (mixes) return lost_along(at);
  return at;
}

}  // namespace stint::builder
