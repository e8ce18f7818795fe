#include "host_builder/quantize/complete_ranges.h"

#include <algorithm>
#include <optional>
#include <set>

#include "host_builder/quantize/observed_network.h"

namespace stint::builder {
namespace {

bool keeps_elements(const Node& node) {
  return node.op == Op::kReshape || node.op == Op::kTranspose || node.op == Op::kIdentity;
}

class Completion {
 public:
  Completion(const Graph& graph, const TensorRanges& ranges)
      : graph_(graph), wanted_(values_with_range(graph)) {
    std::set<std::string> names;
    for (const auto& [name, range] : ranges) names.insert(name);
    for (ValueId id = 0; id < graph.value_count(); ++id) {
      if (!wanted_[id]) continue;
      const auto found = ranges.find(range_name(graph.value(id).name, names));
      if (found != ranges.end()) known_[graph.value(id).name] = found->second;
    }
  }

  TensorRanges run() {
    // Of slices that follow each other: every round makes at least one range known.
    while (spread()) {
    }
    return std::move(known_);
  }

 private:
  const TensorRange* find(ValueId id) const {
    const auto found = known_.find(graph_.value(id).name);
    return found == known_.end() ? nullptr : &found->second;
  }

  bool spread() {
    bool changed = false;
    for (const NodeId n : graph_.order()) {
      const Node& node = graph_.node(n);
      if (keeps_elements(node)) {
        changed = copy(node.inputs[0], node.outputs[0]) || changed;
        changed = copy(node.outputs[0], node.inputs[0]) || changed;
      } else if (node.op == Op::kConv || node.op == Op::kMatMul) {
        changed = unite_slices(node.outputs[0]) || changed;
      }
    }
    return changed;
  }

  bool copy(ValueId from, ValueId to) {
    const TensorRange* range = find(from);
    if (range == nullptr || find(to) != nullptr || !wanted_[to]) return false;
    known_[graph_.value(to).name] = *range;
    return true;
  }

  bool unite_slices(ValueId id) {
    if (find(id) != nullptr || !wanted_[id]) return false;
    std::optional<TensorRange> whole;
    int64_t elements = 0;
    for (const NodeId n : graph_.consumers(id)) {
      const Node& node = graph_.node(n);
      if (node.op != Op::kSlice) return false;
      const TensorRange* part = find(node.outputs[0]);
      if (part == nullptr) return false;
      elements += graph_.value(node.outputs[0]).elements();
      if (!whole) whole = *part;
      whole->low = std::min(whole->low, part->low);
      whole->high = std::max(whole->high, part->high);
      whole->threshold = std::max(whole->threshold, part->threshold);
    }
    if (!whole || elements < graph_.value(id).elements()) return false;
    known_[graph_.value(id).name] = *whole;
    return true;
  }

  const Graph& graph_;
  const std::vector<bool> wanted_;
  TensorRanges known_;
};

}  // namespace

TensorRanges complete_ranges(const Graph& graph, const TensorRanges& ranges) {
  return Completion(graph, ranges).run();
}

std::vector<std::string> operands_without_range(const Graph& graph, const TensorRanges& ranges) {
  const std::vector<bool> wanted = values_with_range(graph);
  std::vector<std::string> missing;
  for (const NodeId n : graph.order()) {
    const Node& node = graph.node(n);
    if (node.op != Op::kConv && node.op != Op::kConvTranspose && node.op != Op::kMatMul) continue;
    for (size_t i = 0; i < std::min<size_t>(2, node.inputs.size()); ++i) {
      if (node.inputs[i] == kNoValue || !wanted[node.inputs[i]]) continue;
      const std::string& name = graph.value(node.inputs[i]).name;
      if (ranges.count(name) == 0 &&
          std::find(missing.begin(), missing.end(), name) == missing.end())
        missing.push_back(name);
    }
  }
  return missing;
}

}  // namespace stint::builder
