// Where every value of a model keeps the samples of its batch, while the model is translated for a
// batch of more than one. A model that was exported for one sample is followed that way to a larger
// batch, and what would mix or drop samples is found.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "host_builder/graph/batch_rule.h"
#include "host_builder/graph/graph.h"
#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

class BatchAxis {
 public:
  explicit BatchAxis(const Graph& graph) : graph_(graph) {}

  /// Samples are followed in a batch of more than one only.
  bool on() const { return graph_.batch > 1; }

  /// An input of the model whose first axis is the batch. `written`: the model has a 1 there, not
  /// an open extent. If all inputs do, the model knows one sample only: mixing them is an error
  /// then. With an open extent it is what the model means.
  void begin(ValueId input, bool written);

  /// Marks a value whose samples lie at `place`.
  void mark(ValueId id, const BatchPlace& place);

  bool carries(ValueId id) const { return strides_.count(id) != 0; }
  /// Nothing: the value has no samples, or they are spread over several axes.
  std::optional<BatchPlace> place(ValueId id) const;

  /// Follows the samples through a node, in the order of the graph. Throws BuildError if it mixes
  /// or drops samples and that is an error.
  void follow(const Node& node);
  /// Translations that take the samples apart themselves pause follow() and mark their result.
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  /// What follow() throws. Otherwise the node's results are values whose samples are not known.
  void lose(const std::string& what, const Node& node);

  /// The target of a reshape for this batch, where the model has the batch of 1 written into it.
  /// `target` has at most one -1; `kept` are its axes that are copied from the operand. Throws
  /// BuildError if it cannot be told which axis takes the samples.
  Shape reshape_target(ValueId x, const Shape& target, const std::vector<bool>& kept) const;
  /// An extent that the model has written for an axis of what is made of x: that of all samples, if
  /// it is the one of a batch of 1 and the samples lie there.
  int64_t written_extent(ValueId x, size_t axis, int64_t extent) const;
  /// Marks the result of an operation that repeats a constant as often as `extents` (a constant)
  /// say, if they say so for the batch.
  void mark_repeated(ValueId result, ValueId extents);

  /// Constants that the model derives from the extents of its values are other ones for other
  /// batches. This is what the constant would be for a batch of 1; null: the same.
  const HostTensor* at_one(ValueId id) const;
  void set_at_one(ValueId id, HostTensor tensor) { at_one_[id] = std::move(tensor); }
  /// The shape that the value has for a batch of 1.
  Shape shape_at_one(ValueId id) const;

 private:
  /// All inputs have a batch of 1 written into the model: it knows a single sample.
  bool exported_for_one() const { return any_written_ && !any_open_; }
  std::vector<BatchMove::Operand> operands(const Node& node) const;
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  const Graph& graph_;
  // Elements from one sample to the next in the flattened value: reshaping does not change it.
  std::unordered_map<ValueId, int64_t> strides_;
  std::unordered_set<ValueId> lost_;
  std::unordered_set<ValueId> rows_of_all_;  // NonMaxSuppression: rows of all samples
  std::unordered_map<ValueId, HostTensor> at_one_;
  bool any_written_ = false, any_open_ = false, paused_ = false;
};

}  // namespace stint::builder
