// Follows the samples of a batch through a node, by its operation's rule (graph/batch_rule.h).
#include <algorithm>

#include "host_builder/graph/op_def.h"
#include "host_builder/network/batch_axis.h"

namespace stint::builder {

std::vector<BatchMove::Operand> BatchAxis::operands(const Node& node) const {
  std::vector<BatchMove::Operand> with;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    if (const auto at = place(node.inputs[i])) with.push_back({i, *at});
  }
  return with;
}

void BatchAxis::follow(const Node& node) {
  if (!on() || paused_) return;
  const auto any = [&](const auto& set) {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return id != kNoValue && set.count(id) != 0; });
  };
  if (any(lost_)) {
    for (ValueId id : node.outputs)
      if (id != kNoValue) lost_.insert(id);
    return;
  }
  const BatchRule& rule = op_def(node.op).batch;
  if (any(rows_of_all_)) {
    if (rule.is_in_order())
      rows_of_all_.insert(node.outputs[0]);
    else
      lose("it reads boxes that NonMaxSuppression chose, whose rows are of all samples together",
           node);
    return;
  }
  if (!any(strides_)) return;
  if (rule.is_in_order()) {
    strides_[node.outputs[0]] = strides_.at(node.inputs[0]);
    return;
  }
  const std::vector<BatchMove::Operand> with = operands(node);
  size_t carrying = 0;
  for (ValueId id : node.inputs) carrying += id != kNoValue && carries(id) ? 1 : 0;
  if (with.size() < carrying) {
    lose("samples are spread over several axes of its operand", node);
    return;
  }
  if (rule.is_rows_of_all()) {
    rows_of_all_.insert(node.outputs[0]);
    return;
  }
  const MovedSamples moved = rule.move({graph_, node, with});
  if (const auto* lost = std::get_if<LostSamples>(&moved)) return lose(lost->why, node);
  for (ValueId id : node.outputs)
    if (id != kNoValue) mark(id, std::get<BatchPlace>(moved));
}

}  // namespace stint::builder
