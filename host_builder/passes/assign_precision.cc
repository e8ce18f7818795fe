// FP16 plans: which values are stored as 16-bit floats. Decided before values share memory and
// before element-wise nodes are fused, for both depend on the types.
#include <algorithm>
#include <vector>

#include "host_builder/graph/views.h"
#include "host_builder/passes/passes.h"

namespace stint::builder {
namespace {

/// Carries most of the arithmetic: it rounds its result to f16 unless that is the end of the road.
bool is_heavy(Op op) { return op == Op::kConv || op == Op::kConvTranspose || op == Op::kMatMul; }

/// Statistics: small tensors whose range f16 may not hold.
bool is_statistic(Op op) { return op == Op::kReduce || op == Op::kTopK; }

class HalfAssignment {
 public:
  HalfAssignment(Graph& graph, const TensorRanges* ranges)
      : graph_(graph), aliased_(graph), keeps_(graph.value_count(), false), ranges_(ranges) {
    alias(aliased_);
  }

  size_t run() {
    for (const ValueId id : graph_.inputs) keep(id);
    for (const ValueId id : graph_.outputs) keep(id);
    for (const NodeId n : graph_.order()) {
      if (!is_statistic(graph_.node(n).op)) continue;
      for (const ValueId id : graph_.node(n).outputs) keep(id);
    }
    for (ValueId id = 0; id < graph_.value_count(); ++id)
      if (is_too_large(id)) keep(id);
    // What shares memory may lie before or behind the node in question: repeat until nothing
    // changes.
    while (widen_towards_outputs()) {
    }
    size_t changed = 0;
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      Value& value = graph_.value(id);
      if (value.constant || value.dtype != DType::kF32 || keeps_[root(id)]) continue;
      value.dtype = DType::kF16;
      ++changed;
    }
    return changed;
  }

 private:
  ValueId root(ValueId id) const { return root_of(aliased_, id); }

  /// Seen on samples: it would overflow, or nearly.
  bool is_too_large(ValueId id) const {
    constexpr float kLargestHalf = 65504.0f, kRoom = 0.5f;
    if (ranges_ == nullptr) return false;
    const auto range = ranges_->find(graph_.value(id).name);
    return range != ranges_->end() &&
           std::max(range->second.high, -range->second.low) > kLargestHalf * kRoom;
  }

  bool keep(ValueId id) {
    if (id == kNoValue || keeps_[root(id)]) return false;
    keeps_[root(id)] = true;
    return true;
  }

  bool widen_towards_outputs() {
    bool changed = false;
    for (const NodeId n : graph_.order()) {
      const Node& node = graph_.node(n);
      if (is_heavy(node.op)) continue;
      bool leads_to_output = false;
      for (const ValueId id : node.outputs)
        leads_to_output = leads_to_output || (id != kNoValue && keeps_[root(id)]);
      // A pooled or reduced value stands at the network's end, what it is made of does not.
      if (!leads_to_output || node.op == Op::kPool || is_statistic(node.op)) continue;
      for (const ValueId id : node.inputs)
        if (id != kNoValue && !graph_.value(id).constant) changed = keep(id) || changed;
    }
    return changed;
  }

  Graph& graph_;
  Graph aliased_;            // what will share memory has one type: aliasing is tried on a copy
  std::vector<bool> keeps_;  // by the value whose storage it will be
  const TensorRanges* ranges_;
};

/// These keep f32: constants (kernel families pack weights as they need them), inputs and outputs
/// of the graph and what shares their memory, and everything between the last convolution or matrix
/// product and an output, so that results are rounded once. So does what was seen to be too large
/// for f16, where the builder was given samples.
size_t run(Graph& graph, const PassContext& context) {
  graph.mixed_precision = true;
  return HalfAssignment(graph, context.ranges).run();
}

}  // namespace

/// Requires: the graph is physical. Ensures: other intermediate f32 values are stored as f16, and
/// what aliasing will put into one storage has one type; kernels still compute in f32 and round
/// when they store.
const Pass kAssignPrecisionPass = {"assign-precision", true, run,
                                   [](const PassContext& c) { return c.half; }};

}  // namespace stint::builder
