// Appends nodes to the graph while a model is translated: infers their results, folds them when
// every operand is a constant, and keeps track of the batch axis.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/host_tensor.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/network/batch_axis.h"

namespace stint::builder {

struct FoldingLimits {
  uint64_t constant_bytes = 0;  // left for constants of the whole model
  double work = 0;              // multiply-adds left for folding
};

class GraphEmitter {
 public:
  GraphEmitter(Graph& graph, FoldingLimits limits)
      : graph_(graph), limits_(limits), batch_(graph) {}

  Graph& graph() { return graph_; }
  FoldingLimits& limits() { return limits_; }

  /// Nodes and values emitted from now on are named after this source node.
  void begin_node(std::string name) { node_name_ = std::move(name); }
  const std::string& node_name() const { return node_name_; }

  /// One node with one result. `declared` as infer_types says.
  ValueId emit(Op op, Attributes attributes, std::vector<ValueId> inputs,
               std::vector<TensorType> declared = {});
  /// One node with several results; unwanted ones give kNoValue.
  std::vector<ValueId> emit_all(Op op, Attributes attributes, std::vector<ValueId> inputs,
                                const std::vector<bool>& wanted,
                                std::vector<TensorType> declared = {});

  ValueId constant(HostTensor tensor);
  template <typename T>
  ValueId constant(DType dtype, Shape shape, const std::vector<T>& data) {
    auto* p = reinterpret_cast<const std::byte*>(data.data());
    return constant({dtype, std::move(shape), {p, p + data.size() * sizeof(T)}});
  }
  /// A constant of one element converted to `dtype`.
  ValueId scalar(DType dtype, double value, Shape shape = {});

  // Shorthands used by many translations.
  ValueId unary(EltOp op, ValueId x, float alpha = 0.0f, float beta = 0.0f);
  ValueId binary(EltOp op, ValueId a, ValueId b);
  ValueId reshape(ValueId x, Shape shape);
  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId cast(ValueId x, DType dtype);  // x itself when it has the type already

  /// Where the samples of a batch are in the values emitted so far.
  BatchAxis& batch() { return batch_; }
  /// A value that is the same for all samples, with as many copies of itself as `place` wants. The
  /// value itself if it does not have the extent of a batch of 1 there.
  ValueId repeated_for_batch(ValueId id, const BatchPlace& place);

  /// The value is computed from a suppression's rows, of which only a bound is known here.
  bool reads_suppressed(ValueId id) const { return suppressed_.count(id) != 0; }
  /// The constant holds that bound where the model means the number of boxes that survive. It may
  /// size other values, whose unused rows are blanked in the end; no result may depend on it.
  void mark_row_bound(ValueId id) { row_bounds_.insert(id); }
  bool is_row_bound(ValueId id) const { return row_bounds_.count(id) != 0; }

  /// Names of the model are reserved before translation, so that no made-up name meets one.
  void reserve(const std::string& name) { names_.insert(name); }
  /// Gives the value a reserved name, unless it already has one.
  void name_after_model(ValueId id, const std::string& name);
  std::string unique(const std::string& hint);

 private:
  bool fold(Node& node);
  void follow_rows(const Node& node);
  void repeat_operands_for_batch(Op op, const Attributes& attributes, std::vector<ValueId>& inputs);
  void fold_at_batch_one(const Node& node);

  Graph& graph_;
  FoldingLimits limits_;
  std::string node_name_ = "node";
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, size_t>
      next_suffix_;  // keeps repeated hints from being searched again
  std::unordered_set<ValueId> suppressed_, row_bounds_;
  BatchAxis batch_;
  std::unordered_set<ValueId> named_by_model_;
};

}  // namespace stint::builder
